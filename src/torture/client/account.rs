//! Accounts of a case's own, under numbers that anybody may sign in with: 99966XYYYY has the code XXXXX, as on the public test
//! data centre.

use env::Dice as _;
use tl::functions::auth;
use tl::{Layer, Method, enums, functions};

use super::body::init;
use super::play::{self, Player, Target};
use super::script::{LAST, Step, Want, case};
use super::session::Message;
use crate::limits::ANSWER_TIME;
use crate::world::SystemDice;

impl Player<'_> {
    /// Signs the key of the current session in under the number of this case, and up where nobody has it.
    pub async fn sign_in(&mut self) -> Result<(), String> {
        // What is said for it is not counted among the messages of the script.
        let (sent, matched) = (self.sent.len(), self.matched.len());
        let phone_number =
            self.phone.get_or_insert_with(|| format!("999661{:04}", SystemDice.below(10_000))).clone();
        let request = auth::SendCode {
            phone_number: phone_number.clone(),
            api_id: 1,
            api_hash: "torture".to_owned(),
            ..Default::default()
        };
        let enums::auth::SentCode::SentCode(code) = self.ask(&request).await? else {
            return Err("no code was sent".to_owned());
        };
        let phone_code_hash = code.phone_code_hash;
        let request = auth::SignIn {
            phone_number: phone_number.clone(),
            phone_code_hash: phone_code_hash.clone(),
            phone_code: Some("11111".to_owned()),
            ..Default::default()
        };
        if let enums::auth::Authorization::AuthorizationSignUpRequired(_) = self.ask(&request).await? {
            let first_name = "Torture".to_owned();
            let request = auth::SignUp { phone_number, phone_code_hash, first_name, ..Default::default() };
            self.ask(&request).await?;
        }
        self.sent.truncate(sent);
        self.matched.truncate(matched);
        Ok(())
    }

    /// Calls a method honestly.
    async fn ask<M: Method>(&mut self, request: &M) -> Result<M::Return, String> {
        let layer = functions::InvokeWithLayer { layer: Layer::NEWEST.0.into() };
        let body = [tl::write(&layer, Layer::NEWEST), init(None), tl::write(request, Layer::NEWEST)].concat();
        let (msg_id, seq_no) = self.session()?.name(true);
        self.seal_and_send(Message { msg_id, seq_no, body }, &[]).await?;
        self.hear(&[Want::Result(LAST)], ANSWER_TIME).await?;
        tl::read(&self.last_result).map_err(|error| format!("{}: {error}", M::NAME))
    }
}

/// Whether the server takes such numbers.
pub async fn has_test_numbers(target: &Target) -> bool {
    play::play(target, &case("", "", &[Step::OwnKey, Step::SignIn])).await.is_ok()
}
