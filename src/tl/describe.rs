//! Values as text, by one interpreter over a table of all shapes: no generated type carries code of its own for printing
//! or comparing.
//!
//! What a field may hide from logs is in [`HIDDEN`].

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use crate::{Encode, Error, Layer, Reader, VECTOR, write};

include!(concat!(env!("OUT_DIR"), "/shapes.rs"));

/// Fields whose value is never printed, by their name or by that of their constructor and their own.
pub const HIDDEN: &[&str] = &[
    "new_nonce",
    "auth_key",
    "phone_code",
    "phone_code_hash",
    "phone_number",
    "phone",
    "password",
    "secret",
    "bot_auth_token",
    "future_auth_token",
    "code",
    "stored.loginCode.hash",
    "stored.authKey.key",
    "stored.secrets.access",
    "stored.secrets.files",
];

/// The part of the schema a shape stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// Constructors of the API.
    Types,
    /// Methods of the API.
    Functions,
    /// Constructors of MTProto itself.
    Service,
    /// Functions of MTProto itself.
    ServiceFunctions,
    /// Records on disk.
    Store,
}

/// One line of the schema.
#[derive(Debug)]
pub struct Shape {
    /// Where it stands.
    pub section: Section,
    /// Its id.
    pub id: u32,
    /// The first layer that speaks it.
    pub since: u16,
    /// The last layer that speaks it.
    pub until: u16,
    /// The constructor or method.
    pub name: &'static str,
    /// Its fields in their order on the wire, words of flags among them.
    pub fields: Vec<Field>,
    /// The type it makes, or answers.
    pub result: &'static str,
    /// The line without id and comment.
    pub line: &'static str,
}

/// One field of a shape.
#[derive(Debug)]
pub struct Field {
    /// As the schema writes it.
    pub name: &'static str,
    /// The word of flags and the bit that say whether it is there.
    pub flag: Option<(&'static str, u8)>,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the types of the TL language by their own names")]
pub enum Kind {
    Flags,
    True,
    Int,
    Long,
    Double,
    Int128,
    Int256,
    Bool,
    String,
    Bytes,
    Vector(Box<Kind>),
    BareVector(Box<Kind>),
    /// A type of the schema, its id first.
    Boxed(&'static str),
    /// A constructor of the schema, without its id.
    Bare(&'static str),
    /// Whatever follows.
    Rest,
}

/// Every line of the schema, in its order.
pub fn shapes() -> &'static [Shape] {
    static TABLE: OnceLock<Vec<Shape>> = OnceLock::new();
    TABLE.get_or_init(|| SHAPES.lines().filter_map(shape_of_line).collect())
}

/// The line that has this id.
#[must_use]
pub fn shape(id: u32) -> Option<&'static Shape> {
    static BY_ID: OnceLock<HashMap<u32, &'static Shape>> = OnceLock::new();
    BY_ID.get_or_init(|| shapes().iter().map(|s| (s.id, s)).collect()).get(&id).copied()
}

/// The first line of this name: its newest shape.
#[must_use]
pub fn newest(name: &str) -> Option<&'static Shape> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Shape>> = OnceLock::new();
    BY_NAME.get_or_init(|| shapes().iter().rev().map(|s| (s.name, s)).collect()).get(name).copied()
}

fn shape_of_line(text: &'static str) -> Option<Shape> {
    let mut words = text.splitn(5, ' ');
    let section = match words.next()? {
        "t" => Section::Types,
        "f" => Section::Functions,
        "s" => Section::Service,
        "q" => Section::ServiceFunctions,
        _ => Section::Store,
    };
    let id = u32::from_str_radix(words.next()?, 16).ok()?;
    let (since, until) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let line = words.next()?;
    let (left, result) = line.split_once(" = ")?;
    let (name, fields) = left.split_once(' ').unwrap_or((left, ""));
    let fields = fields.split_whitespace().filter(|f| !f.starts_with('{')).filter_map(field).collect();
    Some(Shape { section, id, since, until, name, fields, result, line })
}

fn field(text: &'static str) -> Option<Field> {
    let (name, rest) = text.split_once(':')?;
    Some(match rest.split_once('?') {
        Some((flag, ty)) => {
            let (word, bit) = flag.split_once('.')?;
            Field { name, flag: Some((word, bit.parse().ok()?)), kind: kind(ty) }
        }
        None => Field { name, flag: None, kind: kind(rest) },
    })
}

fn kind(text: &'static str) -> Kind {
    let inner = |prefix: &str| text.strip_prefix(prefix).and_then(|t| t.strip_suffix('>'));
    match text {
        "#" => Kind::Flags,
        "true" => Kind::True,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "double" => Kind::Double,
        "int128" => Kind::Int128,
        "int256" => Kind::Int256,
        "Bool" => Kind::Bool,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "Object" | "!X" => Kind::Rest,
        "vector<%Message>" => Kind::Rest,
        _ => match (inner("Vector<"), inner("vector<")) {
            (Some(element), _) => Kind::Vector(Box::new(kind(element))),
            (_, Some(element)) => Kind::BareVector(Box::new(kind(element))),
            _ if text.rsplit('.').next().is_some_and(|t| t.starts_with(|c: char| c.is_ascii_lowercase())) => {
                Kind::Bare(text)
            }
            _ => Kind::Boxed(text),
        },
    }
}

/// Prints `value` for a log or a failing test: `messages.receivedMessages { max_id: 7 }`.
///
/// # Errors
/// Those of `f`.
pub fn debug(value: &dyn Encode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&print(&write(value, Layer::ALL), Style::Debug))
}

/// `value` as JSON, its constructor under `"_"`, bytes in hexadecimal.
#[must_use]
pub fn json(value: &dyn Encode) -> String {
    print(&write(value, Layer::ALL), Style::Json)
}

/// Prints the boxed value in `bytes`, whoever wrote it and for whichever layer.
#[must_use]
pub fn debug_bytes(bytes: &[u8]) -> String {
    print(bytes, Style::Debug)
}

/// Are both values the same bytes?
#[must_use]
pub fn same(a: &dyn Encode, b: &dyn Encode) -> bool {
    write(a, Layer::ALL) == write(b, Layer::ALL)
}

fn is_hidden(shape: &Shape, field: &Field) -> bool {
    HIDDEN.iter().any(|hidden| match hidden.rsplit_once('.') {
        Some((constructor, name)) => constructor == shape.name && name == field.name,
        None => *hidden == field.name,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Debug,
    Json,
}

fn print(bytes: &[u8], style: Style) -> String {
    let mut printer = Printer { style, out: String::new() };
    let mut r = Reader::new(bytes);
    if let Err(fault) = printer.boxed(&mut r) {
        let _ = write!(printer.out, "<{fault}>");
    } else if r.remaining() > 0 {
        let _ = write!(printer.out, " + {} bytes", r.remaining());
    }
    printer.out
}

struct Printer {
    style: Style,
    out: String,
}

impl Printer {
    fn boxed(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        match r.peek_u32() {
            Some(VECTOR) => {
                r.u32()?;
                // The elements of a vector that stands alone are boxed: nothing else can be told apart.
                self.list(r, |printer, r| printer.boxed(r))
            }
            Some(crate::BOOL_TRUE | crate::BOOL_FALSE) => self.value(r, &Kind::Bool),
            _ => {
                let id = r.u32()?;
                let shape = shape(id).ok_or(Error::UnknownConstructor { expected: "known shape", id })?;
                r.nested(|r| self.fields(r, shape))
            }
        }
    }

    fn fields(&mut self, r: &mut Reader<'_>, shape: &Shape) -> Result<(), Error> {
        let json = self.style == Style::Json;
        let has_fields = shape.fields.iter().any(|f| !matches!(f.kind, Kind::Flags | Kind::Rest));
        if json {
            let _ = write!(self.out, "{{\"_\":\"{}\"", shape.name);
        } else {
            self.out.push_str(shape.name);
            self.out.push_str(if has_fields { " {" } else { "" });
        }
        let mut words: Vec<(&str, u32)> = Vec::new();
        let mut first = !json;
        for field in &shape.fields {
            if field.kind == Kind::Flags {
                words.push((field.name, r.u32()?));
                continue;
            }
            let there = field.flag.is_none_or(|(word, bit)| {
                words.iter().any(|(name, bits)| *name == word && bits & (1 << bit) != 0)
            });
            if !there || field.kind == Kind::Rest {
                continue;
            }
            self.out.push_str(if first { " " } else { ", " });
            first = false;
            let _ = match (json, &field.kind) {
                (true, _) => write!(self.out, "\"{}\": ", field.name),
                (false, Kind::True) => write!(self.out, "{}", field.name),
                (false, _) => write!(self.out, "{}: ", field.name),
            };
            if is_hidden(shape, field) {
                let mut nobody = Self { style: self.style, out: String::new() };
                nobody.value(r, &field.kind)?;
                self.out.push_str(if json { "\"<hidden>\"" } else { "<hidden>" });
            } else if json || field.kind != Kind::True {
                self.value(r, &field.kind)?;
            }
        }
        self.out.push_str(match (json, has_fields) {
            (true, _) => "}",
            (false, true) => " }",
            (false, false) => "",
        });
        Ok(())
    }

    fn value(&mut self, r: &mut Reader<'_>, kind: &Kind) -> Result<(), Error> {
        let _ = match kind {
            Kind::Flags | Kind::Rest => Ok(()),
            Kind::True => write!(self.out, "true"),
            Kind::Int => write!(self.out, "{}", r.i32()?),
            Kind::Long => write!(self.out, "{}", r.i64()?),
            Kind::Double => write!(self.out, "{}", r.f64()?),
            Kind::Bool => write!(self.out, "{}", r.bool()?),
            Kind::String => {
                self.text(&r.string()?);
                Ok(())
            }
            Kind::Int128 => {
                self.hex(&r.array::<16>()?);
                Ok(())
            }
            Kind::Int256 => {
                self.hex(&r.array::<32>()?);
                Ok(())
            }
            Kind::Bytes => {
                self.hex(r.bytes_ref()?);
                Ok(())
            }
            Kind::Boxed(_) => return self.boxed(r),
            Kind::Bare(name) => {
                let shape =
                    newest(name).ok_or(Error::UnknownConstructor { expected: "known shape", id: 0 })?;
                return r.nested(|r| self.fields(r, shape));
            }
            Kind::Vector(element) => {
                r.u32()?;
                return self.list(r, |printer, r| printer.value(r, element));
            }
            Kind::BareVector(element) => return self.list(r, |printer, r| printer.value(r, element)),
        };
        Ok(())
    }

    fn list(
        &mut self,
        r: &mut Reader<'_>,
        mut element: impl FnMut(&mut Self, &mut Reader<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push('[');
        let mut first = true;
        r.bare_vector(|r| {
            if !std::mem::take(&mut first) {
                self.out.push_str(", ");
            }
            element(self, r)
        })?;
        self.out.push(']');
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.style == Style::Debug {
            let _ = write!(self.out, "{text:?}");
            return;
        }
        self.out.push('"');
        for c in text.chars() {
            let _ = match c {
                '"' | '\\' => write!(self.out, "\\{c}"),
                c if c.is_control() => write!(self.out, "\\u{:04x}", u32::from(c)),
                c => write!(self.out, "{c}"),
            };
        }
        self.out.push('"');
    }

    fn hex(&mut self, bytes: &[u8]) {
        let quote = if self.style == Style::Json { "\"" } else { "" };
        self.out.push_str(quote);
        for byte in bytes {
            let _ = write!(self.out, "{byte:02x}");
        }
        self.out.push_str(quote);
    }
}
