//! What can go wrong with a place where runs are published.

/// All errors of this module. Each names the place and a way out.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A path, perhaps.
    #[error(
        "`{text}` is no address. Write s3://bucket/folder, gs://bucket/folder, az://container/folder, or, for a folder of this \
         machine, its whole path after file://, as in {}",
        suggestion(text)
    )]
    NoScheme {
        /// As typed.
        text: String,
    },
    /// `https://`, `ftp://`.
    #[error("runs are published to s3://, gs://, az:// and file://, not to {scheme}://")]
    OtherScheme {
        /// As typed.
        scheme: String,
    },
    /// A user name, a password or a signature in an address.
    #[error(
        "the {scheme}:// address has a user name, a query or a fragment in it, and was not used. Keys belong in the environment: \
         docs/publish.md lists the variables"
    )]
    KeyInAddress {
        /// As typed.
        scheme: String,
    },
    /// `s3:///x`
    #[error("`{text}` names no bucket. Write s3://bucket/folder")]
    NoBucket {
        /// As typed.
        text: String,
    },
    /// `file://x`
    #[error("`{text}` is not the whole path of a folder. It has three slashes before its first name: file:///srv/runs")]
    RelativeFolder {
        /// As typed.
        text: String,
    },
    /// `..`
    #[error("`{text}` has `.` or `..` in it. Write the address without")]
    Climbs {
        /// As typed.
        text: String,
    },
    /// An address that is not a manifest's.
    #[error(
        "`{text}` is not the address of a manifest, such as s3://bucket/folder/manifests/nhefs-1c9f2e7.json, which `oci-agent publish` prints"
    )]
    NoManifest {
        /// As typed.
        text: String,
    },
    /// A folder that is not there.
    #[error("{place} is not there. Make the folder first, so that a mistyped name is not taken for a new place")]
    NoFolder {
        /// The address.
        place: String,
    },
    /// The settings from the environment do not fit together.
    #[error("{place} cannot be used: {why}. The variables of the environment that count are in docs/publish.md")]
    Settings {
        /// The address.
        place: String,
        /// The words of the client.
        why: String,
    },
    /// The place does not let us in.
    #[error("{place} does not let us {doing}: {why}. Check the keys in the environment, and what they may do")]
    Refused {
        /// The address.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// The words of the server.
        why: String,
    },
    /// A bucket that is not there.
    #[error("{place} cannot be written to: the bucket or container is not there. Make it first, or check its name")]
    NoSuchBucket {
        /// The address.
        place: String,
    },
    /// A server without TLS.
    #[error(
        "{variable} is http://, so keys and runs could be read on their way. If the server is your own: {vendor}_ALLOW_HTTP=true"
    )]
    NoTls {
        /// The variable that names the server.
        variable: String,
        /// What its name begins with.
        vendor: &'static str,
    },
    /// Something that ought to be there.
    #[error("{place} is not there")]
    NotThere {
        /// The address.
        place: String,
    },
    /// The connection, the server, the disk.
    #[error("could not {doing} {place}: {why}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The address.
        place: String,
        /// The words of the server or the system.
        why: String,
    },
    /// Bytes that are not those that were published.
    #[error("{name} is damaged: {place} {found}, and {expected} was published")]
    Damaged {
        /// The name that it was published under.
        name: String,
        /// The address.
        place: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// Something much longer than anything that is published.
    #[error("{place} has {size} bytes, more than {most}; it was not read")]
    TooLarge {
        /// The address.
        place: String,
        /// How long it is.
        size: u64,
        /// The limit.
        most: u64,
    },
}

/// For an absolute path what was meant; else an example.
fn suggestion(text: &str) -> String {
    if text.starts_with('/') { format!("file://{text}") } else { "file:///srv/runs".to_owned() }
}

impl PublishError {
    /// True if the call has to be changed; else something outside has to.
    #[must_use]
    pub fn is_the_call(&self) -> bool {
        use PublishError::{
            Climbs, KeyInAddress, NoBucket, NoFolder, NoManifest, NoScheme, NoSuchBucket, NoTls, OtherScheme,
            RelativeFolder, Settings,
        };
        matches!(
            self,
            NoScheme { .. }
                | OtherScheme { .. }
                | KeyInAddress { .. }
                | NoBucket { .. }
                | RelativeFolder { .. }
                | Climbs { .. }
                | NoManifest { .. }
                | NoFolder { .. }
                | NoSuchBucket { .. }
                | NoTls { .. }
                | Settings { .. }
        )
    }
}
