//! Every line of the schema, in every layer where it is spoken: what is read from it is written back as it was.
//!
//! Values are made from the table of shapes by dice that repeat themselves, not by the code under test.

use std::collections::{BTreeMap, BTreeSet};

use crate::describe::{Kind, Section, Shape, debug_bytes, newest, shape, shapes};
use crate::{Error, Layer, Reader, Writer};

include!(concat!(env!("OUT_DIR"), "/any.rs"));

/// Lines that come back as something else, and what the newest shape has no room for.
const LOSSY: &[(u32, &str)] = &[
    (0x8d9d_742b, "account.getTheme: document_id"),
    (0x2325_66ac, "config: four limits that became constants"),
    (0xbea2_f424, "globalPrivacySettings: false and absent"),
    (0xcdf8_d3e3, "groupCall: conference_from_call"),
    (0x0f94_e5f1, "inputMediaPoll: answers that are no option of the poll"),
    (0x2f51_c337, "messages.chatInviteJoinResultWebView: the url of the page"),
    (0x0f09_3465, "messages.clickSponsoredMessage: peer"),
    (0xfd42_6afe, "messages.composeMessageWithAI: change_tone"),
    (0x7ff3_4309, "messages.prolongWebView: a topic without a message is a message in it"),
    (0x8953_ab4e, "messages.report: the reason"),
    (0x1af3_dbb8, "messages.reportSponsoredMessage: peer"),
    (0x178b_480b, "messages.requestWebView: a topic without a message is a message in it"),
    (0xb433_1e3f, "messages.saveDraft: a topic without a message is a message in it"),
    (0xd3fb_dccb, "messages.sendInlineBotResult: a topic without a message is a message in it"),
    (0x7547_c966, "messages.sendMedia: a topic without a message is a message in it"),
    (0x1cc2_0387, "messages.sendMessage: a topic without a message is a message in it"),
    (0xb6f1_1a1c, "messages.sendMultiMedia: a topic without a message is a message in it"),
    (0xc9ee_1d87, "messages.sponsoredMessages: what was advertised"),
    (0x24ce_6dee, "messages.translateText: from_lang"),
    (0x673a_d8f1, "messages.viewSponsoredMessage: peer"),
    (0x0421_e027, "payments.convertStarGift: user_id"),
    (0x2383_0de9, "payments.getSavedStarGifts: exclude_limited"),
    (0x87ac_f08e, "payments.saveStarGift: user_id"),
    (0xdfc9_09ab, "phone.createConferenceCall: the call it grows from"),
    (0xd61e_1df3, "phone.joinGroupCall: key_fingerprint"),
    (0xa6c4_600c, "phone.requestCall: conference_call"),
    (0x3ba5_940c, "phoneCall: conference_call"),
    (0x22fd_7181, "phoneCallAccepted: conference_call"),
    (0xf9d2_5503, "phoneCallDiscarded: conference_call"),
    (0x4536_1c63, "phoneCallRequested: conference_call"),
    (0xeed4_2858, "phoneCallWaiting: conference_call"),
    (0x3a83_6df8, "sponsoredMessage: what was advertised"),
    (0xdaaf_ff6b, "sponsoredMessage: what was advertised"),
    (0xed53_83f7, "sponsoredMessage: what was advertised"),
    (0xfc25_b828, "sponsoredMessage: what was advertised"),
    (0xbdf7_8394, "stats.broadcastStats: interactions of posts alone"),
    (0x5630_281b, "stats.getMessagePublicForwards: an offset in three parts"),
    (0x4b3b_5e97, "stories.getStoryViewsList: an offset in two parts"),
    (0x1923_fa8c, "stories.report: the reason"),
    (0xc95b_e06a, "stories.report: the reason"),
    (0x8fcd_96ac, "storyItem: expired"),
    (0xf694_b0ae, "updateChannelPinnedTopic: no topic and topic 0"),
    (0x78c3_14e0, "updateGroupCallMessage: random_id"),
    (0x8f97_c628, "user: stories_available"),
    (0x1f58_e369, "userFull: premium_gifts"),
    (0x4d97_5bbc, "userFull: premium_gifts"),
    (0x4fe1_cc86, "userFull: premium_gifts"),
    (0x93ea_db53, "userFull: premium_gifts"),
    (0x979d_2376, "userFull: premium_gifts"),
    (0xb9b1_2c6c, "userFull: premium_gifts"),
    (0xc4b1_fc3f, "userFull: premium_gifts"),
    (0xcc99_7720, "userFull: premium_gifts"),
    (0xf8d3_2aed, "userFull: premium_gifts"),
    (0x0349_86ab, "webPageAttributeStarGiftAuction: three colours"),
];

/// Repeating dice (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

/// Makes values of what one layer speaks.
struct Maker {
    dice: Dice,
    /// Constructors by type, those that end soonest first.
    by_type: BTreeMap<&'static str, Vec<&'static Shape>>,
}

impl Maker {
    fn new(layer: u16, section: Section) -> Self {
        let mut by_type: BTreeMap<&'static str, Vec<&'static Shape>> = BTreeMap::new();
        for shape in spoken(layer, section) {
            by_type.entry(shape.result).or_default().push(shape);
        }
        let depths = depths(&by_type);
        for constructors in by_type.values_mut() {
            constructors.retain(|s| depths.contains_key(&s.id));
            constructors.sort_by_key(|s| depths[&s.id]);
        }
        Self { dice: Dice(u64::from(layer)), by_type }
    }

    /// A boxed value of `shape` that varies down to `depth`.
    fn whole(&mut self, shape: &Shape, layer: u16, depth: usize) -> Vec<u8> {
        let mut w = Writer::new(Layer(layer));
        w.u32(shape.id);
        self.shape(shape, Some(depth), &mut w);
        w.out
    }

    /// Fields that vary as long as there is `depth`.
    fn shape(&mut self, shape: &Shape, depth: Option<usize>, out: &mut Writer) {
        let mut words: BTreeMap<&str, u32> = BTreeMap::new();
        for field in &shape.fields {
            if field.kind == Kind::Flags {
                let mut bits = 0;
                for (word, bit) in shape.fields.iter().filter_map(|f| f.flag) {
                    if word == field.name && depth.is_some() && self.dice.below(2) == 1 {
                        bits |= 1 << bit;
                    }
                }
                words.insert(field.name, bits);
                out.u32(bits);
            } else if field.flag.is_none_or(|(word, bit)| words[word] & (1 << bit) != 0) {
                self.value(&field.kind, depth, out);
            }
        }
    }

    fn value(&mut self, kind: &Kind, depth: Option<usize>, out: &mut Writer) {
        match kind {
            Kind::Flags | Kind::True | Kind::Rest => {}
            // Below what a month in days or the like overflows.
            Kind::Int => out.i32(self.dice.below(1 << 24) as i32),
            Kind::Long => out.i64(self.dice.next() as i64 >> 1),
            Kind::Double => out.f64(self.dice.below(1 << 20) as f64),
            Kind::Int128 => out.raw(&[self.dice.next() as u8; 16]),
            Kind::Int256 => out.raw(&[self.dice.next() as u8; 32]),
            Kind::Bool => out.bool(self.dice.below(2) == 1),
            Kind::String => {
                let number = self.dice.below(1 << 30);
                out.bytes(number.to_string().as_bytes());
            }
            Kind::Bytes => {
                let len = self.dice.below(300);
                let byte = self.dice.next() as u8;
                out.bytes(&vec![byte; len]);
            }
            Kind::Vector(element) => {
                out.u32(crate::VECTOR);
                self.value(&Kind::BareVector(element.clone()), depth, out);
            }
            Kind::BareVector(element) => {
                let count = if depth.is_some() { 1 + self.dice.below(2) } else { 0 };
                out.u32(count as u32);
                for _ in 0..count {
                    self.value(element, deeper(depth), out);
                }
            }
            Kind::Boxed(name) => {
                let constructors = &self.by_type[name];
                let choice =
                    if depth.is_some_and(|d| d > 0) { self.dice.below(constructors.len()) } else { 0 };
                let shape = self.by_type[name][choice];
                out.u32(shape.id);
                self.shape(shape, deeper(depth), out);
            }
            Kind::Bare(name) => self.shape(newest(name).expect("a known constructor"), deeper(depth), out),
        }
    }
}

/// One step down; below zero nothing varies any more.
fn deeper(depth: Option<usize>) -> Option<usize> {
    depth.and_then(|d| d.checked_sub(1))
}

/// The shapes that `layer` speaks of the world of `section`, by the rule at the top of `schema.tl`.
fn spoken(layer: u16, section: Section) -> Vec<&'static Shape> {
    let mut by_name: BTreeMap<&str, Vec<&'static Shape>> = BTreeMap::new();
    let worlds: &[Section] = match section {
        Section::Types | Section::Functions => &[Section::Types],
        Section::Service | Section::ServiceFunctions => &[Section::Service],
        Section::Store => &[Section::Store, Section::Types],
    };
    for shape in shapes().iter().filter(|s| worlds.contains(&s.section)) {
        by_name.entry(shape.name).or_default().push(shape);
    }
    by_name.into_values().filter_map(|lines| spoken_line(&lines, layer)).collect()
}

fn spoken_line(lines: &[&'static Shape], layer: u16) -> Option<&'static Shape> {
    if lines.iter().all(|s| s.until < layer) {
        return None;
    }
    let newest = |s: &&&'static Shape| (s.since, s.until);
    let alive = lines.iter().filter(|s| (s.since..=s.until).contains(&layer)).max_by_key(newest);
    alive.or_else(|| lines.iter().filter(|s| s.since <= layer).max_by_key(newest)).copied()
}

/// For each constructor how deep its shallowest value is; without those that cannot be finished in this layer.
fn depths(by_type: &BTreeMap<&'static str, Vec<&'static Shape>>) -> BTreeMap<u32, usize> {
    let mut depths: BTreeMap<u32, usize> = BTreeMap::new();
    loop {
        let before = depths.len();
        for shape in by_type.values().flatten() {
            if depths.contains_key(&shape.id) {
                continue;
            }
            let needed = shape.fields.iter().filter(|f| f.flag.is_none()).filter_map(|f| match &f.kind {
                Kind::Boxed(name) => Some(by_type.get(name).and_then(|constructors| {
                    constructors.iter().filter_map(|s| depths.get(&s.id)).min().map(|depth| depth + 1)
                })),
                _ => None,
            });
            if let Some(depth) = needed.collect::<Option<Vec<usize>>>() {
                depths.insert(shape.id, depth.into_iter().max().unwrap_or(0));
            }
        }
        if depths.len() == before {
            return depths;
        }
    }
}

/// Does every type that `shape` may hold have a constructor in this layer? Else the published schemas disagree.
fn is_whole(maker: &Maker, shape: &Shape) -> bool {
    fn known(maker: &Maker, kind: &Kind) -> bool {
        match kind {
            Kind::Boxed(name) => maker.by_type.get(name).is_some_and(|c| !c.is_empty()),
            Kind::Vector(element) | Kind::BareVector(element) => known(maker, element),
            _ => true,
        }
    }
    shape.fields.iter().all(|f| known(maker, &f.kind))
}

/// `boolTrue` and `boolFalse` have no struct.
fn is_bool(shape: &Shape) -> bool {
    shape.section == Section::Types && shape.result == "Bool"
}

/// Reads `bytes` and writes what was read for `layer`.
fn again(bytes: &[u8], layer: u16) -> Result<Vec<u8>, String> {
    let mut r = Reader::strict(bytes);
    let value = read(&mut r).map_err(|fault| fault.to_string())?;
    r.finish().map_err(|fault| fault.to_string())?;
    let mut w = Writer::new(Layer(layer));
    value.encode(&mut w);
    if w.unspeakable { Err("unspeakable".into()) } else { Ok(w.out) }
}

/// Calls `check` with every shape in the layers at the edges of its range and every tenth, and a maker for that layer.
fn in_every_layer(mut check: impl FnMut(&mut Maker, &'static Shape, u16)) {
    for layer in 146..=232 {
        for section in
            [Section::Types, Section::Functions, Section::Service, Section::ServiceFunctions, Section::Store]
        {
            let has_layers = matches!(section, Section::Types | Section::Functions);
            if !has_layers && layer != 232 {
                continue;
            }
            let mut maker = Maker::new(layer, section);
            let mut by_name: BTreeMap<&str, Vec<&'static Shape>> = BTreeMap::new();
            for shape in shapes().iter().filter(|s| s.section == section && !is_bool(s)) {
                by_name.entry(shape.name).or_default().push(shape);
            }
            for shape in by_name.values().filter_map(|lines| spoken_line(lines, layer)) {
                let on_the_edge = layer == shape.since || layer == shape.until || layer % 10 == 0;
                if on_the_edge && is_whole(&maker, shape) {
                    check(&mut maker, shape, layer);
                }
            }
        }
    }
}

// proves: TL-1
#[test]
fn every_shape_is_read_and_written_back_as_it_was() {
    let mut faults = Vec::new();
    let mut tried = BTreeSet::new();
    in_every_layer(|maker, shape, layer| {
        tried.insert(shape.id);
        for _ in 0..4 {
            // Only the shape itself varies: what it holds is as plain as can be, and has its own turn.
            let bytes = maker.whole(shape, layer, 0);
            let back = again(&bytes, layer);
            if back.as_ref() != Ok(&bytes) && !LOSSY.iter().any(|(id, _)| *id == shape.id) {
                let back = back.map_or_else(|fault| fault, |bytes| debug_bytes(&bytes));
                let was = debug_bytes(&bytes);
                faults.push(format!("{}#{:08x} in {layer}:\n  {was}\n  {back}", shape.name, shape.id));
            }
        }
    });
    let untried: Vec<&str> =
        shapes().iter().filter(|s| !tried.contains(&s.id) && !is_bool(s)).map(|s| s.line).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(untried.len(), 5, "shapes that no layer speaks, for another began with it: {untried:#?}");
}

#[test]
fn deep_values_are_written_back_as_something_that_stays() {
    in_every_layer(|maker, shape, layer| {
        let bytes = maker.whole(shape, layer, 2);
        let Ok(once) = again(&bytes, layer) else {
            panic!("{}#{:08x} in {layer}: {}", shape.name, shape.id, debug_bytes(&bytes));
        };
        assert_eq!(
            again(&once, layer).as_ref(),
            Ok(&once),
            "{} in {layer}: {}",
            shape.name,
            debug_bytes(&bytes)
        );
    });
}

/// Collects the ids of all boxed values inside `bytes`, as the table of shapes cuts them.
fn ids(r: &mut Reader<'_>, kind: &Kind, out: &mut Vec<u32>) -> Result<(), Error> {
    match kind {
        Kind::Flags | Kind::True | Kind::Rest => {}
        Kind::Int => drop(r.i32()?),
        Kind::Long | Kind::Double => drop(r.raw(8)?),
        Kind::Int128 => drop(r.raw(16)?),
        Kind::Int256 => drop(r.raw(32)?),
        Kind::Bool => drop(r.bool()?),
        Kind::String | Kind::Bytes => drop(r.bytes_ref()?),
        Kind::Vector(element) => {
            assert_eq!(r.u32()?, crate::VECTOR);
            ids(r, &Kind::BareVector(element.clone()), out)?;
        }
        Kind::BareVector(element) => {
            for _ in 0..r.i32()? {
                ids(r, element, out)?;
            }
        }
        Kind::Boxed(_) => {
            let id = r.u32()?;
            out.push(id);
            fields(r, shape(id).ok_or(Error::UnknownConstructor { expected: "a known shape", id })?, out)?;
        }
        Kind::Bare(name) => fields(r, newest(name).expect("a known constructor"), out)?,
    }
    Ok(())
}

fn fields(r: &mut Reader<'_>, shape: &Shape, out: &mut Vec<u32>) -> Result<(), Error> {
    let mut words: BTreeMap<&str, u32> = BTreeMap::new();
    for field in &shape.fields {
        if field.kind == Kind::Flags {
            words.insert(field.name, r.u32()?);
        } else if field.flag.is_none_or(|(word, bit)| words[word] & (1 << bit) != 0) {
            ids(r, &field.kind, out)?;
        }
    }
    Ok(())
}

#[test]
fn nobody_hears_a_constructor_that_their_layer_does_not_know() {
    let mut maker = Maker::new(232, Section::Types);
    let newest: Vec<&'static Shape> =
        spoken(232, Section::Types).into_iter().filter(|s| !is_bool(s)).collect();
    for layer in [146, 149, 158, 163, 166, 179, 186, 201, 205, 216, 222, 227, 229, 230, 231] {
        let known: BTreeSet<u32> = spoken(layer, Section::Types).iter().map(|s| s.id).collect();
        for shape in &newest {
            for depth in [1, 3] {
                let bytes = maker.whole(shape, 232, depth);
                let mut r = Reader::new(&bytes);
                let value = read(&mut r).unwrap_or_else(|fault| panic!("{}: {fault}", shape.line));
                let mut w = Writer::new(Layer(layer));
                value.encode(&mut w);
                if w.unspeakable {
                    continue;
                }
                let mut heard = Vec::new();
                let mut r = Reader::new(&w.out);
                ids(&mut r, &Kind::Boxed(shape.result), &mut heard)
                    .and_then(|()| r.finish())
                    .unwrap_or_else(|fault| panic!("{} in {layer}: {fault}", shape.line));
                let strange: Vec<u32> = heard.into_iter().filter(|id| !known.contains(id)).collect();
                assert!(
                    strange.is_empty(),
                    "{} in {layer}: {strange:08x?}\n{}",
                    shape.line,
                    debug_bytes(&bytes)
                );
            }
        }
    }
}

/// Declarations whose id is not the checksum of their line: the first three because the documentation pins them, the
/// others because a trailing optional field of layer 232 is not publicly known (it is never set, so the bytes are right).
const PINNED: &[&str] = &[
    "msg_container",
    "msg_copy",
    "gzip_packed",
    "channelFull",
    "userFull",
    "urlAuthResultRequest",
    "wallet.nftItem",
    "messages.acceptUrlAuth",
    "payments.getStarGiftWithdrawalUrl",
];

#[test]
fn every_id_is_the_checksum_of_its_line() {
    let crc32 = |text: &str| {
        !text.bytes().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    };
    let mut pinned = BTreeSet::new();
    for shape in shapes() {
        let words = shape.line.split_whitespace().filter(|word| !word.ends_with("?true"));
        let line = words.collect::<Vec<_>>().join(" ");
        let line = line.replace(":bytes ", ":string ").replace("?bytes ", "?string ").replace('<', " ");
        if crc32(&line.replace(['>', '{', '}'], "")) != shape.id {
            pinned.insert(shape.name);
        }
    }
    assert_eq!(pinned, PINNED.iter().copied().collect());
}
