//! What was measured, as lines of text, and what has grown.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes of a program in flash, more than the empty one.
    Flash,
    /// Bytes of a room in the first program.
    Room,
    /// Bytes of a value, and those that are not the user's buffers.
    Ram,
    /// Instructions of a call, and bytes of stack.
    Call,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Flash, Self::Room, Self::Ram, Self::Call];

    const fn word(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Room => "room",
            Self::Ram => "ram",
            Self::Call => "call",
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Flash | Self::Room => &["bytes of flash"],
            Self::Ram => &["bytes of RAM", "bytes besides the buffers"],
            Self::Call => &["instructions", "bytes of stack"],
        }
    }

    /// How much more than the baseline is let pass, in percent and in units, by column.
    ///
    /// One change moves what is inlined elsewhere, by as much. Another compiler moves everything.
    const fn allowance(self, same_compiler: bool) -> [(u64, u64); 2] {
        match (self, same_compiler) {
            (Self::Flash, true) => [(0, 64), (0, 0)],
            (Self::Flash, false) => [(5, 256), (0, 0)],
            // A breakdown: their sum counts.
            (Self::Room, true) => [(10, 256), (0, 0)],
            (Self::Room, false) => [(50, 1_024), (0, 0)],
            (Self::Ram, true) => [(0, 0), (0, 0)],
            (Self::Ram, false) => [(2, 16), (2, 16)],
            (Self::Call, true) => [(3, 50), (0, 32)],
            (Self::Call, false) => [(20, 100), (25, 64)],
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub kind: Kind,
    pub name: String,
    pub values: Vec<u64>,
}

impl Figure {
    pub fn new(kind: Kind, name: &str, values: &[u64]) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            values: values.to_vec(),
        }
    }
}

/// Figures and the compiler that they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub compiler: String,
    /// Versions, dates: whatever is to be said of them.
    pub notes: Vec<(String, String)>,
    pub all: Vec<Figure>,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    pub failures: Vec<String>,
    pub remarks: Vec<String>,
}

impl Figures {
    pub fn read(path: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut figures = Self::default();
        for line in text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let mut fields = line.split('\t');
            let (Some(word), Some(name)) = (fields.next(), fields.next()) else {
                return Err(format!("not understood: {line}"));
            };
            match Kind::ALL.into_iter().find(|kind| kind.word() == word) {
                Some(kind) => {
                    let values: Result<Vec<u64>, _> = fields.map(str::parse).collect();
                    match values {
                        Ok(values) if values.len() == kind.columns().len() => {
                            figures.all.push(Figure::new(kind, name, &values));
                        }
                        _ => return Err(format!("not understood: {line}")),
                    }
                }
                None if word == "compiler" => figures.compiler = name.to_owned(),
                None => figures.notes.push((word.to_owned(), name.to_owned())),
            }
        }
        Ok(figures)
    }

    pub fn write(&self, path: &Path, comment: &str) -> Result<(), String> {
        let mut text = format!("# {comment}\ncompiler\t{}\n", self.compiler);
        for (word, note) in &self.notes {
            let _ = writeln!(text, "{word}\t{note}");
        }
        for figure in &self.all {
            let _ = write!(text, "{}\t{}", figure.kind.word(), figure.name);
            for value in &figure.values {
                let _ = write!(text, "\t{value}");
            }
            text.push('\n');
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Figure> {
        self.all.iter().filter(move |figure| figure.kind == kind)
    }

    pub fn find(&self, kind: Kind, name: &str) -> Option<&[u64]> {
        let found = self.of(kind).find(|figure| figure.name == name)?;
        Some(&found.values)
    }

    /// Compares these with a baseline: growth fails, shrinkage is remarked.
    pub fn compare(&self, baseline: &Self) -> Comparison {
        let mut found = Comparison::default();
        let same = self.compiler == baseline.compiler;
        if !same {
            found.remarks.push(format!(
                "warning: the baseline is of {}, this is {}: wider allowances",
                baseline.compiler, self.compiler
            ));
        }
        for figure in &self.all {
            let Some(before) = baseline.find(figure.kind, &figure.name) else {
                // Rooms come and go with what is inlined.
                if figure.kind != Kind::Room || figure.values[0] > 256 {
                    found
                        .failures
                        .push(format!("{} is not in the baseline", figure.name));
                }
                continue;
            };
            let columns = figure.values.iter().zip(before).zip(figure.kind.columns());
            let allowed = figure.kind.allowance(same);
            for (((now, before), column), (percent, units)) in columns.zip(allowed) {
                let slack = before * percent / 100 + units;
                let line = format!("{}: {before} -> {now} {column}", figure.name);
                if *now > before + slack {
                    found
                        .failures
                        .push(format!("{line}, {slack} more are let pass"));
                } else if now + slack < *before {
                    found
                        .remarks
                        .push(format!("{line}: less, refresh the baseline"));
                }
            }
        }
        for before in &baseline.all {
            if before.kind != Kind::Room && self.find(before.kind, &before.name).is_none() {
                found.failures.push(format!(
                    "{} is in the baseline and was not measured",
                    before.name
                ));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Figures, Kind};

    fn figures(compiler: &str, flash: u64, instructions: u64) -> Figures {
        Figures {
            compiler: compiler.into(),
            notes: Vec::new(),
            all: vec![
                Figure::new(Kind::Flash, "a program", &[flash]),
                Figure::new(Kind::Call, "a call", &[instructions, 100]),
            ],
        }
    }

    #[test]
    fn growth_beyond_the_allowance_fails() {
        let baseline = figures("one", 10_000, 10_000);
        assert!(
            figures("one", 10_064, 10_350)
                .compare(&baseline)
                .failures
                .is_empty()
        );
        assert_eq!(
            figures("one", 10_065, 10_000)
                .compare(&baseline)
                .failures
                .len(),
            1
        );
        assert_eq!(
            figures("one", 10_000, 10_351)
                .compare(&baseline)
                .failures
                .len(),
            1
        );
    }

    #[test]
    fn another_compiler_is_warned_of_and_allowed_more() {
        let found = figures("two", 10_500, 11_000).compare(&figures("one", 10_000, 10_000));
        assert!(found.failures.is_empty());
        assert_eq!(found.remarks.len(), 1);
    }

    #[test]
    fn shrinkage_is_remarked() {
        let found = figures("one", 9_000, 10_000).compare(&figures("one", 10_000, 10_000));
        assert!(found.failures.is_empty());
        assert_eq!(
            found.remarks,
            ["a program: 10000 -> 9000 bytes of flash: less, refresh the baseline"]
        );
    }

    #[test]
    fn what_is_new_or_gone_fails() {
        let mut more = figures("one", 1, 1);
        more.all.push(Figure::new(Kind::Ram, "new", &[1, 1]));
        assert_eq!(
            more.compare(&figures("one", 1, 1)).failures,
            ["new is not in the baseline"]
        );
        assert_eq!(figures("one", 1, 1).compare(&more).failures.len(), 1);
    }

    #[test]
    fn figures_are_read_as_they_are_written() {
        let mut figures = figures("one", 1, 2);
        figures.notes.push(("version".into(), "a peer 1.0".into()));
        let path = std::env::temp_dir().join(format!("figures-{}", std::process::id()));
        figures.write(&path, "a comment").unwrap();
        assert_eq!(Figures::read(&path).unwrap(), figures);
        std::fs::remove_file(path).unwrap();
    }
}
