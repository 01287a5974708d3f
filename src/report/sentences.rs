//! Sentences about numbers: what the tables mean, for the markdown, the page and the terminal alike.

use crate::finding::{Code, Severity, Tier};
use crate::plan::MissingPolicy;
use crate::record::documents::{Answer, ResultsDocument};
use crate::text::lines::capitalised;
use crate::text::lists::listed;
use crate::text::{escape, numbers};
use causal::diagnose::bounds::Bounds;
use causal::diagnose::sensitivity::{Benchmark, HiddenRange, SensitivityReport};
use causal::effect::{Effect, SeMethod};
use causal::estimand::{Inference, Target};

/// Influence-function and stacked standard errors that differ by more than this share deserve a note.
pub const SE_DISAGREEMENT: f64 = 0.25;

/// A verdict as a reader says it.
#[must_use]
pub fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::NotSatisfactory => "not satisfactory",
        Tier::SatisfactoryWithCaveats => "satisfactory with caveats",
        Tier::FullySatisfactory => "fully satisfactory",
    }
}

/// The sign of a verdict, for those who do not see colour.
#[must_use]
pub fn icon(tier: Tier) -> char {
    match tier {
        Tier::NotSatisfactory => '✘',
        Tier::SatisfactoryWithCaveats => '▲',
        Tier::FullySatisfactory => '✔',
    }
}

/// Sign and words: `▲ satisfactory with caveats`.
#[must_use]
pub fn badge(verdict: Tier) -> String {
    format!("{} {}", icon(verdict), tier(verdict))
}

/// With a capital and a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let end = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{end}", capitalised(text))
}

/// The outcome of a check, in plain words.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Pass => "pass",
        Severity::NotGraded => "not graded",
        Severity::Withheld => "withheld",
        Severity::NotApplicable => "not applicable",
        Severity::Warn => "warning",
        Severity::Fail => "fails",
    }
}

/// True if the estimate is no answer: the effect is not identified, the comparison has a structural fault, or it is about
/// others than those who were asked about.
#[must_use]
pub fn is_no_answer(results: &ResultsDocument, answer: &Answer) -> bool {
    let deciding = [Code::Identification, Code::StructureOneArm, Code::StructureOutcome, Code::PopulationKept];
    let graded = results.critique.analyses.iter().find(|graded| graded.requested == answer.requested);
    let findings = graded.iter().flat_map(|graded| &graded.findings);
    findings.into_iter().any(|f| f.severity == Severity::Fail && deciding.contains(&f.code))
}

/// True if an answer fails this check.
#[must_use]
pub fn fails(results: &ResultsDocument, requested: Target, code: Code) -> bool {
    let graded = results.critique.analyses.iter().find(|graded| graded.requested == requested);
    let mut findings = graded.iter().flat_map(|graded| &graded.findings);
    findings.any(|finding| finding.severity == Severity::Fail && finding.code == code)
}

/// True if the effect is not identified: what was estimated says nothing of it.
#[must_use]
pub fn is_not_identified(results: &ResultsDocument, requested: Target) -> bool {
    fails(results, requested, Code::Identification)
}

/// The answer to another question of the plan that is the very same: the ATE became the ATO, which was asked for too. Of two
/// that are the same, the one that was asked as it is answered is the one to print, or else the first.
#[must_use]
pub fn same_answer<'a>(results: &'a ResultsDocument, answer: &Answer) -> Option<&'a Answer> {
    let own = answer.effect.as_ref()?;
    let as_asked = |answer: &Answer| answer.name == answer.requested.acronym();
    let same = |other: &&Answer| other.effect.as_ref().is_some_and(|effect| is_same(effect, own));
    let twins: Vec<&Answer> = results.answers.iter().filter(same).collect();
    let printed = twins.iter().copied().find(|twin| as_asked(twin)).or(twins.first().copied())?;
    (printed.requested != answer.requested).then_some(printed)
}

/// True for two records of one estimate.
#[must_use]
pub fn is_same(one: &Effect, other: &Effect) -> bool {
    let numbers = |e: &Effect| [e.estimate, e.std_error, e.ci_lower, e.ci_upper].map(f64::to_bits);
    (one.estimand, one.estimator, numbers(one)) == (other.estimand, other.estimator, numbers(other))
}

/// All that can be said of an effect without any assumption about how treatment came about.
#[must_use]
pub fn bounds(bounds: &Bounds, units: &str) -> String {
    let digits = numbers::decimals(bounds.std_error);
    let fixed = |value: f64| numbers::fixed(value, digits);
    format!(
        "Whatever is hidden, the {} lies between {} and {} (95 % interval of both ends {} to {}), since the outcome lies between {} and {}: worst-case bounds (Manski 1990), which assume nothing about how treatment came about and always hold zero.",
        bounds.target.acronym(),
        fixed(bounds.lower),
        with_units(&fixed(bounds.upper), units),
        fixed(bounds.ci_lower),
        fixed(bounds.ci_upper),
        bounds.outcome_low,
        bounds.outcome_high,
    )
}

/// The bounds of an effect that is not identified; `None` for one that is, or without bounds.
#[must_use]
pub fn bounds_instead(results: &ResultsDocument, answer: &Answer) -> Option<String> {
    let found = answer.bounds.as_ref().filter(|_| is_not_identified(results, answer.requested))?;
    Some(bounds(found, &results.units))
}

/// The estimate with its interval as a table says it: an estimate that is no answer is told under another name.
#[must_use]
pub fn interval(results: &ResultsDocument, answer: &Answer) -> String {
    let Some(effect) = &answer.effect else { return "none".to_owned() };
    let interval = numbers::interval(effect.estimate, effect.std_error, effect.ci_lower, effect.ci_upper);
    if is_no_answer(results, answer) { format!("no answer (adjusted difference {interval})") } else { interval }
}

/// What is said of several answers is said once.
#[must_use]
pub fn grouped(said: Vec<(&str, String)>) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, text) in said {
        match groups.iter_mut().find(|group| group.1 == text) {
            Some(group) => group.0.push(name),
            None => groups.push((vec![name], text)),
        }
    }
    groups.into_iter().map(|(names, text)| format!("{}: {text}", listed(&names))).collect()
}

/// The method of a standard error, in plain words.
#[must_use]
pub fn se_method(method: SeMethod) -> &'static str {
    match method {
        SeMethod::InfluenceFunction => "influence function",
        SeMethod::StackedEquations => "stacked equations",
        SeMethod::Classical => "classical",
        SeMethod::Welch => "Welch",
        SeMethod::Clustered => "influence function, clustered",
        SeMethod::Conditional => "conditional on the sample",
        SeMethod::Posterior => "posterior",
        SeMethod::Disagreement => "variance and disagreement",
    }
}

/// The treatment of missing values, in plain words.
#[must_use]
pub fn missing_policy(policy: MissingPolicy) -> &'static str {
    match policy {
        MissingPolicy::Error => "A missing value would have been an error.",
        MissingPolicy::Drop => "Rows with a missing value were dropped.",
        MissingPolicy::Indicator => "Missing covariates were replaced and marked by an indicator.",
    }
}

/// `ATE`, or `ATE asked, trimmed ATO answered`.
#[must_use]
pub fn asked_and_answered(answer: &Answer) -> String {
    let asked = answer.requested.acronym();
    if asked == answer.name { asked.to_owned() } else { format!("{asked} asked, {} answered", answer.name) }
}

/// The name of an estimand with whose effect the interval is about: `ATT`, or `SATT (these units)`.
#[must_use]
pub fn about(name: &str, effect: &Effect) -> String {
    match effect.inference {
        Inference::Population => name.to_owned(),
        Inference::Sample => {
            let acronym = effect.estimand.target.acronym();
            format!("{} (these units)", name.replace(acronym, &format!("S{acronym}")))
        }
    }
}

/// `3.44 kg`, but `1,795 (1978 US dollars)`: units that begin with a digit would run into the number.
#[must_use]
pub fn with_units(number: &str, units: &str) -> String {
    let units = escape::one_line(units);
    match units.chars().next() {
        None => number.to_owned(),
        Some(c) if c.is_ascii_digit() => format!("{number} ({units})"),
        Some(_) => format!("{number} {units}"),
    }
}

/// Estimate and interval with units: `3.44 [2.49, 4.40] kg`.
#[must_use]
pub fn effect(effect: &Effect, units: &str) -> String {
    let numbers = numbers::interval(effect.estimate, effect.std_error, effect.ci_lower, effect.ci_upper);
    with_units(&numbers, units)
}

/// The strength that a hidden confounder would need, in sentences.
#[must_use]
pub fn sensitivity(report: &SensitivityReport, units: &str) -> Vec<String> {
    let mut said: Vec<String> = report.hidden.iter().map(|range| hidden(range, units)).collect();
    said.extend([e_value(report), robustness(report)]);
    said.extend(benchmark(report));
    said.push(tipping(report, units));
    if !report.benchmarks_unattainable.is_empty() {
        said.push(format!(
            "A hidden confounder as strong as {} would need a partial R² of one or more, which cannot be; no benchmark is \
             given for it.",
            listed(&report.benchmarks_unattainable)
        ));
    }
    said
}

fn hidden(range: &HiddenRange, units: &str) -> String {
    let digits = numbers::decimals(range.bias);
    let between = |low: f64, high: f64| format!("{} and {}", numbers::fixed(low, digits), numbers::fixed(high, digits));
    format!(
        "The plan cannot rule out a hidden confounder that explains {} of what is left of treatment and {} of what is left \
         of the outcome. It could move the answer by {} in either direction: to between {}, and the 95 % interval to between {}.",
        numbers::percent(range.declared.treatment),
        numbers::percent(range.declared.outcome),
        with_units(&numbers::fixed(range.bias, digits), units),
        between(range.lower, range.upper),
        between(range.ci_lower, range.ci_upper)
    )
}

/// What the sentences of every answer have in common.
pub const SENSITIVITY: &str = "For an outcome that is a number the E-value uses the approximate conversion RR = exp(0.91 d). Of the two robustness values the smaller is held against the benchmark. All of this informs, and none of it is graded.";

fn e_value(report: &SensitivityReport) -> String {
    let ci = if report.e_value_ci <= 1.0 {
        "the 95 % interval includes no effect already".to_owned()
    } else {
        format!("{} to move the 95 % interval to no effect", numbers::fixed(report.e_value_ci, 2))
    };
    format!(
        "E-value: a hidden confounder would need a risk ratio of {} with both treatment and outcome, beyond the measured \
         covariates, to explain the estimate away; {ci}.",
        numbers::fixed(report.e_value, 2)
    )
}

fn robustness(report: &SensitivityReport) -> String {
    let digits = numbers::decimals(report.regression_std_error);
    format!(
        "Robustness value: a hidden confounder would have to explain {} of what is left of both treatment and outcome to \
         bring the regression-adjusted difference of {} to zero, and {} to take away its significance at 5 %. Weighted to \
         the target, the same regression gives {}, and {} would do.",
        numbers::percent(report.rv_q1),
        numbers::fixed(report.regression_estimate, digits),
        numbers::percent(report.rv_q1_alpha05),
        numbers::fixed(report.target_estimate, digits),
        numbers::percent(report.target_rv_q1)
    )
}

/// The strongest benchmark: the one with the largest equivalent robustness value.
#[must_use]
pub fn strongest_benchmark(report: &SensitivityReport) -> Option<&Benchmark> {
    report.benchmarks.iter().max_by(|a, b| a.equivalent_rv.total_cmp(&b.equivalent_rv))
}

fn benchmark(report: &SensitivityReport) -> Option<String> {
    let strongest = strongest_benchmark(report)?;
    let digits = numbers::decimals(report.regression_std_error);
    let complete = report.benchmarks_unattainable.is_empty();
    let verdict = match (report.rv_q1.min(report.target_rv_q1) > strongest.equivalent_rv, complete) {
        (true, true) => "so it would take one stronger than any priority confounder to explain the estimate away",
        (true, false) => "so one like that would not explain the estimate away; one like those below might",
        (false, _) => "so one as strong as that would already explain the estimate away",
    };
    let which = if complete { "the strongest priority confounder" } else { "the strongest that can be a benchmark" };
    Some(format!(
        "Benchmark: one as strong as {}, {which}, corresponds to {} and would leave {} of the \
         regression-adjusted {}; {verdict}.",
        strongest.confounder,
        numbers::percent(strongest.equivalent_rv),
        numbers::fixed(strongest.adjusted_estimate, digits),
        numbers::fixed(report.regression_estimate, digits)
    ))
}

fn tipping(report: &SensitivityReport, units: &str) -> String {
    if report.tipping_bias == 0.0 {
        return "Tipping point: the 95 % interval includes zero already; no bias is needed.".to_owned();
    }
    format!(
        "Tipping point: a constant bias of {} would make the 95 % interval touch zero.",
        with_units(&numbers::significant(report.tipping_bias, 3), units)
    )
}

/// The sentence on two standard errors of one estimate that disagree, and the usual reason.
#[must_use]
pub fn standard_errors(label: &str, effect: &Effect) -> Option<(String, &'static str)> {
    let (influence, stacked) = (effect.se_influence?, effect.se_stacked?);
    let ratio = influence / stacked;
    let apart = !(1.0 - SE_DISAGREEMENT..=1.0 + SE_DISAGREEMENT).contains(&ratio);
    apart.then(|| {
        let why = if ratio < 1.0 {
            "Where the stacked error is so much larger, poor overlap is the usual reason."
        } else {
            "Where the stacked error is so much smaller: an estimated propensity often makes weighting more precise than a known one would be."
        };
        let said = format!(
            "{label}: the standard error that takes the nuisance models as known is {} of the stacked one.",
            numbers::percent(ratio)
        );
        (said, why)
    })
}
