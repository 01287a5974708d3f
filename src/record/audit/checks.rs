//! A check while it is made.

use super::facts::{AuditFact, AuditFinding, Unaudited};
use super::history::Filed;
use super::{AuditCheck, AuditCode, AuditStatus};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Checked {
    found: Vec<(AuditFinding, Place)>,
    because: Option<Unaudited>,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The place of the commit; `None` for what is no part of the history.
    pub(super) commit: Option<usize>,
    pub(super) file: Option<String>,
    pub(super) line: Option<usize>,
}

impl Place {
    /// A commit, for its message.
    pub(super) fn commit(commit: usize) -> Place {
        Place { commit: Some(commit), file: None, line: None }
    }

    /// A file that is not in the history.
    pub(super) fn outside(file: &str) -> Place {
        Place { commit: None, file: Some(file.to_owned()), line: None }
    }
}

impl Filed<'_> {
    /// A line of the file.
    pub(super) fn at(&self, line: Option<usize>) -> Place {
        Place { commit: Some(self.commit), file: Some(self.file.path.clone()), line }
    }
}

impl Checked {
    /// A check that was not made.
    pub(super) fn not(because: Unaudited) -> Checked {
        Checked { found: Vec::new(), because: Some(because) }
    }

    /// A check that waits for a file of a later step.
    pub(super) fn waits_for(file: &str) -> Checked {
        Checked::not(Unaudited::NotThere { file: file.to_owned() })
    }

    pub(super) fn add(&mut self, finding: AuditFinding, place: Place) {
        self.found.push((finding, place));
    }

    /// Without a fault the check was not made, or has no meaning, for this reason.
    pub(super) fn unless_fault(&mut self, because: Unaudited) {
        self.because = Some(because);
    }

    pub(super) fn has_fault(&self) -> bool {
        self.found.iter().any(|it| it.0.is_fault())
    }

    /// The outcome, from what was found in the commits that are not skipped.
    pub(super) fn check(self, code: AuditCode, ids: &[String], skipped: usize) -> AuditCheck {
        let all = self.found.len();
        let late = |it: &(AuditFinding, Place)| it.1.commit.is_none_or(|commit| commit >= skipped);
        let mut found: Vec<_> = self.found.into_iter().filter(late).collect();
        found.sort_by_key(|it| !it.0.is_fault());
        let faults = found.iter().any(|it| it.0.is_fault());
        let before = (found.is_empty() && all > 0).then_some(Unaudited::BeforeSince);
        let because = if faults { None } else { self.because.or(before) };
        let status = match &because {
            _ if faults => AuditStatus::Fail,
            None => AuditStatus::Pass,
            Some(because) if because.has_no_meaning() => AuditStatus::NotApplicable,
            Some(_) => AuditStatus::NotChecked,
        };
        let fact = |it: (AuditFinding, Place)| {
            let (finding, place) = it;
            let commit = place.commit.and_then(|at| ids.get(at).cloned());
            AuditFact { fault: finding.is_fault(), finding, file: place.file, line: place.line, commit }
        };
        AuditCheck { code, status, because, facts: found.into_iter().map(fact).collect() }
    }
}
