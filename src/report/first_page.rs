//! The first page: what somebody who decides reads, and nothing else. Terminal, markdown, HTML and notebook open with it.
//!
//! The answer in a sentence, the verdict with its caveats, for whom it holds and who was lost, the effect with the means of both
//! arms, sensitivity and identification in a sentence each. What is said here is not said again in the details.

use crate::finding::{Code, Tier};
use crate::plan::{Plan, StudyDesign};
use crate::record::basis::{IdentificationBasis, IdentifiedBy};
use crate::record::documents::{Answer, ResultsDocument};
use crate::report::{caveats, sentences};
use crate::schema::OutcomeMissing;
use crate::text::numbers;
use causal::diagnose::sensitivity::SensitivityReport;
use causal::effect::Effect;
use causal::estimand::{Population, Target};

/// Names of confounders in a sentence before the rest is counted.
const MOST_NAMES: usize = 6;

/// One line of the table of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow {
    /// What the plan asked for.
    pub asked: Target,
    /// What is answered.
    pub answered: String,
    /// Estimate with interval.
    pub effect: String,
    /// Mean with treatment; empty where there is no answer or no such mean.
    pub with: String,
    /// Mean without treatment, likewise.
    pub without: String,
    /// Effect as a share of the mean without treatment; empty where that is not defined.
    pub relative: String,
    /// The verdict.
    pub tier: Tier,
}

/// A file of the run that leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Relative to the run's folder.
    pub file: &'static str,
    /// What it holds.
    pub holds: &'static str,
}

/// The first page in plain text.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstPage {
    /// The answer to the first question of the plan, in one sentence.
    pub answer: String,
    /// The verdict on that answer.
    pub tier: Tier,
    /// One line for each caveat of any answer.
    pub caveats: Vec<String>,
    /// All answers.
    pub rows: Vec<AnswerRow>,
    /// For whom each answer holds, and who was lost; why something is missing; worst-case bounds.
    pub whom: Vec<String>,
    /// The strength that a hidden confounder would need.
    pub sensitivity: String,
    /// What makes the comparison causal.
    pub identification: String,
    /// Where to read on.
    pub links: Vec<Link>,
}

/// A column of the table of answers that is there if any answer fills it.
#[derive(Debug, Clone, Copy)]
pub struct OptionalColumn {
    /// Its title.
    pub title: &'static str,
    /// Its cell.
    pub cell: fn(&AnswerRow) -> &str,
}

const OPTIONAL: [OptionalColumn; 3] = [
    OptionalColumn { title: "with treatment", cell: |row| &row.with },
    OptionalColumn { title: "without", cell: |row| &row.without },
    OptionalColumn { title: "relative", cell: |row| &row.relative },
];

impl FirstPage {
    /// Those of the means and the relative effect that some answer has.
    #[must_use]
    pub fn optional_columns(&self) -> Vec<OptionalColumn> {
        let filled = |column: &OptionalColumn| self.rows.iter().any(|row| !(column.cell)(row).is_empty());
        OPTIONAL.into_iter().filter(filled).collect()
    }
}

/// The first page of a finished run.
#[must_use]
pub fn first_page(results: &ResultsDocument, plan: &Plan) -> FirstPage {
    let first = results.answers.first();
    FirstPage {
        answer: first.map_or("Nothing was asked.".to_owned(), |answer| headline(results, plan, answer)),
        tier: first.map_or(Tier::NotSatisfactory, |answer| answer.tier),
        caveats: caveats::lines(results, plan),
        rows: results.answers.iter().map(|answer| row(results, answer)).collect(),
        whom: whom(results, plan),
        sensitivity: first.map_or_else(String::new, |answer| sensitivity(results, plan, answer)),
        identification: identification(&results.identification, plan),
        links: links(plan),
    }
}

/// `` `qsmk` = 1 rather than 0``
fn treatment(plan: &Plan) -> String {
    let treatment = &plan.treatment;
    format!("`{}` = {} rather than {}", treatment.column, treatment.treated, treatment.control)
}

fn headline(results: &ResultsDocument, plan: &Plan, answer: &Answer) -> String {
    let asked = answer.requested.acronym();
    let Some(effect) = &answer.effect else {
        let why = answer.missing.first().map_or(String::new(), |why| format!(": {}", why.trim_end_matches('.')));
        return format!("No answer: the {asked} could not be estimated{why}.");
    };
    let shown = sentences::effect(effect, &results.units);
    if sentences::fails(results, answer.requested, Code::Identification) {
        return format!(
            "No answer: the {asked} is not identified, and the adjusted difference of {shown} is not the effect."
        );
    }
    if sentences::fails(results, answer.requested, Code::PopulationKept) {
        return format!(
            "No answer to what was asked: the {asked} could not be had, and the {} of {shown} is about others.",
            answer.name
        );
    }
    if sentences::is_no_answer(results, answer) {
        return format!(
            "No answer: the groups differ by construction, and the adjusted difference of {shown} is not the effect."
        );
    }
    if answer.tier == Tier::NotSatisfactory {
        return format!(
            "No answer to rely on: {shown} is what the models give for the {asked}, and the comparison behind it fails."
        );
    }
    told(plan, answer, effect, &results.units)
}

/// The sentence of an answer that stands.
fn told(plan: &Plan, answer: &Answer, effect: &Effect, units: &str) -> String {
    let (treatment, outcome) = (treatment(plan), &plan.outcome.column);
    let whom = among(effect);
    if effect.ci_lower <= 0.0 && effect.ci_upper >= 0.0 {
        let shown = sentences::effect(effect, units);
        return format!(
            "Whether {treatment} raises or lowers `{outcome}` {whom} is open: the {} is {shown}.",
            answer.name
        );
    }
    let (verb, [estimate, low, high]) = if effect.estimate < 0.0 {
        ("lowers", [-effect.estimate, -effect.ci_upper, -effect.ci_lower])
    } else {
        ("raises", [effect.estimate, effect.ci_lower, effect.ci_upper])
    };
    let size = sentences::with_units(&numbers::interval(estimate, effect.std_error, low, high), units);
    format!("On average, {treatment} {verb} `{outcome}` by {size} {whom}{}.", from_to(answer, effect))
}

fn among(effect: &Effect) -> String {
    let whom = match effect.estimand.target {
        Target::Ate => "for everyone",
        Target::Att => "among the treated",
        Target::Atc => "among the untreated",
        Target::Ato => "where treatment could have gone either way",
    };
    match effect.estimand.population {
        Population::All => whom.to_owned(),
        Population::Trimmed { .. } => format!("{whom}, as far as there is somebody to compare with"),
    }
}

fn from_to(answer: &Answer, effect: &Effect) -> String {
    let Some([treated, control]) = means(effect) else { return String::new() };
    let relative = relative(answer, effect).map_or(String::new(), |share| format!(" ({share})"));
    format!(": from {control} without to {treated} with it{relative}")
}

/// Means with and without treatment, in the digits of the standard error.
fn means(effect: &Effect) -> Option<[String; 2]> {
    let digits = numbers::decimals(effect.std_error);
    // So small that an interval shares a power of ten.
    (digits <= 5).then_some(())?;
    let shown = |mean: f64| mean.is_finite().then(|| numbers::fixed(mean, digits));
    Some([shown(effect.mean_treated?)?, shown(effect.mean_control?)?])
}

/// The effect as a share of the mean without treatment. A ratio has a meaning for an outcome that is never negative (a change
/// of weight has none), and where the mean below the line is farther from zero than the interval reaches to either side.
fn relative(answer: &Answer, effect: &Effect) -> Option<String> {
    let (treated, control) = (effect.mean_treated?, effect.mean_control?);
    let ratio_scale = answer.diagnostics.as_ref().is_some_and(|found| found.outcome_smallest >= 0.0);
    let defined = ratio_scale && treated >= 0.0 && control > effect.half_width() && (treated / control).is_finite();
    let percent = 100.0 * effect.estimate / control;
    let digits = usize::from(percent.abs() < 10.0);
    let sign = if percent > 0.0 { "+" } else { "" };
    defined.then(|| format!("{sign}{} %", numbers::fixed(percent, digits)))
}

fn row(results: &ResultsDocument, answer: &Answer) -> AnswerRow {
    let stands = !sentences::is_no_answer(results, answer) && answer.tier != Tier::NotSatisfactory;
    let twin = sentences::same_answer(results, answer);
    let shown = answer.effect.as_ref().filter(|_| stands && twin.is_none());
    let [with, without] = shown.and_then(|effect| means(effect)).unwrap_or_default();
    AnswerRow {
        asked: answer.requested,
        answered: answer.name.clone(),
        effect: match twin {
            Some(other) => format!("the same as the {}", other.requested.acronym()),
            None => sentences::interval(results, answer),
        },
        with,
        without,
        relative: shown.and_then(|effect| relative(answer, effect)).unwrap_or_default(),
        tier: answer.tier,
    }
}

/// For whom, who was lost, why something is missing, and bounds where the effect is not identified.
fn whom(results: &ResultsDocument, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(filter) = asked_about(results, plan) {
        lines.push(filter);
    }
    lines.extend(results.counters.outcome_missing.as_ref().and_then(without_outcome));
    for answer in &results.answers {
        if sentences::same_answer(results, answer).is_some() {
            continue;
        }
        let said = std::iter::once(answer.population.as_str()).chain(answer.missing.iter().map(String::as_str));
        let mut said: Vec<String> = said.map(sentences::sentence).filter(|said| !said.is_empty()).collect();
        said.extend(lost(answer));
        if !said.is_empty() {
            lines.push(format!("{}: {}", answer.name, said.join(" ")));
        }
        lines.extend(sentences::bounds_instead(results, answer));
    }
    lines
}

/// The rows that the plan's filter keeps.
fn asked_about(results: &ResultsDocument, plan: &Plan) -> Option<String> {
    let conditions: Vec<String> = plan.data.filter.iter().map(|written| format!("`{}`", written.text)).collect();
    let kept = results.counters.rows_read - results.counters.rows_filtered;
    (!conditions.is_empty()).then(|| {
        format!(
            "Asked about: the {} of {} rows in which {} holds.",
            numbers::count(kept),
            numbers::count(results.counters.rows_read),
            conditions.join(" and ")
        )
    })
}

/// Whoever is left out for want of an outcome.
fn without_outcome(lost: &OutcomeMissing) -> Option<String> {
    let share = |lost: usize, n: usize| numbers::percent(lost as f64 / n.max(1) as f64);
    (lost.treated_lost + lost.control_lost > 0).then(|| {
        format!(
            "Without an outcome, and left out: {} treated ({}) and {} controls ({}).",
            numbers::count(lost.treated_lost),
            share(lost.treated_lost, lost.treated),
            numbers::count(lost.control_lost),
            share(lost.control_lost, lost.control)
        )
    })
}

fn lost(answer: &Answer) -> Option<String> {
    let p = answer.population_numbers.as_ref().filter(|p| p.trimmed_treated + p.trimmed_control > 0)?;
    let (treated, controls) = (numbers::count(p.trimmed_treated), numbers::count(p.trimmed_control));
    let means = p.farthest_from_asked().map_or(String::new(), |(term, here, asked)| {
        let [here, asked] = [here, asked].map(|mean| numbers::significant(mean, 3));
        format!(" (mean `{term}`: {asked} of all asked about, {here} of those left)")
    });
    Some(format!("Lost: {treated} treated and {controls} controls{means}."))
}

/// One sentence on hidden confounding.
fn sensitivity(results: &ResultsDocument, plan: &Plan, answer: &Answer) -> String {
    if plan.design == StudyDesign::Randomised {
        return "Hidden confounding: chance decided who is treated, so that nothing hidden did.".to_owned();
    }
    if sentences::fails(results, answer.requested, Code::Identification) {
        return "Hidden confounding: how strong it is does not matter before the effect is identified.".to_owned();
    }
    match &answer.sensitivity {
        None => "Hidden confounding: how strong it would have to be was not measured.".to_owned(),
        Some(SensitivityReport { hidden: Some(range), .. }) => {
            let digits = numbers::decimals(range.bias);
            let [low, high] = [range.lower, range.upper].map(|end| numbers::fixed(end, digits));
            format!(
                "Hidden confounding: one as strong as the plan declares possible could have moved the answer from anywhere between {low} and {}.",
                sentences::with_units(&high, &results.units)
            )
        }
        Some(_) if answer.effect.as_ref().is_some_and(|e| e.ci_lower <= 0.0 && e.ci_upper >= 0.0) => {
            "Hidden confounding: none is needed to explain the answer, whose interval includes zero.".to_owned()
        }
        Some(report) => strength(report),
    }
}

fn strength(report: &SensitivityReport) -> String {
    let needed = report.rv_q1.min(report.target_rv_q1);
    let start = format!(
        "Hidden confounding: one that explains {} of what is left of treatment and of outcome would explain the answer away",
        numbers::percent(needed)
    );
    if let [first, ..] = report.benchmarks_unattainable.as_slice() {
        return format!("{start}; `{first}` is a stronger confounder than can be held against that.");
    }
    match sentences::strongest_benchmark(report) {
        Some(strongest) => {
            let than = if needed > strongest.equivalent_rv { "more" } else { "no more" };
            format!(
                "{start}, {than} than `{}` does, the strongest priority confounder ({}).",
                strongest.confounder,
                numbers::percent(strongest.equivalent_rv)
            )
        }
        None => format!("{start}."),
    }
}

/// One sentence on what makes the comparison causal.
fn identification(basis: &IdentificationBasis, plan: &Plan) -> String {
    let adjusted = names(plan.confounders.priority.iter().chain(&plan.confounders.other));
    match basis.by {
        IdentifiedBy::Randomised => {
            let audit = if basis.allocation.is_some() { "was audited" } else { "could not be audited" };
            format!("Identified by design: treatment was randomised, says the plan, and the allocation {audit}.")
        }
        IdentifiedBy::Graph => format!(
            "Identified by the causal graph of the plan: given {adjusted}, no other path between treatment and outcome is open."
        ),
        IdentifiedBy::AssumedOnly => format!(
            "Identified by assumption: the plan has no causal graph and takes it that, given {adjusted}, nothing else drove both treatment and outcome."
        ),
        IdentifiedBy::Not => not_identified(basis, &adjusted),
    }
}

fn not_identified(basis: &IdentificationBasis, adjusted: &str) -> String {
    let quoted = |list: &[String]| names(list.iter());
    let start =
        format!("Not identified: by the causal graph of the plan, adjusting for {adjusted} does not give the effect.");
    match (&basis.instead, basis.forbidden.as_slice()) {
        (Some(set), [_, ..]) => {
            format!("{start} Without {}, and given {}, it would.", quoted(&basis.forbidden), quoted(set))
        }
        (Some(set), []) => format!("{start} Adjusting for {} would.", quoted(set)),
        (None, _) if !basis.instruments.is_empty() => {
            format!("{start} No set does; {} is an instrument, for another effect.", quoted(&basis.instruments))
        }
        (None, _) => format!("{start} No set of its columns does."),
    }
}

/// `` `a`, `b` and 3 more``; `nothing` without any.
fn names<'a>(list: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<String> = list.map(|name| format!("`{name}`")).collect();
    let (shown, more) = all.split_at(all.len().min(MOST_NAMES));
    match (shown, more.len()) {
        ([], _) => "nothing".to_owned(),
        (shown, 0) => crate::text::lists::listed(shown),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn links(plan: &Plan) -> Vec<Link> {
    let graph = plan
        .graph
        .is_some()
        .then_some(Link { file: "identification.md", holds: "what the graph says, and what the data say of it" });
    let others = [
        Link { file: "analysis.ipynb", holds: "notebook" },
        Link { file: "critique.md", holds: "the last critique before the outcome was read" },
        Link { file: "results.json", holds: "every number" },
    ];
    graph.into_iter().chain(others).collect()
}
