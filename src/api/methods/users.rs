//! People by id.

use model::Refusal;
use model::ids::Peer;
use tl::functions::users;
use tl::{enums, types};

use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    users::GetUsers => get_users, Reads;
    users::GetFullUser => get_full_user, Reads;
}

/// People in the order asked for; who cannot be named is left out.
fn get_users(cx: &mut Cx<'_, '_>, me: Account, req: users::GetUsers) -> Rpc<Vec<enums::User>> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut people = Vec::with_capacity(req.id.len());
    for input in &req.id {
        if let Ok(user) = cx.user(me, input) {
            people.push(cx.view(me).user(user)?);
        }
    }
    Ok(people)
}

fn get_full_user(cx: &mut Cx<'_, '_>, me: Account, req: users::GetFullUser) -> Rpc<types::users::UserFull> {
    let user = cx.user(me, &req.id)?;
    let mut view = cx.view(me);
    let full_user = view.user_full(user)?;
    view.name(Peer::User(user));
    let (users, chats) = view.people()?;
    Ok(types::users::UserFull { full_user, chats, users })
}
