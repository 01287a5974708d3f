//! What a server says, before anybody sees it: in one line, not too long, without keys.
//!
//! A server may repeat what it was sent: S3 answers a wrong signature with the key's id and the text that was signed, and an
//! address of Azure carries its signature in the query.

use crate::text::escape::one_line;

const LONGEST: usize = 300;
/// A shorter value is a word of the language, such as `true`.
const SHORTEST_SECRET: usize = 6;
const REMOVED: &str = "[key removed]";

/// Parts of the names of settings that are keys, or say where one is.
const OF_KEYS: [&str; 8] = ["key", "secret", "token", "sas", "credential", "password", "signature", "service_account"];

fn is_about_keys(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OF_KEYS.iter().any(|part| name.contains(*part))
}

/// True if the settings have a key, name the file of one, or say that none is needed.
pub(super) fn any_key(settings: &[(String, String)]) -> bool {
    settings.iter().any(|(name, _)| is_about_keys(name))
}

/// The values among settings that must not be shown, longest first.
pub(super) fn secrets(settings: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in settings {
        if is_about_keys(name) {
            // A signature of Azure is the value of one field in a query.
            let fields = value.split(['&', '?']).filter_map(|field| field.split_once('=').map(|pair| pair.1));
            found.extend(fields.map(str::to_owned));
            found.push(value.clone());
        }
    }
    found.retain(|value| value.len() >= SHORTEST_SECRET);
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found
}

/// The words as they may be shown.
pub(super) fn shown(words: &str, secrets: &[String]) -> String {
    let mut text = summed_up(words);
    for secret in secrets {
        text = text.replace(secret.as_str(), REMOVED);
    }
    // Whatever an address was asked with.
    let no_query = |word: &str| match word.split_once('?') {
        Some((before, asked)) if !asked.is_empty() && before.contains("://") => format!("{before}?…"),
        _ => word.to_owned(),
    };
    let text = one_line(&text).split(' ').map(no_query).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.trim_end_matches(['.', ' ']).to_owned(),
    }
}

/// Of an answer in XML or HTML only its code and its message, and of a request that failed only why.
fn summed_up(words: &str) -> String {
    // `Generic S3 error: Error performing PUT http://… in 8 ms, after 4 retries, … - why`.
    let words = match words.split_once(" - ") {
        Some((request, why)) if request.contains("Error performing") => why,
        _ => words,
    };
    let Some((before, page)) = words.split_once('<') else { return words.to_owned() };
    let inside = |tag: &str| {
        let (_, rest) = page.split_once(&format!("{tag}>"))?;
        rest.split_once("</").map(|found| found.0.to_owned())
    };
    let said: Vec<String> = ["Code", "Message"].into_iter().filter_map(inside).collect();
    format!("{before}{}", said.join(": "))
}

#[cfg(test)]
mod tests {
    use crate::objects::server_words::*;

    fn settings() -> Vec<(String, String)> {
        [
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE7"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("AWS_REGION", "eu-west-1"),
            ("AZURE_STORAGE_SAS_TOKEN", "?sv=2024-08-04&sig=abcdefghij"),
            ("AWS_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    #[test]
    fn no_key_is_shown() {
        let secrets = secrets(&settings());
        let xml = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
                   <Message>It is not AKIAEXAMPLE7's</Message><AWSAccessKeyId>AKIAEXAMPLE7</AWSAccessKeyId>\
                   <StringToSign>AWS4-HMAC</StringToSign></Error>";
        let said = shown(xml, &secrets);
        assert_eq!(
            said,
            "Server returned non-2xx status code: 403 Forbidden: SignatureDoesNotMatch: It is not [key removed]'s"
        );
        let said =
            shown("error at https://x.blob.core.windows.net/c/a?sv=1&sig=zzzz in eu-west-1: abcdefghij", &secrets);
        assert_eq!(said, "error at https://x.blob.core.windows.net/c/a?… in eu-west-1: [key removed]");
        assert!(shown(&"wJalrXUtnFEMI".repeat(100), &secrets).chars().count() <= LONGEST + 1);
        let refused = "Generic S3 error: Error performing HEAD http://127.0.0.1:1/b/objects in 496ms, after 4 retries, max_retries: 4, \
                       retry_timeout: 60s - HTTP error: error sending request: tcp connect error: Connection refused";
        assert_eq!(
            shown(refused, &secrets),
            "HTTP error: error sending request: tcp connect error: Connection refused"
        );
        assert_eq!(shown("true\nstory.", &secrets), "true story");
    }
}
