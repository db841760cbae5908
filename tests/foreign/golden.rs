//! Golden objects in the layers of two Python clients, read by their own decoders. What crates of the same language family
//! make of them is in `src/tl/tests/independent.rs`.

#[path = "../../src/tl/tests/golden/mod.rs"]
mod objects;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::foreign;

/// Has a client's decoder read all objects of its layer.
pub fn read_by(client: &str, layer: u16) -> Result<(), String> {
    if foreign::skipped(&format!("golden objects for {client}")) {
        return Ok(());
    }
    let mut golden = objects::objects(layer);
    if layer < 177 {
        golden.push(("Updates", objects::created_chat_for_old_clients(layer)));
    }
    let mut lines = String::new();
    for (name, bytes) in &golden {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{name} {hex}\n");
    }
    let mut child = Command::new(foreign::python()?)
        .args(["-m", "suites.golden", client])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let feed = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let said = child.wait_with_output().map_err(|error| error.to_string())?;
    feed.join().map_err(|_| "the feeder panicked")?.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&said.stdout);
    let read = text.lines().filter(|line| line.starts_with("ok ")).count();
    if said.status.success() && read == golden.len() {
        return Ok(());
    }
    Err(format!("{client} read {read} of {}:\n{text}", golden.len()))
}
