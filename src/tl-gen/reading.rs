//! Writes how a struct is read: `read`, `read_boxed`, `read_bare`.

use std::fmt::Write as _;

use crate::derive::{self, Source};
use crate::model::{Model, Name, is_field};
use crate::parse::{Decl, Param, Ty};
use crate::rust::{skipping, snake};

/// Before each statement that reads a field.
const INDENT: &str = "                ";

/// `read`: the fields behind an id that was read already.
pub fn read(model: &Model, name: &Name, out: &mut String) {
    out.push_str("    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {\n");
    if model.in_box(name) {
        out.push_str("        Self::read_boxed(id, r).map(|x| *x)\n    }\n");
        return read_boxed(model, name, out);
    }
    out.push_str("        match id {\n");
    for (k, shape) in name.shapes.iter().enumerate() {
        let _ = writeln!(out, "            {:#010x} => {{", shape.id);
        read_shape(model, name, k, out);
        out.push_str("            }\n");
    }
    let _ = writeln!(out, "            _ => r.unknown(\"{}\", id),\n        }}\n    }}", name.name);
}

/// `read_bare`: the newest shape without its id.
pub fn read_bare(out: &mut String) {
    out.push_str("    pub(crate) fn read_bare(r: &mut crate::Reader<'_>) -> Option<Self> {\n");
    out.push_str("        Self::read(Self::ID, r)\n    }\n");
}

/// `look`: the same of a value whose strings and bytes stay where they are.
pub fn look(model: &Model, name: &Name, out: &mut String) {
    let shape = name.newest();
    let _ = writeln!(out, "    fn look<'a>(r: &mut crate::Reader<'a>) -> Option<Self::Ref<'a>> {{");
    let _ = writeln!(out, "        let id = r.take_u32()?;");
    let _ = writeln!(out, "        if id != Self::ID {{ return r.unknown(\"{}\", id); }}", name.name);
    read_locals(model, name, shape, Copying::Nothing, out);
    let fields = name.fields().map(|field| snake(&field.name));
    let fields: Vec<String> = fields.map(|rust| format!("{rust}: f_{rust}")).collect();
    let _ = writeln!(out, "        Some({}Ref {{ {} }})\n    }}", name.ident, fields.join(", "));
}

/// What becomes of strings and bytes that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copying {
    All,
    Nothing,
}

/// What is read in one step.
enum Step<'a> {
    /// Fixed sizes behind each other: words of flags and required numbers.
    Fixed(Vec<&'a Param>),
    /// Bits of words that were read before.
    Bits(Vec<&'a Param>),
    /// Optional values behind each other.
    Optional(Vec<&'a Param>),
    /// Anything else.
    One(&'a Param),
}

fn steps(shape: &Decl) -> Vec<Step<'_>> {
    let mut out: Vec<Step<'_>> = Vec::new();
    for param in shape.params.iter().filter(|p| p.ty == Ty::Flags || is_field(p)) {
        let fixed = param.flag.is_none() && matches!(param.ty, Ty::Flags | Ty::Int | Ty::Long | Ty::Double);
        match (&mut out[..], param) {
            ([.., Step::Fixed(fields), Step::Bits(_)] | [.., Step::Fixed(fields)], p) if fixed => {
                fields.push(p)
            }
            ([.., Step::Bits(bits)], p) if p.flag.is_some() && p.ty == Ty::True => bits.push(p),
            ([.., Step::Optional(fields)], p) if p.flag.is_some() && p.ty != Ty::True => fields.push(p),
            (_, p) if fixed => out.push(Step::Fixed(vec![p])),
            (_, p) if p.flag.is_none() => out.push(Step::One(p)),
            (_, p) if p.ty == Ty::True => out.push(Step::Bits(vec![p])),
            (_, p) => out.push(Step::Optional(vec![p])),
        }
    }
    out
}

/// Reads fixed sizes with one look at the end. `keep` is told each field and the expression of its value.
fn read_fixed(fields: &[&Param], out: &mut String, mut keep: impl FnMut(&Param, &str) -> String) {
    if let [only] = fields {
        let code = match only.ty {
            Ty::Flags => format!("let w_{} = r.take_u32()?;", only.name),
            Ty::Long => keep(only, "r.take_i64()?"),
            Ty::Double => keep(only, "r.take_f64()?"),
            _ => keep(only, "r.take_i32()?"),
        };
        let _ = writeln!(out, "{INDENT}{code}");
        return;
    }
    let words: Vec<String> = fields
        .iter()
        .flat_map(|p| match p.ty {
            Ty::Flags => vec![format!("w_{}", p.name)],
            Ty::Int => vec![format!("n_{}", snake(&p.name))],
            _ => vec![format!("low_{}", snake(&p.name)), format!("high_{}", snake(&p.name))],
        })
        .collect();
    let _ = writeln!(out, "{INDENT}let [{}] = r.take_words()?;", words.join(", "));
    for param in fields.iter().filter(|p| p.ty != Ty::Flags) {
        let rust = snake(&param.name);
        let value = match param.ty {
            Ty::Long => format!("crate::reader::long(low_{rust}, high_{rust})"),
            Ty::Double => format!("crate::reader::double(low_{rust}, high_{rust})"),
            _ => format!("n_{rust} as i32"),
        };
        let _ = writeln!(out, "{INDENT}{}", keep(param, &value));
    }
}

/// Reads the fields of a shape, each into a variable of its own.
fn read_locals(model: &Model, name: &Name, shape: &Decl, copying: Copying, out: &mut String) {
    let local = |param: &Param, value: &str| format!("let f_{} = {value};", snake(&param.name));
    for step in steps(shape) {
        let fields = match step {
            Step::Fixed(fields) => {
                read_fixed(&fields, out, local);
                continue;
            }
            Step::Bits(fields) | Step::Optional(fields) => fields,
            Step::One(param) => vec![param],
        };
        for param in fields {
            let _ = writeln!(out, "{INDENT}{}", local(param, &read_as(model, name, param, copying)));
        }
    }
}

fn read_shape(model: &Model, name: &Name, k: usize, out: &mut String) {
    let shape = &name.shapes[k];
    read_locals(model, name, shape, Copying::All, out);
    if name.is_unit() {
        out.push_str("                Some(Self)\n");
        return;
    }
    // What is made of several fields is made before any of them is moved away.
    let mut literal = String::new();
    for field in name.fields() {
        let rust = snake(&field.name);
        let value = match source(model, name, k, field) {
            Some(Source::Same) => format!("f_{rust}"),
            Some(Source::Wrapped) => format!("Some(f_{rust})"),
            Some(Source::Or(other)) => format!("f_{rust}.unwrap_or_else(|| {other})"),
            Some(Source::Absent) if field.ty == Ty::True => "false".into(),
            Some(Source::Absent) | None => "None".into(),
            Some(Source::Made(expr)) => {
                let _ = writeln!(out, "                let m_{rust} = {expr};");
                format!("m_{rust}")
            }
        };
        let _ = writeln!(literal, "                    {rust}: {value},");
    }
    let _ = writeln!(out, "                Some(Self {{\n{literal}                }})");
}

/// `read_boxed`: the same into a box, field by field where it will stay. A large struct is not moved there as a whole, and what
/// is absent, most of it, costs nothing but the zero value.
fn read_boxed(model: &Model, name: &Name, out: &mut String) {
    out.push_str("    pub(crate) fn read_boxed(id: u32, r: &mut crate::Reader<'_>) -> Option<Box<Self>> {\n");
    // A constant is copied as a block; what cannot be one is put together where it stays.
    let zero = match zero_struct(model, name) {
        Some(_) => "Box::new(Self::ZERO)",
        None => "Box::default()",
    };
    out.push_str("        let mut x: Box<Self>;\n        match id {\n");
    for (k, shape) in name.shapes.iter().enumerate() {
        let _ = writeln!(out, "            {:#010x} => {{", shape.id);
        let _ = writeln!(out, "                x = r.room(|| {zero})?;");
        read_shape_boxed(model, name, k, out);
        out.push_str("                Some(x)\n            }\n");
    }
    let _ = writeln!(out, "            _ => r.unknown(\"{}\", id),\n        }}\n    }}", name.name);
}

fn read_shape_boxed(model: &Model, name: &Name, k: usize, out: &mut String) {
    let shape = &name.shapes[k];
    // What other fields are made of is kept until all is read.
    let needed = derive::needed(shape);
    let kept = |param: &Param| {
        let field = name.fields().find(|f| f.name == param.name)?;
        source(model, name, k, field).filter(|s| matches!(s, Source::Same | Source::Wrapped | Source::Or(_)))
    };
    let keep = |param: &Param, value: &str| {
        let rust = snake(&param.name);
        match kept(param) {
            _ if needed.contains(&param.name) => format!("let f_{rust} = {value};"),
            Some(Source::Wrapped) => format!("x.{rust} = Some({value});"),
            Some(_) => format!("x.{rust} = {value};"),
            None => format!("let _ = {value};"),
        }
    };
    for step in steps(shape) {
        match step {
            Step::Fixed(fields) => read_fixed(&fields, out, keep),
            Step::Bits(fields) => {
                for word in shape.params.iter().filter(|p| p.ty == Ty::Flags) {
                    let of_word: Vec<_> =
                        fields.iter().filter_map(|p| Some((p, bit_in(p, &word.name)?))).collect();
                    let (late, direct): (Vec<_>, Vec<_>) =
                        of_word.into_iter().partition(|(p, _)| needed.contains(&p.name));
                    for (param, _) in late {
                        let _ = writeln!(out, "{INDENT}{}", keep(param, &read_one(model, name, param)));
                    }
                    let direct = direct.into_iter().map(|(param, bit)| {
                        (word.name.clone(), bit, keep(param, &read_one(model, name, param)))
                    });
                    out.push_str(&skipping(INDENT, &direct.collect::<Vec<_>>(), true));
                }
            }
            Step::Optional(fields) => {
                let mut rarely = Vec::new();
                for param in fields {
                    let kept = kept(param);
                    if needed.contains(&param.name) {
                        out.push_str(&skipping(INDENT, &std::mem::take(&mut rarely), false));
                        let _ = writeln!(out, "{INDENT}{}", keep(param, &read_one(model, name, param)));
                        continue;
                    }
                    let Some((word, bit)) = &param.flag else { continue };
                    let value = read_value(model, name, &param.ty, is_boxed_field(name, param));
                    let condition = format!("w_{word} & {:#x} != 0", 1u32 << bit);
                    match kept {
                        Some(Source::Or(other)) => {
                            out.push_str(&skipping(INDENT, &std::mem::take(&mut rarely), false));
                            let value = format!("if {condition} {{ {value} }} else {{ {other} }}");
                            let _ = writeln!(out, "{INDENT}{}", keep(param, &value));
                        }
                        kept => {
                            let value = if kept.is_some() { format!("Some({value})") } else { value };
                            let code = format!("if {condition} {{ {} }}", keep(param, &value));
                            rarely.push((word.clone(), 1u32 << bit, code));
                        }
                    }
                }
                out.push_str(&skipping(INDENT, &rarely, false));
            }
            Step::One(param) => {
                let _ = writeln!(out, "{INDENT}{}", keep(param, &read_one(model, name, param)));
            }
        }
    }
    // What is made of several fields is made before any of them is moved away.
    let mut moved = String::new();
    for field in name.fields() {
        let rust = snake(&field.name);
        let is_needed = needed.contains(&field.name);
        let (place, value) = match source(model, name, k, field) {
            Some(Source::Made(expr)) => (&mut *out, expr),
            Some(Source::Same) if is_needed => (&mut moved, format!("f_{rust}")),
            Some(Source::Wrapped) if is_needed => (&mut moved, format!("Some(f_{rust})")),
            Some(Source::Or(other)) if is_needed => {
                (&mut moved, format!("f_{rust}.unwrap_or_else(|| {other})"))
            }
            _ => continue,
        };
        let _ = writeln!(place, "                x.{rust} = {value};");
    }
    out.push_str(&moved);
}

/// `ZERO`, if the zero value of a struct can be a constant.
pub fn zero(model: &Model, name: &Name, out: &mut String) {
    if model.in_box(name)
        && let Some(value) = zero_struct(model, name)
    {
        let _ = writeln!(out, "    const ZERO: Self = {value};");
    }
}

fn zero_struct(model: &Model, name: &Name) -> Option<String> {
    if name.is_unit() {
        return Some(name.path.clone());
    }
    let mut out = format!("{} {{ ", name.path);
    for field in name.fields() {
        let value = match (&field.ty, &field.flag) {
            (Ty::True, _) => "false".into(),
            (_, Some(_)) => "None".into(),
            _ if name.boxed_fields.contains(&field.name) => return None,
            (ty, None) => zero_value(model, name, ty)?,
        };
        let _ = write!(out, "{}: {value}, ", snake(&field.name));
    }
    Some(out + "}")
}

fn zero_value(model: &Model, name: &Name, ty: &Ty) -> Option<String> {
    Some(match ty {
        Ty::Flags | Ty::Rest | Ty::Int | Ty::Long => "0".into(),
        Ty::Double => "0.0".into(),
        Ty::Int128 => "[0; 16]".into(),
        Ty::Int256 => "[0; 32]".into(),
        Ty::True | Ty::Bool => "false".into(),
        Ty::Str => "String::new()".into(),
        Ty::Bytes | Ty::Vector(_) | Ty::BareVector(_) => "Vec::new()".into(),
        Ty::Named(of) => {
            let of = model.type_of(name.world, of)?;
            let zero = &model.names[of.zero];
            match (of.is_enum(), zero.is_unit(), zero.boxed) {
                (false, ..) => zero_struct(model, zero)?,
                (true, true, _) => format!("{}::{}", of.path, zero.ident),
                (true, false, false) => format!("{}::{}({})", of.path, zero.ident, zero_struct(model, zero)?),
                (true, false, true) => return None,
            }
        }
        Ty::Bare(of) => zero_struct(model, model.constructor(name.world, of)?)?,
    })
}

fn source(model: &Model, name: &Name, k: usize, field: &Param) -> Option<Source> {
    if k == 0 { Some(Source::Same) } else { derive::reading(model, name, &name.shapes[k], field).ok() }
}

fn bit_in(param: &Param, word: &str) -> Option<u32> {
    param.flag.as_ref().filter(|(w, _)| w == word).map(|(_, bit)| 1u32 << bit)
}

/// Whether a field of some shape is read into a box of its own.
fn is_boxed_field(name: &Name, param: &Param) -> bool {
    name.boxed_fields.contains(&param.name)
        && name.fields().any(|field| field.name == param.name && field.ty == param.ty)
}

/// The expression of a field as its line says it: a bit, an `Option`, a value.
fn read_one(model: &Model, name: &Name, param: &Param) -> String {
    read_as(model, name, param, Copying::All)
}

fn read_as(model: &Model, name: &Name, param: &Param, copying: Copying) -> String {
    let value = match (&param.ty, copying) {
        (Ty::Str, Copying::Nothing) => "r.take_str()?".into(),
        (Ty::Bytes, Copying::Nothing) => "r.take_slice()?".into(),
        _ => read_value(model, name, &param.ty, is_boxed_field(name, param)),
    };
    match &param.flag {
        Some((word, bit)) if param.ty == Ty::True => format!("w_{word} & {:#x} != 0", 1u32 << bit),
        Some((word, bit)) => {
            format!("if w_{word} & {:#x} != 0 {{ Some({value}) }} else {{ None }}", 1u32 << bit)
        }
        None => value,
    }
}

fn read_value(model: &Model, name: &Name, ty: &Ty, boxed: bool) -> String {
    match ty {
        Ty::Flags | Ty::Rest | Ty::Int => "r.take_i32()?".into(),
        Ty::Long => "r.take_i64()?".into(),
        Ty::Double => "r.take_f64()?".into(),
        Ty::Int128 | Ty::Int256 => "r.take_array()?".into(),
        Ty::Bool | Ty::True => "r.take_bool()?".into(),
        Ty::Str => "r.take_text()?.into_string()".into(),
        Ty::Bytes => "r.take_blob()?.into_vec()".into(),
        Ty::Vector(element) => format!("r.take_vector::<{}>()?", model.rust_type(name.world, element)),
        Ty::BareVector(element) => match &**element {
            Ty::Bare(_) => {
                format!("r.take_bare_vector({}::read_bare)?", model.rust_type(name.world, element))
            }
            _ => {
                format!(
                    "r.take_bare_vector(<{} as crate::Decode>::take)?",
                    model.rust_type(name.world, element)
                )
            }
        },
        Ty::Named(_) => {
            let path = model.rust_type(name.world, ty);
            if boxed {
                format!("<Box<{path}> as crate::Decode>::take(r)?")
            } else {
                format!("<{path} as crate::Decode>::take(r)?")
            }
        }
        Ty::Bare(_) => format!("{}::read_bare(r)?", model.rust_type(name.world, ty)),
    }
}
