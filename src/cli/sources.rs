//! Where the data of a plan are: in files of this machine, or objects of a store, each of which a command fetches once.

use super::env;
use super::output;
use crate::dataset::{DataPlace, Objects, Unfetched};
use crate::objects::{ObjectError, Remote};
use crate::text::object_address::ObjectAddress;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// The sources of one command. Nothing is asked for before a source is read.
pub struct DataSources {
    root: PathBuf,
    /// The folder that the data of a plan are expected in.
    expected: PathBuf,
    /// Copies of objects, by their addresses.
    fetched: RefCell<BTreeMap<String, File>>,
}

impl DataSources {
    /// Sources relative to `root`, of a plan whose data are expected in `expected`.
    pub fn new(root: PathBuf, expected: PathBuf) -> DataSources {
        DataSources { root, expected, fetched: RefCell::default() }
    }

    /// Sources that are named on the command line: relative to `root`, or else to the current folder.
    pub fn of_arguments(root: Option<&Path>) -> DataSources {
        let root = root.unwrap_or(Path::new(".")).to_path_buf();
        DataSources::new(root.clone(), root)
    }

    /// The folder that sources are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn fetch(&self, address: &ObjectAddress, most: u64) -> Result<File, Unfetched> {
        let expected = std::fs::canonicalize(&self.expected).unwrap_or_else(|_| self.expected.clone());
        // Before anybody is asked.
        output::stderr(format!("the data are outside {}: they are read from {address}", expected.display()));
        let told = |error: ObjectError| unfetched(&error, address);
        let remote = Remote::open(&address.root(), &env::store_settings()).map_err(told)?;
        let folder = env::temporary_folder();
        let mut file = private_file(&folder).map_err(|error| {
            let why = format!("{}: {error}", folder.display());
            told(ObjectError::NoRoom { place: address.to_string(), why })
        })?;
        remote.download(&address.key(), most, &mut file).map_err(told)?;
        Ok(file)
    }
}

impl Objects for DataSources {
    fn open(&self, address: &ObjectAddress, most: u64) -> Result<File, Unfetched> {
        let name = address.to_string();
        if let Some(file) = self.fetched.borrow().get(&name) {
            return handle(file, address);
        }
        let file = self.fetch(address, most)?;
        let copy = handle(&file, address)?;
        self.fetched.borrow_mut().insert(name, file);
        Ok(copy)
    }
}

impl<'a> From<&'a DataSources> for DataPlace<'a> {
    fn from(sources: &'a DataSources) -> DataPlace<'a> {
        DataPlace::with_objects(&sources.root, sources)
    }
}

fn handle(file: &File, address: &ObjectAddress) -> Result<File, Unfetched> {
    file.try_clone().map_err(|error| Unfetched {
        message: format!("the copy of {address} cannot be read: {error}"),
        fix: "run the command again".to_owned(),
        outside: true,
    })
}

/// A new file that nobody else may read and that has no name: however the process ends, it is gone then.
fn private_file(folder: &Path) -> std::io::Result<File> {
    const ATTEMPTS: u32 = 1000;
    let mut options = OpenOptions::new();
    // Never one that is there, nor one that a link leads to.
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 0..ATTEMPTS {
        let path = folder.join(format!(".oci-agent-{}-{number}", std::process::id()));
        match options.open(&path) {
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// The error as it stands at its line of the plan.
fn unfetched(error: &ObjectError, address: &ObjectAddress) -> Unfetched {
    let variables = address.scheme.variables();
    let keys = || {
        format!("set {variables} in the environment to a key that may read it; docs/publish.md lists all the variables")
    };
    let (message, fix, outside) = match error {
        ObjectError::Missing { place, why } => (
            format!("{place} is not there: {why}"),
            "name bucket and object as the store lists them, and check the region in the environment".to_owned(),
            false,
        ),
        ObjectError::Refused { place, why, .. } => (format!("{place} may not be read: {why}"), keys(), true),
        ObjectError::Settings { place, why } => (format!("{place} cannot be read: {why}"), keys(), false),
        ObjectError::NoTls { variable, vendor } => (
            format!("{variable} is http://, so keys and data could be read on their way"),
            format!("if the server is your own, set {vendor}_ALLOW_HTTP=true in the environment"),
            false,
        ),
        ObjectError::TooLarge { place, size, most } => (
            format!("{place} has {size} bytes, and at most {most} are read of a source"),
            "leave out the columns that the analysis does not use, or write the data as Parquet".to_owned(),
            false,
        ),
        ObjectError::Changed { place } => (
            format!("`{place}` was changed while it was read, so it is not known which data would be analysed"),
            "wait until nothing writes to it any more, or analyse a copy".to_owned(),
            true,
        ),
        ObjectError::NoRoom { .. } => {
            (error.to_string(), "name a folder with room for it in the variable TMPDIR".to_owned(), true)
        }
        other => (
            other.to_string(),
            format!(
                "run the command again, nothing was written; if it stays so, check the network, the server and {variables}"
            ),
            true,
        ),
    };
    Unfetched { message, fix, outside }
}

#[cfg(test)]
mod tests {
    use super::private_file;
    use std::io::{Read as _, Seek as _, Write as _};

    #[test]
    fn a_private_file_is_nobody_elses_and_has_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = folder.path().join(format!(".oci-agent-{}-0", std::process::id()));
        std::fs::write(&taken, "somebody's").expect("a file");
        let mut file = private_file(folder.path()).expect("a file");
        file.write_all(b"rows").expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().expect("facts").permissions().mode() & 0o777, 0o600);
        }
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("read");
        assert_eq!(text, "rows");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert_eq!(std::fs::read_to_string(taken).expect("still there"), "somebody's");
        assert!(private_file(&folder.path().join("nowhere")).is_err());
    }
}
