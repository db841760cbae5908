//! The sizes of a photo, made from what was uploaded. What leaves is always a new JPEG: nothing of what a camera writes into
//! an image beside the picture, such as the place, reaches anybody.

use std::io::Cursor;

use api::Shape;
use image::imageops::FilterType;
use image::{DynamicImage, GenericImageView as _, ImageDecoder as _, ImageReader, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::limits;

/// What was made of an image.
#[derive(Debug)]
pub(crate) struct Made {
    /// The sizes, smallest first.
    pub(crate) sizes: Vec<Size>,
    /// The tiny preview.
    pub(crate) stripped: Vec<u8>,
    /// Width and height of the image, as it is to be held.
    pub(crate) original: (u32, u32),
}

/// One size of a photo.
#[derive(Debug)]
pub(crate) struct Size {
    /// Its letter: clients know each by the side of the square into which it fits.
    pub(crate) kind: &'static str,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) jpeg: Vec<u8>,
}

/// Why nothing was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// No JPEG, PNG or WebP, or a broken one.
    NoImage,
    /// Too large, or too narrow.
    Dimensions,
}

/// The letters of sizes and their squares, in pixels, largest first. <https://core.telegram.org/api/files#image-thumbnail-types>
const fn kinds(shape: Shape) -> &'static [(&'static str, u32)] {
    match shape {
        Shape::Picture => &[("y", 1280), ("x", 800), ("m", 320)],
        Shape::Portrait => &[("c", 640), ("b", 320), ("a", 160)],
        Shape::Preview => &[("m", 320)],
    }
}

/// The quality of the JPEGs, of 100.
const QUALITY: u8 = 87;

/// The side of the square of the tiny preview, in pixels.
const STRIPPED_SIDE: u32 = 40;

/// The quality of the tiny preview: that of the tables in the head that clients put in front of it.
const STRIPPED_QUALITY: u8 = 20;

/// The sizes of an image.
pub(crate) fn make(bytes: &[u8], shape: Shape) -> Result<Made, Unfit> {
    let image = decode(bytes)?;
    let original = image.dimensions();
    let image = match shape {
        Shape::Portrait => middle(image),
        Shape::Picture | Shape::Preview => image,
    };
    // Transparent becomes white: a JPEG knows no other way, and black hides dark writing.
    let mut picture = on_white(&image);
    drop(image);
    let kinds = kinds(shape);
    let longest = picture.width().max(picture.height());
    let mut sizes = Vec::with_capacity(kinds.len());
    for (at, (kind, side)) in kinds.iter().enumerate() {
        // Of the sizes into which the whole image fits, the smallest has it; none is blown up.
        if kinds.get(at + 1).is_some_and(|(_, next)| longest <= *next) {
            continue;
        }
        picture = fit(picture, *side);
        let jpeg = encode(&picture, QUALITY)?;
        sizes.push(Size { kind, width: small(picture.width())?, height: small(picture.height())?, jpeg });
    }
    sizes.reverse();
    let stripped = strip(&fit(picture, STRIPPED_SIDE))?;
    Ok(Made { sizes, stripped, original })
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, Unfit> {
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| Unfit::NoImage)?;
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(limits::IMAGE_MEMORY_MAX);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(|_| Unfit::NoImage)?;
    // Known from the head, before anything of the picture is unpacked.
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Unfit::NoImage);
    }
    if width.saturating_add(height) > limits::IMAGE_SIDES_MAX
        || width.max(height) / width.min(height) > limits::IMAGE_RATIO_MAX
    {
        return Err(Unfit::Dimensions);
    }
    let orientation = decoder.orientation().map_err(|_| Unfit::NoImage)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| Unfit::NoImage)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The largest square in the middle.
fn middle(image: DynamicImage) -> DynamicImage {
    let (width, height) = image.dimensions();
    let side = width.min(height);
    image.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, a] = image.get_pixel(x, y).0.map(u16::from);
        Rgb([r, g, b].map(|c| u8::try_from((c * a + 255 * (255 - a)) / 255).unwrap_or(u8::MAX)))
    })
}

/// The picture in a square of this side; a smaller one as it is.
fn fit(picture: RgbImage, side: u32) -> RgbImage {
    if picture.width().max(picture.height()) <= side {
        return picture;
    }
    DynamicImage::ImageRgb8(picture).resize(side, side, FilterType::CatmullRom).into_rgb8()
}

fn small(pixels: u32) -> Result<u16, Unfit> {
    u16::try_from(pixels).map_err(|_| Unfit::Dimensions)
}

/// A JPEG with the standard Huffman tables, its colours at half the resolution.
fn encode(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Unfit> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(picture, small(picture.width())?, small(picture.height())?, ColorType::Rgb)
        .map_err(|_| Unfit::NoImage)?;
    Ok(jpeg)
}

/// A tiny JPEG without its head and its end, which are the same for all: a one, height, width, and the coded picture.
///
/// Clients put the head of their own in front, so the tables have to be those that stand there: Annex K of T.81 at
/// quality 20. <https://core.telegram.org/api/files#stripped-thumbnails>
fn strip(picture: &RgbImage) -> Result<Vec<u8>, Unfit> {
    const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
    const END: [u8; 2] = [0xff, 0xd9];
    let tiny = |pixels: u32| u8::try_from(pixels).map_err(|_| Unfit::Dimensions);
    let jpeg = encode(picture, STRIPPED_QUALITY)?;
    let scan = jpeg.windows(2).position(|mark| mark == START_OF_SCAN).ok_or(Unfit::NoImage)?;
    let (head, coded) = jpeg.split_at(scan + 2);
    debug_assert!(head.ends_with(&START_OF_SCAN));
    let (length, _) = coded.split_first_chunk::<2>().ok_or(Unfit::NoImage)?;
    let coded = coded.get(usize::from(u16::from_be_bytes(*length))..).ok_or(Unfit::NoImage)?;
    let coded = coded.strip_suffix(&END).unwrap_or(coded);
    Ok([&[1, tiny(picture.height())?, tiny(picture.width())?], coded].concat())
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgba};

    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, ImageFormat::Png).expect("written");
        out.into_inner()
    }

    fn blank(width: u32, height: u32) -> Vec<u8> {
        png(&DynamicImage::new_rgb8(width, height))
    }

    fn colourful(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let byte = |n: u32| u8::try_from(n % 256).unwrap_or(0);
            Rgb([byte(x * 6), byte(y * 6), byte((x + y) * 3)])
        })
    }

    #[test]
    fn a_large_image_has_all_sizes_and_a_small_one_its_own() {
        let of = |w, h, shape| -> Vec<_> {
            let made = make(&blank(w, h), shape).expect("an image");
            assert_eq!(made.original, (w, h));
            for size in &made.sizes {
                let again = image::load_from_memory(&size.jpeg).expect("a JPEG");
                assert_eq!((again.width(), again.height()), (size.width.into(), size.height.into()));
            }
            made.sizes.iter().map(|s| (s.kind, s.width, s.height)).collect()
        };
        assert_eq!(of(2000, 1000, Shape::Picture), [("m", 320, 160), ("x", 800, 400), ("y", 1280, 640)]);
        assert_eq!(of(500, 1000, Shape::Picture), [("m", 160, 320), ("x", 400, 800), ("y", 500, 1000)]);
        assert_eq!(of(100, 50, Shape::Picture), [("m", 100, 50)]);
        assert_eq!(of(700, 900, Shape::Portrait), [("a", 160, 160), ("b", 320, 320), ("c", 640, 640)]);
        assert_eq!(of(64, 64, Shape::Portrait), [("a", 64, 64)]);
        assert_eq!(of(1000, 400, Shape::Preview), [("m", 320, 128)]);
    }

    #[test]
    fn what_is_no_photo_is_refused() {
        let refused = |bytes: &[u8]| make(bytes, Shape::Picture).expect_err("no photo");
        assert_eq!(refused(b""), Unfit::NoImage);
        assert_eq!(refused(b"GIF89a"), Unfit::NoImage);
        assert_eq!(refused(&[0xff; 4096]), Unfit::NoImage);
        assert_eq!(refused(&blank(2100, 100)), Unfit::Dimensions, "too narrow");
        assert_eq!(refused(&blank(6000, 4001)), Unfit::Dimensions, "too large");
        let mut cut = png(&colourful(64, 64).into());
        cut.truncate(cut.len() / 2);
        assert_eq!(refused(&cut), Unfit::NoImage);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        // A PNG whose head promises more than four billion pixels.
        let mut bomb = blank(8, 8);
        bomb[16..20].copy_from_slice(&65_535_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&65_535_u32.to_be_bytes());
        let sum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(make(&bomb, Shape::Picture).expect_err("a bomb"), Unfit::Dimensions);
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc, _| {
                    if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
                },
            )
        })
    }

    #[test]
    fn transparent_becomes_white() {
        let mut image = image::RgbaImage::new(16, 16);
        image.put_pixel(0, 0, Rgba([255, 0, 0, 255]));
        let rgb = on_white(&image.into());
        assert_eq!((rgb.get_pixel(0, 0).0, rgb.get_pixel(5, 5).0), ([255, 0, 0], [255, 255, 255]));
    }

    /// The head that clients put in front, with the first and last numbers of its tables, of which there are 64 each.
    #[test]
    fn the_tiny_preview_has_the_tables_that_clients_assume() {
        let picture = colourful(40, 30);
        let jpeg = encode(&picture, STRIPPED_QUALITY).expect("a JPEG");
        let table = |number: u8| {
            let mark = [0xff, 0xdb, 0, 67, number];
            let at = jpeg.windows(5).position(|w| w == mark).expect("a table of its own");
            &jpeg[at + 5..at + 69]
        };
        assert_eq!(table(0)[..16], [40, 28, 30, 35, 30, 25, 40, 35, 33, 35, 45, 43, 40, 48, 60, 100]);
        assert_eq!(table(0)[56..], [255, 255, 250, 255, 230, 253, 255, 248][..]);
        assert_eq!(table(1)[..16], [43, 45, 45, 60, 53, 60, 118, 65, 65, 118, 248, 165, 140, 165, 248, 248]);
        let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).expect("a baseline frame");
        let frame = &jpeg[frame + 2..frame + 19];
        assert_eq!(frame[..8], [0, 17, 8, 0, 30, 0, 40, 3]);
        // Of each component, what follows its own number: sampling, and which table.
        let components: Vec<&[u8]> = frame[8..].chunks(3).map(|c| &c[1..]).collect();
        assert_eq!(components, [[0x22, 0], [0x11, 1], [0x11, 1]]);
        let stripped = strip(&picture).expect("stripped");
        assert_eq!(stripped[..3], [1, 30, 40]);
        assert!(jpeg.ends_with(&[&stripped[3..], &[0xff, 0xd9]].concat()));
    }
}
