//! Tells the program which compiler made it: its counts are compared with those of the same one only.

#![forbid(unsafe_code)]

use std::process::Command;

fn main() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version =
        Command::new(compiler).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    // Without the hash and the day: those differ between builds of one release.
    let version = String::from_utf8_lossy(&version).split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    println!("cargo::rustc-env=CHAPPE_COMPILER={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
