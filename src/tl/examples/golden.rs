//! Prints golden objects as one layer says them, for decoders in other languages:
//! `cargo run -p chappe-tl --example golden -- 158` gives lines of a type, a space, and the bytes in hexadecimal.

#[path = "../tests/golden/mod.rs"]
mod golden;

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let layer: u16 = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(tl::Layer::NEWEST.0);
    let mut out = std::io::stdout().lock();
    let mut objects = golden::objects(layer);
    if layer < 177 {
        objects.push(("Updates", golden::created_chat_for_old_clients(layer)));
    }
    for (name, bytes) in objects {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "{name} {hex}")?;
    }
    Ok(())
}
