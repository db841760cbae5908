//! Temporary keys over a real socket: what they may call before they are bound, what binds them, and their end.

use std::time::Duration;

use gateway::world::{SystemDice, now};
use mtproto::bind::{BindInner, seal_bind_message};
use mtproto::crypto::AuthKey;
use mtproto::{AuthKeyId, MsgId, SessionId};
use tl::functions;

use crate::client::{Client, PLAIN, Session, transport_error};
use crate::house;

fn error(result: &[u8]) -> String {
    tl::read::<tl::service::RpcError>(result).map_or_else(|_| "none".to_owned(), |error| error.error_message)
}

/// Asks that the key of `temp` may speak for `perm`, with a proof that `change` has tampered with; gives the answer.
async fn bind(
    client: &mut Client,
    temp: &mut Session,
    perm: &AuthKey,
    change: impl FnOnce(&mut BindInner),
) -> Vec<u8> {
    let msg_id = temp.next_msg_id();
    let (nonce, expires_at) = (7, now().unix() + 3600);
    let mut inner = BindInner {
        msg_id: MsgId(msg_id),
        nonce,
        temp_auth_key_id: temp.key.id(),
        perm_auth_key_id: perm.id(),
        temp_session_id: SessionId(temp.session_id),
        expires_at,
    };
    change(&mut inner);
    let query = functions::auth::BindTempAuthKey {
        perm_auth_key_id: perm.id().as_long(),
        nonce,
        expires_at,
        encrypted_message: seal_bind_message(perm, &inner, &mut SystemDice),
    };
    temp.call_as(client, msg_id, &query).await
}

// proves: PFS-1, PFS-3
#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_key_is_bound_by_a_proof_that_fits_its_query() {
    let house = house().await;
    let (_, perm) = house.session().await;
    let (_, another) = house.session().await;
    let mut client = house.client(PLAIN).await;
    let mut temp = client.make_temp_key(&house.server, 3600).await;
    let refused = temp.call(&mut client, &functions::updates::GetState {}).await;
    assert_eq!(error(&refused), "AUTH_KEY_PERM_EMPTY");
    let config = temp.call(&mut client, &functions::help::GetConfig {}).await;
    assert!(tl::read::<tl::types::Config>(&config).is_ok());

    let lies: [fn(&mut BindInner); 6] = [
        |inner| inner.msg_id.0 += 4,
        |inner| inner.nonce += 1,
        |inner| inner.temp_auth_key_id = AuthKeyId(1),
        |inner| inner.perm_auth_key_id = AuthKeyId(1),
        |inner| inner.temp_session_id.0 += 1,
        |inner| inner.expires_at += 1,
    ];
    for lie in lies {
        let refused = bind(&mut client, &mut temp, &perm.key, lie).await;
        assert_eq!(error(&refused), "ENCRYPTED_MESSAGE_INVALID");
    }
    let bound = bind(&mut client, &mut temp, &perm.key, |_| ()).await;
    assert_eq!(tl::read(&bound), Ok(true));
    // Now it has an identity, on which nobody is logged in; and it keeps it.
    let guest = temp.call(&mut client, &functions::updates::GetState {}).await;
    assert_eq!(error(&guest), "AUTH_KEY_UNREGISTERED");
    assert_eq!(tl::read(&bind(&mut client, &mut temp, &perm.key, |_| ()).await), Ok(true));
    let refused = bind(&mut client, &mut temp, &another.key, |_| ()).await;
    assert_eq!(error(&refused), "ENCRYPTED_MESSAGE_INVALID");
}

// proves: HS-23, PFS-5
#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_key_that_has_expired_is_told_404() {
    let house = house().await;
    let mut client = house.client(PLAIN).await;
    let mut temp = client.make_temp_key(&house.server, 5).await;
    temp.ping(&mut client).await;
    tokio::time::sleep(Duration::from_millis(5100)).await;
    // On the connection on which it was good a moment ago, and on a new one.
    for client in [&mut client, &mut house.client(PLAIN).await] {
        let (_, packet) = temp.seal(&tl::service::Ping { ping_id: 1 });
        client.send(&packet).await;
        let answer = loop {
            let packet = client.packet().await.expect("an answer");
            if let Some(code) = transport_error(&packet) {
                break code;
            }
        };
        assert_eq!(answer, -404);
        assert!(client.is_closed_within(Duration::from_secs(5)).await);
    }
}
