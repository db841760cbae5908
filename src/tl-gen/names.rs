//! Writes the tables: method names, all shapes for the interpreter, and for tests a reader of anything.

use std::fmt::Write as _;

use crate::model::{LAYERS, Model, World};
use crate::parse::{Decl, Section};

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
    out.push_str("    let at = BY_ID.binary_search_by_key(&id, |&(id, _)| id).ok()?;\n");
    out.push_str("    BY_ID.get(at).map(|&(_, name)| name)\n}\n\n");
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

/// Every shape as one line of text, which `tl::describe` reads when it is first asked:
/// `section id since until normalised line`, the line with its fields of type `true`.
pub fn shapes(decls: &[Decl]) -> String {
    let mut out = String::from(
        "/// Every shape: `section id since until name fields = result`.\npub(crate) const SHAPES: &str = \"\\\n",
    );
    for decl in decls {
        let section = match decl.section {
            Section::Types => 't',
            Section::Functions => 'f',
            Section::Service => 's',
            Section::ServiceFunctions => 'q',
            Section::Store => 'd',
        };
        let since = decl.since.unwrap_or(*LAYERS.start());
        let until = decl.until.unwrap_or(*LAYERS.end());
        let _ = writeln!(out, "{section} {:08x} {since} {until} {}\\n\\", decl.id, decl.code);
    }
    out.push_str("\";\n");
    out
}

/// A function that reads whatever stands there, for the tests of every shape.
pub fn any(model: &Model) -> String {
    let mut out = String::from("/// Reads the value that begins with any known id.\n");
    out.push_str(
        "pub(crate) fn read(r: &mut crate::Reader<'_>) -> Result<Box<dyn crate::Encode>, crate::Error> {\n",
    );
    out.push_str("    match r.peek_u32() {\n");
    for name in &model.names {
        let ids: Vec<String> = name.shapes.iter().map(|s| format!("Some({:#010x})", s.id)).collect();
        let _ = writeln!(
            out,
            "        {} => Ok(Box::new(<{} as crate::Decode>::decode(r)?)),",
            ids.join(" | "),
            name.path
        );
    }
    out.push_str("        id => Err(crate::Error::UnknownConstructor { ");
    out.push_str("expected: \"anything\", id: id.unwrap_or(0) }),\n    }\n}\n");
    out
}
