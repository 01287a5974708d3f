//! libgit2's global switches, set once: the user's own git configuration must not change what a run writes.

use crate::store::Author;
use git2::{Config, ConfigLevel};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The user's own git configuration files, weakest first, as found before libgit2 was told to ignore them.
static USER_CONFIG: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Every way into this module calls this first.
pub(super) fn settle() -> &'static [PathBuf] {
    USER_CONFIG.get_or_init(|| {
        let found = [Config::find_system(), Config::find_xdg(), Config::find_global()];
        ignore_user_configuration();
        found.into_iter().flatten().collect()
    })
}

/// `core.autocrlf`, templates, a broken `~/.gitconfig` or a `safe.directory` rule must neither change nor stop a run.
/// Disabling the owner check is meant for programs that, like this one, run no hook or filter of a repository.
#[allow(unsafe_code)]
fn ignore_user_configuration() {
    const LEVELS: [ConfigLevel; 4] =
        [ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global, ConfigLevel::ProgramData];
    // SAFETY: these calls write libgit2's process-wide settings, which is sound while no other libgit2 call is under
    // way. `git2` is used in this module only, and each use passes `settle` first, which runs this once and makes
    // every other thread wait for it.
    unsafe {
        for level in LEVELS {
            // An error would mean an unknown level; git's own defaults then stay in force.
            let _ = git2::opts::set_search_path(level, "");
        }
        let _ = git2::opts::set_verify_owner_validation(false);
    }
}

/// `user.name` and `user.email` of the person's own git configuration, if both are set and readable.
///
/// For the surfaces (the command line), which may look into a home directory; [`crate::store::GitStore`] never calls it.
#[must_use]
pub fn configured_author() -> Option<Author> {
    let config = own_configuration()?;
    let read = |key| config.get_string(key).ok().filter(|v| !v.trim().is_empty());
    Some(Author { name: read("user.name")?, email: read("user.email")? })
}

/// The person's own git configuration, if it can be read.
fn own_configuration() -> Option<Config> {
    let mut config = Config::new().ok()?;
    for (path, level) in settle().iter().zip([ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global]) {
        config.add_file(path, level, false).ok()?;
    }
    Some(config)
}

/// The program that signs a commit, and what it is called with. It gets the commit on its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signing {
    pub program: String,
    pub arguments: Vec<String>,
}

/// How commits are signed by the person's own git configuration: `commit.gpgsign` with `gpg.format` `openpgp` or `ssh`. What
/// the configuration of a run's repository says does not count: it could name any program.
pub(super) fn configured_signing() -> Option<Signing> {
    let config = own_configuration()?;
    if !config.get_bool("commit.gpgsign").unwrap_or(false) {
        return None;
    }
    let read = |key: &str| config.get_string(key).ok().filter(|value| !value.trim().is_empty());
    let format = read("gpg.format").unwrap_or_else(|| "openpgp".to_owned());
    let (key, named) = (read("user.signingkey"), read(&format!("gpg.{format}.program")));
    Some(if format == "ssh" {
        let key = key.unwrap_or_default();
        let key = key.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))).unwrap_or(PathBuf::from(key));
        let arguments = ["-Y", "sign", "-n", "git", "-f"].map(str::to_owned).to_vec();
        Signing {
            program: named.unwrap_or_else(|| "ssh-keygen".to_owned()),
            arguments: [arguments, vec![key.to_string_lossy().into_owned()]].concat(),
        }
    } else {
        let by = key.map_or(String::new(), |key| format!("u{key}"));
        let program = named.or_else(|| read("gpg.program")).unwrap_or_else(|| "gpg".to_owned());
        Signing { program, arguments: vec![format!("-bsa{by}")] }
    })
}

/// The home directory, as git finds it.
fn home() -> Option<PathBuf> {
    let file = Config::find_global().ok().or_else(|| settle().last().cloned())?;
    file.parent().map(PathBuf::from)
}

/// The values of `safe.directory` in the person's own git configuration, in order; `~` is written out.
///
/// For the surfaces, as [`configured_author`].
#[must_use]
pub fn safe_directories() -> Vec<String> {
    let files = settle();
    // The last of them is `.gitconfig` in the home directory.
    let home = Config::find_global().ok().or_else(|| files.last().cloned());
    let home = home.as_deref().and_then(std::path::Path::parent).map(|home| home.to_string_lossy().into_owned());
    let mut found = Vec::new();
    for file in files {
        let Ok(config) = Config::open(file) else { continue };
        let Ok(mut values) = config.multivar("safe.directory", None) else { continue };
        while let Some(Ok(entry)) = values.next() {
            let value = String::from_utf8_lossy(entry.value_bytes()).into_owned();
            match (value.strip_prefix('~'), &home) {
                (Some(rest), Some(home)) => found.push(format!("{home}{rest}")),
                _ => found.push(value),
            }
        }
    }
    found
}
