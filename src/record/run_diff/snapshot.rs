//! A state of a run, from its files.

use super::flat::flat;
use super::{EffectState, FindingState, Written};
use crate::finding::Severity;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The files of a state, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One state of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    pub(super) plan: BTreeMap<String, Written>,
    pub(super) spec: BTreeMap<String, Written>,
    pub(super) input: BTreeMap<String, Written>,
    /// By what it is about, code and subject.
    pub(super) findings: BTreeMap<(String, String, Option<String>), FindingState>,
    pub(super) answers: BTreeMap<String, Written>,
    pub(super) effects: BTreeMap<String, EffectState>,
    /// True for an iteration, of which the population and the estimator of the answer are not known.
    pub(super) is_iteration: bool,
}

/// Why a state cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A file that cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    File {
        /// Path in the run.
        path: String,
        /// The reason.
        reason: String,
    },
    /// An iteration that the run does not have.
    #[error("there is no iteration {iteration}; the run has {iterations}")]
    NoIteration {
        /// Asked for.
        iteration: usize,
        /// How many there are.
        iterations: usize,
    },
}

#[derive(Deserialize)]
struct Finding {
    code: String,
    severity: Severity,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    value: Option<f64>,
    message: String,
}

#[derive(Deserialize)]
struct Graded {
    requested: String,
    estimand: String,
    tier: String,
    #[serde(default)]
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Critique {
    analyses: Vec<Graded>,
}

#[derive(Deserialize)]
struct Number {
    estimate: f64,
    std_error: f64,
    #[serde(default)]
    estimator: Option<String>,
}

impl Number {
    fn state(&self, name: String) -> EffectState {
        EffectState { name, estimate: self.estimate, std_error: self.std_error }
    }
}

#[derive(Deserialize)]
struct Answer {
    requested: String,
    name: String,
    tier: String,
    population: String,
    #[serde(default)]
    effect: Option<Number>,
}

#[derive(Deserialize)]
struct Tried {
    iteration: usize,
    requested: String,
    name: String,
    primary: bool,
    effect: Number,
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    units: String,
    answers: Vec<Answer>,
    effects: Vec<Tried>,
}

#[derive(Deserialize)]
struct Health {
    tier: String,
    checks: Vec<Finding>,
    #[serde(default)]
    identification: Value,
}

#[derive(Deserialize)]
struct ExperimentEffect {
    metric: String,
    arm: String,
    request: String,
    #[serde(default)]
    segment: Option<String>,
    effect: Number,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    measure: String,
}

#[derive(Deserialize)]
struct Decision {
    arm: String,
    verdict: String,
    reason: String,
}

#[derive(Deserialize)]
struct ExperimentResults {
    #[serde(default)]
    metrics: Vec<Metric>,
    effects: Vec<ExperimentEffect>,
    #[serde(default)]
    segments: Vec<ExperimentEffect>,
    decisions: Vec<Decision>,
}

/// The number of iterations that some files hold.
#[must_use]
pub fn iterations(files: &Files) -> usize {
    (1..).take_while(|i| files.contains_key(&of_iteration(*i, "spec.yaml"))).count()
}

/// The files that each iteration changes.
pub const CHANGED_BY_ITERATIONS: [&str; 3] = ["spec.yaml", "design.json", "critique.json"];

fn of_iteration(iteration: usize, file: &str) -> String {
    format!("iter_{iteration:02}/{file}")
}

/// Adds what a file was in each iteration, as a run of layout 1 has it. `versions` are its contents in the order of the commits;
/// of an iteration that wrote it twice, as the last one writes its critique again when the outcome has been read, the first counts.
pub fn add_iterations(files: &mut Files, file: &str, versions: Vec<Vec<u8>>) {
    for version in versions {
        let text = std::str::from_utf8(&version).unwrap_or_default();
        let value: Option<Value> = match Path::new(file).extension() {
            Some(end) if end == "json" => serde_json::from_str(text).ok(),
            _ => as_yaml(text).ok(),
        };
        let iteration = value.as_ref().and_then(|value| value.get("iteration")?.as_u64());
        if let Some(iteration) = iteration.and_then(|number| usize::try_from(number).ok()) {
            files.entry(of_iteration(iteration, file)).or_insert(version);
        }
    }
}

/// The state of a run as its files have it, or as it was at one of its iterations.
///
/// # Errors
/// [`SnapshotError`].
pub fn snapshot(files: &Files, iteration: Option<usize>) -> Result<Snapshot, SnapshotError> {
    let iterations = iterations(files);
    if let Some(iteration) = iteration.filter(|it| !(1..=iterations).contains(it)) {
        return Err(SnapshotError::NoIteration { iteration, iterations });
    }
    let mut made = Snapshot {
        plan: yaml(files, "plan.yaml")?,
        input: input(files)?,
        is_iteration: iteration.is_some(),
        ..Snapshot::default()
    };
    if files.contains_key("health.json") {
        experiment(files, &mut made)?;
    } else {
        observational(files, iteration, iterations, &mut made)?;
    }
    Ok(made)
}

fn observational(
    files: &Files,
    iteration: Option<usize>,
    iterations: usize,
    made: &mut Snapshot,
) -> Result<(), SnapshotError> {
    // Without an iteration, the files are those of one commit: at its root in layout 2, in its last folder in layout 1.
    let place = |file: &str| match iteration {
        None if files.contains_key(file) => file.to_owned(),
        _ => of_iteration(iteration.unwrap_or(iterations), file),
    };
    made.spec = spec(files, &place("spec.yaml"))?;
    let critique = place("critique.json");
    for graded in json::<Critique>(files, &critique)?.into_iter().flat_map(|critique| critique.analyses) {
        made.answers.insert(format!("{}.name", graded.requested), graded.estimand.into());
        made.answers.insert(format!("{}.tier", graded.requested), graded.tier.into());
        made.add_findings(&graded.requested, graded.findings);
    }
    if let Some(basis) = json::<Value>(files, &place("design.json"))?
        && let Some(by) = basis.get("identification")
    {
        made.add_identification(by);
    }
    let Some(results) = json::<Results>(files, "results.json")? else { return Ok(()) };
    let outcome = match made.spec.get("outcome") {
        Some(Written::Text(outcome)) => format!("{outcome} ({})", results.units),
        _ => results.units.clone(),
    };
    let named = |estimand: &str| format!("{estimand} of {outcome}");
    match iteration {
        None => {
            for answer in results.answers {
                made.answers.insert(format!("{}.name", answer.requested), answer.name.clone().into());
                made.answers.insert(format!("{}.tier", answer.requested), answer.tier.into());
                made.answers.insert(format!("{}.population", answer.requested), answer.population.into());
                if let Some(effect) = answer.effect {
                    made.answers.extend(
                        effect.estimator.clone().map(|it| (format!("{}.estimator", answer.requested), it.into())),
                    );
                    made.effects.insert(answer.requested, effect.state(named(&answer.name)));
                }
            }
        }
        Some(iteration) => {
            let specs =
                (1..=iteration).map(|it| spec(files, &of_iteration(it, "spec.yaml"))).collect::<Result<Vec<_>, _>>()?;
            for tried in results.effects.into_iter().filter(|it| it.primary) {
                // An analysis that was tried before is estimated once, at the iteration that had it first.
                if first_with(&specs, &tried.requested) == tried.iteration {
                    let state = tried.effect.state(named(&tried.name));
                    made.effects.insert(tried.requested, state);
                }
            }
        }
    }
    Ok(())
}

/// A spec, without what is told elsewhere or different anyway; of a revision, what was changed.
fn spec(files: &Files, path: &str) -> Result<BTreeMap<String, Written>, SnapshotError> {
    const LEFT_OUT: [&str; 5] = ["iteration", "plan_sha256", "data_sha256", "title", "revisions"];
    let mut spec = yaml(files, path)?;
    spec.retain(|path, _| {
        !LEFT_OUT.contains(&path.as_str()) && (!path.starts_with("revisions.") || path.ends_with(".change"))
    });
    Ok(spec)
}

/// The first iteration (from 1) whose analysis of an estimand is that of the last one.
fn first_with(specs: &[BTreeMap<String, Written>], requested: &str) -> usize {
    let analysis = |spec: &BTreeMap<String, Written>| -> Vec<(String, Written)> {
        let prefix = format!("analyses.{requested}.");
        spec.iter().filter(|it| it.0.starts_with(&prefix)).map(|it| (it.0.clone(), it.1.clone())).collect()
    };
    let last = specs.last().map(analysis).unwrap_or_default();
    1 + specs.iter().position(|spec| analysis(spec) == last).unwrap_or_default()
}

fn experiment(files: &Files, made: &mut Snapshot) -> Result<(), SnapshotError> {
    if let Some(health) = json::<Health>(files, "health.json")? {
        made.answers.insert("randomisation.tier".to_owned(), health.tier.into());
        made.add_identification(&health.identification);
        made.add_findings("randomisation", health.checks);
    }
    let Some(results) = json::<ExperimentResults>(files, "results.json")? else { return Ok(()) };
    for decision in results.decisions {
        made.answers.insert(format!("{}.verdict", decision.arm), decision.verdict.into());
        made.answers.insert(format!("{}.reason", decision.arm), decision.reason.into());
    }
    for row in results.effects.into_iter().chain(results.segments) {
        let segment = row.segment.map_or(String::new(), |segment| format!(" where {segment}"));
        let of = format!("{}, {}, {}{segment}", row.metric, row.arm, row.request);
        let measure = results.metrics.iter().find(|metric| metric.name == row.metric).map(|it| it.measure.as_str());
        let name = format!("{}{}", measure.unwrap_or_default(), defined(&made.plan, &row.metric));
        made.effects.insert(of, row.effect.state(name));
    }
    Ok(())
}

/// What else defines a metric in a plan: where its rows come from, and what is done to its values.
fn defined(plan: &BTreeMap<String, Written>, metric: &str) -> String {
    let said = |key: &&str| match plan.get(&format!("metrics.{metric}.{key}")) {
        Some(Written::Text(text)) => Some(format!(", {key} {text}")),
        Some(Written::List(items)) => Some(format!(", {key} {}", items.join(" to "))),
        None => None,
    };
    ["source", "window", "filter", "winsorise", "per"].iter().filter_map(said).collect()
}

impl Snapshot {
    fn add_identification(&mut self, how: &Value) {
        let named =
            |path: &str| if path.is_empty() { "identification".to_owned() } else { format!("identification.{path}") };
        self.answers.extend(flat(how).into_iter().map(|line| (named(&line.0), line.1)));
    }

    fn add_findings(&mut self, of: &str, findings: Vec<Finding>) {
        for found in findings {
            let state = FindingState { severity: found.severity, value: found.value, message: found.message };
            self.findings.insert((of.to_owned(), found.code, found.subject), state);
        }
    }
}

/// Hashes of what went in: data, the bytes of the plan, playbooks; and the version of the program.
fn input(files: &Files) -> Result<BTreeMap<String, Written>, SnapshotError> {
    let mut found = BTreeMap::new();
    if let Some(dataset) = json::<Value>(files, "dataset.json")? {
        found.extend(dataset.get("files").map(flat).unwrap_or_default());
    }
    if let Some(manifest) = json::<Value>(files, "manifest.json")? {
        for key in ["plan_sha256", "playbooks", "tool_version"] {
            let below = |path: String| if path.is_empty() { key.to_owned() } else { format!("{key}.{path}") };
            let values = manifest.get(key).map(flat).unwrap_or_default();
            found.extend(values.into_iter().map(|(path, value)| (below(path), value)));
        }
    }
    Ok(found)
}

fn yaml(files: &Files, path: &str) -> Result<BTreeMap<String, Written>, SnapshotError> {
    let Some(bytes) = files.get(path) else { return Ok(BTreeMap::new()) };
    let failed = |reason: String| SnapshotError::File { path: path.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    let value = as_yaml(text).map_err(|error| failed(error.to_string()))?;
    Ok(flat(&value))
}

/// A column called `y` is no truth value.
fn as_yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

/// A document, if the state has it.
fn json<T: for<'de> Deserialize<'de>>(files: &Files, path: &str) -> Result<Option<T>, SnapshotError> {
    let Some(bytes) = files.get(path) else { return Ok(None) };
    let failed = |error: serde_json::Error| SnapshotError::File { path: path.to_owned(), reason: error.to_string() };
    serde_json::from_slice(bytes).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(&str, &str)]) -> Files {
        of.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    const SPECS: [&str; 2] = ["iteration: 1\nfolds: 5\n", "iteration: 2\nfolds: 7\n"];

    fn critique(iteration: u32, tier: &str) -> String {
        let finding = r#"{"code": "overlap.outside", "severity": "pass", "message": "m"}"#;
        let graded = format!(r#"{{"requested": "ate", "estimand": "ATE", "tier": "{tier}", "findings": [{finding}]}}"#);
        format!(r#"{{"iteration": {iteration}, "analyses": [{graded}]}}"#)
    }

    #[test]
    fn both_layouts_are_one_run() {
        let [first, second, last] = [critique(1, "a"), critique(2, "b"), critique(2, "c")];
        let old = files(&[
            ("plan.yaml", "title: T"),
            ("iter_01/spec.yaml", SPECS[0]),
            ("iter_01/critique.json", &first),
            ("iter_02/spec.yaml", SPECS[1]),
            ("iter_02/critique.json", &second),
            ("critique.json", &last),
        ]);
        let mut new = files(&[("plan.yaml", "title: T"), ("spec.yaml", SPECS[1]), ("critique.json", &last)]);
        let whole = snapshot(&new, None).expect("a state");
        assert_eq!(whole, snapshot(&old, None).expect("a state"));
        add_iterations(&mut new, "spec.yaml", SPECS.map(|spec| spec.as_bytes().to_vec()).to_vec());
        add_iterations(&mut new, "critique.json", [first, second, last].map(String::into_bytes).to_vec());
        assert_eq!((iterations(&new), iterations(&old)), (2, 2));
        for iteration in [1, 2] {
            let state = snapshot(&new, Some(iteration)).expect("a state");
            assert_eq!(state, snapshot(&old, Some(iteration)).expect("a state"));
            assert_ne!(state, whole);
        }
        assert!(matches!(snapshot(&new, Some(3)), Err(SnapshotError::NoIteration { iterations: 2, .. })));
    }
}
