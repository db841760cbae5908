//! Writes one struct per constructor and per method: its fields, how it is read, how it is written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::derive::{self, Source};
use crate::model::{Model, Name, World, is_field, shares_bit};
use crate::parse::{Decl, Otherwise, Param, Ty};
use crate::reading;
use crate::rust::{common_impls, skipping, snake};

/// All structs of `world`, in their modules; `functions` narrows to methods or constructors.
pub fn file(model: &Model, world: World, functions: Option<bool>) -> String {
    let mut modules: BTreeMap<Option<&str>, String> = BTreeMap::new();
    for name in model.names.iter().filter(|n| n.world == world && functions.is_none_or(|f| n.function == f)) {
        let out = modules.entry(name.module.as_deref()).or_default();
        structure(model, name, out);
    }
    in_modules(modules)
}

/// The text of each module inside its braces; of no module, as it is.
pub fn in_modules(modules: BTreeMap<Option<&str>, String>) -> String {
    let mut out = String::new();
    for (module, code) in modules {
        match module {
            Some(module) => {
                let _ = writeln!(out, "pub mod {module} {{\n{code}}}\n");
            }
            None => out.push_str(&code),
        }
    }
    out
}

fn structure(model: &Model, name: &Name, out: &mut String) {
    let newest = name.newest();
    let ids: Vec<String> = name.shapes.iter().map(|s| format!("{:#010x}", s.id)).collect();
    let _ = writeln!(out, "/// `{}#{:08x}`", name.name, newest.id);
    if name.is_unit() {
        let _ = writeln!(out, "#[derive(Clone, Default)]\npub struct {};", name.ident);
    } else {
        let _ = writeln!(out, "#[derive(Clone, Default)]\npub struct {} {{", name.ident);
        for field in name.fields() {
            let _ = writeln!(out, "    pub {}: {},", snake(&field.name), model.field_type(name, field));
        }
        out.push_str("}\n");
    }
    let _ = writeln!(out, "impl {} {{", name.ident);
    let _ = writeln!(out, "    pub const ID: u32 = {:#010x};", newest.id);
    let _ = writeln!(out, "    pub const IDS: &'static [u32] = &[{}];", ids.join(", "));
    reading::zero(model, name, out);
    reading::read(model, name, out);
    if name.bare {
        bare(model, name, out);
    }
    out.push_str("}\n");
    decode(name, out);
    encode(model, name, out);
    out.push_str(&common_impls(&name.ident));
    if name.function && name.world == World::Api {
        method(model, name, out);
    }
    if name.world == World::Store {
        let _ = writeln!(out, "impl crate::Record for {} {{}}", name.ident);
    }
    if newest.borrowed {
        borrowed(model, name, out);
    }
    out.push('\n');
}

/// The struct whose strings and bytes lie where it was read.
fn borrowed(model: &Model, name: &Name, out: &mut String) {
    let _ = writeln!(out, "/// [`{}`], whose strings and bytes lie where it was read.", name.ident);
    // No `Debug`: what it would print may be a secret.
    let _ = writeln!(out, "#[derive(Clone)]\npub struct {}Ref<'a> {{", name.ident);
    for field in name.fields() {
        let rust_type = match (&field.ty, &field.flag) {
            (Ty::Str, None) => "&'a str".to_owned(),
            (Ty::Str, Some(_)) => "Option<&'a str>".to_owned(),
            (Ty::Bytes, None) => "&'a [u8]".to_owned(),
            (Ty::Bytes, Some(_)) => "Option<&'a [u8]>".to_owned(),
            _ => model.field_type(name, field),
        };
        let _ = writeln!(out, "    pub {}: {rust_type},", snake(&field.name));
    }
    let _ = writeln!(out, "}}\nimpl crate::Look for {} {{\n    type Ref<'a> = {0}Ref<'a>;", name.ident);
    reading::look(model, name, out);
    out.push_str("}\n");
}

fn method(model: &Model, name: &Name, out: &mut String) {
    let newest = name.newest();
    if newest.result == Ty::Rest {
        return; // A wrapper answers what the wrapped query answers.
    }
    let _ = writeln!(out, "impl crate::Method for {} {{", name.ident);
    let _ = writeln!(out, "    type Return = {};", model.rust_type(name.world, &newest.result));
    let _ = writeln!(out, "    const NAME: &'static str = \"{}\";", name.name);
    let _ = writeln!(out, "    const ID: u32 = Self::ID;\n    const IDS: &'static [u32] = Self::IDS;");
    if name.shapes.iter().any(|s| s.returns.is_some()) {
        out.push_str("    fn encode_return(answer: &Self::Return, asked: u32, w: &mut crate::Writer) {\n");
        out.push_str("        match asked {\n");
        for shape in &name.shapes {
            if let Some(function) = &shape.returns {
                let call = format!("crate::compat::{function}(answer)");
                let _ = writeln!(out, "            {:#010x} => {},", shape.id, say_or_fail(&call));
            }
        }
        out.push_str("            _ => crate::Encode::encode(answer, w),\n        }\n    }\n");
    }
    out.push_str("}\n");
}

fn decode(name: &Name, out: &mut String) {
    let _ = writeln!(out, "impl crate::Decode for {} {{", name.ident);
    out.push_str("    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {\n");
    out.push_str("        let id = r.take_u32()?;\n");
    out.push_str(if name.nests {
        "        r.take_nested(|r| Self::read(id, r))\n"
    } else {
        "        Self::read(id, r)\n"
    });
    out.push_str("    }\n}\n");
}

/// `read_bare` and `write_bare`: the newest shape without its id.
fn bare(model: &Model, name: &Name, out: &mut String) {
    reading::read_bare(out);
    out.push_str("    pub(crate) fn write_bare(&self, w: &mut crate::Writer) {\n");
    write_fields(model, name, 0, None, out);
    out.push_str("    }\n");
}

fn encode(model: &Model, name: &Name, out: &mut String) {
    let _ = writeln!(out, "impl crate::Encode for {} {{", name.ident);
    out.push_str("    fn encode(&self, w: &mut crate::Writer) {\n");
    let otherwise = name.newest().otherwise.as_ref();
    if otherwise.is_some() {
        // What follows may turn out to be unspeakable; then it is taken back and something else is said.
        out.push_str("        if w.unspeakable { return; }\n        let start = w.out.len();\n");
    }
    if let [(_, Some(_))] = name.ranges[..] {
        write_shape(model, name, 0, out);
    } else {
        out.push_str("        match w.layer.0 {\n");
        for (i, (from, shape)) in name.ranges.iter().enumerate().rev() {
            let pattern = match (i == 0, name.ranges.get(i + 1)) {
                (true, _) => "_".to_owned(),
                (false, None) if *from == u16::MAX => "u16::MAX".to_owned(),
                (false, None) => format!("{from}.."),
                (false, Some((next, _))) => format!("{from}..{next}"),
            };
            let _ = writeln!(out, "        {pattern} => {{");
            match shape {
                Some(k) => write_shape(model, name, *k, out),
                None => out.push_str("            w.unspeakable = true;\n"),
            }
            out.push_str("        }\n");
        }
        out.push_str("        }\n");
    }
    if let Some(otherwise) = otherwise {
        let other = match otherwise {
            Otherwise::Constructor(other) => model.constructor(name.world, other).map_or_else(
                || "w.unspeakable = true".to_owned(),
                |other| format!("crate::Encode::encode(&{}::default(), w)", other.path),
            ),
            Otherwise::Field(field) => format!("crate::Encode::encode(&self.{}, w)", snake(field)),
            Otherwise::Call(function) => say_or_fail(&format!("crate::compat::{function}(self)")),
        };
        // What was said until some layer is replaced after it, and not in layers before it was ever said.
        let when = match name.newest().until {
            Some(until) => format!("w.unspeakable && w.layer.0 > {until}"),
            None => "w.unspeakable".to_owned(),
        };
        let _ = writeln!(out, "        if {when} {{\n            w.out.truncate(start);");
        let _ = writeln!(out, "            w.unspeakable = false;\n            {other};\n        }}");
    }
    out.push_str("    }\n}\n");
}

/// An expression that writes what `call` makes, or declares it unspeakable.
fn say_or_fail(call: &str) -> String {
    format!(
        "match {call} {{ Some(other) => crate::Encode::encode(&other, w), None => w.unspeakable = true }}"
    )
}

fn write_shape(model: &Model, name: &Name, k: usize, out: &mut String) {
    if let Some(function) = &name.shapes[k].instead {
        let _ = writeln!(out, "            if let Some(other) = crate::compat::{function}(self) {{");
        out.push_str("                return crate::Encode::encode(&other, w);\n            }\n");
    }
    write_fields(model, name, k, Some(name.shapes[k].id), out);
}

/// Writes the fields of shape `k`, behind `id` if there is one.
fn write_fields(model: &Model, name: &Name, k: usize, id: Option<u32>, out: &mut String) {
    let shape = &name.shapes[k];
    let fields: Vec<(&Param, Access)> = shape
        .params
        .iter()
        .filter(|p| is_field(p))
        .map(|p| {
            let source = if k == 0 { Ok(Source::Same) } else { derive::writing(model, name, shape, p) };
            (p, Access::new(model, name, p, source.unwrap_or(Source::Absent), out))
        })
        .collect();
    let mut fixed = Fixed::default();
    fixed.words.extend(id.map(|id| format!("{id:#010x}")));
    let mut rarely = Vec::new();
    for param in &shape.params {
        if param.ty == Ty::Flags {
            out.push_str(&skipping("            ", &std::mem::take(&mut rarely), false));
            let word = &param.name;
            if fields.iter().any(|(p, a)| patches(model, name, shape, p, a, word)) {
                let at = 4 * fixed.words.len();
                let _ = writeln!(fixed.before, "            let at_{word} = w.out.len() + {at};");
            }
            let _ = writeln!(fixed.before, "            let w_{word} = {};", flag_bits(&fields, word));
            fixed.words.push(format!("w_{word}"));
            continue;
        }
        let Some((_, access)) = fields.iter().find(|(p, _)| p.name == param.name) else { continue };
        match access {
            Access::Bit(_) | Access::Absent => {}
            Access::Required(place) if is_fixed(&param.ty) => {
                out.push_str(&skipping("            ", &std::mem::take(&mut rarely), false));
                fixed.words.extend(words_of(&param.ty, place));
            }
            Access::Optional(_) | Access::Surely(_) => {
                fixed.write(out);
                let (word, bit) = param.flag.clone().unwrap_or_default();
                rarely.push((word, 1u32 << bit, write_field(model, name, shape, param, access)));
            }
            Access::Required(_) | Access::Or(..) => {
                out.push_str(&skipping("            ", &std::mem::take(&mut rarely), false));
                fixed.write(out);
                let _ = writeln!(out, "            {}", write_field(model, name, shape, param, access));
            }
        }
    }
    out.push_str(&skipping("            ", &rarely, false));
    fixed.write(out);
}

/// Words of fixed sizes behind each other, which are written with one look at the room.
#[derive(Default)]
struct Fixed {
    /// Statements before them.
    before: String,
    /// Expressions of type `u32`.
    words: Vec<String>,
}

impl Fixed {
    fn write(&mut self, out: &mut String) {
        let Self { before, words } = std::mem::take(self);
        out.push_str(&before);
        let _ = match &words[..] {
            [] => Ok(()),
            [only] => writeln!(out, "            w.u32({only});"),
            several => writeln!(out, "            w.words([{}]);", several.join(", ")),
        };
    }
}

fn is_fixed(ty: &Ty) -> bool {
    matches!(ty, Ty::Int | Ty::Long | Ty::Double | Ty::Bool)
}

/// The words of a number, lowest first.
fn words_of(ty: &Ty, place: &str) -> Vec<String> {
    let halves = |bits: String| vec![format!("{bits} as u32"), format!("({bits} >> 32) as u32")];
    match ty {
        Ty::Int => vec![format!("{place} as u32")],
        Ty::Long => halves(place.to_owned()),
        Ty::Double => halves(format!("{place}.to_bits()")),
        _ => vec![format!("crate::writer::bool_id({place})")],
    }
}

/// How written code gets at a field.
enum Access {
    /// An expression of type `bool`.
    Bit(String),
    /// An expression of type `Option<&T>`.
    Optional(String),
    /// A place of type `T`.
    Required(String),
    /// An expression of type `Option<&T>`, and one of type `T` for `None`.
    Or(String, String),
    /// Surely there, though the shape calls it optional: a place of type `T`.
    Surely(String),
    Absent,
}

impl Access {
    fn new(model: &Model, name: &Name, param: &Param, source: Source, out: &mut String) -> Self {
        let rust = snake(&param.name);
        let optional = param.flag.is_some();
        match source {
            Source::Same if param.ty == Ty::True => Self::Bit(format!("self.{rust}")),
            Source::Same if optional => Self::Optional(format!("self.{rust}.as_ref()")),
            Source::Same => Self::Required(format!("self.{rust}")),
            Source::Wrapped => Self::Surely(format!("self.{rust}")),
            Source::Or(other) => Self::Or(format!("self.{rust}.as_ref()"), other),
            Source::Absent => Self::Absent,
            Source::Made(expr) => {
                let mut rust_type = model.rust_type(name.world, &param.ty);
                if optional && param.ty != Ty::True {
                    rust_type = format!("Option<{rust_type}>");
                }
                let _ = writeln!(out, "            let f_{rust}: {rust_type} = {expr};");
                if param.ty == Ty::True {
                    Self::Bit(format!("f_{rust}"))
                } else if optional {
                    Self::Optional(format!("f_{rust}.as_ref()"))
                } else {
                    Self::Required(format!("f_{rust}"))
                }
            }
        }
    }
}

/// The expression of a word of flags. Where several fields share a bit, it is set if all of them are there.
fn flag_bits(fields: &[(&Param, Access)], word: &str) -> String {
    let mut by_bit: BTreeMap<u8, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for (param, access) in fields {
        let Some((_, bit)) = param.flag.as_ref().filter(|(w, _)| w == word) else { continue };
        let (bits, optionals) = by_bit.entry(*bit).or_default();
        match access {
            Access::Bit(expr) => bits.push(expr.clone()),
            Access::Optional(expr) => {
                optionals.push(format!("{}.is_some()", expr.trim_end_matches(".as_ref()")))
            }
            Access::Surely(_) | Access::Required(_) | Access::Or(..) => optionals.push("true".into()),
            Access::Absent if param.ty == Ty::True => {}
            Access::Absent => optionals.push("false".into()),
        }
    }
    let mut terms = Vec::new();
    for (bit, (bits, optionals)) in by_bit {
        let condition = if optionals.is_empty() { bits.join(" | ") } else { optionals.join(" & ") };
        match condition.as_str() {
            "" | "false" => {}
            "true" => terms.push(format!("{:#x}", 1u32 << bit)),
            _ => terms.push(format!("u32::from({condition}) << {bit}")),
        }
    }
    if terms.is_empty() { "0".into() } else { terms.join(" | ") }
}

/// May `param` be taken back after it was written, and its bit in `word` with it?
fn patches(model: &Model, name: &Name, shape: &Decl, param: &Param, access: &Access, word: &str) -> bool {
    let may_fail = match &param.ty {
        Ty::Named(t) => model.type_of(name.world, t).is_some_and(|t| t.unspeakable),
        _ => false,
    };
    may_fail
        && matches!(access, Access::Optional(_) | Access::Surely(_))
        && param.flag.as_ref().is_some_and(|(w, _)| w == word)
        && !shares_bit(shape, param)
}

/// A statement that writes a field, if it is there.
fn write_field(model: &Model, name: &Name, shape: &Decl, param: &Param, access: &Access) -> String {
    let (word, bit) = match &param.flag {
        Some((word, bit)) => (word.as_str(), 1u32 << bit),
        None => ("", 0),
    };
    let takes_back = patches(model, name, shape, param, access, word);
    let some = |value: &str| {
        if takes_back {
            format!("w.optional(at_{word}, {bit:#x}, {value});")
        } else {
            write_value(&param.ty, value, true)
        }
    };
    match access {
        Access::Bit(_) | Access::Absent => String::new(),
        Access::Optional(expr) if shares_bit(shape, param) => {
            format!("if let (true, Some(x)) = (w_{word} & {bit:#x} != 0, {expr}) {{ {} }}", some("x"))
        }
        Access::Optional(expr) => {
            let place = expr.trim_end_matches(".as_ref()");
            format!("if let Some(x) = &{place} {{ {} }}", some("x"))
        }
        Access::Surely(place) if shares_bit(shape, param) => {
            format!("if w_{word} & {bit:#x} != 0 {{ {} }}", some(&format!("&{place}")))
        }
        Access::Surely(place) if takes_back => some(&format!("&{place}")),
        Access::Surely(place) | Access::Required(place) => write_value(&param.ty, place, false),
        Access::Or(expr, other) => format!(
            "match {expr} {{ Some(x) => {{ {} }} None => {{ let x: {} = {other}; {} }} }}",
            write_value(&param.ty, "x", true),
            model.rust_type(name.world, &param.ty),
            write_value(&param.ty, "x", false)
        ),
    }
}

/// A statement that writes `value`, which is a reference or a place.
fn write_value(ty: &Ty, value: &str, is_reference: bool) -> String {
    let by_value = if is_reference { format!("*{value}") } else { value.to_owned() };
    let by_reference = if is_reference { value.to_owned() } else { format!("&{value}") };
    match ty {
        Ty::Flags | Ty::Rest | Ty::True => String::new(),
        Ty::Int => format!("w.i32({by_value});"),
        Ty::Long => format!("w.i64({by_value});"),
        Ty::Double => format!("w.f64({by_value});"),
        Ty::Bool => format!("w.bool({by_value});"),
        Ty::Int128 | Ty::Int256 => format!("w.raw({by_reference});"),
        Ty::Str => format!("w.bytes({value}.as_bytes());"),
        Ty::Bytes => format!("w.bytes({by_reference});"),
        Ty::Vector(_) => format!("w.vector({by_reference});"),
        Ty::BareVector(element) => match &**element {
            Ty::Bare(_) => format!("w.bare_vector({by_reference}, |x, w| x.write_bare(w));"),
            _ => format!("w.bare_vector({by_reference}, |x, w| crate::Encode::encode(x, w));"),
        },
        Ty::Named(_) => format!("crate::Encode::encode({by_reference}, w);"),
        Ty::Bare(_) => format!("{value}.write_bare(w);"),
    }
}
