//! A recorded run as an audit reads it: its commits, and in them the documents of each iteration, wherever a layout keeps them.
//!
//! An iteration's spec, design and critique are the documents that say so themselves (`iteration`), at the commit that adds or
//! replaces them: `spec.yaml` that each iteration changes, or a folder of its own for each (`iter_02/spec.yaml`). Nothing else here
//! knows of the layout.

use super::checks::Place;
use super::places::{Placed, places};
use super::tables::with_coefficients;
use crate::plan::experiment::{ExperimentPlan, is_experiment};
use crate::plan::{self, Plan};
use crate::record::critique::{Critique, Stage};
use crate::record::documents::DesignDocument;
use crate::spec::AnalysisSpec;
use crate::text::sha256::sha256_hex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The newest layout of a run's folder that is understood.
pub const NEWEST_LAYOUT: u64 = 2;

/// The state of the loop after an exchange with a model.
const STATE: &str = "transcript/state.json";

/// A commit.
#[derive(Debug, Clone, Default)]
pub struct AuditedCommit {
    /// Its full id.
    pub id: String,
    /// Its message.
    pub message: String,
    /// Full id of its tree.
    pub tree: String,
    /// The trailers of the message.
    pub trailers: Vec<(String, String)>,
    /// True if it has nothing that a commit of this program has not.
    pub plain: bool,
    /// The files that it adds, replaces or removes.
    pub changed: Vec<AuditedFile>,
}

impl AuditedCommit {
    /// The value of a trailer.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.trailers.iter().find(|it| it.0 == key).map(|it| it.1.as_str())
    }
}

/// A file as a commit left it.
#[derive(Debug, Clone, Default)]
pub struct AuditedFile {
    /// Path inside the repository.
    pub path: String,
    /// True if the commit removes it.
    pub gone: bool,
    /// Its content; empty for files that are no text, which are not read.
    pub bytes: Vec<u8>,
}

impl AuditedFile {
    /// True if an audit reads the content of a file of this name.
    #[must_use]
    pub fn is_text(path: &str) -> bool {
        const TEXTS: [&str; 8] = ["json", "yaml", "yml", "md", "txt", "csv", "svg", "jsonl"];
        path.rsplit_once('.').is_some_and(|(_, ending)| TEXTS.contains(&ending))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The name without its folders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The folders of its path.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |parts| parts.0)
    }
}

/// A file at the commit that left it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filed<'a> {
    /// The commit's place, from 0.
    pub(super) commit: usize,
    pub(super) file: &'a AuditedFile,
}

/// A document of the run.
#[derive(Debug)]
pub(super) struct Document<'a, T> {
    pub(super) filed: Filed<'a>,
    /// Or the reason why it cannot be read.
    pub(super) value: Result<T, String>,
}

impl<T> Document<'_, T> {
    pub(super) fn read(&self) -> Option<&T> {
        self.value.as_ref().ok()
    }

    pub(super) fn sha256(&self) -> String {
        sha256_hex(&self.filed.file.bytes)
    }
}

/// Why a run cannot be audited at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAuditable {
    /// No commit has the plan.
    #[error("no commit has a plan.yaml")]
    NoPlan,
    /// The plan on record is none.
    #[error("the plan on record cannot be read: {0}")]
    PlanUnreadable(String),
    /// A newer program made it.
    #[error("it was made by a newer oci-agent (layout {0}; this one knows layouts up to {NEWEST_LAYOUT})")]
    NewerLayout(u64),
}

/// The plan of a run.
#[derive(Debug)]
pub(super) enum AnyPlan {
    Observational(Box<Plan>),
    Experiment(Box<ExperimentPlan>),
}

/// Everything that an audit reads.
#[derive(Debug)]
pub struct History<'a> {
    pub(super) commits: &'a [AuditedCommit],
    pub(super) plan_file: Filed<'a>,
    pub(super) plan: AnyPlan,
    pub(super) manifest: Option<Document<'a, Value>>,
    pub(super) dataset: Option<Document<'a, Value>>,
    pub(super) identification: Option<Document<'a, Value>>,
    pub(super) health: Option<Document<'a, Value>>,
    pub(super) looks: Option<Document<'a, Value>>,
    pub(super) specs: BTreeMap<u32, Document<'a, AnalysisSpec>>,
    pub(super) designs: BTreeMap<u32, Document<'a, DesignDocument>>,
    pub(super) critiques: BTreeMap<u32, Document<'a, Critique>>,
    pub(super) last_critique: Option<Document<'a, Critique>>,
    /// Specs, designs and critiques that no iteration can be told of.
    pub(super) unreadable: Vec<(Filed<'a>, String)>,
    /// Documents that a later commit wrote again, for the same iteration or as the same file.
    pub(super) rewritten: Vec<Filed<'a>>,
    pub(super) results: Option<Document<'a, Value>>,
    /// The places of its values.
    pub(super) results_places: Vec<Placed>,
    pub(super) report: Option<Filed<'a>>,
    /// Exchanges with language models.
    pub(super) exchanges: Vec<Document<'a, Value>>,
    /// The place of the commit from which on effects exist; `None` if there is none.
    pub(super) unblinded: Option<usize>,
}

impl<'a> History<'a> {
    /// Reads the documents of a run.
    ///
    /// # Errors
    /// [`NotAuditable`].
    pub fn new(commits: &'a [AuditedCommit]) -> Result<History<'a>, NotAuditable> {
        let all = || {
            let files =
                |(commit, it): (usize, &'a AuditedCommit)| it.changed.iter().map(move |file| Filed { commit, file });
            commits.iter().enumerate().flat_map(files).filter(|filed| !filed.file.gone)
        };
        let first = |path: &str| all().find(|filed| filed.file.path == path);
        let last = |path: &str| all().rfind(|filed| filed.file.path == path);
        let plan_file = first("plan.yaml").ok_or(NotAuditable::NoPlan)?;
        let plan = read_plan(&plan_file.file.bytes)?;
        let manifest: Option<Document<'a, Value>> = last("manifest.json").map(json);
        let layout = manifest.as_ref().and_then(|it| it.read()?.get("layout")?.as_u64()).unwrap_or(1);
        if layout > NEWEST_LAYOUT {
            return Err(NotAuditable::NewerLayout(layout));
        }
        let opens = |filed: &Filed<'_>| match filed.file.path.as_str() {
            "results.json" => true,
            "looks.json" => matches!(plan, AnyPlan::Experiment(_)),
            STATE => read_json(*filed).is_ok_and(|state: Value| is_open(&state)),
            _ => false,
        };
        let unblinded = all().find(opens).map(|filed| filed.commit);
        let mut history = History {
            commits,
            plan_file,
            plan,
            manifest,
            dataset: first("dataset.json").map(json),
            identification: last("identification.json").map(json),
            health: first("health.json").map(json),
            looks: first("looks.json").map(json),
            specs: BTreeMap::new(),
            designs: BTreeMap::new(),
            critiques: BTreeMap::new(),
            last_critique: None,
            unreadable: Vec::new(),
            rewritten: Vec::new(),
            results: last("results.json").map(json),
            results_places: last("results.json").map(places_of).unwrap_or_default(),
            report: last("report.md"),
            exchanges: all().filter(|filed| is_exchange(filed.file)).map(json).collect(),
            unblinded,
        };
        // A follow-up may be called `spec`; its files are of no iteration.
        let of_a_sweep = |filed: &Filed<'_>| filed.file.path.split('/').next() == Some("sweeps");
        for filed in all().filter(|filed| !of_a_sweep(filed)) {
            history.iteration(filed);
        }
        for path in ["dataset.json", "health.json", "looks.json", "results.json"] {
            history.rewritten.extend(all().filter(|filed| filed.file.path == path).skip(1));
        }
        Ok(history)
    }

    /// Takes a document of an iteration to the others.
    fn iteration(&mut self, filed: Filed<'a>) {
        let again = match filed.file.name() {
            "spec.yaml" => {
                let read = AnalysisSpec::from_yaml(filed.file.text()).map_err(|error| error.to_string());
                read.map(|spec| add(&mut self.specs, spec.iteration, filed, spec))
            }
            "design.json" => {
                let mut read: Result<DesignDocument, String> = read_json(filed);
                // The table may be as the iteration before left it.
                let tables = self.commits.iter().take(filed.commit + 1).rev().flat_map(|commit| &commit.changed);
                let mut tables = tables.filter(|file| file.path == "propensity.csv" && !file.gone);
                if let (Ok(design), Some(table)) = (&mut read, tables.next()) {
                    with_coefficients(design, table.text());
                }
                read.map(|design| add(&mut self.designs, design.iteration, filed, design))
            }
            "critique.json" => read_json(filed).map(|critique: Critique| match critique.stage {
                Stage::Design => add(&mut self.critiques, critique.iteration, filed, critique),
                Stage::Final => self.last_critique.replace(Document { filed, value: Ok(critique) }).is_some(),
            }),
            _ => Ok(false),
        };
        match again {
            Ok(false) => {}
            Ok(true) => self.rewritten.push(filed),
            Err(reason) => self.unreadable.push((filed, reason)),
        }
    }

    pub(super) fn observational(&self) -> Option<&Plan> {
        match &self.plan {
            AnyPlan::Observational(plan) => Some(plan),
            AnyPlan::Experiment(_) => None,
        }
    }

    pub(super) fn experiment(&self) -> Option<&ExperimentPlan> {
        match &self.plan {
            AnyPlan::Observational(_) => None,
            AnyPlan::Experiment(plan) => Some(plan),
        }
    }

    pub(super) fn results(&self) -> Option<&Value> {
        self.results.as_ref().and_then(Document::read)
    }

    pub(super) fn title(&self) -> &str {
        match &self.plan {
            AnyPlan::Observational(plan) => &plan.title,
            AnyPlan::Experiment(plan) => &plan.title,
        }
    }

    /// The line of a value of `results.json`, or of the nearest that holds it.
    pub(super) fn in_results(&self, path: &str) -> Option<Place> {
        let filed = self.results.as_ref()?.filed;
        Some(filed.at(line_of(&self.results_places, path)))
    }

    /// The first line of the report that holds a text.
    pub(super) fn in_report(&self, wanted: &str) -> Option<Place> {
        let report = self.report?;
        let line = line_with(report.file.text(), wanted)?;
        Some(report.at(Some(line)))
    }
}

impl History<'_> {
    /// The plan on record, unless it is that of an experiment.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.observational()
    }

    /// The plan on record, if it is that of an experiment.
    #[must_use]
    pub fn experiment_plan(&self) -> Option<&ExperimentPlan> {
        self.experiment()
    }

    /// The SHA-256 of the plan's bytes.
    #[must_use]
    pub fn plan_sha256(&self) -> String {
        sha256_hex(&self.plan_file.file.bytes)
    }

    /// The fingerprint of the data, and of each of their files by name.
    #[must_use]
    pub fn data_sha256(&self) -> (String, BTreeMap<String, String>) {
        let dataset = self.dataset.as_ref().and_then(Document::read);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sha256 = dataset.and_then(|it| it.get("sha256")).map(text).unwrap_or_default();
        let files = dataset.and_then(|it| it.get("files")?.as_object());
        let files = files.into_iter().flatten().map(|(name, hash)| (name.clone(), text(hash))).collect();
        (sha256, files)
    }

    /// Exchanges with language models: path and content.
    pub fn exchanges(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.exchanges.iter().filter_map(|it| Some((it.filed.file.path.as_str(), it.read()?)))
    }

    /// Spec and design of each iteration that has both, with the SHA-256 of the spec's bytes.
    pub fn executed(&self) -> impl Iterator<Item = (u32, &AnalysisSpec, String, &DesignDocument)> {
        self.specs.iter().filter_map(|(iteration, spec)| {
            let design = self.designs.get(iteration)?.read()?;
            Some((*iteration, spec.read()?, spec.sha256(), design))
        })
    }
}

/// The places of the values of a file; none if it is no JSON.
pub(super) fn places_of(filed: Filed<'_>) -> Vec<Placed> {
    places(&filed.file.bytes).unwrap_or_default()
}

/// The line of a value.
pub(super) fn line_of(places: &[Placed], path: &str) -> Option<usize> {
    places.iter().find(|placed| placed.path == path).map(|placed| placed.line)
}

/// The first line, from 1, that holds a text.
pub(super) fn line_with(text: &str, wanted: &str) -> Option<usize> {
    let found = text.lines().position(|line| !wanted.is_empty() && line.contains(wanted))?;
    Some(found + 1)
}

/// Adds the document of an iteration. True if there is one already, which stays.
fn add<'a, T>(all: &mut BTreeMap<u32, Document<'a, T>>, iteration: u32, filed: Filed<'a>, value: T) -> bool {
    let there = all.contains_key(&iteration);
    if !there {
        all.insert(iteration, Document { filed, value: Ok(value) });
    }
    there
}

/// True for a state of the loop in which effects exist: a critic who grades the answers is asked before they are committed.
fn is_open(state: &Value) -> bool {
    let phase = state.get("phase");
    let named = phase.and_then(Value::as_str).or_else(|| phase?.as_object()?.keys().next().map(String::as_str));
    matches!(named, Some("report" | "done"))
}

fn read_plan(bytes: &[u8]) -> Result<AnyPlan, NotAuditable> {
    let first = |problems: Vec<plan::Problem>| {
        NotAuditable::PlanUnreadable(problems.first().map(|it| it.message.clone()).unwrap_or_default())
    };
    if is_experiment(bytes) {
        plan::experiment::parse_bytes(bytes).map(|it| AnyPlan::Experiment(Box::new(it))).map_err(first)
    } else {
        plan::parse_bytes(bytes).map(|it| AnyPlan::Observational(Box::new(it))).map_err(first)
    }
}

fn read_json<T: DeserializeOwned>(filed: Filed<'_>) -> Result<T, String> {
    serde_json::from_slice(&filed.file.bytes).map_err(|error| error.to_string())
}

fn json<'a, T: DeserializeOwned>(filed: Filed<'a>) -> Document<'a, T> {
    Document { filed, value: read_json(filed) }
}

fn is_exchange(file: &AuditedFile) -> bool {
    file.folder() == "transcript" && AuditedFile::is_text(&file.path) && file.path != STATE
}
