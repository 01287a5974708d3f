//! Do plan, spec and executed analysis agree? Each check compares two documents and says what it saw; one that does not
//! hold fails every estimand of the iteration.

use super::Executed;
use super::rubric::rule;
use crate::finding::{Code, Finding, Severity};
use crate::plan::{Plan, Tool};
use crate::record::audit::AlignmentSubject;
use crate::record::critique::AlignmentCheck;
use crate::record::documents::{AnalysisDesign, DesignDocument, FittedBy};
use crate::record::earlier::LedgerEntry;
use crate::spec::{Analysis, AnalysisSpec, Placebo, PlaceboRole};
use causal::estimand::{Population, Target};
use serde::Serialize;
use std::collections::BTreeSet;

/// The plan, and the SHA-256 of the bytes that were actually read for plan and data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// SHA-256 of the plan's bytes.
    pub plan_sha256: &'a str,
    /// SHA-256 fingerprint of the dataset.
    pub data_sha256: &'a str,
    /// Analyses of the same outcome in the same data that were unblinded before.
    pub unblinded_before: &'a [LedgerEntry],
}

/// Every check of one executed spec, in a fixed order. Checks of an analysis whose design failed are left out: nothing
/// was executed, and [`Code::DesignFailed`] says so.
#[must_use]
pub fn checks(source: Source<'_>, executed: &Executed<'_>) -> Vec<AlignmentCheck> {
    checks_by_subject(source, executed).into_iter().map(|(_, check)| check).collect()
}

/// A check, with what it is about.
type Subjected = (AlignmentSubject, AlignmentCheck);

/// The same checks, each with what it is about.
#[must_use]
pub fn checks_by_subject(source: Source<'_>, executed: &Executed<'_>) -> Vec<(AlignmentSubject, AlignmentCheck)> {
    let (plan, spec, document) = (source.plan, executed.spec, executed.design);
    let mut checks: Vec<Subjected> = identity(source, executed).into_iter().map(general).collect();
    checks.extend(as_planned(plan, spec));
    checks.extend([analyses_present(plan, spec, document), counters_add_up(document)].map(general));
    for analysis in &spec.analyses {
        checks.extend(allowed(plan, analysis));
        let design = document.analyses.iter().find(|design| design.requested == analysis.requested);
        if let Some(design) = design.filter(|design| design.failed.is_none()) {
            checks.extend(as_specified(spec, analysis, design, document.counters.rows_analysed));
        }
    }
    checks
}

/// The finding that sums the checks up.
#[must_use]
pub fn finding(checks: &[AlignmentCheck]) -> Finding {
    let rule = rule(Code::Alignment);
    let failed: Vec<&AlignmentCheck> = checks.iter().filter(|check| !check.holds).collect();
    let value = Some(failed.len() as f64);
    match failed.first() {
        None if checks.is_empty() => {
            rule.finding(Severity::NotApplicable, "Not checked: there was nothing to compare.")
        }
        None => {
            let message = format!("Plan, spec and executed analysis agree in all {} checks.", checks.len());
            Finding { value, ..rule.finding(Severity::Pass, message) }
        }
        Some(first) => {
            let more = if failed.len() > 1 { format!(" (and {} more)", failed.len() - 1) } else { String::new() };
            let message = format!("What was run is not what was planned: {}: {}{more}.", first.check, first.detail);
            Finding { value, subject: Some(first.check.clone()), ..rule.finding(Severity::Fail, message) }
        }
    }
}

/// Values longer than this, in characters, are not repeated when they agree. A SHA-256 in quotes fits.
const LONG: usize = 72;

fn general(check: AlignmentCheck) -> Subjected {
    (AlignmentSubject::General, check)
}

fn check(name: impl Into<String>, holds: bool, detail: impl Into<String>) -> AlignmentCheck {
    AlignmentCheck { check: name.into(), holds, detail: detail.into() }
}

/// Two values that must be equal, and what was seen of them.
fn equal<T: PartialEq + Serialize>(name: &str, expected: &T, found: &T) -> AlignmentCheck {
    if expected == found {
        let seen = shown(found);
        check(name, true, if seen.chars().count() <= LONG { seen } else { "they agree".to_owned() })
    } else {
        check(name, false, format!("expected {}, found {}", shown(expected), shown(found)))
    }
}

/// A value as the documents write it, in words where it is nothing.
fn shown<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Null) => "none".to_owned(),
        Ok(serde_json::Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Ok(serde_json::Value::Bool(yes)) => if yes { "yes" } else { "no" }.to_owned(),
        Ok(other) => other.to_string().replace('"', "").replace(',', ", "),
        Err(error) => format!("something that cannot be shown ({error})"),
    }
}

/// Hashes: the documents are about each other.
fn identity(source: Source<'_>, executed: &Executed<'_>) -> Vec<AlignmentCheck> {
    let (spec, document) = (executed.spec, executed.design);
    vec![
        equal("the spec names the plan's hash", &source.plan_sha256, &spec.plan_sha256.as_str()),
        equal("the spec names the data's hash", &source.data_sha256, &spec.data_sha256.as_str()),
        equal("the design read the same data", &source.data_sha256, &document.data_sha256.as_str()),
        equal("the design ran this spec", &executed.spec_sha256, &document.spec_sha256.as_str()),
        equal("the design is of this iteration", &spec.iteration, &document.iteration),
    ]
}

/// The spec says what the plan says.
fn as_planned(plan: &Plan, spec: &AnalysisSpec) -> Vec<Subjected> {
    let treatment = (&plan.treatment.column, &plan.treatment.treated, &plan.treatment.control);
    let outcome = (&plan.outcome.column, &plan.outcome.units, plan.outcome.kind);
    // As sets: the order of the list allows nothing.
    let tools = |tools: &[Tool]| tools.iter().map(|tool| tool.key()).collect::<BTreeSet<_>>();
    vec![
        general(equal("treatment and its levels", &treatment, &(&spec.treatment, &spec.treated, &spec.control))),
        general(equal("outcome, units and kind", &outcome, &(&spec.outcome, &spec.units, spec.outcome_kind))),
        general(equal("observation weights", &plan.data.weights, &spec.weights)),
        general(equal("clusters", &plan.analysis.clusters, &spec.clusters)),
        general(equal("known propensity", &plan.analysis.known_propensity, &spec.known_propensity)),
        general(equal("thresholds of its own", &plan.thresholds, &spec.thresholds)),
        general(equal("what may stand in for an estimand", &plan.accept, &spec.accept)),
        general(equal("the study's design", &plan.design, &spec.design)),
        general(equal("the chance of treatment", &plan.share, &spec.share)),
        general(equal(
            "whose effect the intervals are about",
            &plan.analysis.inference.unwrap_or_default(),
            &spec.inference,
        )),
        general(equal("missing-value policy", &plan.data.missing, &spec.missing)),
        general(equal("confounders and their priority", &planned_confounders(plan), &specified_confounders(spec))),
        (AlignmentSubject::Placebos, equal("declared placebos", &planned_placebos(plan), &spec.placebos)),
        (AlignmentSubject::AllowList, equal("the allow-list", &tools(&plan.tools), &tools(&spec.tools))),
        general(equal("seed", &plan.seed, &spec.seed)),
        (AlignmentSubject::Blindness, equal("blindness", &plan.loop_.blind, &spec.blind)),
    ]
}

fn planned_confounders(plan: &Plan) -> BTreeSet<(&str, bool)> {
    let priority = plan.confounders.priority.iter().map(|name| (name.as_str(), true));
    priority.chain(plan.confounders.other.iter().map(|name| (name.as_str(), false))).collect()
}

fn specified_confounders(spec: &AnalysisSpec) -> BTreeSet<(&str, bool)> {
    spec.confounders.iter().map(|group| (group.confounder.as_str(), group.priority)).collect()
}

fn planned_placebos(plan: &Plan) -> Vec<Placebo> {
    let of = |columns: &[String], role: PlaceboRole| -> Vec<Placebo> {
        columns.iter().map(|column| Placebo { column: column.clone(), role }).collect()
    };
    let mut placebos = of(&plan.placebo_outcomes, PlaceboRole::PlaceboOutcome);
    placebos.extend(of(&plan.negative_controls, PlaceboRole::NegativeControl));
    placebos
}

fn analyses_present(plan: &Plan, spec: &AnalysisSpec, document: &DesignDocument) -> AlignmentCheck {
    let planned: Vec<Target> = plan.estimands.clone();
    let specified: Vec<Target> = spec.analyses.iter().map(|analysis| analysis.requested).collect();
    let designed: Vec<Target> = document.analyses.iter().map(|design| design.requested).collect();
    let name = "one analysis and one design for each requested estimand";
    // The earlier difference is told: an analysis that the spec lacks has no design either.
    if planned == specified { equal(name, &specified, &designed) } else { equal(name, &planned, &specified) }
}

fn counters_add_up(document: &DesignDocument) -> AlignmentCheck {
    let counters = &document.counters;
    let accounted = counters.rows_analysed
        + counters.rows_filtered
        + counters.rows_dropped_missing
        + counters.rows_dropped_other_treatment
        + counters.rows_weight_zero;
    let filtered = match counters.rows_filtered {
        0 => String::new(),
        n => format!("{n} not asked about, "),
    };
    let detail = format!(
        "{} rows read; {} analysed, {filtered}{} dropped for missing values, {} for another treatment, {} of weight zero",
        counters.rows_read,
        counters.rows_analysed,
        counters.rows_dropped_missing,
        counters.rows_dropped_other_treatment,
        counters.rows_weight_zero
    );
    check("every row read is analysed or counted as dropped", accounted == counters.rows_read, detail)
}

/// Nothing outside the allow-list, no variable that must not be adjusted for, and every confounder adjusted for.
fn allowed(plan: &Plan, analysis: &Analysis) -> Vec<Subjected> {
    let name = analysis.estimand().name();
    let listed = |tool: Tool| plan.tools.contains(&tool);
    let estimators = std::iter::once(&analysis.primary).chain(&analysis.estimators);
    let barred: BTreeSet<&str> = estimators
        .filter(|kind| Tool::for_estimator(**kind).is_some_and(|tool| !listed(tool)))
        .map(|kind| kind.key())
        .collect();
    let trimmed = matches!(analysis.population, Population::Trimmed { .. });
    vec![
        (
            AlignmentSubject::AllowList,
            check(
                format!("{name}: estimators are in the allow-list"),
                barred.is_empty(),
                if barred.is_empty() { "all are".to_owned() } else { format!("not allowed: {}", shown(&barred)) },
            ),
        ),
        general(check(
            format!("{name}: the answer is among the estimators and no benchmark"),
            analysis.estimators.contains(&analysis.primary) && !analysis.primary.is_benchmark(),
            format!("the answer is by {}", analysis.primary.key()),
        )),
        general(as_asked(plan, analysis, &name)),
        (
            AlignmentSubject::AllowList,
            check(
                format!("{name}: trimmed only if the plan allows it"),
                !trimmed || listed(Tool::Trim),
                if trimmed { "trimmed" } else { "not trimmed" },
            ),
        ),
        (AlignmentSubject::Adjustment, adjustment_set(plan, analysis, &name)),
    ]
}

/// Estimator and learners are those that the plan names; where it names none, any will do.
fn as_asked(plan: &Plan, analysis: &Analysis, name: &str) -> AlignmentCheck {
    let (asked, models) = (&plan.analysis, &analysis.models);
    let differs = [
        (asked.estimator.is_some_and(|kind| kind != analysis.primary), "the estimator"),
        (asked.propensity.is_some_and(|kind| kind != models.propensity), "the learner of the propensity"),
        (asked.outcome_model.is_some_and(|kind| kind != models.outcome), "the learner of the outcome"),
        (asked.repeats.is_some_and(|n| n != models.repeats), "the number of repeats"),
        (asked.effort.is_some_and(|effort| effort != models.effort), "the effort"),
    ];
    let off: Vec<&str> = differs.iter().filter(|(differs, _)| *differs).map(|(_, what)| *what).collect();
    let detail = if off.is_empty() {
        format!(
            "{}; propensity: {}, outcome: {}",
            analysis.primary.key(),
            models.propensity.key(),
            models.outcome.key()
        )
    } else {
        format!("not as asked: {}", off.join(", "))
    };
    check(format!("{name}: estimator and learners as the plan asks"), off.is_empty(), detail)
}

fn adjustment_set(plan: &Plan, analysis: &Analysis, name: &str) -> AlignmentCheck {
    let used: BTreeSet<&str> = analysis.terms.iter().flat_map(|term| term.columns()).collect();
    let forbidden = [&plan.treatment.column, &plan.outcome.column]
        .into_iter()
        .chain(&plan.placebo_outcomes)
        .chain(&plan.negative_controls)
        .find(|column| used.contains(column.as_str()));
    let missing =
        plan.confounders.priority.iter().chain(&plan.confounders.other).find(|column| !used.contains(column.as_str()));
    let detail = match (forbidden, missing) {
        (Some(column), _) => format!("`{column}` is adjusted for, and must not be"),
        (None, Some(column)) => format!("`{column}` is a confounder, and no term uses it"),
        (None, None) => format!("{} terms", analysis.terms.len()),
    };
    let title = format!("{name}: every confounder is adjusted for, and nothing that must not be");
    check(title, forbidden.is_none() && missing.is_none(), detail)
}

/// The design did what the analysis says.
fn as_specified(
    spec: &AnalysisSpec,
    analysis: &Analysis,
    design: &AnalysisDesign,
    rows_analysed: usize,
) -> Vec<Subjected> {
    let name = analysis.estimand().name();
    let mut checks = vec![
        general(estimand_executed(analysis, design, &name)),
        (AlignmentSubject::AllowList, tools_used(spec, design, &name)),
    ];
    checks.extend(terms_executed(analysis, design, &name).map(general));
    checks.extend(population_adds_up(design, rows_analysed, &name).map(general));
    let placebos = placebos_tested(spec, design, &name);
    checks.extend(placebos.map(|check| (AlignmentSubject::Placebos, check)));
    checks
}

fn estimand_executed(analysis: &Analysis, design: &AnalysisDesign, name: &str) -> AlignmentCheck {
    let holds = analysis.estimand() == design.estimand;
    let detail = if holds {
        name.to_owned()
    } else {
        format!("expected {}, found {}", shown(&analysis.estimand()), shown(&design.estimand))
    };
    check(format!("{name}: the estimand executed"), holds, detail)
}

fn tools_used(spec: &AnalysisSpec, design: &AnalysisDesign, name: &str) -> AlignmentCheck {
    let used = [
        (Tool::Propensity, design.propensity.is_some()),
        (Tool::Balance, design.balance.is_some()),
        (Tool::Overlap, design.overlap.is_some()),
        (Tool::Placebo, design.placebo.as_ref().is_some_and(|report| !report.effects.is_empty())),
    ];
    let barred: Vec<&str> =
        used.iter().filter(|(tool, used)| *used && !spec.tools.contains(tool)).map(|(tool, _)| tool.key()).collect();
    let detail = if barred.is_empty() { "none".to_owned() } else { format!("used: {}", shown(&barred)) };
    check(format!("{name}: no tool outside the allow-list was used"), barred.is_empty(), detail)
}

fn terms_executed(analysis: &Analysis, design: &AnalysisDesign, name: &str) -> Option<AlignmentCheck> {
    // A known propensity was not fitted, so no term was used.
    let model = design.propensity.as_ref().filter(|model| model.learner != FittedBy::Known)?;
    let specified: BTreeSet<String> = analysis.terms.iter().map(ToString::to_string).collect();
    let fitted = model.coefficients.iter().map(|row| &row.term).filter(|term| *term != "(Intercept)");
    // A term may be left out if that is said; one that has vanished is a departure.
    let executed: BTreeSet<String> = fitted.chain(&model.terms).chain(&model.dropped_terms).cloned().collect();
    let off: Vec<&String> = specified.symmetric_difference(&executed).collect();
    let detail = match off.first() {
        None => format!("{} terms, {} of them left out and named", executed.len(), model.dropped_terms.len()),
        Some(term) if specified.contains(*term) => {
            format!("`{term}` was specified, and neither fitted nor named as left out")
        }
        Some(term) => format!("`{term}` was executed, and is not in the spec"),
    };
    Some(check(format!("{name}: terms fitted and terms left out are the spec's terms"), off.is_empty(), detail))
}

fn population_adds_up(design: &AnalysisDesign, rows_analysed: usize, name: &str) -> Option<AlignmentCheck> {
    let population = design.population.as_ref()?;
    let trimmed = population.trimmed_treated + population.trimmed_control;
    let holds = population.n + trimmed == rows_analysed && population.n_treated + population.n_control == population.n;
    let detail = format!(
        "{} kept ({} treated, {} controls) and {trimmed} trimmed, of {rows_analysed} analysed",
        population.n, population.n_treated, population.n_control
    );
    Some(check(format!("{name}: every analysed row is kept or counted as trimmed"), holds, detail))
}

/// All declared placebos were tested, or the report says why not; and nothing else was.
fn placebos_tested(spec: &AnalysisSpec, design: &AnalysisDesign, name: &str) -> Option<AlignmentCheck> {
    let report = design.placebo.as_ref()?;
    let declared: BTreeSet<&str> = spec.placebos.iter().map(|placebo| placebo.column.as_str()).collect();
    let tested: BTreeSet<&str> = report.effects.iter().map(|effect| effect.column.as_str()).collect();
    let excused = report.not_applicable.is_some();
    // An excuse covers a placebo that was not tested, never one that was not declared.
    let holds = if excused { tested.is_subset(&declared) } else { tested == declared };
    let detail = format!("declared {}, tested {}", shown(&declared), shown(&tested));
    Some(check(format!("{name}: the placebos tested are those declared"), holds, detail))
}
