//! Builds the programs and reads what they take.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::elf::Elf;

pub const TARGET: &str = "thumbv7em-none-eabihf";

/// A package of programs.
pub struct Package {
    folder: PathBuf,
}

impl Package {
    /// The package in `examples/firmware/<name>`.
    pub fn new(repository: &Path, name: &str) -> Self {
        Self {
            folder: repository.join("examples/firmware").join(name),
        }
    }

    /// The names of its programs, but for those that are not to be built.
    pub fn programs(&self, but: &[&str]) -> Result<Vec<String>, String> {
        let folder = self.folder.join("src/bin");
        let entries = folder
            .read_dir()
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut programs: Vec<String> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_stem()?.to_str()?.to_owned();
                (!but.contains(&name.as_str())).then_some(name)
            })
            .collect();
        programs.sort();
        Ok(programs)
    }

    /// Builds `programs` for the Cortex-M4, all in one go.
    pub fn build(&self, programs: &[String], options: &[&str]) -> Result<(), String> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .current_dir(&self.folder)
            .args(["build", "--quiet", "--release", "--target", TARGET])
            .args(options)
            // What counts is the profile in the package, not what the caller happens to set.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        for program in programs {
            cargo.args(["--bin", program]);
        }
        let status = cargo.status().map_err(|error| format!("cargo: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{} does not build", self.folder.display()))
        }
    }

    /// Where a built program is.
    pub fn path(&self, program: &str) -> PathBuf {
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(target) => env::current_dir().unwrap_or_default().join(target),
            None => self.folder.join("target"),
        };
        target.join(TARGET).join("release").join(program)
    }

    pub fn elf(&self, program: &str) -> Result<Elf, String> {
        Elf::read(&self.path(program))
    }
}

/// The compiler's own words.
pub fn compiler() -> Result<String, String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
