//! Where the values of a JSON document are: the path of each, and its line.

use serde::de::IgnoredAny;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    /// `answers[0].effect.estimate`.
    pub(super) path: String,
    /// Its line, from 1.
    pub(super) line: usize,
    pub(super) value: Scalar,
}

/// A value that holds no other.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Number(f64),
    Text(String),
    /// The number of items of a list, or of entries of an object.
    Items(usize),
    /// `true`, `false`, `null`.
    Word,
}

/// Every value of a document, in its order; a list or an object comes after what it holds.
///
/// # Errors
/// It is not JSON: the reader's words.
pub(super) fn places(bytes: &[u8]) -> Result<Vec<Placed>, String> {
    // Checked whole first, so that what follows may take its form for granted. It refuses what is nested too deep.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| error.to_string())?;
    let mut reader = Reader { bytes, at: 0, line: 1, path: String::new(), found: Vec::new() };
    reader.value();
    Ok(reader.found)
}

/// A walk through a document that is known to be well formed.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    path: String,
    found: Vec<Placed>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// To the next byte that is no space, nor one of these.
    fn skip(&mut self, also: &[u8]) {
        while let Some(byte) = self.peek().filter(|byte| byte.is_ascii_whitespace() || also.contains(byte)) {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    fn value(&mut self) {
        self.skip(b"");
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => self.inside(b'}'),
            Some(b'[') => self.inside(b']'),
            Some(b'"') => Scalar::Text(self.text()),
            _ => self.bare(),
        };
        self.found.push(Placed { path: self.path.clone(), line, value });
    }

    /// The entries of an object, or the items of a list.
    fn inside(&mut self, end: u8) -> Scalar {
        self.at += 1;
        let (above, mut items) = (self.path.len(), 0);
        loop {
            self.skip(b",");
            match self.peek() {
                None => break,
                Some(byte) if byte == end => break,
                Some(_) if end == b'}' => {
                    let key = self.text();
                    self.path.push_str(if above == 0 { "" } else { "." });
                    self.path.push_str(&key);
                    self.skip(b":");
                }
                Some(_) => self.path.push_str(&format!("[{items}]")),
            }
            self.value();
            self.path.truncate(above);
            items += 1;
        }
        self.at += 1;
        Scalar::Items(items)
    }

    fn text(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        let written = self.bytes.get(start..self.at).unwrap_or_default();
        serde_json::from_slice(written).unwrap_or_default()
    }

    fn bare(&mut self) -> Scalar {
        let start = self.at;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}".contains(byte);
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at += rest.iter().position(ends).unwrap_or(rest.len()).max(1);
        let written = self.bytes.get(start..self.at).and_then(|bytes| std::str::from_utf8(bytes).ok());
        written.and_then(|text| text.parse().ok()).map_or(Scalar::Word, Scalar::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_path_and_its_line() {
        let text = "{\n  \"a\": [\n    {\"b\": -1.5e3},\n    \"x\\\"y\"\n  ],\n  \"c\": null,\n  \"d\": {}\n}\n";
        let found = places(text.as_bytes()).expect("JSON");
        let short: Vec<(&str, usize)> = found.iter().map(|it| (it.path.as_str(), it.line)).collect();
        assert_eq!(short, [("a[0].b", 3), ("a[0]", 3), ("a[1]", 4), ("a", 2), ("c", 6), ("d", 7), ("", 1)]);
        let values: Vec<&Scalar> = found.iter().map(|it| &it.value).collect();
        let expected = [
            Scalar::Number(-1500.0),
            Scalar::Items(1),
            Scalar::Text("x\"y".to_owned()),
            Scalar::Items(2),
            Scalar::Word,
            Scalar::Items(0),
            Scalar::Items(3),
        ];
        assert_eq!(values, expected.iter().collect::<Vec<_>>());
        assert!(places(b"{\"a\": }").is_err() && places(b"").is_err());
    }
}
