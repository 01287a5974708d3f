//! Reads the numbers that come with an answer and holds each against its [`Rule`](super::rubric::Rule): do its models
//! agree, did they converge, may its standard error be believed, does it depend on for whom it is asked.

use crate::critique::design_findings::{CONCENTRATED, clause, finite, randomised};
use crate::critique::rubric::{EstimateState, Rule, rule};
use crate::finding::{Code, Finding, Severity};
use crate::plan::StudyDesign;
use crate::record::documents::{AnalysisDesign, EstimateDiagnostics, EstimatePair};
use crate::spec::AnalysisSpec;
use crate::text::numbers::percent;
use causal::effect::{Effect, SeMethod};

/// The finding of a rule that needs the answer, by `measured` where there is one.
fn given(
    code: Code,
    state: EstimateState<'_>,
    measured: impl FnOnce(&Rule, &Effect, &EstimateDiagnostics) -> Finding,
) -> Finding {
    let rule = rule(code);
    match state {
        EstimateState::Withheld => rule.finding(
            Severity::Withheld,
            "Not measured yet: it needs the effect, which is hidden while the loop is blind.",
        ),
        EstimateState::NotComputable { reason } => {
            rule.finding(Severity::NotApplicable, format!("Not checked: {}.", clause(reason)))
        }
        EstimateState::Measured { effect, diagnostics } => measured(rule, effect, diagnostics),
    }
}

/// The propensity of the design is known before the effect is, and warns then already.
pub(super) fn convergence(design: &AnalysisDesign, state: EstimateState<'_>) -> Finding {
    let rule = rule(Code::EstimateConvergence);
    let unfinished: &[String] = match (state, &design.propensity) {
        // The propensity of the design is among the fits of the answer.
        (EstimateState::Measured { diagnostics, .. }, _) => &diagnostics.not_converged,
        (_, Some(model)) => &model.not_converged,
        (_, None) => &[],
    };
    let count = unfinished.len() as f64;
    if let Some(first) = unfinished.first() {
        let more = if unfinished.len() > 1 { format!(" (and {} more)", unfinished.len() - 1) } else { String::new() };
        let message = format!("A nuisance fit did not end where it should: {}{more}.", clause(first));
        return Finding { value: Some(count), ..rule.finding(Severity::Warn, message) };
    }
    match state {
        EstimateState::Withheld => rule.finding(
            Severity::Withheld,
            "The propensity is settled; the outcome models are not fitted while the loop is blind.",
        ),
        EstimateState::NotComputable { reason } => {
            rule.finding(Severity::NotApplicable, format!("Not checked: {}.", clause(reason)))
        }
        EstimateState::Measured { .. } => {
            Finding { value: Some(count), ..rule.finding(Severity::Pass, "Every nuisance fit ended where it should.") }
        }
    }
}

pub(super) fn disagreement(spec: &AnalysisSpec, state: EstimateState<'_>) -> Finding {
    given(Code::EstimateDisagreement, state, |rule, effect, diagnostics| {
        // The threshold is about two models that fail differently. Two fits of one regression differ by sampling alone,
        // and that is a matter for the interval.
        if diagnostics.disagreement.as_ref().is_some_and(|seen| seen.pair == EstimatePair::Other) {
            let message = "No flexible estimate could run beside the answer; how far other doubly robust estimates are from it is held against its interval.";
            return rule.finding(Severity::NotGraded, message);
        }
        let found = apart(rule, diagnostics, diagnostics.outcome_sd, "standard deviations of the outcome");
        let by_chance = spec.design == StudyDesign::Randomised;
        within_error(found, diagnostics, effect.std_error, by_chance)
    })
}

/// A difference of the members of an average warns from half a standard error of the answer on, and fails from a whole one:
/// below, sampling is reason enough. Between a regression and a flexible estimate, which has an error of its own, it is twice
/// as much, and so where chance decided who is treated (`by_chance`): there neither member can be wrong about the propensity,
/// and sampling alone sets them apart.
fn within_error(found: Finding, diagnostics: &EstimateDiagnostics, std_error: f64, by_chance: bool) -> Finding {
    let Some(seen) = &diagnostics.disagreement else { return found };
    let size = seen.size;
    let twice = by_chance || seen.pair == EstimatePair::RegressionAndFlexible;
    let fail = if twice { 2.0 * std_error } else { std_error };
    let severity = match found.severity {
        Severity::Fail if size <= fail => Severity::Warn,
        severity => severity,
    };
    let severity = match severity {
        Severity::Warn if size <= 0.5 * fail => Severity::Pass,
        severity => severity,
    };
    if severity == found.severity {
        return found;
    }
    let message = format!(
        "{} are {:.3} standard deviations of the outcome apart, {:.2} standard errors of the answer.",
        seen.between,
        size / diagnostics.outcome_sd,
        size / std_error
    );
    Finding { severity, message, threshold: rule(found.code).threshold(severity), ..found }
}

pub(super) fn width(state: EstimateState<'_>) -> Finding {
    given(Code::EstimateWidth, state, |rule, effect, diagnostics| {
        let value = (effect.ci_upper - effect.ci_lower) / diagnostics.outcome_sd;
        let severity = rule.severity(value);
        let message = match severity {
            Severity::NotApplicable => "Not checked: the width is not a finite number.".to_owned(),
            Severity::Fail => format!(
                "The interval is {value:.1} standard deviations of the outcome wide, wider than the outcome's own spread: it says nothing."
            ),
            Severity::Warn => {
                format!("The interval is {value:.1} standard deviations of the outcome wide: it says little.")
            }
            _ => format!("The interval is {value:.2} standard deviations of the outcome wide."),
        };
        Finding { value: finite(value), ..rule.finding(severity, message) }
    })
}

pub(super) fn one_row(state: EstimateState<'_>) -> Finding {
    given(Code::EstimateOneRow, state, |rule, _, diagnostics| {
        let value = diagnostics.largest_row;
        let severity = rule.severity(value);
        let share = percent(value);
        let message = match severity {
            Severity::NotApplicable => "Not checked: the share is not a finite number.".to_owned(),
            Severity::Pass => format!("No row makes more than {share} of the spread of the outcome."),
            Severity::Warn => {
                format!("One row makes {share} of the spread of the outcome, and decides much of the answer.")
            }
            _ => format!(
                "One row makes {share} of the spread of the outcome: the answer is about that row. If its value is a mistake, correct the data; if not, ask for an effect on a scale that it does not decide."
            ),
        };
        Finding { value: finite(value), ..rule.finding(severity, message) }
    })
}

pub(super) fn disagreement_interval(state: EstimateState<'_>) -> Finding {
    given(Code::EstimateDisagreementInterval, state, |rule, effect, diagnostics| {
        apart(rule, diagnostics, 0.5 * (effect.ci_upper - effect.ci_lower), "half-widths of the interval")
    })
}

/// The distance between doubly robust estimates, in units of `scale`.
fn apart(rule: &Rule, diagnostics: &EstimateDiagnostics, scale: f64, units: &str) -> Finding {
    let Some(seen) = &diagnostics.disagreement else {
        let message =
            "Not checked: there is only one doubly robust estimate; name another under `analysis: {also: …}`.";
        return rule.finding(Severity::NotApplicable, message);
    };
    let value = seen.size / scale;
    let severity = rule.severity(value);
    let message = match severity {
        Severity::NotApplicable => "Not checked: the difference is not a finite number.".to_owned(),
        Severity::Pass => format!("{} agree: they are {value:.3} {units} apart.", seen.between),
        _ => format!(
            "{} are {value:.3} {units} apart: at least one of them depends on a model that does not hold.",
            seen.between
        ),
    };
    Finding { subject: Some(seen.between.clone()), value: finite(value), ..rule.finding(severity, message) }
}

/// Warns if the headline error takes the nuisance models as known.
fn leaves_models_out(effect: &Effect) -> bool {
    match effect.se_method {
        SeMethod::InfluenceFunction => true,
        SeMethod::Clustered => effect.se_stacked.is_none(),
        _ => false,
    }
}

pub(super) fn standard_error(design: &AnalysisDesign, spec: &AnalysisSpec, state: EstimateState<'_>) -> Finding {
    if let Some(finding) = randomised(Code::EstimateStandardError, spec).filter(|_| state != EstimateState::Withheld) {
        return finding;
    }
    given(Code::EstimateStandardError, state, |rule, effect, _| {
        if !leaves_models_out(effect) {
            let message = "The standard error of the answer is not one that takes the nuisance models as known.";
            return rule.finding(Severity::Pass, message);
        }
        let Some(overlap) = &design.overlap else {
            let message =
                "Not checked: the standard error takes the nuisance models as known, and overlap was not measured.";
            return rule.finding(Severity::NotApplicable, message);
        };
        let severity = match rule.severity(overlap.share_beyond) {
            Severity::Warn if overlap.carried >= CONCENTRATED => Severity::Pass,
            severity => severity,
        };
        let message = match severity {
            Severity::NotApplicable => "Not checked: the share outside is not a finite number.".to_owned(),
            Severity::Pass => {
                "The standard error takes the nuisance models as known, which good overlap allows.".to_owned()
            }
            _ => format!(
                "The standard error takes the nuisance models as known. With {:.1} % of the target population without counterparts it can be several times too small: do not trust the interval; trim, weight to the overlap, or use an estimator whose error carries the models.",
                100.0 * overlap.share_beyond
            ),
        };
        Finding { value: finite(overlap.share_beyond), ..rule.finding(severity, message) }
    })
}

pub(super) fn targets(state: EstimateState<'_>) -> Finding {
    given(Code::EstimateTargets, state, |rule, effect, diagnostics| {
        let distance = |other: f64| (other - effect.estimate).abs() / diagnostics.outcome_sd;
        let others = diagnostics.by_target.iter().filter(|other| other.target != effect.estimand.target);
        let Some(far) = others.max_by(|a, b| distance(a.estimate).total_cmp(&distance(b.estimate))) else {
            return rule.finding(Severity::NotApplicable, "Not checked: the effect was computed for one target only.");
        };
        let value = distance(far.estimate);
        let severity = rule.severity(value);
        let (here, there) = (effect.estimand.target.acronym(), far.target.acronym());
        let message = match severity {
            Severity::NotApplicable => "Not checked: the difference is not a finite number.".to_owned(),
            Severity::Pass => format!(
                "The effect hardly depends on for whom it is asked: the {there} is {value:.3} standard deviations of the outcome from the {here}."
            ),
            _ => format!(
                "The {there} is {value:.3} standard deviations of the outcome from the {here}: the effect differs between these populations, or the models do not hold where overlap is thin. The answer is about its own population only."
            ),
        };
        Finding { subject: Some(there.to_owned()), value: finite(value), ..rule.finding(severity, message) }
    })
}
