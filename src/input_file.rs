//! The one door for files that somebody else wrote: plans, data, playbooks, price tables, specs, keys.
//!
//! A name may lead to a pipe that never ends, a device, a socket or a folder; a file may be larger than memory, and may be
//! replaced while it is read. So a file is opened once, without waiting; it must be a regular file; it is read from that
//! one handle, never past a limit; and its size and time of change must be the same at the end.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// The most bytes of a text that a person writes: a plan, a playbook, a price table, a spec.
pub const MOST_OF_A_TEXT: u64 = 16 << 20;

/// The reason why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum InputFileError {
    /// A folder, a pipe, a device, a socket.
    #[error("`{name}` is {kind}, not a regular file")]
    NotRegular {
        /// Its name for people.
        name: String,
        /// A folder, a pipe, a device or a socket, with its article.
        kind: &'static str,
    },
    /// More than is ever read.
    #[error("`{name}` has {size} bytes; at most {most} are read")]
    TooLarge {
        /// Its name for people.
        name: String,
        /// Its bytes.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// Written to, cut off or replaced in the meantime.
    #[error("`{name}` was changed while it was read")]
    Changed {
        /// Its name for people.
        name: String,
    },
    /// The system has less memory than the file has bytes.
    #[error("there is not enough memory for `{name}`, which has {size} bytes")]
    Memory {
        /// Its name for people.
        name: String,
        /// Its bytes.
        size: u64,
    },
    /// Not UTF-8 where text is wanted.
    #[error("`{name}` is not UTF-8 text: byte {offset} does not belong to any character")]
    NotText {
        /// Its name for people.
        name: String,
        /// 0-based place of the first byte that does not fit.
        offset: usize,
    },
    /// The operating system refused.
    #[error("`{name}` could not be read: {source}")]
    System {
        /// Its name for people.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// A regular file, open for reading.
#[derive(Debug)]
pub struct InputFile {
    file: File,
    name: String,
    size: u64,
    changed: Option<SystemTime>,
    read: u64,
}

impl InputFile {
    /// Opens a regular file of at most `most` bytes, called `name` in messages. Does not wait for the other end of a pipe.
    ///
    /// # Errors
    /// [`InputFileError`]: nothing is there, it is not a regular file, or it is too large.
    pub fn open(path: &Path, name: &str, most: u64) -> Result<Self, InputFileError> {
        let file = without_waiting(path).map_err(|error| refused(path, name, error))?;
        Self::of_handle(file, name, most)
    }

    /// The same for a file that is open already, from its first byte. The handle's place in the file is shared with its
    /// copies, so one of them is read at a time.
    ///
    /// # Errors
    /// As [`InputFile::open`].
    pub fn of_handle(mut file: File, name: &str, most: u64) -> Result<Self, InputFileError> {
        let system = |source| InputFileError::System { name: name.to_owned(), source };
        let metadata = file.metadata().map_err(system)?;
        if !metadata.is_file() {
            return Err(InputFileError::NotRegular { name: name.to_owned(), kind: kind(metadata.file_type()) });
        }
        let size = metadata.len();
        if size > most {
            return Err(InputFileError::TooLarge { name: name.to_owned(), size, most });
        }
        file.rewind().map_err(system)?;
        Ok(Self { file, name: name.to_owned(), size, changed: changed(&metadata), read: 0 })
    }

    /// Bytes of the file when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills the buffer as far as the file goes, so that blocks do not depend on how the system delivers them; 0 at the
    /// end.
    ///
    /// # Errors
    /// The system's, and [`InputFileError::Changed`] if the file has grown or was cut off since it was opened.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, InputFileError> {
        let mut n = 0;
        while let Some(rest) = buffer.get_mut(n..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(k) => n += k,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(InputFileError::System { name: self.name.clone(), source }),
            }
        }
        self.read = self.read.saturating_add(n as u64);
        if self.read > self.size || (n == 0 && !self.is_unchanged()) {
            return Err(InputFileError::Changed { name: self.name.clone() });
        }
        Ok(n)
    }

    /// The first and the last `n` bytes of a file of which nothing was read yet; fewer if it is shorter.
    ///
    /// # Errors
    /// The system's.
    pub fn ends(&mut self, n: u64) -> Result<[Vec<u8>; 2], InputFileError> {
        let mut end = |from: SeekFrom| {
            let mut bytes = Vec::new();
            self.file.seek(from)?;
            (&self.file).take(n).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let last = end(SeekFrom::Start(self.size.saturating_sub(n)));
        let first = end(SeekFrom::Start(0));
        let rewound = self.file.rewind();
        let both = last.and_then(|last| Ok([first?, last])).and_then(|both| rewound.map(|()| both));
        both.map_err(|source| InputFileError::System { name: self.name.clone(), source })
    }

    /// The rest of the file, in memory.
    ///
    /// # Errors
    /// As [`InputFile::fill`], and [`InputFileError::Memory`].
    pub fn bytes(mut self) -> Result<Vec<u8>, InputFileError> {
        let mut bytes = Vec::new();
        let mut block = vec![0_u8; BLOCK];
        loop {
            match self.fill(&mut block)? {
                0 => return Ok(bytes),
                n => self.append(&mut bytes, block.get(..n).unwrap_or_default())?,
            }
        }
    }

    /// Puts a block that was read behind those before it. Room grows with what was read and never beyond the file, so that
    /// a file that is refused early takes no memory.
    ///
    /// # Errors
    /// [`InputFileError::Memory`].
    pub fn append(&self, bytes: &mut Vec<u8>, block: &[u8]) -> Result<(), InputFileError> {
        if bytes.capacity() - bytes.len() < block.len() {
            let left = usize::try_from(self.size).unwrap_or(usize::MAX).saturating_sub(bytes.len());
            let more = bytes.len().max(4 * BLOCK).min(left).max(block.len());
            let memory = |_| InputFileError::Memory { name: self.name.clone(), size: self.size };
            bytes.try_reserve_exact(more).map_err(memory)?;
        }
        bytes.extend_from_slice(block);
        Ok(())
    }

    fn is_unchanged(&self) -> bool {
        let same = |now: Metadata| now.len() == self.size && changed(&now) == self.changed;
        self.read == self.size && self.file.metadata().is_ok_and(same)
    }
}

/// The bytes in which a file is read.
pub const BLOCK: usize = 1 << 18;

/// A whole file of at most `most` bytes.
///
/// # Errors
/// [`InputFileError`].
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, InputFileError> {
    InputFile::open(path, &path.display().to_string(), most)?.bytes()
}

/// A whole file of text, UTF-8.
///
/// # Errors
/// [`InputFileError`].
pub fn read_text(path: &Path, most: u64) -> Result<String, InputFileError> {
    String::from_utf8(read(path, most)?).map_err(|error| InputFileError::NotText {
        name: path.display().to_string(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// A pipe without a writer is opened at once instead of never.
fn without_waiting(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(path)
}

/// A socket cannot be opened at all, and Windows does not open a folder: they are still named for what they are.
fn refused(path: &Path, name: &str, source: std::io::Error) -> InputFileError {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            InputFileError::NotRegular { name: name.to_owned(), kind: kind(metadata.file_type()) }
        }
        _ => InputFileError::System { name: name.to_owned(), source },
    }
}

fn kind(file: FileType) -> &'static str {
    if file.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if file.is_fifo() {
            return "a pipe";
        }
        if file.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

/// The time of the last change of the contents; `None` where the system does not say.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn a_file_is_read_whole_or_refused_by_size() {
        let dir = folder();
        let path = dir.path().join("a");
        std::fs::write(&path, vec![7_u8; BLOCK + 3]).expect("a file");
        assert_eq!(read(&path, 1 << 20).expect("whole").len(), BLOCK + 3);
        let error = read(&path, 100).expect_err("too large").to_string();
        assert!(error.contains("at most 100"), "{error}");
    }

    #[test]
    fn a_file_that_grows_shrinks_or_is_rewritten_is_refused() {
        type Change = fn(&Path);
        let grow: Change = |path| {
            let mut file = OpenOptions::new().append(true).open(path).expect("open");
            file.write_all(b"more").expect("write");
        };
        let cut: Change = |path| {
            OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(10)).expect("cut");
        };
        let rewrite: Change = |path| {
            std::fs::write(path, vec![8_u8; 2 * BLOCK]).expect("write");
            let file = OpenOptions::new().write(true).open(path).expect("open");
            file.set_modified(SystemTime::UNIX_EPOCH).expect("time");
        };
        for change in [grow, cut, rewrite] {
            let dir = folder();
            let path = dir.path().join("a");
            std::fs::write(&path, vec![7_u8; 2 * BLOCK]).expect("a file");
            let mut file = InputFile::open(&path, "a", u64::MAX).expect("open");
            let mut block = vec![0; BLOCK];
            file.fill(&mut block).expect("the first block");
            change(&path);
            let error = file.bytes().expect_err("changed").to_string();
            assert!(error.contains("`a` was changed while it was read"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_replaced_by_another_is_still_the_one_that_was_opened() {
        let dir = folder();
        let path = dir.path().join("a");
        std::fs::write(&path, b"old").expect("a file");
        let file = InputFile::open(&path, "a", u64::MAX).expect("open");
        std::fs::write(dir.path().join("b"), b"new and longer").expect("a file");
        std::fs::rename(dir.path().join("b"), &path).expect("replaced");
        assert_eq!(file.bytes().expect("read"), b"old");
    }

    #[cfg(unix)]
    #[test]
    fn pipes_sockets_devices_and_folders_are_named_at_once() {
        let dir = folder();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let kinds = [(pipe.as_path(), "a pipe"), (&socket, "a socket"), (dir.path(), "a folder")];
        for (path, kind) in kinds.into_iter().chain([(Path::new("/dev/zero"), "a device")]) {
            let error = read(path, 100).expect_err(kind).to_string();
            assert!(error.contains(kind) && error.contains("not a regular file"), "{error}");
        }
    }
}
