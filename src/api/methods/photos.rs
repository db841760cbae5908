//! Photos of people and of groups.

use model::ids::UserId;
use model::{Refusal, photos as profile, privacy, users};
use tl::functions::photos;
use tl::{enums, types};

use super::media;
use crate::later::Shape;
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};
use crate::refs::Kind;

methods! {
    photos::UploadProfilePhoto => upload_profile_photo, Writes;
    photos::UpdateProfilePhoto => update_profile_photo, Writes;
    photos::DeletePhotos => delete_photos, Writes;
    photos::GetUserPhotos => get_user_photos, Reads;
}

/// A group's photo as its admin gives it: an upload, a photo they were shown, or none.
pub(crate) fn chat_photo(
    cx: &mut Cx<'_, '_>,
    me: Account,
    photo: &enums::InputChatPhoto,
) -> Rpc<Option<i64>> {
    match photo {
        enums::InputChatPhoto::InputChatPhotoEmpty => Ok(None),
        enums::InputChatPhoto::InputChatPhoto(p) => media::shown_photo(cx, me, &p.id),
        enums::InputChatPhoto::InputChatUploadedPhoto(p) => {
            let file = p.file.as_ref().ok_or(Refusal::PhotoFileMissing)?;
            media::photo_of(cx, me, file, Shape::Portrait).map(Some)
        }
    }
}

fn upload_profile_photo(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: photos::UploadProfilePhoto,
) -> Rpc<types::photos::Photo> {
    // The photo of a bot, and the one shown to those who may not see the other, are not ours to set yet.
    if req.bot.is_some() || req.fallback {
        return Err(Refusal::PhotoInvalid.into());
    }
    let file = req.file.as_ref().ok_or(Refusal::PhotoFileMissing)?;
    let photo = media::photo_of(cx, me, file, Shape::Portrait)?;
    profile::add(&mut cx.model, me.0, photo)?;
    answer(cx, me)
}

/// Shows a photo on the profile that is there already; the empty one takes off what is shown.
fn update_profile_photo(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: photos::UpdateProfilePhoto,
) -> Rpc<types::photos::Photo> {
    if req.bot.is_some() || req.fallback {
        return Err(Refusal::PhotoInvalid.into());
    }
    match media::shown_photo(cx, me, &req.id)? {
        Some(photo) => profile::add(&mut cx.model, me.0, photo)?,
        None => {
            let shown = users::known(cx.model.tx, me.0)?.photo_id;
            profile::remove(&mut cx.model, me.0, shown.as_slice())?;
        }
    }
    answer(cx, me)
}

/// What is shown now.
fn answer(cx: &Cx<'_, '_>, me: Account) -> Rpc<types::photos::Photo> {
    let shown = users::known(cx.model.tx, me.0)?.photo_id;
    let view = cx.view(me);
    let photo = match shown {
        Some(photo) => view.photo(photo)?,
        None => types::PhotoEmpty::default().into(),
    };
    Ok(types::photos::Photo { photo, users: vec![view.user(me.0)?] })
}

/// Takes photos off the profile. What is not there, or not the caller's, is left out.
fn delete_photos(cx: &mut Cx<'_, '_>, me: Account, req: photos::DeletePhotos) -> Rpc<Vec<i64>> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let named: Vec<i64> = req
        .id
        .iter()
        .filter_map(|photo| match photo {
            // Who owns a photo needs no fresh reference to be rid of it.
            enums::InputPhoto::InputPhoto(p)
                if cx.site.has_access(me.0, Kind::Photo, p.id, p.access_hash) =>
            {
                Some(p.id)
            }
            _ => None,
        })
        .collect();
    Ok(profile::remove(&mut cx.model, me.0, &named)?)
}

/// A person's photos, newest first; none to whom they do not show them.
fn get_user_photos(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: photos::GetUserPhotos,
) -> Rpc<enums::photos::Photos> {
    let user: UserId = cx.user(me, &req.user_id)?;
    users::known(cx.model.tx, user)?;
    let seen = privacy::allows(cx.model.tx, user, &enums::PrivacyKey::PrivacyKeyProfilePhoto, me.0)?;
    let mut all = if seen { profile::of_user(cx.model.tx, user)? } else { Vec::new() };
    all.reverse();
    let count = i32::try_from(all.len()).unwrap_or(i32::MAX);
    let offset = usize::try_from(req.offset).unwrap_or(0);
    let limit = usize::try_from(req.limit)
        .ok()
        .filter(|n| *n > 0)
        .map_or(limits::PHOTOS_MAX, |n| n.min(limits::PHOTOS_MAX));
    let view = cx.view(me);
    let mut photos = Vec::new();
    for id in all.iter().filter(|id| req.max_id <= 0 || **id < req.max_id).skip(offset).take(limit) {
        photos.push(view.photo(*id)?);
    }
    let users = vec![view.user(user)?];
    if photos.len() == all.len() {
        return Ok(types::photos::Photos { photos, users }.into());
    }
    Ok(types::photos::PhotosSlice { count, photos, users }.into())
}
