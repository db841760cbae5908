//! Writes the table of method names.

use std::fmt::Write as _;

use crate::model::{Model, World};

/// `methods()` and `method_name()`.
pub fn file(model: &Model) -> String {
    let methods = || model.names.iter().filter(|n| n.function && n.world == World::Api);
    let mut by_id: Vec<(u32, &str)> =
        methods().flat_map(|n| n.shapes.iter().map(|s| (s.id, n.name.as_str()))).collect();
    by_id.sort_unstable();
    let mut out = String::from(
        "/// The name of each method and the ids of its shapes, newest first; in the order of the schema.\n",
    );
    out.push_str("#[must_use]\npub const fn methods() -> &'static [(&'static str, &'static [u32])] {\n    METHODS\n}\n\n");
    out.push_str("/// The method that has or had `id`.\n#[must_use]\npub fn method_name(id: u32) -> Option<&'static str> {\n");
    out.push_str("    let at = BY_ID.binary_search_by_key(&id, |&(id, _)| id).ok()?;\n    BY_ID.get(at).map(|&(_, name)| name)\n}\n\n");
    out.push_str("const METHODS: &[(&str, &[u32])] = &[\n");
    for name in methods() {
        let ids: Vec<String> = name.shapes.iter().map(|s| format!("{:#010x}", s.id)).collect();
        let _ = writeln!(out, "    (\"{}\", &[{}]),", name.name, ids.join(", "));
    }
    out.push_str("];\n\nconst BY_ID: &[(u32, &str)] = &[\n");
    for (id, name) in by_id {
        let _ = writeln!(out, "    ({id:#010x}, \"{name}\"),");
    }
    out.push_str("];\n");
    out
}
