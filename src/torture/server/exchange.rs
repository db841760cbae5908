//! The server's side of a key exchange, with a lie in it.

use bytes::Bytes;
use env::Dice as _;
use mtproto::crypto::FullAuthKey;
use mtproto::crypto::hash::sha1;
use mtproto::crypto::ige::IgeKey;
use mtproto::crypto::kdf;
use mtproto::handshake::dh::{self, CheckedPublic, Secret};
use mtproto::handshake::pq::Pq as HonestPq;
use mtproto::handshake::rsa::RSA_BYTES;
use mtproto::handshake::{Padding, RsaKey, open_inner_data, plain};
use mtproto::{AuthKey, MsgId};
use tl::service::{self, enums::PQInnerData};
use tl::{Decode as _, Encode, Layer, Reader};

use super::lies::{self, Dh, Gen, Lie, Pq, Prime, ServerNumber};
use super::number;
use crate::world::{SystemDice, now};

/// What an exchange leads to.
pub enum Step {
    /// Say this.
    Say(Bytes),
    /// Say this; it is a lie.
    Lie(Bytes),
    /// The client went on, though it was lied to. If there is something to say, it may still think better of it.
    WentOn(&'static str, Option<Bytes>),
    /// Say this: the key is made.
    Made(Bytes, Box<AuthKey>, i64, Of),
    /// The client says what no client says.
    Nonsense(&'static str),
    /// Nothing.
    Nothing,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Nothing but the truth.
    Truth,
    /// The answer that makes it is a lie.
    Lie,
    /// An earlier answer was a lie.
    EarlierLie,
}

/// One exchange, or the time before it.
#[derive(Default)]
pub struct Exchange {
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    new_nonce: [u8; 32],
    secret: Option<Secret>,
    /// In a group of its own: the exponent, and the modulus.
    group: Option<(u64, Vec<u8>)>,
    attempts: u32,
}

/// Attempts after which a client is taken to go on for ever.
const ATTEMPTS_MAX: u32 = 25;

impl Exchange {
    /// Takes a plaintext packet.
    pub fn receive(&mut self, keys: &[(RsaKey, Padding)], lie: Lie, packet: &[u8]) -> Step {
        let Some(body) = plain::body(packet) else { return Step::Nonsense("a plaintext packet cut short") };
        let mut reader = Reader::new(body);
        let step = match reader.peek_u32() {
            Some(service::ReqPq::ID) => {
                service::ReqPq::decode(&mut reader).map(|query| self.begin(keys, lie, query.nonce))
            }
            Some(service::ReqPqMulti::ID) => {
                service::ReqPqMulti::decode(&mut reader).map(|query| self.begin(keys, lie, query.nonce))
            }
            Some(service::ReqDHParams::ID) => {
                service::ReqDHParams::decode(&mut reader).map(|query| self.request_dh(keys, lie, &query))
            }
            Some(service::SetClientDHParams::ID) => {
                service::SetClientDHParams::decode(&mut reader).map(|query| self.set_dh(lie, &query))
            }
            Some(service::MsgsAck::ID) => Ok(Step::Nothing),
            _ => Ok(Step::Nonsense("a plaintext message of no exchange")),
        };
        step.unwrap_or(Step::Nonsense("a plaintext message that cannot be read"))
    }

    fn begin(&mut self, keys: &[(RsaKey, Padding)], lie: Lie, nonce: [u8; 16]) -> Step {
        *self = Self { nonce, server_nonce: env::bytes(&mut SystemDice), ..Self::default() };
        let mut answer = service::ResPQ {
            nonce,
            server_nonce: self.server_nonce,
            pq: HonestPq::draw(&mut SystemDice).to_bytes(),
            server_public_key_fingerprints: keys.iter().map(|(key, _)| key.fingerprint()).collect(),
        };
        let Lie::Pq(lie) = lie else { return Step::Say(packet(&answer)) };
        match lie {
            Pq::Nonce => answer.nonce[0] ^= 1,
            Pq::Prime => answer.pq = lies::PQ_PRIME.to_be_bytes().to_vec(),
            Pq::Wide => answer.pq = lies::PQ_WIDE.to_vec(),
            Pq::Zero => answer.pq = vec![0; 8],
            Pq::Huge => answer.pq = lies::unhex(lies::PQ_HUGE),
            Pq::UnknownKeys => answer.server_public_key_fingerprints = vec![0x1234_5678, -77],
            Pq::NoKeys => answer.server_public_key_fingerprints.clear(),
        }
        Step::Lie(packet(&answer))
    }

    fn request_dh(&mut self, keys: &[(RsaKey, Padding)], lie: Lie, query: &service::ReqDHParams) -> Step {
        let key = keys.iter().find(|(key, _)| key.fingerprint() == query.public_key_fingerprint);
        let Some((key, padding)) = key else { return Step::Nonsense("an unknown fingerprint") };
        let Some(encrypted) = query.encrypted_data.first_chunk::<RSA_BYTES>() else {
            return Step::Nonsense("a short encrypted part");
        };
        let Some(data) = open_inner_data(key, *padding, encrypted, &mut SystemDice) else {
            return Step::Nonsense("an encrypted part that does not open");
        };
        let Ok(inner) = PQInnerData::decode(&mut Reader::new(&data)) else {
            return Step::Nonsense("inner data that cannot be read");
        };
        self.new_nonce = match inner {
            PQInnerData::PQInnerData(data) => data.new_nonce,
            PQInnerData::PQInnerDataDc(data) => data.new_nonce,
            PQInnerData::PQInnerDataTemp(data) => data.new_nonce,
            PQInnerData::PQInnerDataTempDc(data) => data.new_nonce,
        };
        let (secret, g_a) = Secret::draw(&mut SystemDice);
        self.secret = Some(secret);
        let mut numbers = service::ServerDHInnerData {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            g: dh::G,
            dh_prime: dh::prime_bytes().to_vec(),
            g_a: g_a.to_vec(),
            server_time: now().unix(),
        };
        let (mut nonce, mut server_nonce) = (self.nonce, self.server_nonce);
        let (mut wrong_hash, mut more, mut ragged) = (false, 0, false);
        let lied = if let Lie::Dh(lie) = lie {
            match lie {
                Dh::Nonce => nonce[0] ^= 1,
                Dh::ServerNonce => server_nonce[0] ^= 1,
                Dh::InnerNonce => numbers.nonce[0] ^= 1,
                Dh::InnerServerNonce => numbers.server_nonce[0] ^= 1,
                Dh::WrongHash => wrong_hash = true,
                Dh::LongPadding => more = 32,
                Dh::Ragged => ragged = true,
                Dh::Prime(prime) => {
                    (numbers.dh_prime, numbers.g) = group(prime);
                    numbers.g_a = self.in_group(numbers.g, &numbers.dh_prime);
                }
                Dh::G(g) => {
                    numbers.g = g;
                    if g > 1 {
                        numbers.g_a = self.in_group(g, &numbers.dh_prime);
                    }
                }
                Dh::Ga(number) => numbers.g_a = number_bytes(number),
            }
            true
        } else {
            false
        };
        let data = tl::write(&numbers, Layer::NEWEST);
        let hash = if wrong_hash { sha1(&[b"something else"]) } else { sha1(&[&data]) };
        let mut sealed = [hash.as_slice(), &data].concat();
        let filled = sealed.len().next_multiple_of(16) + more;
        let from = sealed.len();
        sealed.resize(filled, 0);
        SystemDice.fill(sealed.get_mut(from..).unwrap_or_default());
        self.tmp_aes().encrypt(&mut sealed);
        if ragged {
            sealed.extend([1, 2, 3, 4]);
        }
        let answer = service::ServerDHParamsOk { nonce, server_nonce, encrypted_answer: sealed };
        match lie {
            Lie::Pq(_) => Step::WentOn("it went on to req_DH_params", Some(packet(&answer))),
            _ if lied => Step::Lie(packet(&answer)),
            _ => Step::Say(packet(&answer)),
        }
    }

    fn set_dh(&mut self, lie: Lie, query: &service::SetClientDHParams) -> Step {
        let key_of = |last: u8| {
            let mut key = [0; 256];
            key[255] = last;
            FullAuthKey::new(key)
        };
        // Which key the client has, where that can be known.
        match lie {
            Lie::Dh(Dh::Ga(ServerNumber::Small(1) | ServerNumber::PrimeLessOne) | Dh::G(1)) => {
                return self.end(lie, &key_of(1));
            }
            Lie::Dh(Dh::Ga(ServerNumber::Small(0) | ServerNumber::Prime)) => {
                return self.end(lie, &key_of(0));
            }
            Lie::Dh(Dh::Ga(_)) => {
                return Step::WentOn("it went on to set_client_DH_params", None);
            }
            _ => {}
        }
        let mut opened = query.encrypted_data.clone();
        self.tmp_aes().decrypt(&mut opened);
        let data = opened.get(20..).unwrap_or_default();
        let Ok(numbers) = service::ClientDHInnerData::decode(&mut Reader::new(data)) else {
            return Step::Nonsense("step three does not open");
        };
        if let Some((exponent, modulus)) = &self.group {
            let mut key = [0; 256];
            let power = number::power(&numbers.g_b, *exponent, modulus);
            for (to, from) in key.iter_mut().rev().zip(power.iter().rev()) {
                *to = *from;
            }
            return self.end(lie, &FullAuthKey::new(key));
        }
        let (Some(g_b), Some(secret)) = (CheckedPublic::check(&numbers.g_b), &self.secret) else {
            return Step::Nonsense("an unsafe g_b");
        };
        let key = secret.key_with(&g_b);
        self.attempts += 1;
        self.end(lie, &key)
    }

    fn end(&self, lie: Lie, key: &FullAuthKey) -> Step {
        let (nonce, server_nonce) = (self.nonce, self.server_nonce);
        let hash = |number: u8| -> [u8; 16] {
            let [_, _, _, _, hash @ ..] = sha1(&[&self.new_nonce, &[number], &key.aux_hash()]);
            hash
        };
        let mut ok = service::DhGenOk { nonce, server_nonce, new_nonce_hash1: hash(1) };
        let mut retry = service::DhGenRetry { nonce, server_nonce, new_nonce_hash2: hash(2) };
        let Lie::Gen(lie) = lie else {
            let of = if matches!(lie, Lie::Pq(_) | Lie::Dh(_)) { Of::EarlierLie } else { Of::Truth };
            return Step::Made(packet(&ok), Box::new(key.kept()), self.salt(), of);
        };
        match lie {
            Gen::Nonce => ok.nonce[0] ^= 1,
            Gen::ServerNonce => ok.server_nonce[0] ^= 1,
            Gen::WrongHash => ok.new_nonce_hash1[0] ^= 1,
            Gen::RetryHash => ok.new_nonce_hash1 = hash(2),
            Gen::WrongRetry => {
                if self.attempts > 1 {
                    return Step::WentOn("it tried again", None);
                }
                retry.new_nonce_hash2[0] ^= 1;
                return Step::Lie(packet(&retry));
            }
            Gen::RetryForever => {
                if self.attempts > ATTEMPTS_MAX {
                    return Step::WentOn("it tries more than 25 times", None);
                }
                return Step::Lie(packet(&retry));
            }
            Gen::Fail => {
                let fail = service::DhGenFail { nonce, server_nonce, new_nonce_hash3: hash(3) };
                return Step::Made(packet(&fail), Box::new(key.kept()), self.salt(), Of::Lie);
            }
        }
        Step::Made(packet(&ok), Box::new(key.kept()), self.salt(), Of::Lie)
    }

    /// Draws an exponent in another group; the number that it makes.
    fn in_group(&mut self, g: i32, modulus: &[u8]) -> Vec<u8> {
        let exponent = SystemDice.u64() | 1 << 63;
        self.group = Some((exponent, modulus.to_vec()));
        number::power(&[u8::try_from(g).unwrap_or_default()], exponent, modulus)
    }

    fn tmp_aes(&self) -> IgeKey {
        kdf::handshake(&self.new_nonce, &self.server_nonce)
    }

    fn salt(&self) -> i64 {
        let half = |nonce: &[u8]| nonce.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
        half(&self.new_nonce) ^ half(&self.server_nonce)
    }
}

/// `answer` in the envelope of plaintext messages.
pub fn packet(answer: &impl Encode) -> Bytes {
    plain::packet(MsgId(MsgId::at(now()).0 | 1), &tl::write(answer, Layer::NEWEST))
}

fn group(prime: Prime) -> (Vec<u8>, i32) {
    match prime {
        Prime::Composite => {
            let mut number = dh::prime_bytes().to_vec();
            // Odd still, and 2 modulo 3 still: a multiple of 6 more.
            if let Some(last) = number.last_mut() {
                *last = last.wrapping_add(6);
            }
            (number, 3)
        }
        Prime::NotSafe => (lies::unhex(lies::PRIME_NOT_SAFE), 3),
        Prime::Short => (lies::unhex(lies::PRIME_SHORT), 2),
        Prime::Another => (lies::unhex(lies::PRIME_ANOTHER), 2),
    }
}

fn number_bytes(number: ServerNumber) -> Vec<u8> {
    let mut bytes = match number {
        ServerNumber::Small(_) => [0; 256],
        ServerNumber::LowEdge | ServerNumber::AllOnes => [0xff; 256],
        ServerNumber::PrimeLessOne | ServerNumber::Prime | ServerNumber::HighEdge => dh::prime_bytes(),
    };
    match number {
        ServerNumber::Small(value) => bytes[255] = value,
        ServerNumber::PrimeLessOne => bytes[255] -= 1,
        ServerNumber::LowEdge => bytes[..8].fill(0),
        ServerNumber::HighEdge => {
            bytes[7] = bytes[7].wrapping_sub(1);
            bytes[255] = bytes[255].wrapping_add(1);
        }
        ServerNumber::Prime | ServerNumber::AllOnes => {}
    }
    bytes.to_vec()
}
