//! One table row and one plain function make one RPC; all else is derived here.
//!
//! ```text
//! methods! { messages::SendMessage => send_message, Writes, Quick; }
//! fn send_message(cx: &mut Cx<'_, '_>, me: Account, req: messages::SendMessage) -> Rpc<enums::Updates> { .. }
//! ```
//!
//! The type of the second parameter is the access policy: [`Anyone`], [`Guest`] or [`Account`].

use std::ops::{Deref, DerefMut};

use model::ids::UserId;
use model::keys::Client;
use model::{Ctx, Refusal, Stop};
use store::Fault;
use tl::{Method, Reader, Writer};

use crate::later::{Found, Later};
use crate::view::View;
use crate::{Caller, Site};

/// What a handler works with: the model's context, who calls, and what the site is.
pub struct Cx<'a, 't> {
    /// The model's context: transaction, time, dice, effects.
    pub model: Ctx<'a, 't>,
    /// Who calls, over which key and session.
    pub caller: &'a Caller,
    /// The caller's key and its client; blank for a temporary key that is not bound yet.
    pub key: Client,
    /// What all calls share.
    pub site: &'a Site,
    /// What the errands of earlier runs of this call have brought.
    pub found: Option<&'a Found>,
}

impl Cx<'_, '_> {
    /// What `me` reads, within this call.
    pub(crate) fn view(&self, me: Account) -> View<'_, '_> {
        View::new(self.model.tx, self.site, me.0, self.model.now.unix(), self.key.dc)
    }
}

impl<'a, 't> Deref for Cx<'a, 't> {
    type Target = Ctx<'a, 't>;

    fn deref(&self) -> &Self::Target {
        &self.model
    }
}

impl DerefMut for Cx<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.model
    }
}

/// Why a handler has no result (yet).
#[derive(Debug)]
pub enum Halt {
    /// The caller is refused, and nothing changed.
    Refused(Refusal),
    /// The caller is refused, but what was written stays.
    Counted(Refusal),
    /// The arguments cannot be read.
    Unreadable(tl::Error),
    /// We failed.
    Fault(Fault),
    /// The rim must do this first, then run the call again.
    Later(Box<Later>),
    /// The same, but what was written stays.
    Begun(Box<Later>),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => Self::Refused(refusal),
            Stop::Counted(refusal) => Self::Counted(refusal),
            Stop::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a handler gives.
pub type Rpc<T> = Result<T, Halt>;

/// Who may call a method: made from the caller's key, or not at all.
pub(crate) trait Role: Sized {
    fn admit(cx: &Cx<'_, '_>) -> Result<Self, Refusal>;
}

/// Any key, a temporary one that is not bound yet included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anyone;

/// A key with an identity, logged in or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest;

/// Somebody who is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account(pub UserId);

impl Role for Anyone {
    fn admit(_: &Cx<'_, '_>) -> Result<Self, Refusal> {
        Ok(Self)
    }
}

impl Role for Guest {
    // spec: PFS-1
    fn admit(cx: &Cx<'_, '_>) -> Result<Self, Refusal> {
        if cx.caller.key.is_some() { Ok(Self) } else { Err(Refusal::AuthKeyPermEmpty) }
    }
}

impl Role for Account {
    fn admit(cx: &Cx<'_, '_>) -> Result<Self, Refusal> {
        Guest::admit(cx)?;
        cx.key.user.map(Self).ok_or(Refusal::AuthKeyUnregistered)
    }
}

/// Whether a method's transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It only looks.
    Reads,
    /// It changes something.
    Writes,
}

/// How far a method is answered, for the coverage table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// With a real effect.
    Real,
    /// With the well-formed nothing that clients expect at start-up.
    Empty,
}

/// A method that we answer.
pub struct Row {
    /// Its name, `messages.sendMessage`.
    pub name: &'static str,
    /// All ids that it ever had.
    pub ids: &'static [u32],
    /// Whether it writes.
    pub mode: Mode,
    /// How far it goes.
    pub depth: Depth,
    /// Whether it looks at a handful of rows whatever its arguments are, and has no errands. Such a call is run where its packet
    /// was read: on its way to another thread and back it would spend as long as it runs.
    pub quick: bool,
    pub(crate) run: Run,
}

pub(crate) type Run = fn(&mut Cx<'_, '_>, &mut Reader<'_>, &mut Writer) -> Result<(), Halt>;

/// Reads the arguments, admits the caller, runs the handler, writes its result: the whole of a row but its handler.
pub(crate) fn run<M: Method, R: Role>(
    cx: &mut Cx<'_, '_>,
    reader: &mut Reader<'_>,
    writer: &mut Writer,
    handler: fn(&mut Cx<'_, '_>, R, M) -> Rpc<M::Return>,
) -> Result<(), Halt> {
    let role = R::admit(cx)?;
    let asked = reader.peek_u32().unwrap_or_default();
    let request = M::decode(reader).map_err(Halt::Unreadable)?;
    let result = handler(cx, role, request)?;
    M::encode_return(&result, asked, writer);
    Ok(())
}

macro_rules! methods {
    ($($first:ident$(::$second:ident)? => $handler:path, $mode:ident $(, $how:ident)?;)*) => {
        /// The methods of this file.
        pub(crate) const METHODS: &[$crate::method::Row] = &[$(
            $crate::method::Row {
                name: <::tl::functions::$first$(::$second)? as ::tl::Method>::NAME,
                ids: <::tl::functions::$first$(::$second)? as ::tl::Method>::IDS,
                mode: $crate::method::Mode::$mode,
                depth: $crate::method::methods!(@depth $($how)?),
                quick: $crate::method::methods!(@quick $($how)?),
                run: |cx, reader, writer| {
                    $crate::method::run::<::tl::functions::$first$(::$second)?, _>(cx, reader, writer, $handler)
                },
            },
        )*];
    };
    (@depth) => { $crate::method::Depth::Real };
    (@depth Quick) => { $crate::method::Depth::Real };
    (@depth Empty) => { $crate::method::Depth::Empty };
    (@quick) => { false };
    (@quick $how:ident) => { true };
}
pub(crate) use methods;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use crate::envelope::Peeled;
    use crate::world::World;
    use crate::{Answer, Caller, Refusal, methods, rpc_error};

    // proves: PFS-1
    #[test]
    fn a_temporary_key_that_is_not_bound_may_call_three_methods() {
        let mut world = World::new();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let caller = Caller { key: None, session_id: 1, msg_id: 4, dc: 2, address };
        let mut admitted = Vec::new();
        for row in methods::rows() {
            for id in row.ids {
                // Who calls is looked at before what is asked: the arguments can be missing.
                let peeled = Peeled { query: id.to_le_bytes().to_vec(), ..Default::default() };
                match world.with_env(|api, env| api.call(&caller, &peeled, None, env)) {
                    Answer::Reply(reply) if reply.body == rpc_error(Refusal::AuthKeyPermEmpty) => {}
                    Answer::Reply(_) | Answer::Later(_) => admitted.push(row.name),
                }
            }
        }
        admitted.sort_unstable();
        admitted.dedup();
        assert_eq!(admitted, ["auth.bindTempAuthKey", "help.getConfig", "help.getNearestDc"]);
    }
}
