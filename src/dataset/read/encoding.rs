//! Checks that bytes are the text they should be, and decodes the two encodings in which spreadsheets and statistics
//! programs still write: UTF-16 with a byte-order mark, and Windows-1252, of which Latin-1 is a part.

use crate::dataset::error::DatasetError;
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The encoding that a text was decoded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
    Windows1252,
}

/// True if the bytes begin with a byte-order mark of UTF-16.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// The text of a file in UTF-16, without its byte-order mark; an error if a character is damaged.
pub(crate) fn from_utf16(file: &str, bytes: &[u8]) -> Result<Vec<u8>, DatasetError> {
    let (from, rest) = match bytes {
        [0xfe, 0xff, rest @ ..] => (UTF_16BE, rest),
        [0xff, 0xfe, rest @ ..] => (UTF_16LE, rest),
        _ => (UTF_16LE, bytes),
    };
    let (text, damaged) = from.decode_without_bom_handling(rest);
    if damaged {
        return Err(DatasetError::Csv {
            file: file.into(),
            line: None,
            reason: "it begins like UTF-16 text, and some of it is not".into(),
            fix: "save it again as UTF-8".into(),
        });
    }
    Ok(text.into_owned().into_bytes())
}

/// One run of other characters in ten may stand alone.
const ALONE: usize = 10;

/// The text of a file in Windows-1252, where it reads like one; `None` where it is as likely damaged, or in another
/// encoding: nearly every run of letters beyond ASCII is a short one inside a word, as in `Münster` or `São`.
pub(crate) fn from_windows_1252(bytes: &[u8]) -> Option<Vec<u8>> {
    let has_utf8 = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    let unassigned = bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d));
    if has_utf8 || unassigned {
        return None;
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    let (mut runs, mut alone) = (0_usize, 0_usize);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if c.is_ascii() || !c.is_alphabetic() {
            before = c;
            continue;
        }
        let mut length = 1;
        while letters.next_if(|next| !next.is_ascii() && next.is_alphabetic()).is_some() {
            length += 1;
        }
        let inside = before.is_ascii_alphabetic() || letters.peek().is_some_and(char::is_ascii_alphabetic);
        runs += 1;
        alone += usize::from(length > 3 || !inside);
        before = c;
    }
    (alone * ALONE <= runs).then(|| text.into_owned().into_bytes())
}

/// Refuses what only bears the name of a CSV.
pub(crate) fn refuse_binary(file: &str, bytes: &[u8]) -> Result<(), DatasetError> {
    let (what, fix) = match bytes {
        [b'P', b'A', b'R', b'1', ..] => ("it is a Parquet file", "give it the ending `.parquet`"),
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] => {
            ("it is compressed or a spreadsheet", "unpack or export it as CSV")
        }
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
        fix: format!("convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8 {file} > utf-8.csv`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_accents_are_windows_1252_and_stray_bytes_are_not() {
        let read = |bytes: &[u8]| from_windows_1252(bytes).map(|text| String::from_utf8(text).expect("UTF-8"));
        assert_eq!(read(b"M\xfcnster, Jos\xe9").as_deref(), Some("Münster, José"));
        assert_eq!(read(b"price \x80 5, 20 \xb0C").as_deref(), Some("price € 5, 20 °C"));
        for stray in [&b"1,\xff\xfe2"[..], b"0,\xc3", b"\xcf\xf0\xe8\xe2\xe5\xf2", b"a\x81b", "é, \u{fffd}".as_bytes()]
        {
            assert_eq!(read(stray), None, "{stray:?}");
        }
        assert_eq!(read(&[&b"Jos\xe9 "[..], "José".as_bytes()].concat()), None);
    }

    #[test]
    fn utf16_of_either_order() {
        let little: Vec<u8> = [0xfeff_u16].into_iter().chain("t,é".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = [0xfeff_u16].into_iter().chain("t,é".encode_utf16()).flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            assert!(is_utf16(&bytes));
            assert_eq!(from_utf16("d.csv", &bytes).expect("text"), "t,é".as_bytes());
        }
        assert!(from_utf16("d.csv", &[0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]).is_err());
    }
}
