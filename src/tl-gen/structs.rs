//! Writes one struct per constructor and per method: its fields, how it is read, how it is written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::derive::{self, Source};
use crate::model::{Model, Name, World, is_field, shares_bit};
use crate::parse::{Decl, Otherwise, Param, Ty};
use crate::rust::{common_impls, snake};

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
    read(model, name, out);
    if model.in_box(name) {
        read_boxed(model, name, out);
    }
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
    out.push('\n');
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
    out.push_str("    fn decode(r: &mut crate::Reader<'_>) -> Result<Self, crate::Error> {\n");
    out.push_str("        let id = r.u32()?;\n");
    out.push_str(if name.nests {
        "        r.nested(|r| Self::read(id, r))\n"
    } else {
        "        Self::read(id, r)\n"
    });
    out.push_str("    }\n}\n");
}

/// `read`: the fields behind an id that was read already.
fn read(model: &Model, name: &Name, out: &mut String) {
    out.push_str(
        "    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Result<Self, crate::Error> {\n",
    );
    out.push_str("        match id {\n");
    for (k, shape) in name.shapes.iter().enumerate() {
        if model.in_box(name) && fits(model, name, k).is_some() {
            let _ = writeln!(out, "            {:#010x} => Self::read_boxed(id, r).map(|x| *x),", shape.id);
            continue;
        }
        let _ = writeln!(out, "            {:#010x} => {{", shape.id);
        read_shape(model, name, k, out);
        out.push_str("            }\n");
    }
    let _ = writeln!(
        out,
        "            _ => Err(crate::Error::UnknownConstructor {{ expected: \"{}\", id }}),",
        name.name
    );
    out.push_str("        }\n    }\n");
}

fn read_shape(model: &Model, name: &Name, k: usize, out: &mut String) {
    let shape = &name.shapes[k];
    for param in &shape.params {
        if param.ty == Ty::Flags {
            let _ = writeln!(out, "                let w_{} = r.u32()?;", param.name);
        } else if is_field(param) {
            let boxed = is_boxed_field(name, param);
            let value = read_value(model, name, &param.ty, boxed);
            let value = match &param.flag {
                Some((word, bit)) if param.ty == Ty::True => format!("w_{word} & {:#x} != 0", 1u32 << bit),
                Some((word, bit)) => {
                    format!("if w_{word} & {:#x} != 0 {{ Some({value}) }} else {{ None }}", 1u32 << bit)
                }
                None => value,
            };
            let _ = writeln!(out, "                let f_{} = {value};", snake(&param.name));
        }
    }
    if name.is_unit() {
        out.push_str("                Ok(Self)\n");
        return;
    }
    // What is made of several fields is made before any of them is moved away.
    let mut literal = String::new();
    for field in name.fields() {
        let rust = snake(&field.name);
        let source = if k == 0 { Ok(Source::Same) } else { derive::reading(model, name, shape, field) };
        let value = match source {
            Ok(Source::Same) => format!("f_{rust}"),
            Ok(Source::Wrapped) => format!("Some(f_{rust})"),
            Ok(Source::Or(other)) => format!("f_{rust}.unwrap_or_else(|| {other})"),
            Ok(Source::Absent) if field.ty == Ty::True => "false".into(),
            Ok(Source::Absent) | Err(_) => "None".into(),
            Ok(Source::Made(expr)) => {
                let _ = writeln!(out, "                let m_{rust} = {expr};");
                format!("m_{rust}")
            }
        };
        let _ = writeln!(literal, "                    {rust}: {value},");
    }
    let _ = writeln!(out, "                Ok(Self {{\n{literal}                }})");
}

/// `read_boxed`: the same into a box, field by field where it will stay. A large struct is not moved there as a whole, and what
/// is absent, most of it, costs nothing but the zero value.
fn read_boxed(model: &Model, name: &Name, out: &mut String) {
    out.push_str(
        "    pub(crate) fn read_boxed(id: u32, r: &mut crate::Reader<'_>) -> Result<Box<Self>, crate::Error> {\n",
    );
    out.push_str("        let mut x;\n        match id {\n");
    for (k, shape) in name.shapes.iter().enumerate() {
        let Some(sources) = fits(model, name, k) else { continue };
        let _ = writeln!(out, "            {:#010x} => {{", shape.id);
        out.push_str("                x = r.room::<Self>()?;\n");
        for param in &shape.params {
            if param.ty == Ty::Flags {
                let _ = writeln!(out, "                let w_{} = r.u32()?;", param.name);
            } else if is_field(param) {
                let field = snake(&param.name);
                let boxed = is_boxed_field(name, param);
                let value = read_value(model, name, &param.ty, boxed);
                let source = sources.iter().find(|(of, _)| *of == param.name).map(|(_, source)| source);
                let keep = |value: &str| match source {
                    Some(Source::Wrapped) => format!("x.{field} = Some({value});"),
                    Some(_) => format!("x.{field} = {value};"),
                    None => format!("let _ = {value};"),
                };
                let code = match &param.flag {
                    Some((word, bit)) if param.ty == Ty::True => {
                        keep(&format!("w_{word} & {:#x} != 0", 1u32 << bit))
                    }
                    Some((word, bit)) => {
                        let value = if source.is_some() { format!("Some({value})") } else { value };
                        format!("if w_{word} & {:#x} != 0 {{ {} }}", 1u32 << bit, keep(&value))
                    }
                    None => keep(&value),
                };
                let _ = writeln!(out, "                {code}");
            }
        }
        out.push_str("                Ok(x)\n            }\n");
    }
    out.push_str("            _ => Self::read(id, r).and_then(|x| r.boxed(x)),\n        }\n    }\n");
}

/// Where the fields of the struct come from when shape `k` is read, by name, if each is just as it stands there or absent.
fn fits(model: &Model, name: &Name, k: usize) -> Option<Vec<(String, Source)>> {
    let shape = &name.shapes[k];
    let mut sources = Vec::new();
    for field in name.fields() {
        let source = if k == 0 { Source::Same } else { derive::reading(model, name, shape, field).ok()? };
        match source {
            Source::Same | Source::Wrapped => sources.push((field.name.clone(), source)),
            Source::Absent => {}
            Source::Or(_) | Source::Made(_) => return None,
        }
    }
    Some(sources)
}

/// Whether a field of some shape is read into a box of its own.
fn is_boxed_field(name: &Name, param: &Param) -> bool {
    name.boxed_fields.contains(&param.name)
        && name.fields().any(|field| field.name == param.name && field.ty == param.ty)
}

fn read_value(model: &Model, name: &Name, ty: &Ty, boxed: bool) -> String {
    match ty {
        Ty::Flags | Ty::Rest | Ty::Int => "r.i32()?".into(),
        Ty::Long => "r.i64()?".into(),
        Ty::Double => "r.f64()?".into(),
        Ty::Int128 | Ty::Int256 => "r.array()?".into(),
        Ty::Bool | Ty::True => "r.bool()?".into(),
        Ty::Str => "r.string()?".into(),
        Ty::Bytes => "r.bytes()?".into(),
        Ty::Vector(element) => format!("r.vector::<{}>()?", model.rust_type(name.world, element)),
        Ty::BareVector(element) => match &**element {
            Ty::Bare(_) => format!("r.bare_vector({}::read_bare)?", model.rust_type(name.world, element)),
            _ => {
                format!("r.bare_vector(<{} as crate::Decode>::decode)?", model.rust_type(name.world, element))
            }
        },
        Ty::Named(_) => {
            let path = model.rust_type(name.world, ty);
            if boxed {
                format!("<Box<{path}> as crate::Decode>::decode(r)?")
            } else {
                format!("<{path} as crate::Decode>::decode(r)?")
            }
        }
        Ty::Bare(_) => format!("{}::read_bare(r)?", model.rust_type(name.world, ty)),
    }
}

/// `read_bare` and `write_bare`: the newest shape without its id.
fn bare(model: &Model, name: &Name, out: &mut String) {
    out.push_str("    pub(crate) fn read_bare(r: &mut crate::Reader<'_>) -> Result<Self, crate::Error> {\n");
    out.push_str("        Self::read(Self::ID, r)\n    }\n");
    out.push_str("    pub(crate) fn write_bare(&self, w: &mut crate::Writer) {\n");
    write_fields(model, name, 0, out);
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
    let _ = writeln!(out, "            w.u32({:#010x});", name.shapes[k].id);
    write_fields(model, name, k, out);
}

fn write_fields(model: &Model, name: &Name, k: usize, out: &mut String) {
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
    for param in &shape.params {
        if param.ty == Ty::Flags {
            let bits = flag_bits(&fields, &param.name);
            let patched = fields.iter().any(|(p, a)| patches(model, name, shape, p, a, &param.name));
            if patched {
                let _ = writeln!(out, "            let at_{} = w.out.len();", param.name);
            }
            let shared = fields.iter().any(|(p, _)| shares_word_bit(shape, p, &param.name));
            if shared {
                let _ =
                    writeln!(out, "            let w_{0} = {bits};\n            w.u32(w_{0});", param.name);
            } else {
                let _ = writeln!(out, "            w.u32({bits});");
            }
        } else if let Some((_, access)) = fields.iter().find(|(p, _)| p.name == param.name) {
            write_field(model, name, shape, param, access, out);
        }
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

fn shares_word_bit(shape: &Decl, param: &Param, word: &str) -> bool {
    param.ty != Ty::True && param.flag.as_ref().is_some_and(|(w, _)| w == word) && shares_bit(shape, param)
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

fn write_field(model: &Model, name: &Name, shape: &Decl, param: &Param, access: &Access, out: &mut String) {
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
    let code = match access {
        Access::Bit(_) | Access::Absent => return,
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
    };
    let _ = writeln!(out, "            {code}");
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
