//! Percent-encoding, as in URLs.

/// `%20` is a blank. What is no such code stays as it is, and so does a text that would not be UTF-8.
#[must_use]
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        let code = code.filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn codes_are_read_and_everything_else_stays() {
        for (text, expected) in [
            ("my%20file", "my file"),
            ("100%", "100%"),
            ("%+1%4", "%+1%4"),
            ("%2e%2E/", "../"),
            ("%c3%bc", "ü"),
            ("%ff", "%ff"),
            ("%2520", "%20"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }
}
