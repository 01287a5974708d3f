//! The facts of one run, from the files of its last commit. Documents of other versions are read as far as they say the same
//! things: unknown fields do not matter, a missing one that matters is an error.

use super::{
    AnswerFacts, ArmVerdict, Asked, Doubt, Grade, Interval, Kind, Moved, NEWEST_LAYOUT, RunFacts, Subject, Trouble,
    Worth,
};
use crate::finding::{Code, Severity, Tier};
use crate::plan::experiment::{EffectRequest, Role};
use crate::record::experiment::{Standing, Verdict};
use causal::estimand::Target;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

/// The files of a run that are read: the bytes of a path, or nothing if it has none.
pub trait RunFiles {
    /// Why a file could not be read.
    type Error;
    /// A file of the last commit.
    ///
    /// # Errors
    /// It is there and cannot be read.
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
    /// The names in a folder of the last commit; `""` is the top.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn names(&self, folder: &str) -> Result<Vec<String>, Self::Error>;
}

/// Why there are no facts.
#[derive(Debug)]
pub enum FactsError<E> {
    /// A file could not be read.
    Store(E),
    /// A file says something else than it should.
    Trouble(Trouble),
}

impl<E> From<E> for FactsError<E> {
    fn from(error: E) -> Self {
        FactsError::Store(error)
    }
}

/// Files that the first page of a report leads to.
const LED_TO: [&str; 5] = ["results.json", "analysis.ipynb", "identification.md", "critique.md", "iter_01/critique.md"];

#[derive(Deserialize)]
struct Manifest {
    #[serde(default = "first_layout")]
    layout: u64,
    #[serde(default)]
    tool_version: String,
    #[serde(default)]
    plan_sha256: String,
    #[serde(default)]
    data_sha256: String,
}

fn first_layout() -> u64 {
    1
}

#[derive(Deserialize)]
struct FindingLine {
    #[serde(default)]
    code: String,
    severity: Severity,
    message: String,
}

#[derive(Deserialize)]
struct Graded {
    requested: Target,
    #[serde(default)]
    estimand: String,
    tier: Tier,
    #[serde(default)]
    findings: Vec<FindingLine>,
}

#[derive(Deserialize)]
struct Critique {
    #[serde(default)]
    iteration: Option<u32>,
    analyses: Vec<Graded>,
}

#[derive(Deserialize)]
struct Numbers {
    estimate: f64,
    std_error: f64,
    #[serde(alias = "ci_lower")]
    lower: f64,
    #[serde(alias = "ci_upper")]
    upper: f64,
}

impl Numbers {
    fn interval(&self) -> Interval {
        let Numbers { estimate, std_error, lower, upper } = *self;
        Interval { estimate, std_error, lower, upper }
    }
}

#[derive(Deserialize)]
struct Answer {
    requested: Target,
    name: String,
    tier: Tier,
    #[serde(default)]
    population: String,
    #[serde(default)]
    effect: Option<Numbers>,
}

#[derive(Deserialize)]
struct Conduct {
    #[serde(default)]
    stopped: Option<String>,
}

#[derive(Deserialize)]
struct Results {
    answers: Vec<Answer>,
    /// In layout 1; in layout 2 it is a file of its own only.
    #[serde(default)]
    critique: Option<Critique>,
    #[serde(default)]
    conduct: Option<Conduct>,
    #[serde(default)]
    unblinded_before: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Arm {
    arm: String,
    #[serde(default)]
    units: usize,
}

#[derive(Deserialize)]
struct Design {
    #[serde(default)]
    arms: Vec<Arm>,
}

#[derive(Deserialize)]
struct Health {
    tier: Tier,
    #[serde(default)]
    checks: Vec<FindingLine>,
    #[serde(default)]
    design: Option<Design>,
}

#[derive(Deserialize)]
struct Ends {
    lower: f64,
    upper: f64,
}

#[derive(Deserialize)]
struct MetricEffect {
    metric: String,
    arm: String,
    request: EffectRequest,
    #[serde(default)]
    segment: Option<String>,
    effect: Numbers,
    #[serde(default)]
    anytime: Option<Ends>,
}

#[derive(Deserialize)]
struct DecisionLine {
    metric: String,
    role: Role,
    standing: Standing,
}

#[derive(Deserialize)]
struct Decision {
    arm: String,
    verdict: Verdict,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    rows: Vec<DecisionLine>,
}

#[derive(Deserialize)]
struct ExperimentResults {
    health: Health,
    effects: Vec<MetricEffect>,
    decisions: Vec<Decision>,
    #[serde(default)]
    checks_of_effects: Vec<FindingLine>,
}

/// What a run says of itself.
///
/// # Errors
/// A file cannot be read, or is not what this version writes.
pub fn facts<F: RunFiles>(files: &F) -> Result<RunFacts, FactsError<F::Error>> {
    let manifest: Manifest = json(files, "manifest.json")?.ok_or(FactsError::Trouble(Trouble::Empty))?;
    if manifest.layout > NEWEST_LAYOUT {
        return Err(FactsError::Trouble(Trouble::Newer { layout: manifest.layout }));
    }
    let plan = files.file("plan.yaml")?.ok_or(FactsError::Trouble(Trouble::Empty))?;
    let plan = std::str::from_utf8(&plan).map_err(|error| unreadable("plan.yaml", &error))?;
    // A column may be called `y`, which YAML 1.1 takes for `true`.
    let options = serde_saphyr::options! { strict_booleans: true };
    let plan: Value =
        serde_saphyr::from_str_with_options(plan, options).map_err(|error| unreadable("plan.yaml", &error))?;
    let mut found = RunFacts {
        title: text(&plan, &["title"]),
        subject: subject(&plan),
        tool_version: manifest.tool_version,
        data_sha256: manifest.data_sha256,
        plan_sha256: manifest.plan_sha256,
        iteration: None,
        unblinded: false,
        randomisation: None,
        arms: Vec::new(),
        units: Vec::new(),
        answers: Vec::new(),
        doubts: Vec::new(),
        ended_by_budget: None,
        moved: None,
        seen_before: 0,
        files: Vec::new(),
    };
    let names = files.names("")?;
    match found.subject.kind {
        Kind::Study => study(files, &names, &mut found)?,
        Kind::Experiment => experiment(files, &mut found)?,
    }
    for path in LED_TO {
        let there = match path.split_once('/') {
            None => names.iter().any(|name| name == path),
            Some((folder, name)) => {
                names.iter().any(|it| it == folder) && files.names(folder)?.iter().any(|it| it == name)
            }
        };
        found.files.extend(there.then(|| path.to_owned()));
    }
    found.doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.severity));
    Ok(found)
}

/// The part of `watch/watch.json` that says whether something moved.
#[derive(Deserialize)]
struct Watch {
    found: WatchTests,
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct WatchTests {
    effect: WatchAlarm,
    design: WatchAlarm,
}

#[derive(Deserialize)]
struct WatchAlarm {
    alarm: Option<usize>,
}

#[derive(Deserialize)]
struct Partition {
    name: String,
}

/// The alarm of the watch of a run, if one was raised.
fn moved<F: RunFiles>(files: &F, names: &[String]) -> Result<Option<Moved>, FactsError<F::Error>> {
    if !names.iter().any(|name| name == "watch") {
        return Ok(None);
    }
    let Some(watch) = json::<Watch, F>(files, "watch/watch.json")? else { return Ok(None) };
    let alarms = [watch.found.effect.alarm, watch.found.design.alarm];
    let first = alarms.into_iter().flatten().min();
    let after = |at: usize| watch.partitions.get(at).map_or(String::new(), |partition| partition.name.clone());
    Ok(first.map(|at| Moved { effect: alarms[0].is_some(), design: alarms[1].is_some(), after: after(at) }))
}

fn study<F: RunFiles>(files: &F, names: &[String], found: &mut RunFacts) -> Result<(), FactsError<F::Error>> {
    if let Some(results) = json::<Results, F>(files, "results.json")? {
        let critique = match results.critique {
            Some(critique) => critique,
            None => json::<Critique, F>(files, "critique.json")?
                .ok_or_else(|| unreadable("critique.json", &"it is not there"))?,
        };
        found.unblinded = true;
        found.iteration = critique.iteration;
        found.seen_before = results.unblinded_before.len();
        found.ended_by_budget = results.conduct.and_then(|conduct| conduct.stopped);
        found.moved = moved(files, names)?;
        found.answers = results.answers.iter().map(|answer| answered(answer, &critique)).collect();
        found.doubts = doubts(critique);
        return Ok(());
    }
    // Blind: the last critique of a design, at the top or in the folder of the last iteration.
    let number = |name: &String| name.strip_prefix("iter_").and_then(|number| number.parse::<u32>().ok());
    let mut iterations: Vec<u32> = names.iter().filter_map(number).collect();
    iterations.sort_unstable();
    let folders = iterations.iter().rev().map(|iteration| format!("iter_{iteration:02}/critique.json"));
    for path in std::iter::once("critique.json".to_owned()).chain(folders) {
        let Some(critique) = json::<Critique, F>(files, &path)? else { continue };
        found.iteration = critique.iteration;
        found.answers = critique.analyses.iter().map(blind).collect();
        found.doubts = doubts(critique);
        break;
    }
    Ok(())
}

fn blind(graded: &Graded) -> AnswerFacts {
    AnswerFacts {
        asked: Asked::Effect(graded.requested),
        answered: other_name(graded.requested, &graded.estimand),
        grade: Some(Grade::Tier(graded.tier)),
        interval: None,
        worth: Worth::Nothing,
        population: String::new(),
    }
}

fn answered(answer: &Answer, critique: &Critique) -> AnswerFacts {
    /// A failure of one of these says that the number is of something else.
    const DECIDING: [Code; 4] =
        [Code::Identification, Code::StructureOneArm, Code::StructureOutcome, Code::PopulationKept];
    let graded = critique.analyses.iter().find(|graded| graded.requested == answer.requested);
    let failed = |code: Code| {
        let findings = graded.map(|graded| graded.findings.as_slice()).unwrap_or_default();
        findings.iter().any(|it| it.severity == Severity::Fail && Code::parse(&it.code) == Some(code))
    };
    let worth = match (&answer.effect, DECIDING.into_iter().find(|code| failed(*code))) {
        (None, _) => Worth::Nothing,
        (Some(_), Some(code)) => Worth::NoAnswer(code),
        (Some(_), None) if answer.tier == Tier::NotSatisfactory => Worth::NotReliable,
        (Some(_), None) => Worth::Answer,
    };
    AnswerFacts {
        asked: Asked::Effect(answer.requested),
        answered: other_name(answer.requested, &answer.name),
        grade: Some(Grade::Tier(answer.tier)),
        interval: answer.effect.as_ref().map(Numbers::interval),
        worth,
        population: answer.population.clone(),
    }
}

fn other_name(asked: Target, name: &str) -> String {
    if name == asked.acronym() { String::new() } else { name.to_owned() }
}

/// What fails or warns, in the words of the run; what is said of several estimands once.
fn doubts(critique: Critique) -> Vec<Doubt> {
    let mut found: Vec<Doubt> = Vec::new();
    for graded in critique.analyses {
        for line in graded.findings.into_iter().filter(is_doubt) {
            let about = graded.requested.acronym();
            match found.iter_mut().find(|it| it.message == line.message && it.severity == line.severity) {
                Some(there) => there.about = format!("{}, {about}", there.about),
                None => found.push(Doubt { severity: line.severity, about: about.to_owned(), message: line.message }),
            }
        }
    }
    found
}

fn is_doubt(line: &FindingLine) -> bool {
    line.severity >= Severity::Warn
}

fn experiment<F: RunFiles>(files: &F, found: &mut RunFacts) -> Result<(), FactsError<F::Error>> {
    let Some(results) = json::<ExperimentResults, F>(files, "results.json")? else {
        if let Some(health) = json::<Health, F>(files, "health.json")? {
            audited(health, Vec::new(), found);
        }
        return Ok(());
    };
    found.unblinded = true;
    // A comparison that chance did not make has no effect to tell of.
    let failed = results.health.tier == Tier::NotSatisfactory;
    let everyone: Vec<MetricEffect> = results.effects.into_iter().filter(|row| row.segment.is_none()).collect();
    for decision in &results.decisions {
        for line in &decision.rows {
            let rows = everyone.iter().filter(|row| row.metric == line.metric && row.arm == decision.arm);
            found.answers.extend(rows.map(|row| metric(row, line, failed)));
        }
    }
    let decided = results.decisions.into_iter();
    found.arms = decided.map(|it| ArmVerdict { arm: it.arm, verdict: it.verdict, reason: it.reason }).collect();
    audited(results.health, results.checks_of_effects, found);
    Ok(())
}

fn metric(row: &MetricEffect, line: &DecisionLine, failed: bool) -> AnswerFacts {
    let mut interval = row.effect.interval();
    if let Some(ends) = &row.anytime {
        (interval.lower, interval.upper) = (ends.lower, ends.upper);
    }
    AnswerFacts {
        asked: Asked::Metric { metric: row.metric.clone(), arm: row.arm.clone(), request: row.request },
        answered: String::new(),
        // The decision is about being assigned.
        grade: (row.request == EffectRequest::Itt).then_some(Grade::Standing(line.standing, line.role)),
        interval: Some(interval),
        worth: if failed { Worth::NotReliable } else { Worth::Answer },
        population: String::new(),
    }
}

fn audited(health: Health, more: Vec<FindingLine>, found: &mut RunFacts) {
    found.randomisation = Some(health.tier);
    found.units = health.design.into_iter().flat_map(|it| it.arms).map(|arm| (arm.arm, arm.units)).collect();
    let lines = health.checks.into_iter().chain(more).filter(is_doubt);
    let doubt = |it: FindingLine| Doubt { severity: it.severity, about: String::new(), message: it.message };
    found.doubts = lines.map(doubt).collect();
}

/// What a plan is about, read leniently: a plan of another version has the same keys for it.
fn subject(plan: &Value) -> Subject {
    let question = text(plan, &["question"]).split_whitespace().collect::<Vec<_>>().join(" ");
    if text(plan, &["design"]) == "experiment" {
        let parts = [&["data", "source"][..], &["assignment", "column"], &["assignment", "control"]];
        let [_, column, control] = parts.map(|path| text(plan, path));
        let treatment = format!("{column} (control {control})");
        let (outcome, units) = (text(plan, &["title"]), String::new());
        return Subject { kind: Kind::Experiment, question, treatment, outcome, units };
    }
    let [column, treated, control] = ["column", "treated", "control"].map(|key| text(plan, &["treatment", key]));
    let levels = if treated.is_empty() { String::new() } else { format!(" = {treated} rather than {control}") };
    Subject {
        kind: Kind::Study,
        question,
        treatment: format!("{column}{levels}"),
        outcome: text(plan, &["outcome", "column"]),
        units: text(plan, &["outcome", "units"]),
    }
}

/// A scalar of a plan as text; empty if it is not there.
fn text(plan: &Value, path: &[&str]) -> String {
    match path.iter().try_fold(plan, |here, key| here.get(key)) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

fn unreadable<E>(path: &str, error: &dyn std::fmt::Display) -> FactsError<E> {
    let why = format!("{path} cannot be read: {error}");
    FactsError::Trouble(Trouble::Unreadable { why, damaged: false })
}

fn json<T: DeserializeOwned, F: RunFiles>(files: &F, path: &str) -> Result<Option<T>, FactsError<F::Error>> {
    let Some(bytes) = files.file(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    struct InMemory(BTreeMap<&'static str, String>);

    impl RunFiles for InMemory {
        type Error = Infallible;

        fn file(&self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
            Ok(self.0.get(path).map(|text| text.clone().into_bytes()))
        }

        fn names(&self, folder: &str) -> Result<Vec<String>, Infallible> {
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let inside = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
            Ok(inside.map(|rest| rest.split('/').next().unwrap_or(rest).to_owned()).collect())
        }
    }

    const PLAN: &str = "title: T\nquestion: |\n  How\n  much?\nsome_later_key: {a: [1]}\n\
                        treatment: {column: t, treated: 1, control: 0}\noutcome: {column: y, units: kg}\n";

    fn read(files: &[(&'static str, &str)]) -> Result<RunFacts, FactsError<Infallible>> {
        facts(&InMemory(files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect()))
    }

    fn critique(tier: &str) -> String {
        format!(
            r#"{{"iteration": 2, "analyses": [{{"requested": "ate", "estimand": "trimmed ATE", "tier": "{tier}", "findings": [
                {{"code": "balance.priority", "severity": "warn", "message": "some"}},
                {{"code": "a.later.code", "severity": "fail", "message": "worse"}},
                {{"code": "placebo.effect", "severity": "pass", "message": "fine"}}]}}]}}"#
        )
    }

    #[test]
    fn a_blind_run_has_the_grade_of_its_last_design_in_either_layout() {
        let (first, second) = (critique("not_satisfactory"), critique("satisfactory_with_caveats"));
        let old = [
            ("manifest.json", r#"{"layout": 1}"#),
            ("plan.yaml", PLAN),
            ("iter_01/critique.json", &first),
            ("iter_02/critique.json", &second),
        ];
        let new = [("manifest.json", r#"{"layout": 2}"#), ("plan.yaml", PLAN), ("critique.json", second.as_str())];
        for files in [&old[..], &new[..]] {
            let found = read(files).expect("facts");
            assert!(!found.unblinded && found.iteration == Some(2));
            let [answer] = found.answers.as_slice() else { panic!("one answer: {:?}", found.answers) };
            assert_eq!(answer.grade, Some(Grade::Tier(Tier::SatisfactoryWithCaveats)));
            assert_eq!((answer.interval, answer.answered.as_str()), (None, "trimmed ATE"));
            let doubts: Vec<&str> = found.doubts.iter().map(|doubt| doubt.message.as_str()).collect();
            assert_eq!(doubts, ["worse", "some"], "the worst first, without what passed");
            assert_eq!(found.subject.question, "How much?");
            assert_eq!(
                (found.subject.treatment.as_str(), found.subject.outcome.as_str()),
                ("t = 1 rather than 0", "y")
            );
        }
    }

    #[test]
    fn an_estimate_is_worth_what_the_findings_leave() {
        let worth = |tier: &str, code: &str, effect: &str| {
            let results = format!(
                r#"{{"answers": [{{"requested": "ate", "name": "ATE", "tier": "{tier}", "effect": {effect}}}], "critique":
                    {{"analyses": [{{"requested": "ate", "tier": "{tier}", "findings": [
                        {{"code": "{code}", "severity": "fail", "message": "m"}}]}}]}}, "later": 1}}"#
            );
            let old = read(&[("manifest.json", "{}"), ("plan.yaml", PLAN), ("results.json", &results)]).expect("facts");
            // In layout 2 the critique is a file of its own.
            let (answers, critique) = results.split_once(r#", "critique":"#).expect("two");
            let (answers, critique) = (format!("{answers}}}"), critique.replace(r#", "later": 1}"#, ""));
            let files = [
                ("manifest.json", "{}"),
                ("plan.yaml", PLAN),
                ("results.json", &answers),
                ("critique.json", &critique),
            ];
            assert_eq!(read(&files).expect("facts"), RunFacts { files: old.files.clone(), ..old.clone() });
            old.answers[0].worth
        };
        let effect = r#"{"estimate": 1, "std_error": 1, "ci_lower": -1, "ci_upper": 3, "notes": []}"#;
        assert_eq!(worth("fully_satisfactory", "none", effect), Worth::Answer);
        assert_eq!(worth("not_satisfactory", "balance.priority", effect), Worth::NotReliable);
        assert_eq!(worth("not_satisfactory", "identification", effect), Worth::NoAnswer(Code::Identification));
        assert_eq!(worth("not_satisfactory", "population.kept", effect), Worth::NoAnswer(Code::PopulationKept));
        assert_eq!(worth("not_satisfactory", "estimate.failed", "null"), Worth::Nothing);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let trouble = |files: &[(&'static str, &str)]| match read(files) {
            Err(FactsError::Trouble(trouble)) => trouble,
            other => panic!("{other:?}"),
        };
        assert_eq!(trouble(&[]), Trouble::Empty);
        assert_eq!(
            trouble(&[("manifest.json", r#"{"layout": 3}"#), ("plan.yaml", PLAN)]),
            Trouble::Newer { layout: 3 }
        );
        for (path, text) in [("plan.yaml", "a: [1"), ("results.json", "{\"answers\": 3}"), ("critique.json", "[")] {
            let mut files = vec![("manifest.json", "{}"), ("plan.yaml", PLAN)];
            files.retain(|(there, _)| *there != path);
            files.push((path, text));
            let Trouble::Unreadable { why, damaged: false } = trouble(&files) else { panic!("{path}") };
            assert!(why.starts_with(path), "{why}");
        }
    }
}
