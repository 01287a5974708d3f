//! SHA-256 fingerprints.

use crate::text::sha256::Running;

/// One fingerprint for several files: that of the only file, or SHA-256 over their hexadecimal hashes, one a line.
pub(super) fn combined<'a>(hashes: impl ExactSizeIterator<Item = &'a str> + Clone) -> String {
    if hashes.len() == 1 {
        return hashes.collect();
    }
    let mut digest = Running::default();
    for hash in hashes {
        digest.update(hash.as_bytes());
        digest.update(b"\n");
    }
    digest.finish_hex()
}
