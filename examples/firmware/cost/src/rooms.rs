//! Which room of the crate a program's flash belongs to.
//!
//! Fat link-time optimisation puts functions into each other across rooms, so symbols alone say little.
//! Each instruction counts for the room whose file it was written in, by the line table; code of `core`
//! and of `heapless` for the room whose instructions stand before it in the same function.

use std::collections::BTreeMap;
use std::path::Path;

use crate::elf::Elf;
use crate::lines;

/// Constants, which nothing ties to a room.
const CONSTANTS: &str = "constants";
/// Functions that belong to no room.
const RUNTIME: &str = "core and compiler-builtins";
/// The program itself.
const PROGRAM: &str = "the program itself";

/// Bytes of each room in `elf`, less what `empty` has of the same, the largest first. Their sum is the
/// difference of the two in flash.
pub fn rooms(elf: &Elf, empty: &Elf, repository: &Path) -> Result<Vec<(String, u64)>, String> {
    let mut rooms = count(elf, repository)?;
    for (room, bytes) in count(empty, repository)? {
        let entry = rooms.entry(room).or_default();
        *entry = entry.saturating_sub(bytes);
    }
    let mut rooms: Vec<(String, u64)> = rooms.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    rooms.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(rooms)
}

fn count(elf: &Elf, repository: &Path) -> Result<BTreeMap<String, u64>, String> {
    let runs = lines::runs(elf)?;
    let mut rooms: BTreeMap<String, u64> = BTreeMap::new();
    let text = elf.section(".text").ok_or("no .text")?;
    let end = text.address + text.size as u32;
    let mut at = text.address;
    for function in elf.functions() {
        // A symbol's size may run past the next one's address, where code is shared.
        let from = function.address.max(at);
        let to = (function.address + function.size).min(end);
        if function.address < text.address || from >= to {
            continue;
        }
        *rooms.entry(RUNTIME.into()).or_default() += u64::from(from - at);
        at = to;
        let mut room = of_symbol(&function.name);
        let first = runs.partition_point(|run| run.to <= from);
        let mut here = from;
        for run in runs[first..].iter().take_while(|run| run.from < to) {
            let (begin, stop) = (run.from.max(here), run.to.min(to));
            if begin >= stop {
                continue;
            }
            *rooms.entry(room.clone()).or_default() += u64::from(begin - here);
            if let Some(found) = of_file(&run.file, repository) {
                room = found;
            }
            *rooms.entry(room.clone()).or_default() += u64::from(stop - begin);
            here = stop;
        }
        *rooms.entry(room).or_default() += u64::from(to - here);
    }
    *rooms.entry(RUNTIME.into()).or_default() += u64::from(end - at);
    rooms.insert(CONSTANTS.into(), elf.flash() - text.size as u64);
    Ok(rooms)
}

/// The room of a file of this crate.
fn of_file(file: &str, repository: &Path) -> Option<String> {
    let path = Path::new(file);
    let inside = if path.is_absolute() {
        path.strip_prefix(repository).ok()?
    } else {
        // The table leaves out the folder in which a crate was compiled.
        repository
            .join("src")
            .join(path.strip_prefix("src").ok()?)
            .is_file()
            .then_some(path)?
    };
    if inside.starts_with("examples") {
        return Some(PROGRAM.into());
    }
    let mut parts = inside
        .strip_prefix("src")
        .ok()?
        .iter()
        .filter_map(|part| part.to_str());
    let room = parts.next()?.trim_end_matches(".rs");
    if room == "lib" || room == "bin" {
        return Some(PROGRAM.into());
    }
    // Codecs and adapters are rooms in a house.
    match parts.next() {
        Some(part) if !part.ends_with(".rs") && (room == "adapter" || room == "codec") => {
            Some(format!("{room}::{part}"))
        }
        _ => Some(room.into()),
    }
}

/// The room of a function, by its name, until its first line is known.
fn of_symbol(name: &str) -> String {
    // Legacy mangling: a length and a name for each step of the path.
    let Some((_, rest)) = name.split_once("8twinsync") else {
        return RUNTIME.into();
    };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let len: usize = rest[..digits].parse().unwrap_or(0);
    match rest.get(digits..digits + len) {
        Some(room) if len > 0 => room.into(),
        _ => RUNTIME.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PROGRAM, RUNTIME, of_file, of_symbol};

    #[test]
    fn a_file_names_its_room() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let repository = repository.canonicalize().unwrap();
        let room = |file: &str| of_file(file, &repository);
        let absolute = repository.join("src/document/merge.rs");
        assert_eq!(
            room(absolute.to_str().unwrap()).as_deref(),
            Some("document")
        );
        assert_eq!(
            room("src/adapter/aws/topic.rs").as_deref(),
            Some("adapter::aws")
        );
        assert_eq!(room("src/codec/select.rs").as_deref(), Some("codec"));
        assert_eq!(room("src/time.rs").as_deref(), Some("time"));
        let program = repository.join("examples/firmware/proof/src/lib.rs");
        assert_eq!(room(program.to_str().unwrap()).as_deref(), Some(PROGRAM));
        assert_eq!(room("/rustc/0/library/core/src/option.rs"), None);
        assert_eq!(room("src/vec/mod.rs"), None, "of another crate");
    }

    #[test]
    fn a_symbol_names_its_room_in_both_manglings() {
        assert_eq!(
            of_symbol("_ZN8twinsync6device8outbound8Transmit4sent17h0E"),
            "device"
        );
        assert_eq!(
            of_symbol("_RNvMs_NtNtCs1_8twinsync5codec4jsonNtB4_6Reader4feed"),
            "codec"
        );
        assert_eq!(of_symbol("__aeabi_memcpy"), RUNTIME);
    }
}
