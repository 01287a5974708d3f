//! SHA-256 fingerprints.

use super::error::DatasetError;
use sha2::{Digest as _, Sha256};
use std::io::Read;
use std::path::Path;

/// A running SHA-256.
pub(super) struct Digest(Sha256);

impl Digest {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of a file, streamed.
pub(super) fn file(path: &Path, name: &str) -> Result<String, DatasetError> {
    let io = |e: std::io::Error| DatasetError::Io { file: name.into(), reason: e.to_string() };
    let mut reader = std::fs::File::open(path).map_err(io)?;
    let mut digest = Digest::new();
    let mut buffer = vec![0_u8; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hex(&digest.finish())),
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
    let mut digest = Digest::new();
    for hash in hashes {
        digest.update(hash.as_bytes());
        digest.update(b"\n");
    }
    hex(&digest.finish())
}
