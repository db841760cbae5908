//! The sizes of a photo, made from what was uploaded.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader};

use crate::limits;

/// One size of a photo.
pub(crate) struct Size {
    /// Its letter: clients know each by the side of the square into which it fits.
    pub(crate) kind: &'static str,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) jpeg: Vec<u8>,
}

/// The letters of photo sizes and their squares, in pixels. <https://core.telegram.org/api/files#image-thumbnail-types>
const KINDS: [(&str, u32); 3] = [("m", 320), ("x", 800), ("y", 1280)];

/// The quality of the JPEGs, of 100.
const QUALITY: u8 = 87;

/// The sizes of an image, smallest first; nothing if it is no JPEG or PNG, or larger than photos may be.
pub(crate) fn sizes(bytes: &[u8]) -> Option<Vec<Size>> {
    let mut decoder = {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut bounds = image::Limits::default();
        bounds.max_image_width = Some(limits::IMAGE_SIDE_MAX);
        bounds.max_image_height = Some(limits::IMAGE_SIDE_MAX);
        bounds.max_alloc = Some(limits::IMAGE_MEMORY_MAX);
        reader.limits(bounds);
        reader.into_decoder().ok()?
    };
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width().max(1), image.height().max(1));
    if width.max(height) / width.min(height) > limits::IMAGE_RATIO_MAX {
        return None;
    }
    let mut made = Vec::new();
    for (kind, side) in KINDS {
        made.push(size(&image, kind, side)?);
        if width.max(height) <= side {
            break;
        }
    }
    Some(made)
}

fn size(image: &DynamicImage, kind: &'static str, side: u32) -> Option<Size> {
    let smaller = if image.width().max(image.height()) > side {
        image.resize(side, side, FilterType::Triangle).into_rgb8()
    } else {
        image.to_rgb8()
    };
    let mut jpeg = Vec::new();
    smaller.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY)).ok()?;
    let (width, height) = (i32::try_from(smaller.width()).ok()?, i32::try_from(smaller.height()).ok()?);
    Some(Size { kind, width, height, jpeg })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::new_rgba8(width, height).write_to(&mut out, image::ImageFormat::Png).expect("written");
        out.into_inner()
    }

    #[test]
    fn a_large_image_has_all_sizes_and_a_small_one_its_own() {
        let of = |w, h| -> Vec<_> {
            sizes(&png(w, h)).expect("an image").iter().map(|s| (s.kind, s.width, s.height)).collect()
        };
        assert_eq!(of(2000, 1000), [("m", 320, 160), ("x", 800, 400), ("y", 1280, 640)]);
        assert_eq!(of(100, 50), [("m", 100, 50)]);
    }

    #[test]
    fn what_is_no_photo_is_none() {
        assert!(sizes(b"").is_none());
        assert!(sizes(b"GIF89a").is_none());
        assert!(sizes(&png(2100, 100)).is_none(), "too narrow");
        let mut cut = png(64, 64);
        cut.truncate(60);
        assert!(sizes(&cut).is_none());
    }
}
