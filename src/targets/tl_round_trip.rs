//! Values of every line of the schema, grown from it: what is read and said in a layer is read and said there again as it
//! was.

use crate::{again, grow};
use arbitrary::Unstructured;

/// Takes any bytes.
pub fn run(data: &[u8]) {
    let _ = grown(data);
}

fn grown(data: &[u8]) -> arbitrary::Result<()> {
    let mut u = Unstructured::new(data);
    let layer = u.int_in_range(146..=232)?;
    let shape = grow::any_shape(&mut u)?;
    let bytes = grow::value(&mut u, shape, &grow::unhinted)?;
    if let Some(once) = again(&bytes, layer) {
        let twice = again(&once, layer);
        assert!(twice.as_ref() == Some(&once), "{} in {layer}: {once:02x?} {twice:02x?}", shape.line);
    }
    Ok(())
}
