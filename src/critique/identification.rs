//! The identification of an effect as a finding.

use crate::critique::rubric::rule;
use crate::finding::{Code, Finding, Severity};
use crate::record::basis::{IdentificationBasis, IdentifiedBy};
use crate::text::numbers::{count, fixed, p_value};
use causal::diagnose::allocation::AllocationReport;

pub(super) fn finding(identification: &IdentificationBasis) -> Finding {
    let rule = rule(Code::Identification);
    match identification.by {
        IdentifiedBy::Randomised => randomised(identification),
        IdentifiedBy::Graph => by_graph(identification),
        IdentifiedBy::AssumedOnly => rule.finding(
            Severity::Warn,
            "Assumed, not shown: the answer is causal only if the confounders of the plan are all there are, and no diagnostic can see those that are missing.",
        ),
        IdentifiedBy::Not => not_identified(identification),
    }
}

fn by_graph(identification: &IdentificationBasis) -> Finding {
    let rule = rule(Code::Identification);
    let Some(first) = identification.rejected.first() else {
        return rule
            .finding(Severity::Pass, "The causal graph of the plan identifies the effect by these confounders.");
    };
    let more = identification.rejected.len() - 1;
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "The causal graph of the plan identifies the effect, and the data reject what it implies: {first}{tail}. It lacks an arrow or a hidden cause."
    );
    rule.finding(Severity::Warn, message)
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
        "{} of {} units are treated and {} are expected (p = {})",
        count(report.treated),
        count(report.units),
        fixed(report.expected, 1),
        p_value(report.p_ratio)
    );
    match report.covariates {
        0 => format!("{ratio}; there are no covariates that could predict assignment"),
        k => format!(
            "{ratio}, and {k} covariate {} together predict assignment no better than chance would with p = {}",
            if k == 1 { "term does" } else { "terms" },
            p_value(report.p_covariates)
        ),
    }
}
