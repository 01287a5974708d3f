//! Addresses as a person types them: `s3://bucket/folder`, `gs://…`, `az://container/folder`, `file:///folder`.

use crate::publish::PublishError;
use std::fmt;
use std::path::PathBuf;

/// Where manifests are, below a place.
const MANIFESTS: &str = "manifests/";

/// What keeps the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Gcs,
    Azure,
    File,
}

/// A place where runs are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) scheme: Scheme,
    /// The bucket or container; empty for a folder.
    pub(super) bucket: String,
    /// The folder in it, as it was typed, without `/` at its ends.
    pub(super) folder: String,
}

impl Address {
    /// Reads the address of a place.
    ///
    /// # Errors
    /// It has another scheme, no bucket, or something in it that belongs elsewhere, such as a key.
    pub fn read(text: &str) -> Result<Address, PublishError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(PublishError::NoScheme { text: text.to_owned() });
        };
        // The address is not repeated: what is typed there by mistake may be a key.
        if rest.contains(['?', '#']) || rest.split('/').next().is_some_and(|first| first.contains('@')) {
            return Err(PublishError::KeyInAddress { scheme: scheme.to_owned() });
        }
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gcs,
            "az" => Scheme::Azure,
            "file" => Scheme::File,
            _ => return Err(PublishError::OtherScheme { scheme: scheme.to_owned() }),
        };
        let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let address = Address { scheme, bucket: bucket.to_owned(), folder: folder.trim_matches('/').to_owned() };
        let climbs = folder.split('/').any(|part| matches!(part, "." | ".."));
        match scheme {
            _ if climbs => Err(PublishError::Climbs { text: text.to_owned() }),
            Scheme::File if !bucket.is_empty() => Err(PublishError::RelativeFolder { text: text.to_owned() }),
            Scheme::File if folder.is_empty() => Err(PublishError::RelativeFolder { text: text.to_owned() }),
            Scheme::File => Ok(address),
            _ if bucket.is_empty() => Err(PublishError::NoBucket { text: text.to_owned() }),
            _ => Ok(address),
        }
    }

    /// Reads the address of a manifest: the place, and the manifest's name.
    ///
    /// # Errors
    /// As [`Address::read`], or it does not end as a manifest's does.
    pub fn read_manifest(text: &str) -> Result<(Address, String), PublishError> {
        let mut address = Address::read(text)?;
        let no_manifest = || PublishError::NoManifest { text: text.to_owned() };
        let (above, name) = address.folder.rsplit_once('/').unwrap_or(("", address.folder.as_str()));
        let place = above.strip_suffix(MANIFESTS.trim_end_matches('/')).ok_or_else(no_manifest)?;
        if !(place.is_empty() || place.ends_with('/')) || name.is_empty() {
            return Err(no_manifest());
        }
        let name = name.to_owned();
        address.folder = place.trim_end_matches('/').to_owned();
        Ok((address, name))
    }

    /// Where a manifest is below the place.
    #[must_use]
    pub fn manifest_location(name: &str) -> String {
        format!("{MANIFESTS}{name}")
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

    /// The folder of this machine that it names.
    pub(super) fn path(&self) -> PathBuf {
        let decoded = decoded(&self.folder);
        // `file:///C:/runs`
        if cfg!(windows) { PathBuf::from(decoded) } else { PathBuf::from(format!("/{decoded}")) }
    }

    /// The folder inside the bucket.
    pub(super) fn prefix(&self) -> String {
        decoded(&self.folder)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::S3 => "s3",
            Scheme::Gcs => "gs",
            Scheme::Azure => "az",
            Scheme::File => "file",
        };
        let between = if self.folder.is_empty() { "" } else { "/" };
        write!(f, "{scheme}://{}{between}{}", self.bucket, self.folder)
    }
}

/// `%20` is a blank, as in any URL. What is no such code stays.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        let code = more.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
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
    use crate::publish::address::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, bucket, folder, shown) in [
            ("s3://b", "b", "", "s3://b"),
            ("s3://b/", "b", "", "s3://b"),
            ("S3://b/a/c/", "b", "a/c", "s3://b/a/c"),
            ("gs://b/a", "b", "a", "gs://b/a"),
            ("az://c/a", "c", "a", "az://c/a"),
            ("file:///srv/runs", "", "srv/runs", "file:///srv/runs"),
        ] {
            let address = Address::read(text).expect(text);
            assert_eq!((address.bucket.as_str(), address.folder.as_str()), (bucket, folder), "{text}");
            assert_eq!(address.to_string(), shown);
        }
        let folder = Address::read("file:///srv/my%20runs/100%/x").expect("a folder");
        #[cfg(unix)]
        assert_eq!(folder.path(), PathBuf::from("/srv/my runs/100%/x"));
        assert!(folder.is_folder());
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_key_is_repeated() {
        for (text, says) in [
            ("runs", "file://"),
            ("/srv/runs", "file:///srv/runs"),
            ("ftp://b/a", "ftp"),
            ("s3:///a", "bucket"),
            ("file://srv/runs", "three"),
            ("file:///", "three"),
            ("s3://b/../c", ".."),
        ] {
            let error = Address::read(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        for text in ["s3://AKIAEXAMPLE:sEcReT@b/a", "az://c/a?sig=sEcReT", "s3://b/a#sEcReT"] {
            let error = Address::read(text).expect_err(text).to_string();
            assert!(!error.contains("sEcReT") && error.contains("environment"), "{error}");
        }
    }

    #[test]
    fn a_manifest_is_below_its_place() {
        for (text, place, name) in [
            ("s3://b/manifests/x.json", "s3://b", "x.json"),
            ("s3://b/a/c/manifests/x.json", "s3://b/a/c", "x.json"),
            ("file:///srv/manifests/x.json", "file:///srv", "x.json"),
        ] {
            let (address, read) = Address::read_manifest(text).expect(text);
            assert_eq!((address.to_string().as_str(), read.as_str()), (place, name));
            assert_eq!(address.of(&Address::manifest_location(name)), text);
        }
        for text in ["s3://b", "s3://b/x.json", "s3://b/mymanifests/x.json", "s3://b/manifests", "s3://b/manifests/"] {
            let error = Address::read_manifest(text).expect_err(text);
            assert!(matches!(error, PublishError::NoManifest { .. }), "{text}: {error}");
        }
    }
}
