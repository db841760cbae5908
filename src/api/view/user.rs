//! People, as a viewer reads them.

use model::ids::{Peer, SERVICE, UserId};
use model::{Done, contacts, dialogs, presence, privacy, users};
use tl::enums::PrivacyKey;
use tl::{enums, stored, types};

use super::View;
use crate::refs::Kind;

impl View<'_, '_> {
    /// A person in full: a contact under the viewer's own name for them, the phone number only to who knows it.
    pub fn user(&self, id: UserId) -> Done<enums::User> {
        let Some(row) = users::find(self.tx, id)? else {
            return Ok(types::UserEmpty { id: id.0 }.into());
        };
        let access_hash = Some(self.site.access_hash(self.me, Kind::User, id.0));
        if row.deleted {
            return Ok(types::User { id: id.0, access_hash, deleted: true, ..Default::default() }.into());
        }
        let me = id == self.me;
        // Nobody is a contact of their own.
        let contact = if me { None } else { contacts::find(self.tx, self.me, id)? };
        let mutual_contact = contact.is_some() && contacts::has(self.tx, id, self.me)?;
        let is_contact = contact.is_some();
        let knows_phone = me
            || id == SERVICE
            || contact.as_ref().is_some_and(|c| c.phone == row.phone.as_deref().unwrap_or_default())
            || privacy::allows(self.tx, id, &PrivacyKey::PrivacyKeyPhoneNumber, self.me)?;
        let (first_name, last_name) = match contact {
            Some(contact) => (contact.first_name, contact.last_name),
            None => (row.first_name.clone(), row.last_name.clone()),
        };
        Ok(types::User {
            self_: me,
            contact: is_contact,
            mutual_contact,
            bot: row.bot,
            verified: id == SERVICE,
            support: row.support,
            bot_info_version: row.bot.then_some(1),
            id: id.0,
            access_hash,
            first_name: Some(first_name),
            last_name: Some(last_name).filter(|name| !name.is_empty()),
            username: row.username.clone(),
            phone: row.phone.clone().filter(|_| knows_phone),
            photo: self.profile_photo(&row)?,
            status: presence::status(self.tx, id, self.me, self.now)?,
            ..Default::default()
        }
        .into())
    }

    /// What a person's profile page shows.
    pub fn user_full(&mut self, id: UserId) -> Done<types::UserFull> {
        let row = users::known(self.tx, id)?;
        self.name(Peer::User(id));
        let relation = users::relation(self.tx, self.me, id)?;
        let may = |key| privacy::allows(self.tx, id, &key, self.me);
        let profile_photo = match row.photo_id {
            Some(photo) if may(PrivacyKey::PrivacyKeyProfilePhoto)? => Some(self.photo(photo)?),
            _ => None,
        };
        let about = if may(PrivacyKey::PrivacyKeyAbout)? { row.about } else { String::new() };
        let entry = dialogs::find(self.tx, self.me, Peer::User(id))?;
        Ok(types::UserFull {
            blocked: relation.blocked,
            phone_calls_available: false,
            can_pin_message: true,
            id: id.0,
            about: Some(about).filter(|about| !about.is_empty()),
            settings: contacts::peer_settings(self.tx, self.me, id)?,
            profile_photo,
            notify_settings: self.notify_settings(Peer::User(id))?,
            common_chats_count: 0,
            folder_id: entry.filter(|d| d.folder_id != 0).map(|d| d.folder_id),
            ..Default::default()
        })
    }

    fn profile_photo(&self, row: &stored::User) -> Done<Option<enums::UserProfilePhoto>> {
        let Some(photo_id) = row.photo_id else { return Ok(None) };
        if !privacy::allows(self.tx, UserId(row.id), &PrivacyKey::PrivacyKeyProfilePhoto, self.me)? {
            return Ok(None);
        }
        let stripped_thumb = self.stripped(photo_id)?;
        let dc_id = self.dc;
        Ok(Some(
            types::UserProfilePhoto { has_video: false, personal: false, photo_id, stripped_thumb, dc_id }
                .into(),
        ))
    }
}
