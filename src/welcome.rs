//! What a first start prints: everything that somebody needs to point a stock client at this server.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use mtproto::RsaKey;

use crate::key_files::{self, KeyPair};

/// The address, the fingerprints, and snippets to paste.
#[must_use]
pub fn text(addr: SocketAddr, data: &Path, keys: &KeyPair, legacy_rsa: bool) -> String {
    let public = |name: &str| {
        let path = key_files::directory(data).join(name);
        std::path::absolute(&path).unwrap_or(path).display().to_string()
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "address              {addr} (TCP, WebSocket, HTTP), whichever data centre 1 to 5 a client dials"
    );
    let _ =
        writeln!(out, "RSA_PAD key          {:016x}  {}", keys.pad.fingerprint(), public("rsa-pad.pub.pem"));
    if legacy_rsa {
        let legacy = public("rsa-legacy.pub.pem");
        let _ = writeln!(out, "older padding's key  {:016x}  {legacy}", keys.legacy.fingerprint());
        let _ = write!(out, "\n{}\n{}", telethon(addr, &legacy), pyrogram(addr, &keys.legacy));
    }
    out
}

fn telethon(addr: SocketAddr, legacy_pem: &str) -> String {
    format!(
        r#"# Telethon
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import SQLiteSession

rsa.add_key(open({legacy_pem:?}).read(), old=False)
session = SQLiteSession("me")
session.set_dc(2, "{}", {})
client = TelegramClient(session, 1, "any")
"#,
        addr.ip(),
        addr.port()
    )
}

fn pyrogram(addr: SocketAddr, legacy: &RsaKey) -> String {
    format!(
        r#"# Pyrogram
import pyrogram.connection.connection as connection, pyrogram.crypto.rsa as rsa
from pyrogram import Client

connection.DataCenter = lambda dc_id, test_mode, ipv6, media: ("{}", {})
rsa.server_public_keys[{}] = rsa.PublicKey(
    0x{},
    0x{})
client = Client("me", api_id=1, api_hash="any")
"#,
        addr.ip(),
        addr.port(),
        legacy.fingerprint(),
        hex(&legacy.modulus()),
        hex(&legacy.exponent())
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_pasted() {
        let data = tempfile::tempdir().expect("a directory");
        let keys = key_files::load_or_make(data.path()).expect("keys");
        let addr = "127.0.0.1:8443".parse().expect("an address");
        let all = text(addr, data.path(), &keys, true);
        assert!(all.contains(r#"session.set_dc(2, "127.0.0.1", 8443)"#), "{all}");
        assert!(all.contains(&format!("server_public_keys[{}]", keys.legacy.fingerprint())), "{all}");
        assert!(all.contains("    0x010001)"), "{all}");
        assert!(!text(addr, data.path(), &keys, false).contains("Telethon"), "no key for it");
    }
}
