//! SHA-256 fingerprints.

use crate::dataset::error::DatasetError;
use crate::dataset::read::source::DataFile;
use crate::input_file::BLOCK;
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

/// The fingerprint of one file, as the readers take it: of its bytes as they are.
pub(super) fn of_file(file: &DataFile) -> Result<String, DatasetError> {
    let mut input = file.open(u64::MAX)?;
    let mut digest = Running::default();
    let mut buffer = vec![0_u8; BLOCK];
    loop {
        match input.fill(&mut buffer)? {
            0 => return Ok(digest.finish_hex()),
            n => digest.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}
