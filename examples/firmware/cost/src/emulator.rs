//! Runs a measuring program under QEMU, which counts instructions, and reads what it prints.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{Figure, Kind};

const LIMIT: Duration = Duration::from_secs(120);

/// Runs `program` twice: figures that are not the same twice are none.
pub fn measure(program: &Path) -> Result<Vec<Figure>, String> {
    let figures = run(program)?;
    if run(program)? == figures {
        Ok(figures)
    } else {
        Err(format!("{}: two runs, two results", program.display()))
    }
}

fn run(program: &Path) -> Result<Vec<Figure>, String> {
    let mut child = Command::new("qemu-system-arm")
        .args([
            "-machine",
            "netduinoplus2",
            "-nodefaults",
            "-display",
            "none",
        ])
        .args([
            "-icount",
            "shift=0",
            "-semihosting-config",
            "enable=on,target=native",
            "-kernel",
        ])
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("qemu-system-arm: {error}"))?;
    let mut output = child.stdout.take().ok_or("no output")?;
    let reader = thread::spawn(move || std::io::read_to_string(&mut output));
    let ended = wait(&mut child);
    let text = reader
        .join()
        .map_err(|_| "the reader")?
        .map_err(|error| error.to_string())?;
    ended?;
    read(&text).map_err(|error| format!("{}: {error}", program.display()))
}

fn wait(child: &mut Child) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error.to_string()),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("QEMU did not end within {} s", LIMIT.as_secs()))
}

fn read(text: &str) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut done = false;
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["done"] => done = true,
            ["failed", what] => return Err(format!("failed: {what}")),
            [kind @ ("call" | "ram"), name, a, b] => {
                let number =
                    |text: &str| text.parse().map_err(|_| format!("not understood: {line}"));
                let kind = if kind == "call" {
                    Kind::Call
                } else {
                    Kind::Ram
                };
                figures.push(Figure::new(kind, name, &[number(a)?, number(b)?]));
            }
            _ => return Err(format!("not understood: {line}")),
        }
    }
    if done {
        Ok(figures)
    } else {
        Err("it did not come to its end".into())
    }
}
