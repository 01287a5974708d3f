//! The header in front of each page of a Parquet file: sizes and counts, in Thrift's compact protocol.
//!
//! Only numbers that bound an allocation are kept. Nothing is allocated here, and a header that does not parse is `None`.
//! Reference: Apache Parquet, `parquet.thrift`, `PageHeader`; Thrift compact protocol specification.

/// Structures inside structures that are skipped; a header has three levels.
const DEEPEST: u8 = 8;

/// Sizes and counts of one page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// Bytes of the page once it is decompressed.
    pub(crate) uncompressed: i64,
    /// Bytes that follow the header in the file.
    pub(crate) compressed: i64,
    /// Values of a data page, missing ones included.
    pub(crate) values: i64,
    /// Values of a dictionary page.
    pub(crate) dictionary_values: i64,
    /// Bytes of definition and repetition levels in front of the values of a page of version 2.
    pub(crate) level_bytes: [i64; 2],
}

/// The header at the start of `bytes`, and its length.
pub(crate) fn read(bytes: &[u8]) -> Option<(PageHeader, usize)> {
    let mut reader = Compact { bytes, at: 0 };
    let mut header = PageHeader::default();
    reader.fields(|reader, field| {
        match (field.id, field.kind) {
            (2, I32) => header.uncompressed = reader.number()?,
            (3, I32) => header.compressed = reader.number()?,
            // Data page of version 1, dictionary page, data page of version 2.
            (5, STRUCT) => reader.counts(|id, value| {
                if id == 1 {
                    header.values = value;
                }
            })?,
            (7, STRUCT) => reader.counts(|id, value| {
                if id == 1 {
                    header.dictionary_values = value;
                }
            })?,
            (8, STRUCT) => reader.counts(|id, value| match id {
                1 => header.values = value,
                5 => header.level_bytes[0] = value,
                6 => header.level_bytes[1] = value,
                _ => {}
            })?,
            _ => reader.skip(field.kind, DEEPEST)?,
        }
        Some(())
    })?;
    Some((header, reader.at))
}

// Types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

struct Field {
    id: i64,
    kind: u8,
}

struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A zigzag number.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Every field of a structure, up to its stop byte.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, Field) -> Option<()>) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let byte = self.byte()?;
            let (delta, kind) = (byte >> 4, byte & 0x0f);
            if kind == 0 {
                return Some(());
            }
            id = if delta == 0 { self.number()? } else { id.checked_add(i64::from(delta))? };
            each(self, Field { id, kind })?;
        }
    }

    /// The 32-bit numbers of a structure; its other fields are skipped.
    fn counts(&mut self, mut each: impl FnMut(i64, i64)) -> Option<()> {
        self.fields(|reader, field| {
            if field.kind == I32 {
                each(field.id, reader.number()?);
                return Some(());
            }
            reader.skip(field.kind, DEEPEST)
        })
    }

    fn pass(&mut self, n: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(n).ok()?)?;
        self.at = (end <= self.bytes.len()).then_some(end)?;
        Some(())
    }

    fn skip(&mut self, kind: u8, levels: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.varint().map(|_| ()),
            DOUBLE => self.pass(8),
            BINARY => {
                let n = self.varint()?;
                self.pass(n)
            }
            LIST | SET => self.skip_list(levels.checked_sub(1)?),
            STRUCT => {
                let levels = levels.checked_sub(1)?;
                self.fields(|reader, field| reader.skip(field.kind, levels))
            }
            // A map, which no header has, or no type at all.
            _ => None,
        }
    }

    fn skip_list(&mut self, levels: u8) -> Option<()> {
        let byte = self.byte()?;
        let n = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
        // Inside a list a truth value is a byte of its own; so each element takes at least one byte, or a list that says
        // more ends at the end of the bytes.
        let kind = byte & 0x0f;
        for _ in 0..n {
            self.skip(if matches!(kind, TRUE | FALSE) { BYTE } else { kind }, levels)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_page_of_version_1_with_statistics() {
        // type 0, uncompressed 300, compressed 40, data_page_header {num_values 10, encoding 0, statistics {min "a"}}.
        let bytes = [0x15, 0, 0x15, 0xd8, 0x04, 0x15, 80, 0x2c, 0x15, 20, 0x15, 0, 0x3c, 0x28, 1, b'a', 0, 0, 0, 9, 9];
        let (header, n) = read(&bytes).expect("a header");
        let expected = PageHeader { uncompressed: 300, compressed: 40, values: 10, ..PageHeader::default() };
        assert_eq!((header, n), (expected, 19));
    }

    #[test]
    fn what_is_cut_off_or_endless_is_no_header() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0x15, 0, 0x15]), None);
        assert_eq!(read(&[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(read(&[0x1c; 100]), None);
        // A list that says it has 2^62 truth values.
        assert_eq!(read(&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 1, 1]), None);
        assert_eq!(read(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), None);
    }
}
