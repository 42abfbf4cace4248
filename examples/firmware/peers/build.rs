//! Links the program that runs on the board by its memory map; the others only have to link.

fn main() {
    println!("cargo:rustc-link-arg-bin=measure_peers=-Tlink.x");
    println!("cargo:rerun-if-changed=build.rs");
}
