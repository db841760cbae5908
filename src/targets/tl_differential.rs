//! The language against `grammers-tl-types`, which we did not write: what is grown from the schema and said by us in
//! layer 230 is read there to its end and comes back as it was; and what they read of changed bytes, we read too.

use arbitrary::Unstructured;
use grammers_230::{Deserializable, Serializable, enums};
use tl::describe::{Section, Shape, shapes};
use tl::{Layer, Reader};

use crate::{again, grow, read_any};

const LAYER: Layer = Layer(230);

/// Reads as one type, and writes what was read.
type Decoder = fn(&[u8]) -> Option<Vec<u8>>;

fn theirs<T: Deserializable + Serializable>(bytes: &[u8]) -> Option<Vec<u8>> {
    T::from_bytes(bytes).ok().map(|value| value.to_bytes())
}

/// Types that answers and updates are made of, and what in them is deep.
const DECODERS: [(&str, Decoder); 28] = [
    ("Updates", theirs::<enums::Updates>),
    ("Update", theirs::<enums::Update>),
    ("Message", theirs::<enums::Message>),
    ("MessageMedia", theirs::<enums::MessageMedia>),
    ("MessageAction", theirs::<enums::MessageAction>),
    ("MessageEntity", theirs::<enums::MessageEntity>),
    ("MessageFwdHeader", theirs::<enums::MessageFwdHeader>),
    ("User", theirs::<enums::User>),
    ("UserFull", theirs::<enums::UserFull>),
    ("Chat", theirs::<enums::Chat>),
    ("ChatFull", theirs::<enums::ChatFull>),
    ("Dialog", theirs::<enums::Dialog>),
    ("Document", theirs::<enums::Document>),
    ("DocumentAttribute", theirs::<enums::DocumentAttribute>),
    ("Photo", theirs::<enums::Photo>),
    ("Poll", theirs::<enums::Poll>),
    ("Config", theirs::<enums::Config>),
    ("ReplyMarkup", theirs::<enums::ReplyMarkup>),
    ("WebPage", theirs::<enums::WebPage>),
    ("InputMedia", theirs::<enums::InputMedia>),
    ("InputPeer", theirs::<enums::InputPeer>),
    ("messages.Messages", theirs::<enums::messages::Messages>),
    ("messages.Dialogs", theirs::<enums::messages::Dialogs>),
    ("messages.ChatFull", theirs::<enums::messages::ChatFull>),
    ("users.UserFull", theirs::<enums::users::UserFull>),
    ("updates.Difference", theirs::<enums::updates::Difference>),
    ("auth.Authorization", theirs::<enums::auth::Authorization>),
    ("auth.SentCode", theirs::<enums::auth::SentCode>),
];

/// Takes any bytes.
pub fn run(data: &[u8]) {
    let _ = grown(data);
}

fn grown(data: &[u8]) -> arbitrary::Result<()> {
    let mut u = Unstructured::new(data);
    let (name, decode) = *u.choose(&DECODERS)?;
    let is_one = |shape: &&Shape| shape.section == Section::Types && shape.result == name;
    let constructors: Vec<&Shape> = shapes().iter().filter(is_one).collect();
    let shape = *u.choose(&constructors)?;
    let change: Option<(u16, u8)> = if u.ratio(1, 4)? { Some(u.arbitrary()?) } else { None };
    let bytes = grow::value(&mut u, shape, &grow::unhinted)?;
    let Some(mut ours) = again(&bytes, LAYER.0) else { return Ok(()) };
    let Some((at, bits)) = change else {
        let Some(theirs) = decode(&ours) else { panic!("{name}: not read: {}", printed(&ours)) };
        // A field of type `true` may join an id without changing it: bits of flags that they do not know yet may be
        // missing from what comes back, and nothing else.
        let same = theirs.len() == ours.len() && theirs.iter().zip(&ours).all(|(t, o)| t & o == *t);
        assert!(same, "{name}:\n{}\n{}", printed(&ours), printed(&theirs));
        return Ok(());
    };
    let length = ours.len();
    if let Some(byte) = ours.get_mut(usize::from(at) % length) {
        *byte ^= bits;
    }
    // If it comes back from them as it is, it was said as it should be, and so we read it, too.
    if decode(&ours).is_some_and(|theirs| theirs == ours) {
        let mut reader = Reader::new(&ours);
        assert!(read_any(&mut reader).is_ok(), "{name}: not read by us: {}", printed(&ours));
    }
    Ok(())
}

fn printed(bytes: &[u8]) -> String {
    tl::describe::debug_bytes(bytes)
}
