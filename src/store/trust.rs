//! git's rule about whose repository may be used: the owner of `.git` is the user, or, under sudo, the user who asked root;
//! or the user's own git configuration names the directory under `safe.directory`.

use crate::store::ArtifactError;
use crate::store::folder::Folder;
use std::path::Path;

/// Whom this process trusts besides itself. The command line knows; this module reads neither a home nor an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryTrust {
    /// The values of `safe.directory`, in order.
    pub safe_directories: Vec<String>,
    /// `SUDO_UID`, if it is set.
    pub sudo_user: Option<u32>,
}

impl RepositoryTrust {
    /// Refuses a repository that somebody else owns.
    pub(super) fn check(&self, dir: &Path, git: &Folder) -> Result<(), ArtifactError> {
        let owner = git.owner().map_err(|e| ArtifactError::io("look at", git.place(), e))?;
        match owner {
            Some(owner) if !self.trusts(owner, current_user()) && !self.names(dir) => {
                Err(ArtifactError::NotYours { dir: dir.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn trusts(&self, owner: u32, user: u32) -> bool {
        owner == user || user == 0 && self.sudo_user == Some(owner)
    }

    /// As in git's manual: `*` is any directory, `path/*` any below, an empty value forgets what came before.
    fn names(&self, dir: &Path) -> bool {
        let mut named = false;
        for value in &self.safe_directories {
            named = match value.as_str() {
                "" => false,
                "*" => true,
                _ => named || covers(value, dir),
            };
        }
        named
    }
}

fn covers(value: &str, dir: &Path) -> bool {
    let (value, below) = match value.strip_suffix("/*") {
        Some(above) => (above, true),
        None => (value, false),
    };
    let named = std::fs::canonicalize(value).unwrap_or_else(|_| value.into());
    if below { dir.starts_with(&named) && dir != named } else { dir == named }
}

#[cfg(unix)]
fn current_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn current_user() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use crate::store::trust::*;

    #[test]
    fn the_owner_is_the_user_or_the_one_who_asked_root() {
        let sudo = RepositoryTrust { sudo_user: Some(1000), ..RepositoryTrust::default() };
        assert!(sudo.trusts(7, 7) && sudo.trusts(1000, 0) && sudo.trusts(0, 0));
        assert!(!sudo.trusts(1000, 7) && !sudo.trusts(1001, 0) && !RepositoryTrust::default().trusts(1000, 0));
    }

    #[test]
    fn safe_directory_is_read_as_git_reads_it() {
        let trust = |values: &[&str]| RepositoryTrust {
            safe_directories: values.iter().map(|v| (*v).to_owned()).collect(),
            sudo_user: None,
        };
        let dir = Path::new("/no/such/place");
        for yes in [&["/no/such/place"][..], &["*"], &["/no/such/*"], &["", "/no/such/place"], &["/no/*", "/other"]] {
            assert!(trust(yes).names(dir), "{yes:?}");
        }
        for no in [&[][..], &["/no/such"], &["/no/such/place/*"], &["*", ""], &["/no/such/places"]] {
            assert!(!trust(no).names(dir), "{no:?}");
        }
    }
}
