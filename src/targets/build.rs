//! Generates the reader of any known id from `schema.tl`, as the tests of the language do.

use std::path::Path;
use std::{env, fs, process};

fn main() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema.tl");
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
    let generated = tl_gen::generate(&text)?;
    let (name, code) = generated.iter().find(|(name, _)| *name == "any.rs").ok_or("no any.rs")?;
    fs::write(Path::new(&out).join(name), code).map_err(|e| e.to_string())
}
