//! Generates the language from `schema.tl`.

use std::path::Path;
use std::{env, fs, process};

fn main() {
    // Asked when it runs: a build directory may be older than the place where the source stands now.
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let schema = Path::new(&here).join("../../schema.tl");
    println!("cargo::rerun-if-changed={}", schema.display());
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(fault) = generate(&schema) {
        println!("cargo::error={fault}");
        process::exit(1);
    }
}

fn generate(schema: &Path) -> Result<(), String> {
    let text = fs::read_to_string(schema).map_err(|e| format!("{}: {e}", schema.display()))?;
    let out = env::var("OUT_DIR").map_err(|e| e.to_string())?;
    for (name, code) in tl_gen::generate(&text)? {
        let path = Path::new(&out).join(name);
        fs::write(&path, code).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}
