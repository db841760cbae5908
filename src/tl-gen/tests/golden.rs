//! What the generator makes of a small schema, compared with what it made when somebody last looked at it.
//! `UPDATE_GOLDEN=1 cargo test -p chappe-tl-gen` writes it anew; read the difference before you commit it.

use std::path::Path;
use std::{env, fs};

#[test]
fn a_small_schema_becomes_what_it_became() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut made = String::new();
    for (name, code) in tl_gen::generate(&fs::read_to_string(folder.join("mini.tl"))?)? {
        made += &format!("// ---- {name} ----\n{code}\n");
    }
    let golden = folder.join("mini.rs");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &made)?;
    }
    assert!(fs::read_to_string(&golden)? == made, "{} is not what the generator makes now", golden.display());
    Ok(())
}

#[test]
fn what_is_left_unsaid_does_not_become_anything() {
    let faults = |lines: &str| tl_gen::generate(lines).err().unwrap_or_default();
    let missing = faults("---types---\na#1 b:int = A;\na#2 = A;  // until 150");
    assert!(missing.contains("schema.tl:3: a: b <- ? (missing on the other side)"), "{missing}");
    let lost = faults("---types---\na#1 = A;\na#2 b:int = A;  // until 150");
    assert!(lost.contains("b -> ? (missing on the other side)"), "{lost}");
    let gap =
        faults("---types---\nupdateA#1 pts:int pts_count:int = Update;  // since 200\nupdateB#2 = Update;");
    assert!(gap.contains("carries pts and is unspeakable"), "{gap}");
    let unknown = faults("---types---\na#1 b:B = A;");
    assert!(unknown.contains("unknown type B"), "{unknown}");
    let late = faults("---types---\na#1 b:flags.0?int flags:# = A;");
    assert!(late.contains("no word of flags called flags stands before b"), "{late}");
    let twice = faults("---types---\na#1 = A;\nb#1 = A;");
    assert!(twice.contains("has the id of a"), "{twice}");
    let answer = faults("---types---\na#1 = A;\n---functions---\nf#2 = A;\nf#3 = Bool;  // until 150");
    assert!(answer.contains("answers another type"), "{answer}");
}
