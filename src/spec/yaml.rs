//! `spec.yaml`: written here line by line, so that the bytes (and with them the hash) depend on nothing but the spec, and
//! a revision is a few lines of `git diff`: one term, one estimator, one finding code per line.

use super::{Analysis, AnalysisSpec, Placebo, PlaceboRole, Revision, SPEC_VERSION, TermGroup};
use crate::finding::Code;
use crate::plan::{Accepted, StudyDesign, Thresholds, Tool, yaml_text};
use crate::term::Term;
use crate::text::sha256::sha256_hex;
use causal::estimand::{OutcomeKind, Population, Target, TrimRule};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const HEADER: &str = "\
# What is computed, with every default written out. Made from plan.yaml; to change the analysis, change the plan.
";

/// The reason why a text is not a spec.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Not YAML, an unknown or missing key, a value of the wrong type.
    #[error("the spec cannot be read: {message}")]
    Unreadable {
        /// The reader's message, with line and column.
        message: String,
    },
    /// Written by a program that this one does not know.
    #[error("the spec has format {found}, and this program reads format {SPEC_VERSION}; use the version that wrote it")]
    Version {
        /// `spec_version` of the text.
        found: u32,
    },
}

impl AnalysisSpec {
    /// The text of `spec.yaml`. Equal specs have equal bytes.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = Lines(HEADER.to_owned());
        self.head(&mut out);
        out.list(0, "confounders", &self.confounders, confounder);
        out.list(0, "placebos", &self.placebos, placebo);
        out.words(0, "tools", self.tools.iter().copied().map(Tool::key));
        out.list(0, "analyses", &self.analyses, analysis);
        out.list(0, "revisions", &self.revisions, revision);
        out.raw(0, "inference", self.inference.key());
        out.raw(0, "folds", &self.folds.to_string());
        out.raw(0, "seed", &self.seed.to_string());
        out.raw(0, "blind", if self.blind { "true" } else { "false" });
        out.0
    }

    /// Everything that is a single value, in the order in which it is read.
    fn head(&self, out: &mut Lines) {
        // Every field by name and no `..`: a new one that is not written would not be hashed either.
        let AnalysisSpec {
            spec_version,
            iteration,
            title,
            plan_sha256,
            data_sha256,
            treatment,
            treated,
            control,
            outcome,
            units,
            outcome_kind,
            event,
            weights,
            clusters,
            known_propensity,
            design,
            share,
            accept,
            thresholds,
            missing,
            missing_for,
            derived,
            filter,
            confounders: _,
            placebos: _,
            tools: _,
            analyses: _,
            revisions: _,
            inference: _,
            folds: _,
            seed: _,
            blind: _,
        } = self;
        out.raw(0, "spec_version", &spec_version.to_string());
        out.raw(0, "iteration", &iteration.to_string());
        for (key, text) in [("title", title), ("plan_sha256", plan_sha256), ("data_sha256", data_sha256)] {
            out.text(0, key, text);
        }
        for (key, text) in [("treatment", treatment), ("treated", treated), ("control", control)] {
            out.text(0, key, text);
        }
        out.text(0, "outcome", outcome);
        out.text(0, "units", units);
        out.raw(0, "outcome_kind", outcome_kind_key(*outcome_kind));
        // Nor does an outcome that is 0 and 1.
        if let Some(event) = event {
            out.text(0, "event", event);
        }
        let columns = [("weights", weights), ("clusters", clusters), ("known_propensity", known_propensity)];
        for (key, column) in columns {
            match column {
                Some(column) => out.text(0, key, column),
                None => out.raw(0, key, "null"),
            }
        }
        // An observational design needs no line: specs written before the key read as they did.
        if *design != StudyDesign::default() {
            out.raw(0, "design", design.key());
        }
        if !accept.is_empty() {
            out.raw(0, "accept", &accepted(accept));
        }
        if !thresholds.is_empty() {
            out.raw(0, "thresholds", &thresholds_set(thresholds));
        }
        if let Some(share) = share {
            out.raw(0, "share", &share.to_string());
        }
        out.raw(0, "missing", missing.key());
        // Not written where the plan says nothing of the kind.
        if !missing_for.is_empty() {
            out.raw(0, "missing_for", "");
            for (column, policy) in missing_for {
                out.raw(2, &yaml_text(column), policy.key());
            }
        }
        if !derived.is_empty() {
            out.raw(0, "derived", "");
            for (column, expression) in derived {
                out.text(2, &yaml_text(column), expression);
            }
        }
        if !filter.is_empty() {
            out.words(0, "filter", filter);
        }
    }

    /// Reads what [`AnalysisSpec::to_yaml`] writes; unknown keys are refused.
    ///
    /// # Errors
    /// [`SpecError`], with the place.
    pub fn from_yaml(text: &str) -> Result<AnalysisSpec, SpecError> {
        // The format first: a spec of another format has other keys, and to name those would explain nothing.
        if let Ok(Format { spec_version: found }) = serde_saphyr::from_str::<Format>(text)
            && found != SPEC_VERSION
        {
            return Err(SpecError::Version { found });
        }
        serde_saphyr::from_str(text).map_err(|error| SpecError::Unreadable { message: error.to_string() })
    }

    /// SHA-256 of [`AnalysisSpec::to_yaml`], in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_hex(self.to_yaml().as_bytes())
    }
}

/// `{ate: [trimmed_ate, ato]}`: what is accepted, on one line.
fn accepted(accept: &BTreeMap<Target, BTreeSet<Accepted>>) -> String {
    let one = |(asked, all): (&Target, &BTreeSet<Accepted>)| {
        let words: Vec<&str> = all.iter().map(|word| word.key()).collect();
        format!("{}: [{}]", asked.key(), words.join(", "))
    };
    format!("{{{}}}", accept.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// `{balance.priority: {warn: 0.1, fail: 0.3}}`: on one line.
fn thresholds_set(thresholds: &BTreeMap<Code, Thresholds>) -> String {
    let one = |(code, set): (&Code, &Thresholds)| {
        let numbers = [("warn", set.warn), ("fail", set.fail)];
        let told = numbers.iter().filter_map(|(key, at)| at.map(|at| format!("{key}: {at}")));
        format!("{}: {{{}}}", code.key(), told.collect::<Vec<_>>().join(", "))
    };
    format!("{{{}}}", thresholds.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The key that every format has.
#[derive(serde::Deserialize)]
struct Format {
    spec_version: u32,
}

fn confounder(out: &mut Lines, group: &TermGroup) {
    let TermGroup { confounder, priority, terms } = group;
    out.text(2, "confounder", confounder);
    out.raw(2, "priority", if *priority { "true" } else { "false" });
    out.words(2, "terms", terms.iter().map(Term::to_string));
}

fn placebo(out: &mut Lines, placebo: &Placebo) {
    let Placebo { column, role } = placebo;
    out.text(2, "column", column);
    out.raw(2, "role", role_key(*role));
}

fn analysis(out: &mut Lines, analysis: &Analysis) {
    let Analysis { requested, target, population, terms, estimators, primary, because, models } = analysis;
    out.raw(2, "requested", requested.key());
    out.raw(2, "target", target.key());
    out.raw(2, "population", "");
    match population {
        Population::All => out.raw(4, "kind", "all"),
        Population::Trimmed { trim } => {
            out.raw(4, "kind", "trimmed");
            out.raw(4, "trim", "");
            trim_rule(out, *trim);
        }
    }
    out.words(2, "terms", terms.iter().map(Term::to_string));
    out.words(2, "estimators", estimators.iter().copied().map(EstimatorKind::key));
    out.raw(2, "primary", primary.key());
    out.text(2, "because", because);
    let NuisanceModels { propensity, outcome, repeats, effort } = models;
    out.raw(2, "models", "");
    out.raw(4, "propensity", propensity.key());
    out.raw(4, "outcome", outcome.key());
    out.raw(4, "repeats", &repeats.to_string());
    // Older than its present name: another key would be another hash for the same analysis.
    out.raw(4, "budget", effort.key());
}

fn trim_rule(out: &mut Lines, rule: TrimRule) {
    match rule {
        TrimRule::Fixed { alpha } => {
            out.raw(6, "rule", "fixed");
            out.raw(6, "alpha", &decimal(alpha));
        }
        TrimRule::CrumpOptimal => out.raw(6, "rule", "crump_optimal"),
    }
}

fn revision(out: &mut Lines, revision: &Revision) {
    let Revision { requested, playbook, because, change, estimand_effect, reverted, reason } = revision;
    out.raw(2, "requested", requested.key());
    out.text(2, "playbook", playbook);
    out.words(2, "because", because);
    out.text(2, "change", change);
    out.text(2, "estimand_effect", estimand_effect);
    out.raw(2, "reverted", if *reverted { "true" } else { "false" });
    if let Some(reason) = reason {
        out.text(2, "reason", reason);
    }
}

/// Shortest digits that read back as the same number, never with an exponent, which YAML readers disagree about.
fn decimal(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') || !value.is_finite() { text } else { format!("{text}.0") }
}

fn outcome_kind_key(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Continuous => "continuous",
        OutcomeKind::Binary => "binary",
    }
}

fn role_key(role: PlaceboRole) -> &'static str {
    match role {
        PlaceboRole::PlaceboOutcome => "placebo_outcome",
        PlaceboRole::NegativeControl => "negative_control",
    }
}

/// The text so far.
struct Lines(String);

impl Lines {
    /// `key: value`, the value as it is.
    fn raw(&mut self, indent: usize, key: &str, value: &str) {
        let space = if value.is_empty() { "" } else { " " };
        let _ = writeln!(self.0, "{:indent$}{key}:{space}{value}", "");
    }

    /// `key: value`, the value quoted where it must be.
    fn text(&mut self, indent: usize, key: &str, value: &str) {
        self.raw(indent, key, &yaml_text(value));
    }

    /// A list of texts, one per line.
    fn words<T: AsRef<str>>(&mut self, indent: usize, key: &str, words: impl IntoIterator<Item = T>) {
        let mut words = words.into_iter().peekable();
        self.raw(indent, key, if words.peek().is_some() { "" } else { "[]" });
        for word in words {
            let _ = writeln!(self.0, "{:indent$}- {}", "", yaml_text(word.as_ref()));
        }
    }

    /// A list of mappings; `write` writes the keys of one, indented by two.
    fn list<T>(&mut self, indent: usize, key: &str, items: &[T], write: impl Fn(&mut Lines, &T)) {
        self.raw(indent, key, if items.is_empty() { "[]" } else { "" });
        for item in items {
            let mut lines = Lines(String::new());
            write(&mut lines, item);
            // The first key stands beside the dash.
            let _ = write!(self.0, "{:indent$}- {}", "", lines.0.trim_start());
        }
    }
}
