//! The ciphers of one message as one piece of work: the hash over its plaintext, the keys derived from that hash, and
//! AES-256-IGE under them.
//!
//! Two backends do the same. [`Backend::Portable`] stands on the crates `sha2` and `aes`, which have instructions of
//! their own for many processors and constant-time code for all others. [`Backend::X86`] is written for the AES and SHA
//! instructions of x86-64 and does what separate crates cannot: it derives both halves of a key at once, deciphers and
//! hashes at once, and enciphers up to [`LANES`] messages at once. IGE waits for each block before it can begin the next,
//! so one message alone leaves most of such a processor idle.
//!
//! Nothing can be kept with the authorization key: the AES key is new for each message, and no block of the three hashes
//! consists of the authorization key alone, so that there is no state behind such a block to begin from.
//!
//! Neither backend branches on, or looks a table up by, anything that is secret: time depends on lengths alone.
//!
//! The one module with unsafe code is `x86`: it calls functions that need instructions which
//! the compiler cannot know to be there, right after asking the processor, and it moves blocks between memory and
//! registers.

mod ige;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use ige::{BLOCK_BYTES, IgeKey};

/// Messages that [`Backend::encrypt_batch`] works on at the same time.
pub const LANES: usize = 8;

/// What one direction reads of an authorization key.
#[derive(Clone, Copy)]
pub struct KeyParts<'a> {
    /// Stands before the plaintext when that is hashed: bytes 88 to 120 for the client's messages, 96 to 128 for the
    /// server's.
    pub hash: &'a [u8; 32],
    /// Stands behind `msg_key` in the first hash of the key derivation: from byte 0 or 8.
    pub first: &'a [u8; 36],
    /// Stands before `msg_key` in the second: from byte 40 or 48.
    pub second: &'a [u8; 36],
}

/// One message of a batch.
pub struct Job<'a> {
    /// The sender's parts of the authorization key.
    pub parts: KeyParts<'a>,
    /// The plaintext with its padding; afterwards the ciphertext.
    pub data: &'a mut [u8],
    /// Afterwards the SHA-256 of the plaintext, whose middle is the `msg_key`.
    pub msg_key_large: [u8; 32],
}

/// The code that does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// By the crates `sha2` and `aes`, on any processor.
    Portable,
    /// By AES-NI and SHA-NI, on an x86-64 processor that has them.
    X86(HasX86),
}

/// Proof that the processor was asked for the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasX86(());

impl Backend {
    /// The fastest that this processor can run. The answer is remembered by the standard library; asking costs a load.
    #[inline]
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if x86::is_here() {
            return Self::X86(HasX86(()));
        }
        Self::Portable
    }

    /// What to call it in a table of figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::X86(_) => "x86 (AES-NI, SHA-NI)",
        }
    }

    /// Enciphers `data` in place and returns its `msg_key_large`: `SHA-256(parts.hash | data)`. Bytes behind the last
    /// whole block are hashed and stay as they are.
    #[must_use]
    pub fn encrypt(self, parts: KeyParts<'_>, data: &mut [u8]) -> [u8; 32] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::X86(has) => x86::encrypt(has, parts, data),
            _ => portable::encrypt(parts, data),
        }
    }

    /// Deciphers `data` in place under the key that `msg_key` derives, and returns the `msg_key_large` of what came out:
    /// the caller compares its middle with `msg_key`, in constant time, before it looks at any of the plaintext.
    #[must_use]
    pub fn decrypt(self, parts: KeyParts<'_>, msg_key: &[u8; 16], data: &mut [u8]) -> [u8; 32] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::X86(has) => x86::decrypt(has, parts, msg_key, data),
            _ => portable::decrypt(parts, msg_key, data),
        }
    }

    /// [`Self::encrypt`] for several messages, [`LANES`] at a time.
    pub fn encrypt_batch(self, jobs: &mut [Job<'_>]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::X86(has) => jobs.chunks_mut(LANES).for_each(|jobs| x86::encrypt_batch(has, jobs)),
            _ => {
                for job in jobs {
                    job.msg_key_large = portable::encrypt(job.parts, job.data);
                }
            }
        }
    }
}

/// The AES key and vector that `msg_key` derives.
#[must_use]
pub fn derive(parts: KeyParts<'_>, msg_key: &[u8; 16]) -> IgeKey {
    portable::derive(parts, msg_key)
}

/// The bytes of `msg_key_large` that name the message.
#[must_use]
pub const fn msg_key(large: &[u8; 32]) -> [u8; 16] {
    let mut middle = [0; 16];
    let mut at = 0;
    while at < 16 {
        middle[at] = large[at + 8];
        at += 1;
    }
    middle
}
