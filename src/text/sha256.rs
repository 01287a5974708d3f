//! SHA-256, in lower-case hexadecimal unless said otherwise, of bytes at hand or of bytes as they come.

use crate::text::base64;
use sha2::{Digest, Sha256};

/// The hash of some bytes.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut hash = Running::default();
    hash.update(bytes);
    hash.finish_hex()
}

/// The hash of some bytes in base64, as a Content-Security-Policy has it.
#[must_use]
pub fn sha256_base64(bytes: &[u8]) -> String {
    base64::padded(&Sha256::digest(bytes))
}

/// A hash of bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Running(Sha256);

impl Running {
    /// Adds a piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything added.
    #[must_use]
    pub fn finish_hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::text::sha256::*;

    /// The one-block and the two-block example of FIPS 180-4 (NIST, "SHA256.pdf" of the example values).
    #[test]
    fn the_published_examples() {
        let two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (text, expected) in [
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        ] {
            assert_eq!(sha256_hex(text.as_bytes()), expected);
            let mut pieces = Running::default();
            text.as_bytes().chunks(7).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.finish_hex(), expected, "in pieces");
        }
    }
}
