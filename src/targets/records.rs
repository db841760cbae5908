//! Records of the disk: any bytes are refused or read; what is grown from the schema is kept as it is.

use crate::{again, grow, read_any};
use arbitrary::Unstructured;
use tl::describe::{Section, Shape, shapes};
use tl::{Layer, Reader};

/// Takes any bytes.
pub fn run(data: &[u8]) {
    let _ = grown(data);
}

fn grown(data: &[u8]) -> arbitrary::Result<()> {
    let records: Vec<&Shape> = shapes().iter().filter(|s| s.section == Section::Store).collect();
    let mut u = Unstructured::new(data);
    let shape = *u.choose(&records)?;
    if u.arbitrary()? {
        // A damaged record: the right id, then anything.
        let bytes = [&shape.id.to_le_bytes()[..], u.take_rest()].concat();
        if let Ok(record) = read_any(&mut Reader::new(&bytes)) {
            let kept = tl::write(&*record, Layer::ALL);
            assert!(read_any(&mut Reader::new(&kept)).is_ok(), "{}", shape.line);
        }
        return Ok(());
    }
    let bytes = grow::value(&mut u, shape, &grow::unhinted)?;
    if let Some(once) = again(&bytes, Layer::ALL.0) {
        assert!(again(&once, Layer::ALL.0).as_ref() == Some(&once), "{}", shape.line);
    }
    Ok(())
}
