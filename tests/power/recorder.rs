//! Builds and starts `recorder.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The recorder, built once for each run of the tests.
fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power/recorder.c");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Under a name of its own first: two runs at a time must not find half of it.
        let (built, name) = (place.join(format!("recorder-{}", std::process::id())), place.join("recorder"));
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let output = Command::new(&compiler)
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&built)
            .arg(&source)
            .output()
            .unwrap_or_else(|e| panic!("{compiler}: {e}"));
        assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&built, &name).expect("renamed");
        name
    });
    &BINARY
}

/// `program` under the recorder, which writes down in `log` what happens below `dir`.
#[allow(dead_code, reason = "one of the tests that share this file only lets fail")]
pub fn record(log: &Path, dir: &Path, program: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg(log).arg(dir).arg(program);
    command
}

/// `program` under the recorder, which lets every call of these kinds (`w`: writes, `s`: syncs) below `dir` fail with this
/// error, but for the first `after`. The first failure is a line on standard error.
#[allow(dead_code, reason = "one of the tests that share this file only records")]
pub fn fail(errno: i32, kinds: &str, after: u32, dir: &Path, program: &Path) -> Command {
    let mut command = Command::new(binary());
    command.args(["--fail", &errno.to_string(), kinds, &after.to_string()]).arg(dir).arg(program);
    command
}
