//! Values of every line of the schema, grown from it: what is read and said in a layer is read and said there again as it
//! was.
#![no_main]

use arbitrary::Unstructured;
use chappe_fuzz::{again, grow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = run(data);
});

fn run(data: &[u8]) -> arbitrary::Result<()> {
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
