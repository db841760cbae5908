//! How an older line of a name and its newest shape become each other: derived where equal names and types allow it,
//! else by the rules in the comment; what is neither is an error, never a guess.

use std::collections::BTreeSet;

use crate::model::{Model, Name, is_field};
use crate::parse::{Decl, Direction, Param, Ty, Value};
use crate::rust::snake;

/// Where the value of one field comes from. Expressions are Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The field of the same name, which is as optional as this one.
    Same,
    /// The field of the same name, which is required while this one is optional.
    Wrapped,
    /// The field of the same name, which is optional while this one is required: or else the expression.
    Or(String),
    /// Nothing: an absent optional field, an unset bit.
    Absent,
    /// The expression, of the field's own Rust type.
    Made(String),
}

/// Where `name`'s newest fields come from when `old` is read: the locals `f_*` hold the fields of `old`.
pub fn reading(model: &Model, name: &Name, old: &Decl, field: &Param) -> Result<Source, String> {
    let arg = |a: &str| format!("&f_{}", snake(a));
    plan(model, name, old, field, Direction::Reading, old, arg)
}

/// Where the fields of `old` come from when a value of `name` is written as it: `self` holds the newest shape.
pub fn writing(model: &Model, name: &Name, old: &Decl, field: &Param) -> Result<Source, String> {
    let arg = |a: &str| format!("&self.{}", snake(a));
    plan(model, name, old, field, Direction::Writing, name.newest(), arg)
}

/// The fields of `old` of which others are made when it is read.
pub fn needed(old: &Decl) -> BTreeSet<String> {
    let reading = old.rules.iter().filter(|r| r.direction == Direction::Reading);
    reading
        .flat_map(|rule| match &rule.value {
            Value::Call(_, args) => args.clone(),
            Value::Field(other) => vec![other.clone()],
            _ => Vec::new(),
        })
        .collect()
}

fn plan(
    model: &Model,
    name: &Name,
    old: &Decl,
    field: &Param,
    direction: Direction,
    from: &Decl,
    arg: impl Fn(&str) -> String,
) -> Result<Source, String> {
    let twin = from.params.iter().find(|p| p.name == field.name && is_field(p));
    let twin = twin.filter(|t| t.ty == field.ty || is_boolean(t) && is_boolean(field));
    let rule = old.rules.iter().find(|r| r.direction == direction && r.field == field.name);
    if let Some(rule) = rule {
        return match &rule.value {
            Value::Call(function, args) => {
                if let Some(stranger) =
                    args.iter().find(|a| !from.params.iter().any(|p| p.name == **a && is_field(p)))
                {
                    return Err(format!("{function}({stranger}): no such field on that side"));
                }
                let args: Vec<String> = args.iter().map(|a| arg(a)).collect();
                Ok(Source::Made(format!("crate::compat::{function}({})", args.join(", "))))
            }
            Value::Field(other) => {
                if !from.params.iter().any(|p| p.name == *other && is_field(p)) {
                    return Err(format!(".{other}: no such field on that side"));
                }
                Ok(Source::Made(format!("{}.clone()", arg(other).trim_start_matches('&'))))
            }
            literal => {
                let plain = constant(model, name, &field.ty, literal)?;
                Ok(match twin {
                    Some(t) if is_optional(t) && !is_optional(field) => Source::Or(plain),
                    _ if is_optional(field) => Source::Made(format!("Some({plain})")),
                    _ => Source::Made(plain),
                })
            }
        };
    }
    let arrow = if direction == Direction::Reading { "<-" } else { "->" };
    match twin {
        Some(_) if is_boolean(field) => Ok(Source::Same),
        Some(twin) => match (is_optional(twin), is_optional(field)) {
            (false, true) => Ok(Source::Wrapped),
            (true, false) => Err(format!("{} {arrow} ? (optional on the other side)", field.name)),
            _ => Ok(Source::Same),
        },
        None if from.params.iter().any(|p| p.name == field.name) => {
            Err(format!("{} {arrow} ? (another type on the other side)", field.name))
        }
        None if field.flag.is_some() => Ok(Source::Absent),
        None => Err(format!("{} {arrow} ? (missing on the other side)", field.name)),
    }
}

fn is_optional(param: &Param) -> bool {
    param.flag.is_some() && param.ty != Ty::True
}

/// Is it a plain `bool` in Rust?
fn is_boolean(param: &Param) -> bool {
    param.ty == Ty::True || param.ty == Ty::Bool && param.flag.is_none()
}

/// A constant of the schema as a Rust expression.
fn constant(model: &Model, name: &Name, ty: &Ty, value: &Value) -> Result<String, String> {
    match (value, ty) {
        (Value::Number(n), Ty::Int | Ty::Long) => Ok(n.clone()),
        (Value::Number(n), Ty::Double) => Ok(format!("{n}.0")),
        (Value::EmptyString, Ty::Str) => Ok("String::new()".into()),
        (Value::EmptyString, Ty::Bytes) | (Value::EmptyVector, Ty::Vector(_)) => Ok("Vec::new()".into()),
        (Value::False, Ty::Bool | Ty::True) => Ok("false".into()),
        (Value::Constructor(c), Ty::Named(t)) => {
            let made = model.constructor(name.world, c).ok_or_else(|| format!("no constructor {c}"))?;
            let of =
                model.type_of(name.world, t).filter(|t| t.names.iter().any(|&i| model.names[i].name == *c));
            let of = of.ok_or_else(|| format!("{c} is no {t}"))?;
            Ok(match (of.is_enum(), made.is_unit()) {
                (true, true) => format!("{}::{}", of.path, made.ident),
                (true, false) => format!("{}::from({}::default())", of.path, made.path),
                (false, _) => format!("{}::default()", made.path),
            })
        }
        _ => Err(format!("{value:?} is no value for that field")),
    }
}

/// Everything that `name`'s older lines leave unsaid.
pub fn unsaid(model: &Model, name: &Name, old: &Decl) -> Vec<String> {
    let read = name.fields().filter_map(|f| reading(model, name, old, f).err());
    let written =
        old.params.iter().filter(|p| is_field(p)).filter_map(|f| writing(model, name, old, f).err());
    let stray = old.rules.iter().filter(|r| {
        let side = if r.direction == Direction::Reading { name.newest() } else { old };
        !side.params.iter().any(|p| p.name == r.field && is_field(p))
    });
    let answer = (name.function && old.result != name.newest().result && old.returns.is_none())
        .then(|| "return -> ? (the newest shape answers another type)".to_owned());
    read.chain(written)
        .chain(stray.map(|r| format!("{}: a rule for no field", r.field)))
        .chain(answer)
        .collect()
}
