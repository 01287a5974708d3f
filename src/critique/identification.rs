//! The identification of an effect as a finding.

use crate::critique::rubric::rule;
use crate::finding::{Code, Finding, Severity};
use crate::record::basis::{IdentificationBasis, IdentifiedBy};
use crate::record::documents::AnalysisDesign;
use crate::text::numbers::{count, fixed, p_statement};
use causal::diagnose::allocation::AllocationReport;

/// Whether a placebo outcome or a negative control speaks for the confounders of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placebos {
    /// None was tested.
    Untested,
    /// At least one was, and no alarm was raised.
    Passed,
    /// One raised an alarm.
    Alarm,
}

/// What the placebos of an analysis say, by its findings and its design.
pub(super) fn placebos(findings: &[Finding], design: &AnalysisDesign) -> Placebos {
    let graded = findings.iter().find(|finding| finding.code == Code::PlaceboEffect).map(|finding| finding.severity);
    match graded {
        Some(Severity::Warn | Severity::Fail) => Placebos::Alarm,
        Some(Severity::Pass) => Placebos::Passed,
        // One that could not be tested says nothing about the others.
        Some(Severity::NotApplicable) if any_tested(design) => Placebos::Passed,
        _ => Placebos::Untested,
    }
}

fn any_tested(design: &AnalysisDesign) -> bool {
    design.placebo.as_ref().is_some_and(|report| report.effects.iter().any(|effect| effect.p_holm.is_finite()))
}

/// The finding on `identification`; `with_outcome` are the independencies that are rejected once the outcome is read.
pub(super) fn finding(identification: &IdentificationBasis, with_outcome: &[String], placebos: Placebos) -> Finding {
    let rule = rule(Code::Identification);
    match identification.by {
        IdentifiedBy::Randomised => randomised(identification),
        IdentifiedBy::Graph => {
            let rejected: Vec<&String> = identification.rejected.iter().chain(with_outcome).collect();
            by_graph(&rejected, placebos)
        }
        IdentifiedBy::AssumedOnly => rule.finding(
            Severity::Warn,
            "Assumed, not shown: the answer is causal only if the confounders of the plan are all there are, and no diagnostic can see those that are missing.",
        ),
        IdentifiedBy::Not => not_identified(identification),
    }
}

fn by_graph(rejected: &[&String], placebos: Placebos) -> Finding {
    let rule = rule(Code::Identification);
    if let [first, more @ ..] = rejected {
        let tail = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        let message = format!(
            "The causal graph of the plan identifies the effect, and the data reject what it implies: {first}{tail}. It lacks an arrow or a hidden cause."
        );
        return rule.finding(Severity::Warn, message);
    }
    let (severity, message) = match placebos {
        Placebos::Passed => (
            Severity::Pass,
            "The causal graph of the plan identifies the effect by these confounders, the data do not reject what it implies, and a placebo outcome or negative control that could have told of hidden confounding did not.",
        ),
        Placebos::Untested => (
            Severity::Warn,
            "Identified by the graph; no placebo or negative control tested it. Declare one under `placebo_outcomes` or `negative_controls`: an outcome that the hidden causes would move and treatment cannot.",
        ),
        Placebos::Alarm => (
            Severity::Warn,
            "Identified by the graph, and a placebo or negative control speaks against it: see `placebo.effect`.",
        ),
    };
    rule.finding(severity, message)
}

fn not_identified(identification: &IdentificationBasis) -> Finding {
    let rule = rule(Code::Identification);
    let quoted = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let why = match (&identification.open_path, identification.forbidden.as_slice()) {
        (_, forbidden @ [_, ..]) => format!(" {} must not be adjusted for.", quoted(forbidden)),
        (Some(path), _) => format!(" The path {path} stays open."),
        (None, _) => String::new(),
    };
    let instead = match (&identification.instead, identification.instruments.as_slice()) {
        (Some(set), _) if set.is_empty() => " Nothing need be adjusted for.".to_owned(),
        (Some(set), _) => format!(" Adjust for {} instead.", quoted(set)),
        (None, instruments @ [_, ..]) => {
            format!(" {} could serve as an instrument, for the effect among those whom it moves.", quoted(instruments))
        }
        (None, _) => String::new(),
    };
    let message =
        format!("By the causal graph of the plan these confounders do not identify the effect.{why}{instead}");
    rule.finding(Severity::Fail, message)
}

fn randomised(identification: &IdentificationBasis) -> Finding {
    let rule = rule(Code::Identification);
    let Some(report) = &identification.allocation else {
        let reason = identification.not_audited.as_deref().unwrap_or("nobody made the audit");
        return rule.finding(Severity::NotApplicable, format!("The allocation could not be audited: {reason}."));
    };
    let value = report.p_ratio.min(report.p_covariates);
    let severity = rule.severity(value);
    let message = match severity {
        Severity::NotApplicable => "The allocation could not be audited: a p-value is not a number.".to_owned(),
        Severity::Pass => format!("Randomised, and the allocation checks out: {}.", audited(report)),
        _ => {
            format!("Treatment is declared to be randomised, and its allocation does not look it: {}.", audited(report))
        }
    };
    Finding { value: Some(value).filter(|value| value.is_finite()), ..rule.finding(severity, message) }
}

fn audited(report: &AllocationReport) -> String {
    let ratio = format!(
        "{} of {} units are treated and {} are expected ({})",
        count(report.treated),
        count(report.units),
        fixed(report.expected, 1),
        p_statement(report.p_ratio)
    );
    match report.covariates {
        0 => format!("{ratio}; there are no covariates that could predict assignment"),
        k => format!(
            "{ratio}, and {k} covariate {} together predict assignment no better than chance would with {}",
            if k == 1 { "term does" } else { "terms" },
            p_statement(report.p_covariates)
        ),
    }
}
