//! Values grown from the table of shapes: the fuzzer's bytes choose constructors, flags and contents, so that nearly
//! everything reads, and what is found lies behind the reader.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use tl::describe::{Field, Kind, Section, Shape, newest, shapes};
use tl::{Layer, Writer};

/// How deep a value varies; below, it takes the shallowest constructors that there are.
const DEPTH: u8 = 4;

/// What stands behind a method's access hashes and ids: values that the world under test knows.
pub type Hints<'a> = &'a dyn Fn(&mut Unstructured<'_>, &Field) -> Result<Option<i64>>;

/// Constructors of the API's and the disk's types by type, those that end soonest first.
fn constructors(of: &str) -> &'static [&'static Shape] {
    static TABLE: OnceLock<HashMap<&str, Vec<&Shape>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<&str, Vec<&Shape>> = HashMap::new();
        for shape in shapes().iter().filter(|s| !matches!(s.section, Section::Functions)) {
            table.entry(shape.result).or_default().push(shape);
        }
        let depths = depths(&table);
        for list in table.values_mut() {
            list.retain(|shape| depths.contains_key(&shape.id));
            list.sort_by_key(|shape| depths.get(&shape.id));
        }
        table
    });
    table.get(of).map_or(&[], Vec::as_slice)
}

/// For each constructor how deep its shallowest value is; without those that cannot be finished.
fn depths(table: &HashMap<&str, Vec<&Shape>>) -> HashMap<u32, usize> {
    let mut depths: HashMap<u32, usize> = HashMap::new();
    loop {
        let before = depths.len();
        for shape in table.values().flatten() {
            let needed =
                shape.fields.iter().filter(|field| field.flag.is_none()).map(|field| match field.kind {
                    Kind::Boxed(name) => {
                        let known = table.get(name).into_iter().flatten().filter_map(|s| depths.get(&s.id));
                        known.min().map(|depth| depth + 1)
                    }
                    _ => Some(0),
                });
            if let Some(needed) = needed.collect::<Option<Vec<usize>>>() {
                depths.entry(shape.id).or_insert(needed.into_iter().max().unwrap_or(0));
            }
        }
        if depths.len() == before {
            return depths;
        }
    }
}

/// Any line of the schema.
///
/// # Errors
/// The fuzzer's bytes are used up.
pub fn any_shape(u: &mut Unstructured<'_>) -> Result<&'static Shape> {
    u.choose(shapes())
}

/// A boxed value of `shape`.
///
/// # Errors
/// The fuzzer's bytes are used up.
pub fn value(u: &mut Unstructured<'_>, shape: &Shape, hints: Hints<'_>) -> Result<Vec<u8>> {
    let mut w = Writer::new(Layer::ALL);
    w.u32(shape.id);
    Grower { u, hints }.fields(shape, Some(DEPTH), &mut w)?;
    Ok(w.out)
}

struct Grower<'a, 'b, 'c> {
    u: &'a mut Unstructured<'b>,
    hints: Hints<'c>,
}

impl Grower<'_, '_, '_> {
    fn fields(&mut self, shape: &Shape, depth: Option<u8>, out: &mut Writer) -> Result<()> {
        let mut words: BTreeMap<&str, u32> = BTreeMap::new();
        for field in &shape.fields {
            let there = |(word, bit): (&str, u8)| words.get(word).is_some_and(|bits| bits & (1 << bit) != 0);
            if field.kind == Kind::Flags {
                let used = shape.fields.iter().filter_map(|f| f.flag).filter(|(word, _)| *word == field.name);
                let used = used.fold(0, |bits, (_, bit)| bits | 1 << bit);
                let bits = if depth.is_some() { self.u.arbitrary::<u32>()? & used } else { 0 };
                words.insert(field.name, bits);
                out.u32(bits);
            } else if field.flag.is_none_or(there) {
                self.field(field, &field.kind, depth, out)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, kind: &Kind, depth: Option<u8>, out: &mut Writer) -> Result<()> {
        let known = match kind {
            Kind::Int | Kind::Long => (self.hints)(self.u, field)?,
            _ => None,
        };
        match kind {
            Kind::Flags | Kind::True => {}
            Kind::Rest => out.raw(self.u.bytes(self.u.len().min(64))?),
            Kind::Int => {
                out.i32(known.map_or_else(|| self.number(), |known| Ok(known as i32 as i64))? as i32)
            }
            Kind::Long => out.i64(known.map_or_else(|| self.number(), Ok)?),
            Kind::Double => out.f64(self.u.arbitrary()?),
            Kind::Int128 => out.raw(&self.u.arbitrary::<[u8; 16]>()?),
            Kind::Int256 => out.raw(&self.u.arbitrary::<[u8; 32]>()?),
            Kind::Bool => out.bool(self.u.arbitrary()?),
            Kind::String => {
                let text = <&str>::arbitrary_short(self.u)?;
                out.bytes(text.as_bytes());
            }
            Kind::Bytes => {
                let bytes = self.u.arbitrary::<&[u8]>()?;
                out.bytes(bytes.get(..300).unwrap_or(bytes));
            }
            Kind::Vector(element) => {
                out.u32(tl::VECTOR);
                self.field(field, &Kind::BareVector(element.clone()), depth, out)?;
            }
            Kind::BareVector(element) => {
                let count = if depth.is_some() { self.u.int_in_range(0..=3_u32)? } else { 0 };
                out.u32(count);
                for _ in 0..count {
                    self.field(field, element, deeper(depth), out)?;
                }
            }
            Kind::Boxed(name) => {
                let all = constructors(name);
                let choice = if depth.is_some_and(|depth| depth > 0) && !all.is_empty() {
                    self.u.choose_index(all.len())?
                } else {
                    0
                };
                // A type whose constructors this schema does not know: whatever comes is refused by the reader.
                let Some(shape) = all.get(choice) else { return Ok(()) };
                out.u32(shape.id);
                self.fields(shape, deeper(depth), out)?;
            }
            Kind::Bare(name) => {
                if let Some(shape) = newest(name) {
                    self.fields(shape, deeper(depth), out)?;
                }
            }
        }
        Ok(())
    }

    /// Small ones as often as any at all: what is counted, and the edges.
    fn number(&mut self) -> Result<i64> {
        Ok(match self.u.int_in_range(0..=7_u8)? {
            0..=4 => i64::from(self.u.arbitrary::<i8>()?),
            5 => i64::from(self.u.arbitrary::<i32>()?),
            6 => *self.u.choose(&[i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX)])?,
            _ => self.u.arbitrary()?,
        })
    }
}

/// Texts of a length that a fuzzer can afford.
trait Short<'a>: Sized {
    fn arbitrary_short(u: &mut Unstructured<'a>) -> Result<Self>;
}

impl<'a> Short<'a> for &'a str {
    fn arbitrary_short(u: &mut Unstructured<'a>) -> Result<Self> {
        let text: &str = u.arbitrary()?;
        let end = text.char_indices().map(|(at, _)| at).nth(80).unwrap_or(text.len());
        Ok(text.get(..end).unwrap_or_default())
    }
}

/// One step down; below zero nothing varies any more.
fn deeper(depth: Option<u8>) -> Option<u8> {
    depth.and_then(|depth| depth.checked_sub(1))
}

/// No hints: every number is the fuzzer's.
///
/// # Errors
/// Never.
pub fn unhinted(_: &mut Unstructured<'_>, _: &Field) -> Result<Option<i64>> {
    Ok(None)
}
