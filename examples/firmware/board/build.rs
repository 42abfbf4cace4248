//! Puts the machine's memory map where the linker looks, and refuses a choice of machines that is none.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Feature, architecture, flash and RAM: where and how much. The datasheets' numbers, which are QEMU's too.
const MACHINES: [(&str, &str, Region, Region); 5] = [
    (
        "netduinoplus2",
        "arm",
        (0x0800_0000, 1024),
        (0x2000_0000, 128),
    ),
    (
        "stm32vldiscovery",
        "arm",
        (0x0800_0000, 128),
        (0x2000_0000, 8),
    ),
    ("microbit", "arm", (0, 256), (0x2000_0000, 16)),
    ("lm3s6965evb", "arm", (0, 256), (0x2000_0000, 64)),
    // The sizes of an ESP32-C3: 4 MB of flash and what its 400 KB leave to an application.
    ("virt", "riscv32", (0x8000_0000, 4096), (0x8040_0000, 256)),
];

/// Origin, and length in KiB.
type Region = (u32, u32);

/// riscv-rt lets each section live anywhere.
const ALIASES: &str = r#"
REGION_ALIAS("REGION_TEXT", FLASH);
REGION_ALIAS("REGION_RODATA", FLASH);
REGION_ALIAS("REGION_DATA", RAM);
REGION_ALIAS("REGION_BSS", RAM);
REGION_ALIAS("REGION_HEAP", RAM);
REGION_ALIAS("REGION_STACK", RAM);
"#;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let chosen: Vec<_> = MACHINES
        .iter()
        .filter(|(name, ..)| {
            env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some()
        })
        .collect();
    let [(name, architecture, flash, ram)] = chosen[..] else {
        let names = MACHINES.map(|(name, ..)| name).join(", ");
        panic!("choose one machine with --features: {names}");
    };
    let target = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    assert!(
        target == *architecture,
        "{name} is {architecture}, the target is {target}: give --target"
    );
    let region = |(origin, length): &Region| format!("ORIGIN = {origin:#010x}, LENGTH = {length}K");
    let mut memory = format!(
        "MEMORY\n{{\n  FLASH : {}\n  RAM : {}\n}}\n",
        region(flash),
        region(ram)
    );
    if *architecture == "riscv32" {
        memory.push_str(ALIASES);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("memory.x"), memory).expect("a directory of our own");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-examples=-Tlink.x");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-examples=-Tdefmt.x");
    }
}
