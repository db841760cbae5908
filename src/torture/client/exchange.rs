//! One key exchange of a case, with whatever is wrong in it.

use bytes::{BufMut as _, BytesMut};
use env::Dice as _;
use mtproto::client::{Exchange, NewKey, PublicKey, encrypt_inner_data};
use mtproto::crypto::hash::sha1;
use mtproto::handshake::{Padding, dh, plain};
use tl::service::{self, ReqDHParams, SetClientDHParams};
use tl::{Layer, Reader};

use super::script::{Clear, Dh, Envelope, Inner, Number, Set};
use crate::world::{SystemDice, now};

/// Length of the encrypted part of `req_DH_params`, in bytes.
const RSA_BYTES: usize = 256;

/// A key exchange.
pub struct Run {
    /// What an honest client knows.
    pub exchange: Exchange,
    res_pq: Option<service::ResPQ>,
    dh_ok: Option<service::ServerDHParamsOk>,
    msg_id: i64,
}

impl Run {
    /// A key exchange in which nothing was said.
    pub fn new(key: PublicKey, padding: Padding) -> Self {
        let exchange = Exchange::new(key, padding, now(), &mut SystemDice);
        Self { exchange, res_pq: None, dh_ok: None, msg_id: mtproto::MsgId::at(now()).0 }
    }

    /// Whether this answers our first step.
    pub fn is_res_pq(&self, packet: &[u8]) -> bool {
        read::<service::ResPQ>(packet).is_some_and(|answer| answer.nonce == self.exchange.nonce)
    }

    /// Takes the answer to the first step.
    pub fn take_res_pq(&mut self, packet: &[u8]) {
        self.res_pq = read(packet);
        if let Some(answer) = &self.res_pq {
            self.exchange.server_nonce = answer.server_nonce;
        }
    }

    /// What is wrong with the answer to the first step.
    pub fn fault(&self) -> Option<&'static str> {
        let answer = self.res_pq.as_ref()?;
        let pq = answer.pq.iter().fold(0_u128, |n, byte| (n & (u128::MAX >> 9)) << 8 | u128::from(*byte));
        if pq >> 63 != 0 || answer.pq.first() == Some(&0) {
            return Some("pq is above 2^63 or begins with zeros [HS-3]");
        }
        if pq % 2 == 0 {
            return Some("pq is even [HS-3]");
        }
        None
    }

    /// Whether this answers our second step.
    pub fn is_dh_ok(&self, packet: &[u8]) -> bool {
        let (nonce, server_nonce) = (self.exchange.nonce, self.exchange.server_nonce);
        let ours =
            |answer: service::ServerDHParamsOk| (answer.nonce, answer.server_nonce) == (nonce, server_nonce);
        read(packet).is_some_and(ours)
    }

    /// Takes the answer to the second step.
    pub fn take_dh_ok(&mut self, packet: &[u8]) {
        self.dh_ok = read(packet);
    }

    /// The key that the answer to the third step makes, if its hash fits.
    pub fn key(&self, packet: &[u8]) -> Option<NewKey> {
        let answer: service::DhGenOk = read(packet)?;
        self.exchange.finish(&answer).ok()
    }

    /// Whether this is the end of this exchange, whatever its hash.
    pub fn is_gen_ok(&self, packet: &[u8]) -> bool {
        read::<service::DhGenOk>(packet).is_some_and(|answer| answer.nonce == self.exchange.nonce)
    }

    /// Something in the clear.
    pub fn clear(&mut self, clear: Clear, envelopes: &[Envelope]) -> Vec<u8> {
        let ask = || tl::write(&service::ReqPqMulti { nonce: self.exchange.nonce }, Layer::NEWEST);
        let body = match clear {
            Clear::ReqPq => tl::write(&service::ReqPq { nonce: self.exchange.nonce }, Layer::NEWEST),
            Clear::ReqPqMulti => ask(),
            Clear::Ping => tl::write(&service::Ping { ping_id: 1 }, Layer::NEWEST),
            Clear::Ack => tl::write(&service::MsgsAck { msg_ids: vec![1, 2] }, Layer::NEWEST),
            Clear::Config => tl::write(&tl::functions::help::GetConfig {}, Layer::NEWEST),
            Clear::Container => {
                let body = ask();
                let mut out = BytesMut::new();
                out.put_u32_le(service::MsgContainer::ID);
                out.put_u32_le(1);
                out.put_i64_le(self.msg_id);
                out.put_u32_le(0);
                out.put_u32_le(20);
                out.put_slice(&body);
                out.to_vec()
            }
            Clear::Gzip => {
                let packed_data = crate::packing::deflated(&ask(), 0);
                tl::write(&service::GzipPacked { packed_data }, Layer::NEWEST)
            }
            Clear::Cut(bytes) => ask().get(..bytes).unwrap_or_default().to_vec(),
            Clear::Noise(bytes) => noise(bytes),
        };
        self.packet(&body, envelopes)
    }

    /// `req_DH_params`; nothing if there was no `resPQ`.
    pub fn request_dh(&mut self, other: Option<&PublicKey>, twists: &[Dh]) -> Option<Vec<u8>> {
        let answer = self.res_pq.clone()?;
        let mut tail = 0;
        for twist in twists {
            match *twist {
                Dh::Dc(dc) => self.exchange.dc = Some(dc),
                Dh::Temp(seconds) => self.exchange.expires_in = Some(seconds),
                Dh::Tail(bytes) => tail = bytes,
                _ => {}
            }
        }
        let mut query = self.exchange.request_dh(&answer, &mut SystemDice).ok()?;
        for twist in twists {
            self.twist_dh(&mut query, &answer, other, *twist)?;
        }
        let body = tl::write(&query, Layer::NEWEST);
        Some(self.packet(&body, &[Envelope::Tail(tail)]))
    }

    fn twist_dh(
        &self,
        query: &mut ReqDHParams,
        answer: &service::ResPQ,
        other: Option<&PublicKey>,
        twist: Dh,
    ) -> Option<()> {
        let key = &self.exchange.key;
        match twist {
            Dh::Nonce => flip(&mut query.nonce, 3),
            Dh::ServerNonce => flip(&mut query.server_nonce, 3),
            Dh::Swapped => std::mem::swap(&mut query.p, &mut query.q),
            Dh::P => flip(&mut query.p, 3),
            Dh::Q => flip(&mut query.q, 3),
            Dh::Trivial => (query.p, query.q) = (vec![1], answer.pq.clone()),
            Dh::NoFactors => (query.p, query.q) = (Vec::new(), Vec::new()),
            Dh::PaddedFactors => {
                query.p.splice(..0, [0; 4]);
                query.q.splice(..0, [0; 4]);
            }
            Dh::UnknownPrint => query.public_key_fingerprint ^= 0x55,
            Dh::OtherPrint => query.public_key_fingerprint = other?.fingerprint,
            Dh::Length(bytes) => query.encrypted_data.resize(bytes, 0x33),
            Dh::Flip(at) => flip(&mut query.encrypted_data, at),
            Dh::NotBelowModulus => query.encrypted_data = vec![0xff; RSA_BYTES],
            Dh::Zero => query.encrypted_data = vec![0; RSA_BYTES],
            Dh::RandomBlock => {
                let mut block: [u8; RSA_BYTES] = env::bytes(&mut SystemDice);
                block[0] = 0;
                query.encrypted_data = key.encrypt(&block)?.to_vec();
            }
            Dh::OtherPadding => {
                let data =
                    tl::write(&self.exchange.inner_data(&answer.pq, &query.p, &query.q), Layer::NEWEST);
                let padding = match self.exchange.padding {
                    Padding::RsaPad => Padding::Legacy,
                    Padding::Legacy => Padding::RsaPad,
                };
                query.encrypted_data = encrypt_inner_data(key, padding, &data, &mut SystemDice).to_vec();
            }
            Dh::Inner(inner) => {
                let data = self.inner(answer, query, inner);
                let padding = self.exchange.padding;
                query.encrypted_data = encrypt_inner_data(key, padding, &data, &mut SystemDice).to_vec();
            }
            Dh::Dc(_) | Dh::Temp(_) | Dh::Tail(_) => {}
        }
        Some(())
    }

    fn inner(&self, answer: &service::ResPQ, query: &ReqDHParams, inner: Inner) -> Vec<u8> {
        let mut data = service::PQInnerData {
            pq: answer.pq.clone(),
            p: query.p.clone(),
            q: query.q.clone(),
            nonce: self.exchange.nonce,
            server_nonce: self.exchange.server_nonce,
            new_nonce: self.exchange.new_nonce,
        };
        match inner {
            Inner::Nonce => flip(&mut data.nonce, 0),
            Inner::ServerNonce => flip(&mut data.server_nonce, 0),
            Inner::Pq => flip(&mut data.pq, 1),
            Inner::P => flip(&mut data.p, 1),
            Inner::Q => flip(&mut data.q, 1),
            Inner::Swapped => std::mem::swap(&mut data.p, &mut data.q),
            Inner::Constructor => {
                let mut bytes = tl::write(&data, Layer::NEWEST);
                flip(&mut bytes, 0);
                return bytes;
            }
            Inner::Empty => return Vec::new(),
            Inner::Noise => return noise(96),
        }
        tl::write(&data, Layer::NEWEST)
    }

    /// `set_client_DH_params`, honest if there was an answer to the second step and nothing is said about `g_b`.
    pub fn set_dh(&mut self, twists: &[Set]) -> Option<Vec<u8>> {
        let mut liar = self.exchange.clone();
        let mut number = None;
        for twist in twists {
            match *twist {
                Set::Gb(gb) => number = Some(gb),
                Set::InnerNonce => flip(&mut liar.nonce, 0),
                Set::InnerServerNonce => flip(&mut liar.server_nonce, 0),
                _ => {}
            }
        }
        let retry = twists.iter().find_map(|twist| match twist {
            Set::RetryId(id) => Some(*id),
            _ => None,
        });
        let mut query = match (self.dh_ok.clone(), number, retry) {
            (Some(answer), None, None) => self.exchange.set_client_dh(&answer, &mut SystemDice).ok()?,
            (_, number, retry) => {
                liar.retry_id = retry.unwrap_or(0);
                let g_b = number.map_or_else(|| vec![0x55; 256], bytes_of);
                let mut query = liar.with_g_b(&g_b, &mut SystemDice);
                (query.nonce, query.server_nonce) = (self.exchange.nonce, self.exchange.server_nonce);
                query
            }
        };
        for twist in twists {
            self.twist_set(&mut query, *twist);
        }
        let tail = twists.iter().find_map(|twist| match twist {
            Set::Tail(bytes) => Some(*bytes),
            _ => None,
        });
        let body = tl::write(&query, Layer::NEWEST);
        Some(self.packet(&body, &[Envelope::Tail(tail.unwrap_or(0))]))
    }

    fn twist_set(&self, query: &mut SetClientDHParams, twist: Set) {
        let (nonce, server_nonce) = (self.exchange.nonce, self.exchange.server_nonce);
        let data = |nonce: [u8; 16], server_nonce: [u8; 16]| {
            let g_b = vec![0x55; 256];
            let data = service::ClientDHInnerData { nonce, server_nonce, retry_id: 0, g_b };
            tl::write(&data, Layer::NEWEST)
        };
        match twist {
            Set::Nonce => flip(&mut query.nonce, 3),
            Set::ServerNonce => flip(&mut query.server_nonce, 3),
            Set::Cut(bytes) => {
                query.encrypted_data.truncate(query.encrypted_data.len().saturating_sub(bytes));
            }
            Set::Grow(bytes) => query.encrypted_data.extend(noise(bytes)),
            Set::Flip(at) => flip(&mut query.encrypted_data, at),
            Set::Noise => query.encrypted_data = noise(336),
            Set::InnerNonce => {
                let mut other = nonce;
                flip(&mut other, 0);
                let data = data(other, server_nonce);
                query.encrypted_data = self.sealed(&data, &data);
            }
            Set::InnerServerNonce => {
                let mut other = server_nonce;
                flip(&mut other, 0);
                let data = data(nonce, other);
                query.encrypted_data = self.sealed(&data, &data);
            }
            Set::WrongHash => {
                query.encrypted_data = self.sealed(b"something else", &data(nonce, server_nonce));
            }
            Set::Constructor => {
                let mut data = data(nonce, server_nonce);
                flip(&mut data, 0);
                query.encrypted_data = self.sealed(&data, &data);
            }
            Set::RetryId(_) | Set::Gb(_) | Set::Tail(_) => {}
        }
    }

    /// `data` behind the hash of `hashed`, padded, under the key of the exchange.
    fn sealed(&self, hashed: &[u8], data: &[u8]) -> Vec<u8> {
        let mut sealed = [sha1(&[hashed]).as_slice(), data].concat();
        let filled = sealed.len().next_multiple_of(16);
        sealed.extend(noise(filled - sealed.len()));
        self.exchange.tmp_aes().encrypt(&mut sealed);
        sealed
    }

    fn packet(&mut self, body: &[u8], envelopes: &[Envelope]) -> Vec<u8> {
        self.msg_id += 4;
        let (mut body, mut msg_id) = (body.to_vec(), self.msg_id);
        let (mut length, mut longer, mut behind) = (None, 0, 0);
        for envelope in envelopes {
            match *envelope {
                Envelope::Tail(bytes) => body.extend(noise(bytes)),
                Envelope::Behind(bytes) => behind = bytes,
                Envelope::Longer(bytes) => longer = bytes,
                Envelope::Length(said) => length = Some(said),
                Envelope::MsgId(said) => msg_id = said,
                Envelope::QuickAck => {}
            }
        }
        let mut packet = plain::packet(mtproto::MsgId(msg_id), &body).to_vec();
        let truth = i32::try_from(body.len()).unwrap_or(i32::MAX);
        let said = length.unwrap_or(truth.wrapping_add(longer));
        for (to, from) in packet.iter_mut().skip(16).zip(said.to_le_bytes()) {
            *to = from;
        }
        packet.extend(noise(behind));
        packet
    }
}

/// So many random bytes.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    SystemDice.fill(&mut out);
    out
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}

fn read<T: tl::Decode>(packet: &[u8]) -> Option<T> {
    T::decode(&mut Reader::new(plain::body(packet)?)).ok()
}

/// The bytes of a number, big-endian.
fn bytes_of(number: Number) -> Vec<u8> {
    let low_edge = {
        let mut edge = [0; 256];
        edge[7] = 1;
        edge
    };
    match number {
        Number::Small(value) => {
            let mut number = vec![0; 255];
            number.push(value);
            number
        }
        Number::Prime(more) => plus(dh::prime_bytes(), i16::from(more)).to_vec(),
        Number::AllOnes => vec![0xff; 256],
        Number::LowEdge(more) => plus(low_edge, i16::from(more)).to_vec(),
        Number::HighEdge(more) => {
            // The prime's bytes above the edge are large enough to give one away.
            let mut edge = dh::prime_bytes();
            edge[7] = edge[7].wrapping_sub(1);
            plus(edge, i16::from(more)).to_vec()
        }
        Number::TooLong => vec![0x55; 257],
        Number::Empty => Vec::new(),
    }
}

/// A big-endian number and a small one.
fn plus(mut number: [u8; 256], more: i16) -> [u8; 256] {
    let mut carry = more;
    for byte in number.iter_mut().rev() {
        let sum = i16::from(*byte) + carry;
        *byte = sum.rem_euclid(256) as u8;
        carry = sum.div_euclid(256);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_where_their_names_say() {
        let low = bytes_of(Number::LowEdge(-1));
        assert_eq!((low[..8].to_vec(), low[8], low[255]), (vec![0; 8], 0xff, 0xff));
        let high = bytes_of(Number::HighEdge(1));
        let prime = dh::prime_bytes();
        assert_eq!((high[7], high[255]), (prime[7] - 1, prime[255] + 1));
        assert_eq!(bytes_of(Number::Prime(-1))[255], prime[255] - 1);
        assert_eq!(bytes_of(Number::Small(2)).len(), 256);
    }
}
