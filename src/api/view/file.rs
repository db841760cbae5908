//! Photos and documents, as a viewer reads them.

use model::Done;
use model::ids::FileId;
use model::tables::{DOCUMENTS, PHOTOS};
use tl::{enums, stored, types};

use super::View;
use crate::refs::Kind;

impl View<'_, '_> {
    /// A photo with this viewer's access hash and a fresh file reference.
    pub fn photo(&self, id: i64) -> Done<enums::Photo> {
        let Some(row) = self.tx.get(&PHOTOS, &FileId(id))? else {
            return Ok(types::PhotoEmpty { id }.into());
        };
        Ok(types::Photo {
            id,
            access_hash: self.site.access_hash(self.me, Kind::Photo, id),
            file_reference: self.site.file_reference(self.me, id, self.now),
            date: row.date,
            sizes: sizes(&row.sizes, &row.stripped),
            dc_id: self.dc,
            ..Default::default()
        }
        .into())
    }

    /// A document with this viewer's access hash and a fresh file reference.
    pub fn document(&self, id: i64) -> Done<enums::Document> {
        let Some(row) = self.tx.get(&DOCUMENTS, &FileId(id))? else {
            return Ok(types::DocumentEmpty { id }.into());
        };
        let thumbs = sizes(&row.thumbs, &row.stripped);
        Ok(types::Document {
            id,
            access_hash: self.site.access_hash(self.me, Kind::Document, id),
            file_reference: self.site.file_reference(self.me, id, self.now),
            date: row.date,
            mime_type: row.mime_type,
            size: row.size,
            thumbs: (!thumbs.is_empty()).then_some(thumbs),
            dc_id: self.dc,
            attributes: row.attributes,
            ..Default::default()
        }
        .into())
    }

    /// The tiny preview of a photo, as profile photos carry it.
    pub fn stripped(&self, id: i64) -> Done<Option<Vec<u8>>> {
        Ok(self.tx.get(&PHOTOS, &FileId(id))?.map(|row| row.stripped).filter(|bytes| !bytes.is_empty()))
    }
}

fn sizes(rows: &[stored::PhotoSize], stripped: &[u8]) -> Vec<enums::PhotoSize> {
    let mut sizes = Vec::with_capacity(rows.len() + 1);
    if !stripped.is_empty() {
        sizes.push(types::PhotoStrippedSize { type_: "i".to_owned(), bytes: stripped.to_vec() }.into());
    }
    sizes.extend(rows.iter().map(|row| {
        enums::PhotoSize::from(types::PhotoSize {
            type_: row.kind.clone(),
            w: row.w,
            h: row.h,
            size: row.size,
        })
    }));
    sizes
}
