//! Writes one enum per type with several constructors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{Model, Name, Type, World};
use crate::rust::common_impls;
use crate::structs::in_modules;

/// Constructors of other types that widespread clients put where one of ours is wanted: (type, theirs, ours). The fields are
/// the same, and the official servers read them.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("InputUser", "inputPeerSelf", "inputUserSelf"),
    ("InputUser", "inputPeerUser", "inputUser"),
    ("InputUser", "inputPeerUserFromMessage", "inputUserFromMessage"),
    ("InputChannel", "inputPeerChannel", "inputChannel"),
    ("InputChannel", "inputPeerChannelFromMessage", "inputChannelFromMessage"),
];

/// All enums of `world`, in their modules.
pub fn file(model: &Model, world: World) -> String {
    let mut modules: BTreeMap<Option<&str>, String> = BTreeMap::new();
    for each in model.types.values().filter(|t| t.world == world && t.is_enum()) {
        enumeration(model, each, modules.entry(each.module.as_deref()).or_default());
    }
    in_modules(modules)
}

/// The same inside a module `enums`, for worlds whose structs share a file with them.
pub fn nested(model: &Model, world: World) -> String {
    format!("pub mod enums {{\n{}}}\n", file(model, world))
}

fn enumeration(model: &Model, of: &Type, out: &mut String) {
    let names: Vec<&Name> = of.names.iter().map(|&i| &model.names[i]).collect();
    let _ = writeln!(out, "/// `{}`\n#[derive(Clone)]\npub enum {} {{", of.name, of.ident);
    for name in &names {
        let _ = match (name.is_unit(), name.boxed) {
            (true, _) => writeln!(out, "    {},", name.ident),
            (false, true) => writeln!(out, "    {}(Box<{}>),", name.ident, name.path),
            (false, false) => writeln!(out, "    {}({}),", name.ident, name.path),
        };
    }
    out.push_str("}\n");
    default(model, of, out);
    encode(of, &names, out);
    decode(model, of, &names, out);
    out.push_str(&common_impls(&of.ident));
    for name in &names {
        from(of, name, out);
    }
    if of.world == World::Store {
        let _ = writeln!(out, "impl crate::Record for {} {{}}", of.ident);
    }
    out.push('\n');
}

fn default(model: &Model, of: &Type, out: &mut String) {
    let zero = &model.names[of.zero];
    let value = match (zero.is_unit(), zero.boxed) {
        (true, _) => format!("Self::{}", zero.ident),
        (false, true) => format!("Self::{}(Box::default())", zero.ident),
        (false, false) => format!("Self::{}({}::default())", zero.ident, zero.path),
    };
    let _ = writeln!(out, "impl Default for {} {{\n    fn default() -> Self {{ {value} }}\n}}", of.ident);
}

fn encode(of: &Type, names: &[&Name], out: &mut String) {
    let _ = writeln!(out, "impl crate::Encode for {} {{", of.ident);
    out.push_str("    fn encode(&self, w: &mut crate::Writer) {\n        match self {\n");
    for name in names {
        let _ = match (name.is_unit(), name.boxed) {
            (true, _) => {
                writeln!(out, "            Self::{} => crate::Encode::encode(&{}, w),", name.ident, name.path)
            }
            (false, true) => {
                writeln!(out, "            Self::{}(x) => crate::Encode::encode(&**x, w),", name.ident)
            }
            (false, false) => {
                writeln!(out, "            Self::{}(x) => crate::Encode::encode(x, w),", name.ident)
            }
        };
    }
    out.push_str("        }\n    }\n}\n");
}

fn decode(model: &Model, of: &Type, names: &[&Name], out: &mut String) {
    let _ = writeln!(out, "impl crate::Decode for {} {{", of.ident);
    out.push_str("    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {\n");
    out.push_str("        let id = r.take_u32()?;\n");
    out.push_str(if of.nests { "        r.take_nested(|r| match id {\n" } else { "        match id {\n" });
    for name in names {
        let ids: Vec<String> = name.shapes.iter().map(|s| format!("{:#010x}", s.id)).collect();
        let _ = writeln!(out, "            {} => {},", ids.join(" | "), read(name, "id"));
        for (_, theirs, _) in FOREIGN.iter().filter(|f| f.0 == of.name && f.2 == name.name) {
            let own = format!("{:#010x}", name.newest().id);
            let foreign =
                model.names.iter().find(|n| n.world == of.world && !n.function && n.name == *theirs);
            for shape in foreign.iter().flat_map(|n| &n.shapes) {
                let _ = writeln!(out, "            {:#010x} => {},", shape.id, read(name, &own));
            }
        }
    }
    let _ = writeln!(out, "            _ => r.unknown(\"{}\", id),", of.name);
    out.push_str(if of.nests { "        })\n" } else { "        }\n" });
    out.push_str("    }\n}\n");
}

/// Reads what stands behind an id as this constructor.
fn read(name: &Name, id: &str) -> String {
    match (name.is_unit(), name.boxed) {
        (true, _) => format!("{}::read({id}, r).map(|_| Self::{})", name.path, name.ident),
        (false, true) => format!("{}::read_boxed({id}, r).map(Self::{})", name.path, name.ident),
        (false, false) => format!("{}::read({id}, r).map(Self::{})", name.path, name.ident),
    }
}

fn from(of: &Type, name: &Name, out: &mut String) {
    let value = match (name.is_unit(), name.boxed) {
        (true, _) => format!("Self::{}", name.ident),
        (false, true) => format!("Self::{}(Box::new(x))", name.ident),
        (false, false) => format!("Self::{}(x)", name.ident),
    };
    let x = if name.is_unit() { "_" } else { "x" };
    let _ = writeln!(
        out,
        "impl From<{0}> for {1} {{\n    fn from({x}: {0}) -> Self {{ {value} }}\n}}",
        name.path, of.ident
    );
}
