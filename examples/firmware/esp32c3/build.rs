//! Links for bare metal, from whatever directory cargo is called.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    // Last, as esp-hal asks.
    println!("cargo:rustc-link-arg-bins=-Tlinkall.x");
}
