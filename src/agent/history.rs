//! The iterations so far, and which design of each analysis is the one to keep.
//!
//! Nothing in here can hold an effect: a [`Trial`] is a spec, a summary of its design and the critique of that design.

use crate::agent::design_quality::DesignQuality;
use crate::finding::Tier;
use crate::record::critique::{AnalysisCritique, Critique};
use crate::record::documents::{AnalysisDesign, DesignDocument};
use crate::spec::{Analysis, AnalysisSpec};
use causal::estimand::Target;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The part of one analysis' design that the loop may know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisSummary {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// Why there is no design, if so.
    pub failed: Option<String>,
    /// Rows in the population.
    pub rows: Option<usize>,
    /// Largest weighted |SMD| among the priority confounders.
    pub max_priority_smd: Option<f64>,
    /// Share of the target population whose propensity lies where it lacks counterparts.
    pub share_outside: Option<f64>,
}

/// The part of one design document that the loop may know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignSummary {
    /// The iteration.
    pub iteration: u32,
    /// SHA-256 of its spec.
    pub spec_sha256: String,
    /// One per analysis.
    pub analyses: Vec<AnalysisSummary>,
}

impl DesignSummary {
    /// The summary of a design document.
    #[must_use]
    pub fn new(document: &DesignDocument) -> Self {
        Self {
            iteration: document.iteration,
            spec_sha256: document.spec_sha256.clone(),
            analyses: document.analyses.iter().map(AnalysisSummary::new).collect(),
        }
    }
}

impl AnalysisSummary {
    fn new(design: &AnalysisDesign) -> Self {
        Self {
            requested: design.requested,
            failed: design.failed.clone(),
            rows: design.population.as_ref().map(|population| population.n),
            max_priority_smd: design.balance.as_ref().and_then(|table| table.max_priority_after),
            share_outside: design.overlap.as_ref().map(|report| report.share_beyond),
        }
    }
}

/// One iteration: a spec, the summary of its design, and its critique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The spec.
    pub spec: AnalysisSpec,
    /// The summary of its design.
    pub design: DesignSummary,
    /// The critique of its design.
    pub critique: Critique,
}

impl Trial {
    /// The analysis of a requested estimand.
    #[must_use]
    pub fn analysis(&self, requested: Target) -> Option<&Analysis> {
        self.spec.analyses.iter().find(|analysis| analysis.requested == requested)
    }

    /// Its grade.
    #[must_use]
    pub fn graded(&self, requested: Target) -> Option<&AnalysisCritique> {
        self.critique.analyses.iter().find(|graded| graded.requested == requested)
    }

    /// The quality of its design, for comparison with another.
    #[must_use]
    pub fn quality(&self, requested: Target) -> Option<DesignQuality> {
        let summary = self.design.analyses.iter().find(|summary| summary.requested == requested)?;
        Some(DesignQuality::new(summary, self.graded(requested)?))
    }

    /// The playbooks that were applied to an analysis in this iteration; those undone are not among them.
    pub fn applied(&self, requested: Target) -> impl Iterator<Item = &str> {
        let of_it = self.spec.revisions.iter().filter(move |r| r.requested == requested && !r.reverted);
        of_it.map(|revision| revision.playbook.as_str())
    }
}

/// Every iteration so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    trials: Vec<Trial>,
    /// Playbooks whose revisions are kept even if the design is worse (`keep_only_if_not_worse: false`).
    kept_even_if_worse: BTreeSet<String>,
}

impl History {
    /// Nothing tried yet. Revisions by the named playbooks are kept even if the design is worse.
    #[must_use]
    pub fn new(kept_even_if_worse: BTreeSet<String>) -> Self {
        Self { trials: Vec::new(), kept_even_if_worse }
    }

    /// The iterations, first to last.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The last iteration.
    #[must_use]
    pub fn last(&self) -> Option<&Trial> {
        self.trials.last()
    }

    /// Adds an iteration.
    pub(super) fn push(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    /// The requested estimands, in the order of the last spec.
    #[must_use]
    pub fn requested(&self) -> Vec<Target> {
        self.last().map_or_else(Vec::new, |trial| trial.spec.analyses.iter().map(|a| a.requested).collect())
    }

    /// Names of the playbooks that were ever applied to an analysis, undone or not.
    #[must_use]
    pub fn tried(&self, requested: Target) -> BTreeSet<&str> {
        self.trials.iter().flat_map(|trial| trial.applied(requested)).collect()
    }

    /// The iteration whose design of this analysis is the one to keep. Starting from the draft, each later iteration
    /// takes over if its analysis is the same, or if the revision earned its place: see [`History::earned`].
    #[must_use]
    pub fn kept(&self, requested: Target) -> Option<&Trial> {
        let (first, later) = self.trials.split_first()?;
        let takes_over = |kept: &Trial, trial: &Trial| {
            trial.analysis(requested) == kept.analysis(requested) || self.earned(kept, trial, requested)
        };
        Some(later.iter().fold(first, |kept, trial| if takes_over(kept, trial) { trial } else { kept }))
    }

    /// True if a revision earned its place: the new design exists and is not worse. If the revision also changed
    /// the estimand it must be better, because a change of the question has to buy something. A playbook with
    /// `keep_only_if_not_worse: false` only has to leave a design standing.
    #[must_use]
    pub fn earned(&self, before: &Trial, after: &Trial, requested: Target) -> bool {
        let (Some(old), Some(new)) = (before.quality(requested), after.quality(requested)) else { return false };
        if new.failed {
            return false;
        }
        let mut applied = after.applied(requested).peekable();
        // `all` of nothing is true, and an iteration that applied nothing must earn its place.
        if applied.peek().is_some() && applied.all(|name| self.kept_even_if_worse.contains(name)) {
            return true;
        }
        if new.trades(&old) {
            return false;
        }
        let estimand = |trial: &Trial| trial.analysis(requested).map(Analysis::estimand);
        match new.compare(&old) {
            Ordering::Greater => true,
            Ordering::Equal => estimand(before) == estimand(after),
            Ordering::Less => false,
        }
    }

    /// True if the last iteration holds the kept analysis of every requested estimand.
    #[must_use]
    pub fn last_is_kept(&self) -> bool {
        let same = |requested: &Target| {
            let last = self.last().and_then(|trial| trial.analysis(*requested));
            last == self.kept(*requested).and_then(|trial| trial.analysis(*requested))
        };
        self.requested().iter().all(same)
    }

    /// True if the kept design of every estimand is at least satisfactory with caveats.
    #[must_use]
    pub fn satisfactory(&self) -> bool {
        let tier = |requested: &Target| Some(self.kept(*requested)?.graded(*requested)?.tier);
        self.requested().iter().all(|requested| tier(requested).is_some_and(|tier| tier > Tier::NotSatisfactory))
    }
}
