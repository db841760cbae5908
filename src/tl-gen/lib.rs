//! Turns `schema.tl` into Rust.
//!
//! [`parse`] reads lines, [`model`] sees them as a whole, [`derive`] finds how older shapes become the newest, and
//! `structs`, `reading`, `enums` and `names` write plain text. No formatting crate, no syntax trees: the output is regular.
#![forbid(unsafe_code)]

mod derive;
mod enums;
mod model;
mod names;
mod parse;
mod reading;
mod rust;
mod size;
mod structs;

use model::{Model, World};

/// The files made from the text of a schema: name and content.
///
/// # Errors
/// What is wrong with the schema, each fault with its line.
pub fn generate(schema: &str) -> Result<Vec<(&'static str, String)>, String> {
    let decls = parse::parse(schema)?;
    let shapes = names::shapes(&decls);
    let model = Model::new(decls)?;
    let faults = faults(&model);
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    Ok(vec![
        ("types.rs", structs::file(&model, World::Api, Some(false))),
        ("functions.rs", structs::file(&model, World::Api, Some(true))),
        ("enums.rs", enums::file(&model, World::Api)),
        ("service.rs", structs::file(&model, World::Service, None) + &enums::nested(&model, World::Service)),
        ("stored.rs", structs::file(&model, World::Store, None) + &enums::nested(&model, World::Store)),
        ("names.rs", names::file(&model)),
        ("shapes.rs", shapes),
        ("any.rs", names::any(&model)),
    ])
}

/// What the older lines leave unsaid, and updates that would leave a gap where they are not known.
fn faults(model: &Model) -> Vec<String> {
    let mut out = Vec::new();
    for name in &model.names {
        let counted = name.fields().any(|f| f.name == "pts");
        if counted && name.unspeakable && name.newest().result == parse::Ty::Named("Update".into()) {
            out.push(format!(
                "schema.tl:{}: {}: carries pts and is unspeakable in some layer; it needs an `else`",
                name.newest().line,
                name.name
            ));
        }
        let borrowed = name.shapes.iter().find(|shape| shape.borrowed);
        if let Some(line) = borrowed.filter(|_| name.world != World::Store || name.shapes.len() > 1) {
            out.push(format!(
                "schema.tl:{}: {}: only a record with one line can be borrowed",
                line.line, name.name
            ));
        }
        for old in name.shapes.iter().skip(1) {
            let unsaid = derive::unsaid(model, name, old);
            if !unsaid.is_empty() {
                out.push(format!("schema.tl:{}: {}: {}", old.line, name.name, unsaid.join("; ")));
            }
        }
    }
    out
}
