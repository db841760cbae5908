//! Login codes: dealt at random, counted, good for a few minutes, worth nothing after a few wrong tries.

use store::{Name, Tx};
use tl::stored;

use crate::ctx::Ctx;
use crate::error::{Done, Refusal, Stop};
use crate::ids::UserId;
use crate::jobs;
use crate::limits;
use crate::tables::{EXPORTS, LOGIN_CODES, TALLIES};

/// Seconds for which an exported login is good.
const EXPORT_TTL_SECS: i32 = 60;

/// How login codes are made; from the settings.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Digits of a code.
    pub code_digits: u32,
    /// Seconds a code is good for.
    pub code_ttl_secs: i32,
    /// Codes per phone number within ten minutes.
    pub codes_per_phone: i32,
    /// Whether 99966XYYYY has the code XXXXX, as on the public test data centre.
    pub test_numbers: bool,
}

/// The fixed code of a test number: the digit of its data centre, five times.
#[must_use]
pub fn test_code(phone: &str) -> Option<String> {
    let digit = phone.strip_prefix("99966").filter(|rest| rest.len() >= 5)?.chars().next()?;
    ('1'..='9').contains(&digit).then(|| digit.to_string().repeat(5))
}

fn key(phone: &str) -> (Name, String) {
    (Name::of(phone), phone.to_owned())
}

/// Deals a new code for a phone number; the one before is void. Gives what the client gets to name it by, and the code.
pub fn deal(cx: &mut Ctx<'_, '_>, policy: &Policy, phone: &str) -> Done<stored::LoginCode> {
    let test = if policy.test_numbers { test_code(phone) } else { None };
    if test.is_none() {
        count(cx, &format!("code:{phone}"), policy.codes_per_phone, limits::CODE_WINDOW_SECS)?;
        count(cx, &format!("codes of a day:{phone}"), limits::CODES_PER_PHONE_DAILY, limits::DAY_SECS)?;
    }
    let code = test.unwrap_or_else(|| {
        let span = 10_u64.pow(policy.code_digits.clamp(4, 9));
        let width = usize::try_from(policy.code_digits.clamp(4, 9)).unwrap_or(5);
        format!("{:0width$}", cx.dice.below(span))
    });
    let random: [u8; 9] = env::bytes(cx.dice);
    let row = stored::LoginCode {
        hash: random.iter().map(|b| format!("{b:02x}")).collect(),
        code,
        created: cx.date(),
        expires: cx.date().saturating_add(policy.code_ttl_secs),
        ..Default::default()
    };
    cx.tx.put(&LOGIN_CODES, &key(phone), &row)?;
    jobs::forget_code(cx, phone)?;
    Ok(row)
}

/// Counts one more of something; refuses with the seconds to wait when there were too many within the window.
pub fn count(cx: &mut Ctx<'_, '_>, what: &str, max: i32, window_secs: i32) -> Done<()> {
    let key = (Name::of(what), what.to_owned());
    let now = cx.date();
    let known = cx.tx.get(&TALLIES, &key)?;
    if known.is_none() {
        jobs::forget_count(cx, what)?;
    }
    let mut row = known.unwrap_or_default();
    if now.saturating_sub(row.since) >= window_secs {
        row = stored::Tally { since: now, count: 0 };
    }
    if row.count >= max {
        let wait = row.since.saturating_add(window_secs).saturating_sub(now).max(1);
        return Err(Refusal::FloodWait(wait.unsigned_abs()).into());
    }
    row.count += 1;
    cx.tx.put(&TALLIES, &key, &row)?;
    Ok(())
}

fn wrong(phone: &str) -> String {
    format!("wrong codes:{phone}")
}

/// Refuses any guess for a number for which there were too many wrong ones today.
fn check_guesses(cx: &Ctx<'_, '_>, phone: &str) -> Done<()> {
    let what = wrong(phone);
    let Some(row) = cx.tx.get(&TALLIES, &(Name::of(&what), what))? else { return Ok(()) };
    let left = row.since.saturating_add(limits::DAY_SECS).saturating_sub(cx.date());
    if row.count >= limits::WRONG_CODES_DAILY && left > 0 {
        return Err(Refusal::FloodWait(left.unsigned_abs()).into());
    }
    Ok(())
}

/// Forgets what was counted under a name, or looks again later if its window is still open: anybody can have things counted
/// for any number and from any address, and none of that may stay.
pub fn forget_count(cx: &mut Ctx<'_, '_>, what: &str) -> Done<()> {
    let key = (Name::of(what), what.to_owned());
    let Some(row) = cx.tx.get(&TALLIES, &key)? else { return Ok(()) };
    if cx.date().saturating_sub(row.since) < limits::DAY_SECS {
        return jobs::forget_count(cx, what);
    }
    Ok(cx.tx.delete(&TALLIES, &key)?)
}

/// Forgets the code of a phone number, once it is worth nothing any more.
pub fn forget_code(cx: &mut Ctx<'_, '_>, phone: &str) -> Done<()> {
    let row = cx.tx.get(&LOGIN_CODES, &key(phone))?;
    if row.is_some_and(|row| row.consumed || row.expires <= cx.date()) {
        cx.tx.delete(&LOGIN_CODES, &key(phone))?;
    }
    Ok(())
}

/// The code that waits for a phone number, if its name is right and it is still good.
pub fn pending(tx: &Tx<'_>, phone: &str, hash: &str, now: i32) -> Done<stored::LoginCode> {
    if hash.is_empty() {
        return Err(Refusal::PhoneCodeHashEmpty.into());
    }
    let row = tx.get(&LOGIN_CODES, &key(phone))?.ok_or(Refusal::PhoneCodeExpired)?;
    if row.hash != hash || row.consumed || now >= row.expires || row.attempts >= limits::CODE_ATTEMPTS_MAX {
        return Err(Refusal::PhoneCodeExpired.into());
    }
    Ok(row)
}

/// The newest code of a phone number, for its owner at the server.
pub fn peek(tx: &Tx<'_>, phone: &str, now: i32) -> Done<Option<String>> {
    let row = tx.get(&LOGIN_CODES, &key(phone))?;
    Ok(row.filter(|row| !row.consumed && now < row.expires).map(|row| row.code))
}

/// Tries a code. A wrong one is counted; the right one stays good until [`consume`], so that a sign-up can follow.
pub fn try_code(cx: &mut Ctx<'_, '_>, phone: &str, hash: &str, code: &str) -> Done<()> {
    if code.is_empty() {
        return Err(Refusal::PhoneCodeEmpty.into());
    }
    let mut row = pending(cx.tx, phone, hash, cx.date())?;
    // Refused before it is compared: a right guess beyond the bound must not get in either.
    check_guesses(cx, phone)?;
    let equal = row.code.len() == code.len()
        && row.code.bytes().zip(code.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
    if equal {
        row.proved = true;
        cx.tx.put(&LOGIN_CODES, &key(phone), &row)?;
        return Ok(());
    }
    // Somebody who guesses gets new codes, too, so wrong ones are counted over all of them.
    count(cx, &wrong(phone), limits::WRONG_CODES_DAILY, limits::DAY_SECS)?;
    row.attempts += 1;
    cx.tx.put(&LOGIN_CODES, &key(phone), &row)?;
    Err(Stop::Counted(Refusal::PhoneCodeInvalid))
}

/// Makes a code worth nothing: it was used, or cancelled.
pub fn consume(cx: &mut Ctx<'_, '_>, phone: &str) -> Done<()> {
    if let Some(mut row) = cx.tx.get(&LOGIN_CODES, &key(phone))? {
        row.consumed = true;
        cx.tx.put(&LOGIN_CODES, &key(phone), &row)?;
    }
    Ok(())
}

/// Deals a ticket with which another key of the same person is logged in; good once, for a minute.
pub fn export(cx: &mut Ctx<'_, '_>, user: UserId) -> Done<Vec<u8>> {
    let ticket: [u8; 32] = env::bytes(cx.dice);
    let row = stored::Exported { user_id: user.0, expires: cx.date().saturating_add(EXPORT_TTL_SECS) };
    cx.tx.put(&EXPORTS, &(Name::of_bytes(&ticket), ticket), &row)?;
    Ok(ticket.to_vec())
}

/// Takes such a ticket.
pub fn import(cx: &mut Ctx<'_, '_>, user: UserId, ticket: &[u8]) -> Done<()> {
    let ticket: [u8; 32] = ticket.try_into().map_err(|_| Refusal::AuthBytesInvalid)?;
    let key = (Name::of_bytes(&ticket), ticket);
    let row = cx.tx.get(&EXPORTS, &key)?.ok_or(Refusal::AuthBytesInvalid)?;
    cx.tx.delete(&EXPORTS, &key)?;
    if row.user_id != user.0 || row.expires < cx.date() {
        return Err(Refusal::AuthBytesInvalid.into());
    }
    Ok(())
}
