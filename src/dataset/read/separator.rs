//! The mark between the values of a text file: comma, semicolon, tab or vertical bar, found by looking at its first records.

/// The marks, those that are preferred first.
const MARKS: [u8; 4] = *b",;\t|";

/// Records that are looked at, the header among them.
const LOOKED_AT: usize = 20;

/// The mark that gives the first records as many fields as the header; of several, the first of the list that gives every
/// record more than one field; a comma if none does.
pub(crate) fn separator(text: &[u8]) -> u8 {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let counts: Vec<[usize; MARKS.len()]> = Records(text).take(LOOKED_AT).collect();
    let Some((header, records)) = counts.split_first() else { return b',' };
    // The last record may have been cut off by the end of the block.
    let whole = records.get(..records.len().saturating_sub(1)).unwrap_or_default();
    let seen = if whole.is_empty() { records } else { whole };
    let in_header = |mark: usize| header.get(mark).copied().unwrap_or_default();
    let fits = |mark: &usize| in_header(*mark) > 0 && seen.iter().all(|record| record.get(*mark) == header.get(*mark));
    let found = (0..MARKS.len()).find(fits);
    // A file with a ragged row is still one with commas, if its header is.
    let found = found.or_else(|| (0..MARKS.len()).find(|mark| in_header(*mark) > 0));
    found.and_then(|mark| MARKS.get(mark).copied()).unwrap_or(b',')
}

/// How often each mark stands outside quotes, record by record.
struct Records<'a>(&'a [u8]);

impl Iterator for Records<'_> {
    type Item = [usize; MARKS.len()];

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut counts = [0; MARKS.len()];
        let mut quoted = false;
        for (i, byte) in self.0.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => {
                    self.0 = self.0.get(i + 1..).unwrap_or_default();
                    return Some(counts);
                }
                _ if quoted => {}
                byte => {
                    if let Some(count) =
                        MARKS.iter().position(|mark| mark == byte).and_then(|mark| counts.get_mut(mark))
                    {
                        *count += 1;
                    }
                }
            }
        }
        self.0 = &[];
        Some(counts)
    }
}

/// The separator in words; `None` for a comma.
pub(crate) fn name(separator: u8) -> Option<&'static str> {
    match separator {
        b';' => Some("semicolons"),
        b'\t' => Some("tabs"),
        b'|' => Some("vertical bars"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_that_all_records_share() {
        for (text, mark) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2\n3;4,5\n", b';'),
            ("a\tb\n1\t\"x\ty\"\n2\t3\n", b'\t'),
            ("a|b|c\n1|2|3\n", b'|'),
            ("name;amount, in EUR\nx;1\ny;2\n", b';'),
            ("a,b;c\n1,x;y\n2,z;w\n", b','),
            ("a,b\n1,2,3\n1,2\n", b','),
            ("only\n1\n2\n", b','),
            ("", b','),
            ("a;b", b';'),
        ] {
            assert_eq!(char::from(separator(text.as_bytes())), char::from(mark), "{text}");
        }
    }
}
