//! Addresses in stores of objects, as a person types them: `s3://bucket/key`, `gs://…`, `az://container/key`, `file:///path`.
//!
//! An address holds no key and no password: whatever looks like one is refused, and not repeated.

use crate::text::percent::decoded;
use std::fmt;
use std::path::PathBuf;

/// What keeps the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// S3, or a server that speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A folder of this machine.
    File,
}

impl Scheme {
    /// As it is written before `://`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Scheme::S3 => "s3",
            Scheme::Gcs => "gs",
            Scheme::Azure => "az",
            Scheme::File => "file",
        }
    }

    /// The variables of the environment that hold its keys.
    #[must_use]
    pub fn variables(self) -> &'static str {
        match self {
            Scheme::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
            Scheme::Gcs => "GOOGLE_APPLICATION_CREDENTIALS",
            Scheme::Azure => "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
            Scheme::File => "none",
        }
    }

    fn read(text: &str) -> Option<Scheme> {
        let all = [Scheme::S3, Scheme::Gcs, Scheme::Azure, Scheme::File];
        all.into_iter().find(|scheme| scheme.key().eq_ignore_ascii_case(text))
    }
}

/// The reason why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}. {}", self.fault(), self.fix())]
pub enum AddressError {
    /// A path, perhaps.
    NoScheme {
        /// As typed.
        text: String,
    },
    /// `https://`, `ftp://`.
    OtherScheme {
        /// As typed.
        scheme: String,
    },
    /// A user name, a password or a signature.
    Secret {
        /// As typed.
        scheme: String,
    },
    /// `s3:///x`
    NoBucket {
        /// As typed.
        text: String,
    },
    /// A bucket that cannot be one.
    Bucket {
        /// As typed.
        text: String,
    },
    /// `file://x`
    RelativePath {
        /// As typed.
        text: String,
    },
    /// `..`
    Climbs {
        /// As typed.
        text: String,
    },
    /// Two slashes in a row, or a control character.
    Name {
        /// As typed.
        text: String,
    },
    /// A bucket or a folder where an object is wanted.
    NoObject {
        /// As typed.
        text: String,
    },
    /// `*`
    Pattern {
        /// As typed.
        text: String,
    },
}

impl AddressError {
    /// The fault, without a full stop. It has nothing in it that could be a secret.
    #[must_use]
    pub fn fault(&self) -> String {
        match self {
            Self::NoScheme { text } => format!("`{text}` is no address"),
            Self::OtherScheme { scheme } => {
                format!("{scheme}:// is not among the stores that are known: s3://, gs://, az:// and file://")
            }
            Self::Secret { scheme } => {
                format!("the {scheme}:// address has a user name, a query or a fragment in it, and was not used")
            }
            Self::NoBucket { text } => format!("`{text}` names no bucket"),
            Self::Bucket { text } => format!("`{text}` has a bucket that cannot be one"),
            Self::RelativePath { text } => format!("`{text}` is not the whole path of a file or folder"),
            Self::Climbs { text } => format!("`{text}` has `.` or `..` in it"),
            Self::Name { text } => {
                format!("`{text}` has two slashes in a row, or a character that cannot be printed, in it")
            }
            Self::NoObject { text } => format!("`{text}` names no object"),
            Self::Pattern { text } => format!("`{text}` is a pattern, and a store is asked for one object"),
        }
    }

    /// The remedy, a sentence.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::NoScheme { text } => format!(
                "Write s3://bucket/folder, gs://bucket/folder, az://container/folder, or, for a folder of this machine, its \
                 whole path after file://, as in {}",
                // For an absolute path what was meant; else an example.
                if text.starts_with('/') { format!("file://{text}") } else { "file:///srv/runs".to_owned() }
            ),
            Self::OtherScheme { .. } => {
                "Name a place in one of them; what lies elsewhere has to be copied first.".to_owned()
            }
            Self::Secret { scheme } => match Scheme::read(scheme) {
                Some(Scheme::File) | None => {
                    "Write s3://bucket/key, gs://bucket/key or az://container/key; keys belong in the environment: \
                     docs/publish.md lists the variables."
                        .to_owned()
                }
                Some(known) => format!(
                    "Keys belong in the environment: {}. docs/publish.md lists all the variables.",
                    known.variables()
                ),
            },
            Self::NoBucket { .. } => "Write s3://bucket/folder.".to_owned(),
            Self::Bucket { .. } => "A bucket has letters, digits, `-`, `_` and `.` in its name.".to_owned(),
            Self::RelativePath { .. } => "It has three slashes before its first name: file:///srv/runs.".to_owned(),
            Self::Climbs { .. } => "Write the address without.".to_owned(),
            Self::Name { .. } => "Write the address as the store lists it, or give the object another name.".to_owned(),
            Self::NoObject { .. } => "Name one file in it, such as s3://bucket/folder/data.parquet.".to_owned(),
            Self::Pattern { .. } => {
                "Name one object, or copy the files into a folder of this machine; `%2A` stands for a `*` in a name."
                    .to_owned()
            }
        }
    }
}

/// A place in a store: a bucket, and a folder or an object in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAddress {
    /// The store.
    pub scheme: Scheme,
    /// The bucket or container; empty for a folder of this machine.
    pub bucket: String,
    /// The folder or object in it, as it was typed, without `/` at its ends.
    pub path: String,
}

impl ObjectAddress {
    /// Reads the address of a place.
    ///
    /// # Errors
    /// It has another scheme, no bucket, or something in it that belongs elsewhere, such as a key.
    pub fn read(text: &str) -> Result<ObjectAddress, AddressError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(AddressError::NoScheme { text: text.to_owned() });
        };
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The address is not repeated: what is typed there by mistake may be a key.
        if rest.contains(['?', '#']) || bucket.contains('@') {
            return Err(AddressError::Secret { scheme: scheme.to_owned() });
        }
        let Some(scheme) = Scheme::read(scheme) else {
            return Err(AddressError::OtherScheme { scheme: scheme.to_owned() });
        };
        let address = ObjectAddress { scheme, bucket: bucket.to_owned(), path: path.trim_matches('/').to_owned() };
        let text = || text.to_owned();
        let decoded = decoded(path);
        if decoded.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(AddressError::Climbs { text: text() });
        }
        match scheme {
            Scheme::File if !bucket.is_empty() || address.path.is_empty() => {
                Err(AddressError::RelativePath { text: text() })
            }
            Scheme::File => Ok(address),
            _ if bucket.is_empty() => Err(AddressError::NoBucket { text: text() }),
            _ if !is_bucket(bucket) => Err(AddressError::Bucket { text: text() }),
            _ => Ok(address),
        }
    }

    /// The object's name in its bucket.
    #[must_use]
    pub fn key(&self) -> String {
        decoded(&self.path)
    }

    /// The last part of the name.
    #[must_use]
    pub fn name(&self) -> String {
        let key = self.key();
        key.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The folder that it lies in.
    #[must_use]
    pub fn folder(&self) -> ObjectAddress {
        let above = self.path.rsplit_once('/').map_or("", |(above, _)| above);
        ObjectAddress { path: above.to_owned(), ..self.clone() }
    }

    /// The bucket alone.
    #[must_use]
    pub fn root(&self) -> ObjectAddress {
        ObjectAddress { path: String::new(), ..self.clone() }
    }

    /// True if `self` is `other` or lies in it.
    #[must_use]
    pub fn is_within(&self, other: &ObjectAddress) -> bool {
        let (key, folder) = (self.key(), other.key());
        let below = key.strip_prefix(folder.as_str());
        let inside = folder.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.scheme == other.scheme && self.bucket == other.bucket && inside
    }

    /// The address of something below the place.
    #[must_use]
    pub fn of(&self, location: &str) -> String {
        format!("{self}/{location}")
    }

    /// True if nothing leaves this machine.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.scheme == Scheme::File
    }

    /// The file or folder of this machine that it names.
    #[must_use]
    pub fn local_path(&self) -> PathBuf {
        let key = self.key();
        // `file:///C:/runs`
        if cfg!(windows) { PathBuf::from(key) } else { PathBuf::from(format!("/{key}")) }
    }
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.path.is_empty() { "" } else { "/" };
        write!(f, "{}://{}{between}{}", self.scheme.key(), self.bucket, self.path)
    }
}

/// Such as leads to no other place than below the server's own address.
fn is_bucket(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
    text.chars().all(plain) && !text.chars().all(|c| c == '.')
}

/// What a plan names as a source of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataAddress {
    /// A file of this machine or a pattern, relative to the plan's folder.
    Local(String),
    /// An object of a store.
    Object(ObjectAddress),
}

impl DataAddress {
    /// Reads a source: a path, or an address of an object. `file:///srv/x.csv` is the path `/srv/x.csv`.
    ///
    /// # Errors
    /// A scheme that is not known, a secret, or an address that names no single object.
    pub fn read(text: &str) -> Result<DataAddress, AddressError> {
        let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Ok(DataAddress::Local(text.to_owned()));
        };
        if Scheme::read(scheme) == Some(Scheme::File) {
            return local(text, rest).map(DataAddress::Local);
        }
        let address = ObjectAddress::read(text)?;
        let (_, path) = rest.split_once('/').unwrap_or((rest, ""));
        let key = address.key();
        let whole = || text.to_owned();
        if path.is_empty() || path.ends_with('/') {
            Err(AddressError::NoObject { text: whole() })
        } else if decoded(path).contains("//") || path.starts_with('/') || key.chars().any(char::is_control) {
            Err(AddressError::Name { text: whole() })
        } else if path.contains(['*', '[']) {
            Err(AddressError::Pattern { text: whole() })
        } else {
            Ok(DataAddress::Object(address))
        }
    }
}

/// The path behind `file://`. It may be a pattern, as any path may.
fn local(text: &str, rest: &str) -> Result<String, AddressError> {
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err(AddressError::Secret { scheme: "file".to_owned() });
    }
    if !host.is_empty() || rest.trim_matches('/').is_empty() {
        return Err(AddressError::RelativePath { text: text.to_owned() });
    }
    let path = decoded(rest);
    // `file:///C:/runs`
    Ok(if cfg!(windows) { path.trim_start_matches('/').to_owned() } else { path })
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// A text with stars in the place of user names, passwords and queries of the addresses in it; each byte stays where it was.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let address = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default();
        let host = address.find(['/', '?', '#']).unwrap_or(address.len());
        let user = address.get(..host).and_then(|host| host.rfind('@')).unwrap_or(0);
        let query = address.find(['?', '#']).map_or(address.len(), |at| at + 1);
        for hidden in [start..start + user, start + query..start + address.len()] {
            shown.get_mut(hidden).into_iter().flatten().for_each(|byte| *byte = b'*');
        }
    }
    // Whole characters were replaced, so it is text.
    String::from_utf8(shown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, bucket, path, shown) in [
            ("s3://b", "b", "", "s3://b"),
            ("s3://b/", "b", "", "s3://b"),
            ("S3://b/a/c/", "b", "a/c", "s3://b/a/c"),
            ("gs://b/a", "b", "a", "gs://b/a"),
            ("az://c/a", "c", "a", "az://c/a"),
            ("az://$web/a", "$web", "a", "az://$web/a"),
            ("file:///srv/runs", "", "srv/runs", "file:///srv/runs"),
        ] {
            let address = ObjectAddress::read(text).expect(text);
            assert_eq!((address.bucket.as_str(), address.path.as_str()), (bucket, path), "{text}");
            assert_eq!(address.to_string(), shown);
        }
        let folder = ObjectAddress::read("file:///srv/my%20runs/100%/x").expect("a folder");
        #[cfg(unix)]
        assert_eq!(folder.local_path(), PathBuf::from("/srv/my runs/100%/x"));
        assert!(folder.is_folder());
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_key_is_repeated() {
        for (text, says) in [
            ("runs", "file://"),
            ("/srv/runs", "file:///srv/runs"),
            ("ftp://b/a", "ftp"),
            ("s3:///a", "bucket"),
            ("s3://../etc/passwd", "bucket"),
            ("s3://b:80/a", "bucket"),
            ("s3://b%2f/a", "bucket"),
            ("file://srv/runs", "three"),
            ("file:///", "three"),
            ("s3://b/../c", ".."),
            ("s3://b/%2e%2E/c", ".."),
            ("s3://b/a%2f..%2fc", ".."),
        ] {
            let error = ObjectAddress::read(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        for text in ["s3://AKIAEXAMPLE:sEcReT@b/a", "az://c/a?sig=sEcReT", "s3://b/a#sEcReT", "https://b/a?x=sEcReT"] {
            let error = ObjectAddress::read(text).expect_err(text).to_string();
            assert!(!error.contains("sEcReT") && error.contains("environment"), "{error}");
        }
    }

    #[test]
    fn a_source_is_a_path_or_one_object() {
        let local = |text: &str| DataAddress::Local(text.to_owned());
        for (text, expected) in [
            ("data.csv", "data.csv"),
            ("../a b/part-*.csv", "../a b/part-*.csv"),
            ("/srv/x.csv", "/srv/x.csv"),
            ("odd name://x", "odd name://x"),
            #[cfg(unix)]
            ("file:///srv/my%20data.csv", "/srv/my data.csv"),
            #[cfg(unix)]
            ("FILE:///srv/part-*.csv", "/srv/part-*.csv"),
            #[cfg(unix)]
            ("file:///srv/../x.csv", "/srv/../x.csv"),
        ] {
            assert_eq!(DataAddress::read(text), Ok(local(expected)), "{text}");
        }
        for (text, key, name) in [
            ("s3://b/a/x.csv", "a/x.csv", "x.csv"),
            ("gs://b/x%20y.csv", "x y.csv", "x y.csv"),
            ("az://b/größe.csv", "größe.csv", "größe.csv"),
            ("s3://b/a b%2Fc.csv", "a b/c.csv", "c.csv"),
            ("s3://b/part-%2A.csv", "part-*.csv", "part-*.csv"),
        ] {
            let Ok(DataAddress::Object(address)) = DataAddress::read(text) else { panic!("{text}") };
            assert_eq!((address.key().as_str(), address.name().as_str()), (key, name), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for (text, says) in [
            ("http://h/x.csv", "http:// is not among"),
            ("s3a://b/x.csv", "s3a://"),
            ("s3://b", "no object"),
            ("s3://b/", "no object"),
            ("s3://b/a/", "no object"),
            ("s3://b/a//x.csv", "two slashes"),
            ("s3://b//x.csv", "two slashes"),
            ("s3://b/a%00.csv", "cannot be printed"),
            ("s3://b/part-*.csv", "pattern"),
            ("s3://b/../../etc/passwd", ".."),
            ("s3://b/x.csv?versionId=1", "query"),
            ("file://u:sEcReT@h/x.csv", "user name"),
            ("file://host/x.csv", "three"),
        ] {
            let error = DataAddress::read(text).expect_err(text).to_string();
            assert!(error.contains(says) && !error.contains("sEcReT"), "{text}: {error}");
        }
    }

    #[test]
    fn a_folder_holds_what_lies_in_it() {
        let at = |text: &str| ObjectAddress::read(text).expect(text);
        for (inner, outer, expected) in [
            ("s3://b/a/x.csv", "s3://b", true),
            ("s3://b/a/x.csv", "s3://b/a", true),
            ("s3://b/a/x.csv", "s3://b/a/x.csv", true),
            ("s3://b/ab/x.csv", "s3://b/a", false),
            ("s3://b/a%20c/x.csv", "s3://b/a c", true),
            ("s3://c/a/x.csv", "s3://b", false),
            ("gs://b/a/x.csv", "s3://b", false),
        ] {
            assert_eq!(at(inner).is_within(&at(outer)), expected, "{inner} in {outer}");
        }
    }

    #[test]
    fn secrets_are_covered_and_nothing_moves() {
        for (text, shown) in [
            ("source: s3://k:pw@b/x.csv # y", "source: s3://****@b/x.csv # y"),
            ("\"az://c/x?sig=é1\", ftp://u@h", "\"az://c/x?*******\", ftp://*@h"),
            ("s3://b/a@b.csv and data.csv?", "s3://b/a@b.csv and data.csv?"),
        ] {
            assert_eq!(without_secrets(text), shown);
            assert_eq!(without_secrets(text).len(), text.len());
        }
    }
}
