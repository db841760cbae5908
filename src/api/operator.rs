//! What the operator of a server may ask for, over the command line.

use env::Env;
use model::ids::{KeyId, UserId};
use model::tables::USERS;
use model::{Stop, login, users};
use tl::stored;

use crate::Api;

impl Api {
    /// The accounts with ids above `after`, at most `limit`, in the order of their ids.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn accounts(&self, after: i64, limit: usize) -> Result<Vec<stored::User>, Stop> {
        let (rows, ticket) = self.store().read(|tx| {
            let mut rows = Vec::new();
            let mut id = after.max(1_000_000);
            // Ids are dealt in order, so the first gap is the end.
            while rows.len() < limit {
                id += 1;
                match tx.get(&USERS, &UserId(id))? {
                    Some(row) => rows.push(row),
                    None => break,
                }
            }
            Ok::<_, Stop>(rows)
        })?;
        self.store().wait_durable(ticket)?;
        Ok(rows)
    }

    /// Makes an account for a phone number.
    ///
    /// # Errors
    /// [`Stop::Refused`] if there is one, or the number is none.
    pub fn add_account(
        &self,
        phone: &str,
        first: &str,
        last: &str,
        env: &mut Env<'_>,
    ) -> Result<UserId, Stop> {
        let phone = users::phone_digits(phone).ok_or(model::Refusal::PhoneNumberInvalid)?;
        let ((user, _), ticket) =
            self.alter(env, KeyId::default(), |cx| users::create(cx, &phone, first, last))?;
        self.store().wait_durable(ticket)?;
        Ok(user)
    }

    /// The login code that waits for a phone number.
    ///
    /// # Errors
    /// [`Stop::Refused`] if the number is none.
    pub fn pending_code(&self, phone: &str, now: i32) -> Result<Option<String>, Stop> {
        let phone = users::phone_digits(phone).ok_or(model::Refusal::PhoneNumberInvalid)?;
        let (code, ticket) = self.store().read(|tx| login::peek(tx, &phone, now))?;
        self.store().wait_durable(ticket)?;
        Ok(code)
    }
}
