//! What is needed of a 32-bit little-endian ELF file: its sections and its functions.

use std::fs;
use std::path::Path;

/// A linked program.
pub struct Elf {
    bytes: Vec<u8>,
    sections: Vec<Section>,
}

pub struct Section {
    pub name: String,
    kind: u32,
    pub address: u32,
    offset: usize,
    pub size: usize,
    link: usize,
}

/// A function: where it is, how long, and its mangled name.
pub struct Function {
    pub address: u32,
    pub size: u32,
    pub name: String,
}

impl Elf {
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.get(..6) != Some(b"\x7fELF\x01\x01") {
            return Err(format!(
                "{}: not a 32-bit little-endian ELF",
                path.display()
            ));
        }
        let start = word(&bytes, 0x20) as usize;
        let size = half(&bytes, 0x2E) as usize;
        let mut sections: Vec<Section> = (0..half(&bytes, 0x30) as usize)
            .map(|index| {
                let at = start + index * size;
                Section {
                    name: String::new(),
                    kind: word(&bytes, at + 4),
                    address: word(&bytes, at + 12),
                    offset: word(&bytes, at + 16) as usize,
                    size: word(&bytes, at + 20) as usize,
                    link: word(&bytes, at + 24) as usize,
                }
            })
            .collect();
        let names = sections[half(&bytes, 0x32) as usize].offset;
        for (index, section) in sections.iter_mut().enumerate() {
            let at = word(&bytes, start + index * size) as usize;
            section.name = text(&bytes, names + at).to_owned();
        }
        Ok(Self { bytes, sections })
    }

    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The bytes of a section; none if there is no such section.
    pub fn content(&self, name: &str) -> &[u8] {
        match self.section(name) {
            Some(section) => &self.bytes[section.offset..section.offset + section.size],
            None => &[],
        }
    }

    /// What goes to flash: code, constants, and initial values.
    pub fn flash(&self) -> u64 {
        let counted = [".vector_table", ".text", ".rodata", ".data"];
        let sizes = self.sections.iter().filter_map(|section| {
            counted
                .contains(&section.name.as_str())
                .then_some(section.size as u64)
        });
        sizes.sum()
    }

    /// All functions, by address; those of the same code only once.
    pub fn functions(&self) -> Vec<Function> {
        const SYMBOLS: u32 = 2;
        const FUNCTION: u8 = 2;
        let mut functions = Vec::new();
        for table in self
            .sections
            .iter()
            .filter(|section| section.kind == SYMBOLS)
        {
            let names = self.sections[table.link].offset;
            for at in (table.offset..table.offset + table.size).step_by(16) {
                let size = word(&self.bytes, at + 8);
                if self.bytes[at + 12] & 0xF == FUNCTION && size > 0 {
                    functions.push(Function {
                        // The lowest bit says Thumb.
                        address: word(&self.bytes, at + 4) & !1,
                        size,
                        name: text(&self.bytes, names + word(&self.bytes, at) as usize).to_owned(),
                    });
                }
            }
        }
        functions.sort_by_key(|function| function.address);
        functions.dedup_by_key(|function| function.address);
        functions
    }
}

pub fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Text that ends with a zero byte.
pub fn text(bytes: &[u8], at: usize) -> &str {
    let rest = &bytes[at..];
    let len = rest
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(rest.len());
    std::str::from_utf8(&rest[..len]).unwrap_or("")
}
