//! Base64 (RFC 4648).

/// The usual alphabet.
pub(crate) const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// That of addresses.
pub(crate) const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 without padding.
pub(crate) fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let block = three.iter().fold(0_u32, |block, byte| block << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let index = (block >> (18 - 6 * place)) & 63;
            out.extend(alphabet.get(index as usize).map(|letter| char::from(*letter)));
        }
    }
    out
}

/// Base64 with padding, as headers and policies of the web have it.
pub(crate) fn padded(bytes: &[u8]) -> String {
    let written = base64(bytes, STANDARD);
    let padding = "=".repeat((4 - written.len() % 4) % 4);
    written + &padding
}

#[cfg(test)]
mod tests {
    use crate::text::base64::padded;

    /// RFC 4648, section 10.
    #[test]
    fn the_published_examples() {
        for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(padded(text.as_bytes()), expected);
        }
    }
}
