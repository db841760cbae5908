//! Calls of every method, their arguments grown from the schema, through the real dispatcher over a memory store in which
//! people, a group and a channel exist; then what is pushed about them.

use crate::grow;
use crate::world::World;
use api::envelope::Peeled;
use api::{Brought, Later};
use arbitrary::Unstructured;
use tl::describe::{Section, Shape, shapes};

const CALLS_MAX: usize = 8;

/// Takes any bytes.
pub fn run(data: &[u8]) {
    let _ = grown(data);
}

fn grown(data: &[u8]) -> arbitrary::Result<()> {
    let methods: Vec<&Shape> = shapes().iter().filter(|s| s.section == Section::Functions).collect();
    let mut u = Unstructured::new(data);
    let mut world = World::people();
    for _ in 0..CALLS_MAX {
        if u.is_empty() {
            break;
        }
        let who = u.choose_index(3)?;
        let layer = u.int_in_range(146..=232)?;
        let shape = *u.choose(&methods)?;
        let query = grow::value(&mut u, shape, &|u, field| world.hint(u, field.name))?;
        let peeled = Peeled { layer: Some(layer), query, ..Default::default() };
        let mut fetch = |later: Later| {
            let brought = match u.int_in_range(0..=4_u8).unwrap_or(0) {
                0 => Brought::Kept,
                1 => Brought::Bytes(vec![1; 40]),
                2 => Brought::Md5([1; 16]),
                3 => Brought::NoImage,
                _ => Brought::Failed,
            };
            later.done(brought)
        };
        world.call(who, &peeled, &mut fetch);
    }
    world.push_all();
    Ok(())
}
