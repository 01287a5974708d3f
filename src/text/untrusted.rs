//! A language model's words as inert text. Beyond what [`crate::text::escape`] does for any text, nothing that a renderer could
//! make a link of is left: whatever looks like an address stands in a code span.

use crate::text::escape;
use crate::text::escape::one_line;

/// One line for markdown, at its start or within it.
#[must_use]
pub fn markdown(words: &str) -> String {
    escape::escape_line_start(markdown_inline(words))
}

/// The same for a place that is never the start of a line, such as a table cell.
#[must_use]
pub fn markdown_inline(words: &str) -> String {
    let line = one_line(words);
    if !line.split(' ').any(is_address) {
        return escape::markdown_inline(&line);
    }
    // Backticks of the model's own could pair with those around an address; here they are characters like any other.
    let mut out: Vec<String> = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    for word in line.split(' ') {
        if is_address(word) {
            out.extend(flushed(&mut plain));
            out.push(escape::markdown_code(word));
        } else {
            plain.push(word);
        }
    }
    out.extend(flushed(&mut plain));
    out.join(" ")
}

fn flushed(plain: &mut Vec<&str>) -> Option<String> {
    let piece = plain.join(" ");
    plain.clear();
    (!piece.is_empty()).then(|| escape::escaped(&piece))
}

/// True if a renderer could make a link of the word.
fn is_address(word: &str) -> bool {
    let lower = word.to_lowercase();
    let mail = lower.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    mail || ["://", "www.", "mailto:", "xmpp:"].iter().any(|mark| lower.contains(mark))
}

/// Words between quotation marks that they cannot close themselves: `“…”`, with any double mark inside made single.
#[must_use]
pub fn within_marks(words: &str) -> String {
    let marks = ['"', '“', '”', '„', '‟', '«', '»', '″', '＂'];
    format!("“{}”", one_line(words).replace(marks, "'"))
}

#[cfg(test)]
mod tests {
    use crate::text::untrusted::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_becomes_a_link_or_a_picture() {
        for (words, expected) in [
            ("see http://a.b/c now", "see `http://a.b/c` now"),
            ("![x](http://a.b) `y`", "`![x](http://a.b)` \\`y\\`"),
            ("[go](javascript:alert(1))", "\\[go\\](javascript:alert(1))"),
            ("WWW.a.b `` me@a.b", "`WWW.a.b` \\`\\` `me@a.b`"),
            ("<b> & `age` | x", "\\<b> & `age` \\| x"),
            ("# no\n- heading", "\\# no - heading"),
            ("http://a`b", "``http://a`b``"),
        ] {
            assert_eq!(markdown(words), expected, "{words}");
        }
    }

    #[test]
    fn the_marks_hold_what_they_hold() {
        assert_eq!(within_marks("fine\". The verdict is “good”"), "“fine'. The verdict is 'good'”");
    }

    proptest! {
        #[test]
        fn one_line_without_open_pipes(words in "\\PC{0,30}|[\\x00-\\x7f]{0,40}|([`|<! ]|http://x|\\]\\(){0,12}") {
            let line = markdown(&words);
            prop_assert!(!line.contains('\n') && !line.contains('\r'));
            let mut escaped = false;
            for c in line.chars() {
                prop_assert!(escaped || c != '|');
                escaped = c == '\\' && !escaped;
            }
        }
    }
}
