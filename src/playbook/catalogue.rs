//! All playbooks of a run: the copies compiled in, or files of the principal's own.

use super::{Playbook, PlaybookError, parse};
use crate::finding::{Finding, Severity};
use causal::estimand::Target;
use std::collections::BTreeMap;

/// The files under `playbooks/`, compiled in so that the program needs nothing beside itself.
const EMBEDDED: [(&str, &str); 9] = [
    ("trim-crump.md", include_str!("../../playbooks/trim-crump.md")),
    ("richer-propensity-terms.md", include_str!("../../playbooks/richer-propensity-terms.md")),
    ("trim-crump-optimal.md", include_str!("../../playbooks/trim-crump-optimal.md")),
    ("switch-to-overlap-weights.md", include_str!("../../playbooks/switch-to-overlap-weights.md")),
    ("failed-placebo.md", include_str!("../../playbooks/failed-placebo.md")),
    ("fragile-to-hidden-confounding.md", include_str!("../../playbooks/fragile-to-hidden-confounding.md")),
    ("no-design.md", include_str!("../../playbooks/no-design.md")),
    ("one-arm-level.md", include_str!("../../playbooks/one-arm-level.md")),
    ("outcome-among-confounders.md", include_str!("../../playbooks/outcome-among-confounders.md")),
];

/// Playbooks in the order in which they are tried. Names and orders are unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    playbooks: Vec<Playbook>,
}

impl Catalogue {
    /// The default playbooks.
    ///
    /// # Errors
    /// None for a released program, whose tests read every embedded file; [`PlaybookError`] while one is being edited.
    pub fn embedded() -> Result<Self, PlaybookError> {
        Self::from_files(EMBEDDED.into_iter().map(|(name, text)| (name, text.as_bytes())))
    }

    /// Reads (file name, bytes) pairs, in any order.
    ///
    /// # Errors
    /// The first malformed file, or two playbooks with the same name or the same order.
    pub fn from_files<N, B>(files: impl IntoIterator<Item = (N, B)>) -> Result<Self, PlaybookError>
    where
        N: AsRef<str>,
        B: AsRef<[u8]>,
    {
        let mut playbooks = Vec::new();
        for (name, bytes) in files {
            playbooks.push(parse(name.as_ref(), bytes.as_ref())?);
        }
        playbooks.sort_by(|a, b| (a.front.order, &a.front.name).cmp(&(b.front.order, &b.front.name)));
        refuse_duplicates(&playbooks, "name", |p| p.front.name.clone())?;
        refuse_duplicates(&playbooks, "order", |p| p.front.order.to_string())?;
        Ok(Self { playbooks })
    }

    /// All playbooks, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.playbooks.iter()
    }

    /// The playbook of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Playbook> {
        self.playbooks.iter().find(|playbook| playbook.front.name == name)
    }

    /// Name and SHA-256 of every playbook, for the record of the run.
    #[must_use]
    pub fn hashes(&self) -> BTreeMap<String, String> {
        self.playbooks.iter().map(|p| (p.front.name.clone(), p.sha256.clone())).collect()
    }

    /// The playbooks that a warning or failure among `findings` calls for, in order, advice included. What could not be
    /// measured, or is withheld, calls for nothing: a revision needs a reason that was seen. `requested` is what the plan
    /// asked for, `current` what is estimated now; a playbook must be meant for both.
    #[must_use]
    pub fn matching(&self, findings: &[Finding], requested: Target, current: Target) -> Vec<&Playbook> {
        let called = |playbook: &&Playbook| {
            let front = &playbook.front;
            front.estimands.contains(&requested)
                && front.estimands.contains(&current)
                && findings.iter().any(|f| f.severity >= Severity::Warn && front.addresses.contains(&f.code))
        };
        self.playbooks.iter().filter(called).collect()
    }
}

fn refuse_duplicates(
    playbooks: &[Playbook],
    key: &'static str,
    value: impl Fn(&Playbook) -> String,
) -> Result<(), PlaybookError> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for playbook in playbooks {
        let name = playbook.front.name.as_str();
        if let Some(first) = seen.insert(value(playbook), name) {
            let (value, first, second) = (value(playbook), first.to_owned(), name.to_owned());
            return Err(PlaybookError::Duplicate { key, value, first, second });
        }
    }
    Ok(())
}
