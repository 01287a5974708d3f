//! Checks that bytes are the text they should be.

use crate::dataset::error::DatasetError;

/// Refuses what only bears the name of a CSV.
pub(crate) fn refuse_binary(file: &str, bytes: &[u8]) -> Result<(), DatasetError> {
    let (what, fix) = match bytes {
        [b'P', b'A', b'R', b'1', ..] => ("it is a Parquet file", "give it the ending `.parquet`"),
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] => {
            ("it is compressed or a spreadsheet", "unpack or export it as CSV")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("it is UTF-16 text", "save it as UTF-8"),
        _ => return Ok(()),
    };
    Err(DatasetError::Format { file: file.into(), reason: what.into(), fix: fix.into() })
}

/// Refuses a zero byte, which no text has: `chunk` starts in `line`.
pub(crate) fn refuse_zero_bytes(file: &str, chunk: &[u8], line: usize) -> Result<(), DatasetError> {
    let Some(at) = chunk.iter().position(|byte| *byte == 0) else { return Ok(()) };
    let lines = chunk.get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    Err(DatasetError::Csv {
        file: file.into(),
        line: Some(line + lines),
        reason: "there is a zero byte, which no text has".into(),
        fix: "write the file again as UTF-8 text: UTF-16 and damaged files have zero bytes".into(),
    })
}

/// Checks UTF-8 over the borders of the blocks in which a file is read.
#[derive(Default)]
pub(crate) struct Utf8 {
    carry: Vec<u8>,
    offset: usize,
}

impl Utf8 {
    /// Looks at the next block, which starts in `line`.
    pub(crate) fn check(&mut self, chunk: &[u8], line: usize, file: &str) -> Result<(), DatasetError> {
        let carried = self.carry.len();
        let joined: Vec<u8>;
        let bytes = if carried == 0 {
            chunk
        } else {
            joined = [&self.carry, chunk].concat();
            &joined
        };
        match std::str::from_utf8(bytes) {
            Ok(_) => self.carry = Vec::new(),
            // A character that the border of the block cuts in two; its rest comes with the next one.
            Err(e) if e.error_len().is_none() => {
                self.carry = bytes.get(e.valid_up_to()..).unwrap_or_default().to_vec();
            }
            Err(e) => {
                let good = bytes.get(..e.valid_up_to()).unwrap_or_default();
                let lines = good.iter().filter(|b| **b == b'\n').count();
                let bad = bytes.get(e.valid_up_to()).copied().unwrap_or_default();
                return Err(not_utf8(file, line + lines, self.offset - carried + e.valid_up_to(), bad));
            }
        }
        self.offset += chunk.len();
        Ok(())
    }

    /// No character may be cut off by the end of the file.
    pub(crate) fn end(&self, line: usize, file: &str) -> Result<(), DatasetError> {
        match self.carry.first() {
            None => Ok(()),
            Some(bad) => Err(not_utf8(file, line, self.offset - self.carry.len(), *bad)),
        }
    }
}

fn not_utf8(file: &str, line: usize, offset: usize, byte: u8) -> DatasetError {
    DatasetError::Csv {
        file: file.into(),
        line: Some(line),
        reason: format!("the text is not UTF-8 (byte 0x{byte:02X} at offset {offset})"),
        fix: format!("convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8 {file}`"),
    }
}
