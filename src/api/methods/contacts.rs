//! Whom people know, how they find each other, whom they do not want to hear from.

use model::ids::{Peer, UserId};
use model::{Refusal, contacts as book, presence, privacy, users};
use tl::enums::PrivacyKey;
use tl::functions::{contacts, messages};
use tl::{enums, types};

use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    contacts::GetContacts => get_contacts, Reads;
    contacts::GetContactIDs => get_contact_ids, Reads;
    contacts::GetStatuses => get_statuses, Reads;
    contacts::ImportContacts => import_contacts, Writes;
    contacts::AddContact => add_contact, Writes;
    contacts::AcceptContact => accept_contact, Writes;
    contacts::DeleteContacts => delete_contacts, Writes;
    contacts::DeleteByPhones => delete_by_phones, Writes;
    contacts::Search => search, Reads;
    contacts::ResolveUsername => resolve_username, Reads;
    contacts::ResolvePhone => resolve_phone, Reads;
    contacts::Block => block, Writes;
    contacts::Unblock => unblock, Writes;
    contacts::GetBlocked => get_blocked, Reads;
    messages::GetPeerSettings => get_peer_settings, Reads;
}

/// The sum by which a client says which list it has: <https://core.telegram.org/api/offsets#hash-generation>.
fn fold(numbers: impl Iterator<Item = i64>) -> i64 {
    let mut hash: u64 = 0;
    for number in numbers {
        hash ^= hash >> 21;
        hash ^= hash << 35;
        hash ^= hash >> 4;
        hash = hash.wrapping_add(number.cast_unsigned());
    }
    hash.cast_signed()
}

fn contact_hash(list: &[(UserId, tl::stored::Contact)]) -> i64 {
    let count = i64::try_from(list.len()).unwrap_or(i64::MAX);
    fold(std::iter::once(count).chain(list.iter().map(|(user, _)| user.0)))
}

fn get_contacts(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: contacts::GetContacts,
) -> Rpc<enums::contacts::Contacts> {
    let list = book::list(cx.model.tx, me.0)?;
    if req.hash != 0 && req.hash == contact_hash(&list) {
        return Ok(enums::contacts::Contacts::ContactsNotModified);
    }
    let mut view = cx.view(me);
    let mut contacts = Vec::with_capacity(list.len());
    for (user, _) in &list {
        let mutual = users::relation(cx.model.tx, me.0, *user)?.mutual;
        contacts.push(types::Contact { user_id: user.0, mutual });
        view.name(Peer::User(*user));
    }
    let saved_count = i32::try_from(contacts.len()).unwrap_or(i32::MAX);
    let (users, _) = view.people()?;
    Ok(types::contacts::Contacts { contacts, saved_count, users }.into())
}

fn get_contact_ids(cx: &mut Cx<'_, '_>, me: Account, req: contacts::GetContactIDs) -> Rpc<Vec<i32>> {
    let list = book::list(cx.model.tx, me.0)?;
    if req.hash != 0 && req.hash == contact_hash(&list) {
        return Ok(Vec::new());
    }
    Ok(list.iter().filter_map(|(user, _)| i32::try_from(user.0).ok()).collect())
}

fn get_statuses(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: contacts::GetStatuses,
) -> Rpc<Vec<types::ContactStatus>> {
    let mut statuses = Vec::new();
    for (user, _) in book::list(cx.model.tx, me.0)? {
        if let Some(status) = presence::status(cx.model.tx, user, me.0, cx.model.now.unix())? {
            statuses.push(types::ContactStatus { user_id: user.0, status });
        }
    }
    Ok(statuses)
}

/// Makes contacts of those in an address book who are here.
fn import_contacts(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: contacts::ImportContacts,
) -> Rpc<types::contacts::ImportedContacts> {
    if req.contacts.len() > limits::IMPORT_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut imported = Vec::new();
    for contact in &req.contacts {
        let Some(phone) = users::phone_digits(&contact.phone) else { continue };
        let Some(user) = users::by_phone(cx.model.tx, &phone)? else { continue };
        if user == me.0 || !may_find(cx, me, user)? {
            continue;
        }
        match book::add(&mut cx.model, me.0, user, &contact.first_name, &contact.last_name, &phone) {
            Ok(()) => imported.push(types::ImportedContact { user_id: user.0, client_id: contact.client_id }),
            Err(model::Stop::Refused(_)) => {}
            Err(stop) => return Err(stop.into()),
        }
    }
    let mut view = cx.view(me);
    imported.iter().for_each(|contact| view.name_user(contact.user_id));
    let (users, _) = view.people()?;
    let (popular_invites, retry_contacts) = (Vec::new(), Vec::new());
    Ok(types::contacts::ImportedContacts { imported, popular_invites, retry_contacts, users })
}

/// Whether the caller may find somebody by their phone number.
fn may_find(cx: &Cx<'_, '_>, me: Account, user: UserId) -> Rpc<bool> {
    Ok(privacy::allows(cx.model.tx, user, &PrivacyKey::PrivacyKeyAddedByPhone, me.0)?)
}

/// The update that shows how the caller stands to somebody now.
fn settings_of(cx: &Cx<'_, '_>, me: Account, people: &[UserId]) -> Rpc<enums::Updates> {
    let mut list = Vec::with_capacity(people.len());
    for user in people {
        let settings = book::peer_settings(cx.model.tx, me.0, *user)?;
        list.push(types::UpdatePeerSettings { peer: Peer::User(*user).into(), settings }.into());
    }
    let named: Vec<Peer> = people.iter().map(|user| Peer::User(*user)).collect();
    super::reply::plain(cx, me, list, &named)
}

fn add_contact(cx: &mut Cx<'_, '_>, me: Account, req: contacts::AddContact) -> Rpc<enums::Updates> {
    let user = cx.user(me, &req.id)?;
    let phone = users::phone_digits(&req.phone).unwrap_or_default();
    book::add(&mut cx.model, me.0, user, &req.first_name, &req.last_name, &phone)?;
    if req.add_phone_privacy_exception {
        privacy::make_exception(&mut cx.model, me.0, PrivacyKey::PrivacyKeyPhoneNumber, user)?;
    }
    settings_of(cx, me, &[user])
}

/// Makes a contact of somebody who has the caller as one.
fn accept_contact(cx: &mut Cx<'_, '_>, me: Account, req: contacts::AcceptContact) -> Rpc<enums::Updates> {
    let user = cx.user(me, &req.id)?;
    let row = users::known(cx.model.tx, user)?;
    // The number stays with who does not show it.
    let shown = privacy::allows(cx.model.tx, user, &PrivacyKey::PrivacyKeyPhoneNumber, me.0)?;
    let phone = row.phone.filter(|_| shown).unwrap_or_default();
    book::add(&mut cx.model, me.0, user, &row.first_name, &row.last_name, &phone)?;
    settings_of(cx, me, &[user])
}

fn delete_contacts(cx: &mut Cx<'_, '_>, me: Account, req: contacts::DeleteContacts) -> Rpc<enums::Updates> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut gone = Vec::with_capacity(req.id.len());
    for input in &req.id {
        let user = cx.user(me, input)?;
        book::remove(&mut cx.model, me.0, user)?;
        gone.push(user);
    }
    settings_of(cx, me, &gone)
}

fn delete_by_phones(cx: &mut Cx<'_, '_>, me: Account, req: contacts::DeleteByPhones) -> Rpc<bool> {
    for phone in req.phones.iter().take(limits::IMPORT_MAX) {
        let Some(phone) = users::phone_digits(phone) else { continue };
        if let Some(user) = users::by_phone(cx.model.tx, &phone)? {
            book::remove(&mut cx.model, me.0, user)?;
        }
    }
    Ok(true)
}

/// Looks among the contacts by name, and among everybody by username.
fn search(cx: &mut Cx<'_, '_>, me: Account, req: contacts::Search) -> Rpc<types::contacts::Found> {
    const QUERY_CHARS_MIN: usize = 3;
    let query = req.q.trim().trim_start_matches('@');
    if query.chars().count() < QUERY_CHARS_MIN {
        return Err(Refusal::QueryTooShort.into());
    }
    let limit = usize::try_from(req.limit).unwrap_or(0).min(limits::IDS_MAX);
    let mine = book::search(cx.model.tx, me.0, query, limit)?;
    let mut view = cx.view(me);
    let my_results: Vec<enums::Peer> = mine.iter().map(|user| Peer::User(*user).into()).collect();
    mine.iter().for_each(|user| view.name(Peer::User(*user)));
    let mut results: Vec<enums::Peer> = Vec::new();
    for peer in users::by_username_start(cx.model.tx, query, limit)? {
        if peer != Peer::User(me.0) && !my_results.contains(&peer.into()) {
            view.name(peer);
            results.push(peer.into());
        }
    }
    let (users, chats) = view.people()?;
    Ok(types::contacts::Found { my_results, results, chats, users })
}

fn resolved(cx: &Cx<'_, '_>, me: Account, peer: Peer) -> Rpc<types::contacts::ResolvedPeer> {
    let mut view = cx.view(me);
    view.name(peer);
    let (users, chats) = view.people()?;
    Ok(types::contacts::ResolvedPeer { peer: peer.into(), chats, users })
}

fn resolve_username(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: contacts::ResolveUsername,
) -> Rpc<types::contacts::ResolvedPeer> {
    let username = req.username.trim_start_matches('@');
    if !users::is_username(username) {
        return Err(Refusal::UsernameInvalid.into());
    }
    let peer = users::by_username(cx.model.tx, username)?.ok_or(Refusal::UsernameNotOccupied)?;
    resolved(cx, me, peer)
}

fn resolve_phone(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: contacts::ResolvePhone,
) -> Rpc<types::contacts::ResolvedPeer> {
    let phone = users::phone_digits(&req.phone).ok_or(Refusal::PhoneNotOccupied)?;
    let user = users::by_phone(cx.model.tx, &phone)?.ok_or(Refusal::PhoneNotOccupied)?;
    if !may_find(cx, me, user)? {
        return Err(Refusal::PhoneNotOccupied.into());
    }
    resolved(cx, me, Peer::User(user))
}

fn set_blocked(cx: &mut Cx<'_, '_>, me: Account, peer: &enums::InputPeer, blocked: bool) -> Rpc<bool> {
    match cx.peer(me, peer)? {
        Peer::User(user) => {
            book::block(&mut cx.model, me.0, user, blocked)?;
            Ok(true)
        }
        Peer::Chat(_) | Peer::Channel(_) => Err(Refusal::PeerIdInvalid.into()),
    }
}

fn block(cx: &mut Cx<'_, '_>, me: Account, req: contacts::Block) -> Rpc<bool> {
    set_blocked(cx, me, &req.id, true)
}

fn unblock(cx: &mut Cx<'_, '_>, me: Account, req: contacts::Unblock) -> Rpc<bool> {
    set_blocked(cx, me, &req.id, false)
}

fn get_blocked(cx: &mut Cx<'_, '_>, me: Account, req: contacts::GetBlocked) -> Rpc<enums::contacts::Blocked> {
    let all = book::blocked(cx.model.tx, me.0)?;
    let offset = usize::try_from(req.offset).unwrap_or(0);
    let limit = usize::try_from(req.limit).unwrap_or(0).min(limits::IDS_MAX);
    let mut view = cx.view(me);
    let mut blocked = Vec::new();
    for (user, date) in all.iter().skip(offset).take(limit) {
        view.name(Peer::User(*user));
        blocked.push(types::PeerBlocked { peer_id: Peer::User(*user).into(), date: *date });
    }
    let (users, chats) = view.people()?;
    if offset == 0 && all.len() <= limit {
        return Ok(types::contacts::Blocked { blocked, chats, users }.into());
    }
    let count = i32::try_from(all.len()).unwrap_or(i32::MAX);
    Ok(types::contacts::BlockedSlice { count, blocked, chats, users }.into())
}

/// What the bar above a conversation should offer.
fn get_peer_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: messages::GetPeerSettings,
) -> Rpc<types::messages::PeerSettings> {
    let peer = cx.peer(me, &req.peer)?;
    let settings = match peer {
        Peer::User(user) => book::peer_settings(cx.model.tx, me.0, user)?,
        Peer::Chat(_) | Peer::Channel(_) => types::PeerSettings::default(),
    };
    let mut view = cx.view(me);
    view.name(peer);
    let (users, chats) = view.people()?;
    Ok(types::messages::PeerSettings { settings, chats, users })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Device, World};

    fn import(
        world: &mut World,
        me: &Device,
        whom: &Device,
        name: &str,
    ) -> types::contacts::ImportedContacts {
        let contact = types::InputPhoneContact {
            client_id: 7,
            phone: format!("+{}", whom.phone),
            first_name: name.to_owned(),
            ..Default::default()
        };
        world.call(me, &contacts::ImportContacts { contacts: vec![contact] }).expect("imported")
    }

    fn list(world: &mut World, me: &Device, hash: i64) -> enums::contacts::Contacts {
        world.call(me, &contacts::GetContacts { hash }).expect("contacts")
    }

    #[test]
    fn who_is_in_an_address_book_is_found_under_the_name_it_gives_them() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let imported = import(&mut world, &ann, &bob, "Bobby");
        assert!(imported.imported.iter().all(|c| (c.user_id, c.client_id) == (bob.user.0, 7)));
        assert!(matches!(imported.users.as_slice(), [enums::User::User(u)]
            if u.contact && u.first_name.as_deref() == Some("Bobby") && u.phone.as_deref() == Some(&bob.phone)));
        let enums::contacts::Contacts::Contacts(all) = list(&mut world, &ann, 0) else { panic!("no list") };
        let sum = fold([i64::from(all.saved_count), bob.user.0].into_iter());
        assert!(matches!(list(&mut world, &ann, sum), enums::contacts::Contacts::ContactsNotModified));
        let id = vec![world.input_user(&ann, &bob)];
        world.call(&ann, &contacts::DeleteContacts { id }).expect("deleted");
        assert!(
            matches!(list(&mut world, &ann, sum), enums::contacts::Contacts::Contacts(c) if c.contacts.is_empty())
        );
    }

    #[test]
    fn who_accepts_a_contact_does_not_learn_a_hidden_number() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = world.input_user(&ann, &bob);
        let enums::Updates::Updates(told) =
            world.call(&ann, &contacts::AcceptContact { id }).expect("a contact")
        else {
            panic!("an odd reply")
        };
        let phone = |user: &enums::User| match user {
            enums::User::User(u) if u.id == bob.user.0 => u.phone.clone(),
            _ => None,
        };
        assert_eq!(told.users.iter().find_map(phone), None);
    }

    #[test]
    fn who_hides_from_address_books_is_not_found_by_one() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let key = enums::InputPrivacyKey::InputPrivacyKeyAddedByPhone;
        let rules = vec![enums::InputPrivacyRule::InputPrivacyValueAllowContacts];
        world.call(&bob, &tl::functions::account::SetPrivacy { key, rules }).expect("rules");
        assert!(import(&mut world, &ann, &bob, "Bobby").imported.is_empty());
        let phone = bob.phone.clone();
        let found = world.call(&ann, &contacts::ResolvePhone { phone: phone.clone() });
        assert_eq!(found.expect_err("hidden"), "PHONE_NOT_OCCUPIED");
        import(&mut world, &bob, &ann, "Annie");
        assert!(world.call(&ann, &contacts::ResolvePhone { phone }).is_ok());
    }

    #[test]
    fn people_are_found_by_the_start_of_their_username() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let name = |username: &str| tl::functions::account::UpdateUsername { username: username.to_owned() };
        world.call(&bob, &name("Robert_B")).expect("a username");
        let search = |q: &str| contacts::Search { q: q.to_owned(), limit: 10, ..Default::default() };
        let found = world.call(&ann, &search("@rober")).expect("found");
        assert!(matches!(found.results.as_slice(), [enums::Peer::PeerUser(p)] if p.user_id == bob.user.0));
        assert_eq!(world.call(&ann, &search("r")).expect_err("too short"), "QUERY_TOO_SHORT");
        let resolve = |username: &str| contacts::ResolveUsername {
            username: username.to_owned(),
            ..Default::default()
        };
        let found = world.call(&ann, &resolve("ROBERT_b")).expect("found");
        assert!(matches!(found.peer, enums::Peer::PeerUser(p) if p.user_id == bob.user.0));
        world.call(&bob, &name("bobby_r")).expect("another username");
        assert!(world.call(&ann, &search("rober")).expect("nobody").results.is_empty());
        assert_eq!(world.call(&ann, &resolve("robert_b")).expect_err("nobody"), "USERNAME_NOT_OCCUPIED");
    }

    #[test]
    fn the_blocked_are_listed_in_pages_and_other_devices_are_told() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let mut ann2 = world.device(&ann);
        world.pushes(&mut ann2);
        for other in [&bob, &eve] {
            let id = world.input_peer(&ann, other);
            world.call(&ann, &contacts::Block { my_stories_from: false, id }).expect("blocked");
        }
        let pushed = world.pushes(&mut ann2);
        assert!(
            matches!(pushed.as_slice(), [enums::Update::UpdatePeerBlocked(a), enums::Update::UpdatePeerBlocked(_)]
            if a.blocked)
        );
        let page = |offset, limit| contacts::GetBlocked { my_stories_from: false, offset, limit };
        let got = world.call(&ann, &page(0, 1)).expect("a page");
        assert!(
            matches!(got, enums::contacts::Blocked::BlockedSlice(s) if s.count == 2 && s.blocked.len() == 1)
        );
        let got = world.call(&ann, &page(0, 10)).expect("all");
        assert!(matches!(got, enums::contacts::Blocked::Blocked(s) if s.users.len() == 2));
    }
}
