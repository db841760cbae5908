//! How large the Rust types will be, about, and what stands in a box because of it.
//!
//! A value is moved several times on its way from bytes into a list. Where one constructor of a type, or one optional field,
//! is much larger than the others and rare, everything pays for its room; so it stands behind a pointer.

use crate::model::{Model, World};
use crate::parse::{Param, Ty, Value};

/// Constructors larger than this stand in a box inside their enum, in bytes.
const VARIANT_BYTES_MAX: usize = 80;
/// Optional fields larger than this stand in a box, in bytes.
const FIELD_BYTES_MAX: usize = 32;

const POINTER_BYTES: usize = 8;

/// Boxes what is large, beside what is in a box already.
pub fn box_large(model: &mut Model) {
    let mut sizes = vec![Size::Unknown; model.names.len()];
    for i in 0..model.names.len() {
        of_name(model, i, &mut sizes);
    }
}

#[derive(Clone, Copy)]
enum Size {
    Unknown,
    /// It contains itself, so it is in a box somewhere on the way.
    Underway,
    Known(usize),
}

fn of_name(model: &mut Model, i: usize, sizes: &mut [Size]) -> usize {
    match sizes[i] {
        Size::Known(bytes) => return bytes,
        Size::Underway => return POINTER_BYTES,
        Size::Unknown => sizes[i] = Size::Underway,
    }
    let world = model.names[i].world;
    let fields: Vec<Param> = model.names[i].fields().cloned().collect();
    let mut bytes = 0;
    for field in &fields {
        if model.names[i].boxed_fields.contains(&field.name) {
            bytes += POINTER_BYTES;
            continue;
        }
        let (mut field_bytes, has_niche) = of_type(model, world, &field.ty, sizes);
        let optional = field.flag.is_some() && field.ty != Ty::True;
        if optional && field_bytes > FIELD_BYTES_MAX && may_be_boxed(model, i, field) {
            model.names[i].boxed_fields.insert(field.name.clone());
            field_bytes = POINTER_BYTES;
        } else if optional && !has_niche {
            field_bytes *= 2;
        }
        bytes += field_bytes;
    }
    let bytes = bytes.next_multiple_of(8);
    sizes[i] = Size::Known(bytes);
    bytes
}

/// The size of a type, and whether an `Option` of it takes no more.
fn of_type(model: &mut Model, world: World, ty: &Ty, sizes: &mut [Size]) -> (usize, bool) {
    match ty {
        Ty::Flags | Ty::Rest | Ty::Int => (4, false),
        Ty::True | Ty::Bool => (1, true),
        Ty::Long | Ty::Double => (8, false),
        Ty::Int128 => (16, false),
        Ty::Int256 => (32, false),
        Ty::Str | Ty::Bytes | Ty::Vector(_) | Ty::BareVector(_) => (24, true),
        Ty::Named(name) => {
            let Some(of) = model.type_of(world, name) else { return (0, true) };
            let (names, is_enum) = (of.names.clone(), of.is_enum());
            let mut largest = 0;
            for i in names {
                let bytes = of_name(model, i, sizes);
                let name = &mut model.names[i];
                name.boxed |= is_enum && bytes > VARIANT_BYTES_MAX;
                largest = largest.max(if is_enum && name.boxed { POINTER_BYTES } else { bytes });
            }
            (largest + if is_enum { 8 } else { 0 }, true)
        }
        Ty::Bare(name) => {
            let i = model.names.iter().position(|n| n.world == world && !n.function && n.name == *name);
            (i.map_or(0, |i| of_name(model, i, sizes)), true)
        }
    }
}

/// Whether a field may stand in a box: it is a struct of its own, in every shape that has it, and no rule of the schema makes
/// it or is made of it. Queries and records are read once and used; only what is answered is moved about.
fn may_be_boxed(model: &Model, i: usize, field: &Param) -> bool {
    let name = &model.names[i];
    let Ty::Named(of) = &field.ty else { return false };
    let is_struct = model.type_of(name.world, of).is_some_and(|of| !of.is_enum());
    let same_everywhere =
        name.shapes.iter().flat_map(|s| &s.params).filter(|p| p.name == field.name).all(|p| p.ty == field.ty);
    let ruled = name.shapes.iter().flat_map(|s| &s.rules).any(|rule| {
        let made_of_it = match &rule.value {
            Value::Call(_, args) => args.contains(&field.name),
            Value::Field(other) => *other == field.name,
            _ => false,
        };
        rule.field == field.name || made_of_it
    });
    name.world == World::Api && !name.function && is_struct && same_everywhere && !ruled
}
