//! SHA-256 fingerprints.

use super::error::DatasetError;
use crate::text::sha256::Running;
use std::io::Read;
use std::path::Path;

/// SHA-256 of a file, streamed.
pub(super) fn file(path: &Path, name: &str) -> Result<String, DatasetError> {
    let io = |e: std::io::Error| DatasetError::Io { file: name.into(), reason: e.to_string() };
    let mut reader = std::fs::File::open(path).map_err(io)?;
    let mut digest = Running::default();
    let mut buffer = vec![0_u8; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(digest.finish_hex()),
            Ok(n) => digest.update(buffer.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io(e)),
        }
    }
}

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
