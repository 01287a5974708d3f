//! Where manifests are, below a place where runs are published.

use crate::publish::PublishError;
use crate::text::object_address::ObjectAddress;

/// The folder of the manifests.
const MANIFESTS: &str = "manifests/";

/// Reads the address of a manifest: the place, and the manifest's name.
///
/// # Errors
/// As [`ObjectAddress::read`], or it does not end as a manifest's does.
pub fn read_manifest(text: &str) -> Result<(ObjectAddress, String), PublishError> {
    let mut address = ObjectAddress::read(text)?;
    let no_manifest = || PublishError::NoManifest { text: text.to_owned() };
    let (above, name) = address.path.rsplit_once('/').unwrap_or(("", address.path.as_str()));
    let place = above.strip_suffix(MANIFESTS.trim_end_matches('/')).ok_or_else(no_manifest)?;
    if !(place.is_empty() || place.ends_with('/')) || name.is_empty() {
        return Err(no_manifest());
    }
    let name = name.to_owned();
    address.path = place.trim_end_matches('/').to_owned();
    Ok((address, name))
}

/// Where a manifest is below the place.
#[must_use]
pub fn manifest_location(name: &str) -> String {
    format!("{MANIFESTS}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_below_its_place() {
        for (text, place, name) in [
            ("s3://b/manifests/x.json", "s3://b", "x.json"),
            ("s3://b/a/c/manifests/x.json", "s3://b/a/c", "x.json"),
            ("file:///srv/manifests/x.json", "file:///srv", "x.json"),
        ] {
            let (address, read) = read_manifest(text).expect(text);
            assert_eq!((address.to_string().as_str(), read.as_str()), (place, name));
            assert_eq!(address.of(&manifest_location(name)), text);
        }
        for text in ["s3://b", "s3://b/x.json", "s3://b/mymanifests/x.json", "s3://b/manifests", "s3://b/manifests/"] {
            let error = read_manifest(text).expect_err(text);
            assert!(matches!(error, PublishError::NoManifest { .. }), "{text}: {error}");
        }
    }
}
