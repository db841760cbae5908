//! What clients send along with a message.

use model::Refusal;
use tl::{enums, stored};

use crate::method::{Account, Cx, Rpc};

/// Media as the model keeps them.
pub(crate) fn take_media(
    _: &mut Cx<'_, '_>,
    _: Account,
    media: &enums::InputMedia,
) -> Rpc<stored::enums::Media> {
    match media {
        enums::InputMedia::InputMediaContact(m) => Ok(stored::MediaContact {
            phone: m.phone_number.clone(),
            first_name: m.first_name.clone(),
            last_name: m.last_name.clone(),
            vcard: m.vcard.clone(),
            user_id: 0,
        }
        .into()),
        _ => Err(Refusal::MediaInvalid.into()),
    }
}
