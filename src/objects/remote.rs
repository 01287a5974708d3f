//! One place, connected to: look, read, write.

use crate::objects::{ObjectError, server_words};
use crate::text::object_address::{ObjectAddress, Scheme};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, Error, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use std::str::FromStr;
use std::time::Duration;
use tokio::runtime::Runtime;

/// What is longer goes in parts, each of which can be sent again by itself. Stores want at least 5 MiB.
const PART: usize = 8 << 20;
/// For a single request; a part has to get through a slow line. The environment may say otherwise.
const REQUEST_TIMEOUT: &str = "300 seconds";
/// How often, and for how long, a request is tried again after a connection was lost or a server was busy.
const RETRIES: usize = 6;
const RETRY_FOR: Duration = Duration::from_secs(60);

/// A place, connected to.
pub struct Remote {
    address: ObjectAddress,
    pub(super) store: Box<dyn ObjectStore>,
    /// The folder in the bucket; a folder of this machine is the root itself.
    prefix: String,
    secrets: Vec<String>,
    /// True if no key was handed in: the client then asks the machine for its own identity.
    without_key: bool,
    pub(super) runtime: Runtime,
}

impl Remote {
    /// Prepares to speak to a place; nothing is sent. `settings` are the variables of the environment that are about stores,
    /// as in `AWS_REGION`: names that the client does not know are left alone.
    ///
    /// # Errors
    /// A folder that is not there; settings that contradict each other or say nothing that can be read.
    pub fn open(address: &ObjectAddress, settings: &[(String, String)]) -> Result<Remote, ObjectError> {
        let secrets = server_words::secrets(settings);
        let unusable = |why: String| ObjectError::Settings {
            place: address.to_string(),
            why: server_words::shown(&why, &secrets),
        };
        refuse_without_tls(address, settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| unusable(e.to_string()))?;
        let store = match address.scheme {
            Scheme::File => folder(address)?,
            _ => bucket(address, settings).map_err(|e| unusable(words(&e)))?,
        };
        let prefix = if address.is_folder() { String::new() } else { address.key() };
        let without_key = !address.is_folder() && !server_words::any_key(settings);
        Ok(Remote { address: address.clone(), store, prefix, secrets, without_key, runtime })
    }

    /// The size of an object in bytes; `None` if it is not there.
    ///
    /// # Errors
    /// The place cannot be asked.
    pub fn size_of(&self, location: &str) -> Result<Option<u64>, ObjectError> {
        let path = self.path(location)?;
        match self.runtime.block_on(self.store.head(&path)) {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look for", location, &error)),
        }
    }

    /// The bytes of an object; `None` if it is not there.
    ///
    /// # Errors
    /// It is longer than `most`, or cannot be read.
    pub fn read(&self, location: &str, most: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        let path = self.path(location)?;
        let read = async {
            let found = self.store.get(&path).await?;
            let size = found.meta.size;
            if size > most { Ok(Err(size)) } else { found.bytes().await.map(|bytes| Ok(bytes.to_vec())) }
        };
        match self.runtime.block_on(read) {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => Err(ObjectError::TooLarge { place: self.address.of(location), size, most }),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", location, &error)),
        }
    }

    /// Writes an object, over whatever is there. It is there whole, or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, location: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        let path = self.path(location)?;
        let written = if bytes.len() <= PART {
            self.runtime.block_on(self.store.put(&path, PutPayload::from(bytes.to_vec()))).map(drop)
        } else {
            self.runtime.block_on(self.write_in_parts(&path, bytes))
        };
        written.map_err(|error| match error {
            // A write that finds nothing has no bucket to write to.
            Error::NotFound { .. } => ObjectError::NoSuchBucket { place: self.address.to_string() },
            error => self.failed("write", location, &error),
        })
    }

    async fn write_in_parts(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut upload = self.store.put_multipart(path).await?;
        for part in bytes.chunks(PART) {
            if let Err(error) = upload.put_part(PutPayload::from(part.to_vec())).await {
                // Parts of an upload that never ends are kept, and paid for. If even this fails, the first error is the one that counts.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
        let completed = upload.complete().await;
        if completed.is_err() {
            let _ = upload.abort().await;
        }
        completed.map(drop)
    }

    /// True if it is a folder of this machine.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.address.is_folder()
    }

    /// The address of a location.
    #[must_use]
    pub fn address_of(&self, location: &str) -> String {
        self.address.of(location)
    }

    pub(super) fn path(&self, location: &str) -> Result<Path, ObjectError> {
        let whole = if self.prefix.is_empty() { location.to_owned() } else { format!("{}/{location}", self.prefix) };
        Path::parse(whole).map_err(|e| ObjectError::Settings { place: self.address.to_string(), why: e.to_string() })
    }

    /// The words of a client or a server, as they may be shown.
    pub(super) fn shown(&self, words: &str) -> String {
        server_words::shown(words, &self.secrets)
    }

    pub(super) fn failed(&self, doing: &'static str, location: &str, error: &Error) -> ObjectError {
        let mut why = self.shown(&words(error));
        if self.without_key {
            why.push_str("; no key is set in the environment, so this machine was asked for an identity of its own");
        }
        let place = self.address.of(location);
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                ObjectError::Refused { place, doing, why }
            }
            // Whatever the machine answered, a key is what is wanting.
            _ if self.without_key => ObjectError::Refused { place, doing, why },
            _ => ObjectError::Failed { doing, place, why },
        }
    }
}

fn folder(address: &ObjectAddress) -> Result<Box<dyn ObjectStore>, ObjectError> {
    let path = address.local_path();
    if !path.is_dir() {
        return Err(ObjectError::NoFolder { place: address.to_string() });
    }
    let opened = LocalFileSystem::new_with_prefix(&path).map_err(|error| ObjectError::Failed {
        doing: "open",
        place: address.to_string(),
        why: words(&error),
    })?;
    Ok(Box::new(opened.with_fsync(true)))
}

/// The client refuses it as well, in words that name no variable.
fn refuse_without_tls(address: &ObjectAddress, settings: &[(String, String)]) -> Result<(), ObjectError> {
    let (vendor, servers): (_, &[&str]) = match address.scheme {
        Scheme::S3 => ("AWS", &["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]),
        Scheme::Azure => ("AZURE", &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]),
        Scheme::Gcs | Scheme::File => return Ok(()),
    };
    let allowed = format!("{vendor}_ALLOW_HTTP");
    let is_plain = |it: &&(String, String)| servers.contains(&it.0.as_str()) && it.1.starts_with("http://");
    match settings.iter().find(is_plain) {
        Some((variable, _)) if !settings.iter().any(|it| it.0 == allowed) => {
            Err(ObjectError::NoTls { variable: variable.clone(), vendor })
        }
        _ => Ok(()),
    }
}

/// Built setting by setting, so that nothing but what was handed in counts.
fn bucket(address: &ObjectAddress, settings: &[(String, String)]) -> Result<Box<dyn ObjectStore>, Error> {
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
    let timeout = ClientConfigKey::Timeout;
    Ok(match address.scheme {
        Scheme::Gcs => {
            let builder = GoogleCloudStorageBuilder::new().with_retry(retry);
            let builder = builder.with_config(GoogleConfigKey::Client(timeout), REQUEST_TIMEOUT);
            let known = known::<GoogleConfigKey>(settings, "google_");
            let builder = known.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
            Box::new(builder.with_bucket_name(&address.bucket).build()?)
        }
        Scheme::Azure => {
            let builder = MicrosoftAzureBuilder::new().with_retry(retry);
            let builder = builder.with_config(AzureConfigKey::Client(timeout), REQUEST_TIMEOUT);
            let known = known::<AzureConfigKey>(settings, "azure_");
            let builder = known.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
            Box::new(builder.with_container_name(&address.bucket).build()?)
        }
        Scheme::S3 | Scheme::File => {
            let builder = AmazonS3Builder::new().with_retry(retry);
            let builder = builder.with_config(AmazonS3ConfigKey::Client(timeout), REQUEST_TIMEOUT);
            let known = known::<AmazonS3ConfigKey>(settings, "aws_");
            let builder = known.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
            Box::new(builder.with_bucket_name(&address.bucket).build()?)
        }
    })
}

/// The settings of one kind of store, in order.
fn known<K: FromStr>(settings: &[(String, String)], begins: &str) -> Vec<(K, String)> {
    let lower = settings.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let ours = lower.filter(|(name, _)| name.starts_with(begins));
    ours.filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect()
}

/// What an error says, with its causes that say more.
pub(super) fn words(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    said
}
