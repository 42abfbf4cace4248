//! The line table (DWARF 4 and 5): which source file each instruction comes from.
//!
//! Of code that was inlined it tells the file in which it was written, not where it was called.

use crate::elf::{Elf, half, text, word};

/// Instructions from `from` up to `to` come from `file`.
pub struct Run {
    pub from: u32,
    pub to: u32,
    pub file: String,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.bytes[self.at - 1]
    }

    fn half(&mut self) -> u16 {
        self.at += 2;
        half(self.bytes, self.at - 2)
    }

    fn word(&mut self) -> u32 {
        self.at += 4;
        word(self.bytes, self.at - 4)
    }

    fn unsigned(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }

    fn signed(&mut self) -> i64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= i64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return if byte & 0x40 == 0 {
                    value
                } else {
                    value | (-1 << shift)
                };
            }
        }
    }

    fn text(&mut self) -> String {
        let found = text(self.bytes, self.at).to_owned();
        self.at += found.len() + 1;
        found
    }
}

/// Reads all runs of `elf`, by address.
pub fn runs(elf: &Elf) -> Result<Vec<Run>, String> {
    let bytes = elf.content(".debug_line");
    let mut runs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + 4 + word(bytes, at) as usize;
        let mut reader = Reader {
            bytes: &bytes[..end],
            at: at + 4,
        };
        program(elf, &mut reader, &mut runs)?;
        at = end;
    }
    runs.sort_by_key(|run| run.from);
    Ok(runs)
}

fn program(elf: &Elf, reader: &mut Reader<'_>, runs: &mut Vec<Run>) -> Result<(), String> {
    let version = reader.half();
    if !(4..=5).contains(&version) {
        return Err(format!("line tables of DWARF {version} are not known here"));
    }
    if version == 5 {
        reader.at += 2; // address and segment selector sizes
    }
    let body = reader.word() as usize;
    let body = reader.at + body;
    let step = u32::from(reader.byte());
    reader.at += 2; // operations per instruction, default of is_stmt
    let line_range = {
        reader.byte(); // line base
        reader.byte()
    };
    let first_special = reader.byte();
    let lengths: Vec<u8> = (1..first_special).map(|_| reader.byte()).collect();
    let files = if version == 5 {
        files_5(elf, reader)?
    } else {
        files_4(reader)
    };
    reader.at = body;

    let (mut address, mut file) = (0_u32, 1_usize);
    let mut open: Option<(u32, usize)> = None;
    while reader.at < reader.bytes.len() {
        let opcode = reader.byte();
        let mut row = false;
        match opcode {
            0 => {
                let len = reader.unsigned() as usize;
                let next = reader.at + len;
                match reader.byte() {
                    1 => {
                        close(&mut open, address, &files, runs);
                        (address, file) = (0, 1);
                    }
                    2 => address = reader.word(),
                    _ => {}
                }
                reader.at = next;
            }
            1 => row = true,
            2 => address += reader.unsigned() as u32 * step,
            3 => drop(reader.signed()),
            4 => file = reader.unsigned() as usize,
            8 => address += u32::from((255 - first_special) / line_range) * step,
            9 => address += u32::from(reader.half()),
            opcode if opcode < first_special => {
                for _ in 0..lengths[usize::from(opcode) - 1] {
                    reader.unsigned();
                }
            }
            special => {
                address += u32::from((special - first_special) / line_range) * step;
                row = true;
            }
        }
        if row {
            close(&mut open, address, &files, runs);
            open = Some((address, file));
        }
    }
    Ok(())
}

fn close(open: &mut Option<(u32, usize)>, to: u32, files: &[String], runs: &mut Vec<Run>) {
    if let Some((from, file)) = open.take()
        && from < to
    {
        let file = files.get(file).cloned().unwrap_or_default();
        runs.push(Run { from, to, file });
    }
}

/// Directories and files, each ended by an empty name; both count from 1.
fn files_4(reader: &mut Reader<'_>) -> Vec<String> {
    let mut folders = vec![String::new()];
    loop {
        let folder = reader.text();
        if folder.is_empty() {
            break;
        }
        folders.push(folder);
    }
    let mut files = vec![String::new()];
    loop {
        let name = reader.text();
        if name.is_empty() {
            return files;
        }
        let folder = folders.get(reader.unsigned() as usize);
        reader.unsigned(); // time
        reader.unsigned(); // size
        files.push(join(folder, &name));
    }
}

/// Two tables that say themselves what is in them; both count from 0.
fn files_5(elf: &Elf, reader: &mut Reader<'_>) -> Result<Vec<String>, String> {
    let folders: Vec<String> = table(elf, reader)?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let entries = table(elf, reader)?.into_iter();
    Ok(entries
        .map(|(name, folder)| join(folders.get(folder).filter(|_| folder > 0), &name))
        .collect())
}

fn table(elf: &Elf, reader: &mut Reader<'_>) -> Result<Vec<(String, usize)>, String> {
    let columns: Vec<(u64, u64)> = (0..reader.byte())
        .map(|_| (reader.unsigned(), reader.unsigned()))
        .collect();
    let mut rows = Vec::new();
    for _ in 0..reader.unsigned() {
        let (mut name, mut folder) = (String::new(), 0);
        for (content, form) in &columns {
            let (found, number) = match form {
                0x08 => (reader.text(), 0),
                0x0E => (
                    text(elf.content(".debug_str"), reader.word() as usize).to_owned(),
                    0,
                ),
                0x1F => (
                    text(elf.content(".debug_line_str"), reader.word() as usize).to_owned(),
                    0,
                ),
                0x0B => (String::new(), u64::from(reader.byte())),
                0x05 => (String::new(), u64::from(reader.half())),
                0x0F => (String::new(), reader.unsigned()),
                0x1E => {
                    reader.at += 16;
                    (String::new(), 0)
                }
                form => return Err(format!("form {form:#x} of a line table is not known here")),
            };
            match content {
                1 => name = found,
                2 => folder = number as usize,
                _ => {}
            }
        }
        rows.push((name, folder));
    }
    Ok(rows)
}

fn join(folder: Option<&String>, name: &str) -> String {
    match folder {
        Some(folder) if !folder.is_empty() && !name.starts_with('/') => format!("{folder}/{name}"),
        _ => name.to_owned(),
    }
}
