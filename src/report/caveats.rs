//! What keeps a verdict from the best grade, one line each: the findings of the critique in few words. The checks behind them,
//! with their numbers and thresholds, are told in full in the details of the report.

use crate::critique::rubric::rule;
use crate::finding::{Code, Finding, Severity};
use crate::plan::Plan;
use crate::record::basis::{IdentificationBasis, IdentifiedBy};
use crate::record::critique::AnalysisCritique;
use crate::record::documents::ResultsDocument;
use crate::report::model_sentences::lowered;
use crate::report::sentences;
use crate::text::lists::listed;
use crate::text::numbers::{fixed, p_statement, percent};
use causal::estimand::Target;

/// One caveat, and whose it is.
#[derive(Debug, Clone, PartialEq)]
struct Caveat {
    severity: Severity,
    concerns: Vec<Target>,
    clause: String,
}

/// The caveats of all answers, those of the first answer first, and of these the ones that refuse it; each is said once, with
/// the estimands it concerns if that is not all of them.
#[must_use]
pub fn lines(results: &ResultsDocument, plan: &Plan) -> Vec<String> {
    let mut all: Vec<Caveat> = Vec::new();
    for graded in &results.critique.analyses {
        let doubts = graded.findings.iter().filter(|finding| finding.severity > Severity::Withheld);
        for finding in doubts {
            let clause = clause(finding, graded, results, plan);
            match all.iter_mut().find(|known| known.clause == clause) {
                Some(known) => {
                    known.severity = known.severity.max(finding.severity);
                    if !known.concerns.contains(&graded.requested) {
                        known.concerns.push(graded.requested);
                    }
                }
                None => all.push(Caveat { severity: finding.severity, concerns: vec![graded.requested], clause }),
            }
        }
    }
    // The page opens with the first answer, and so do its caveats.
    let first = results.answers.first().map(|answer| answer.requested);
    let of_the_first = |caveat: &Caveat| first.is_some_and(|first| caveat.concerns.contains(&first));
    all.sort_by_key(|caveat| (!of_the_first(caveat), caveat.severity != Severity::Fail));
    let everyone = results.critique.analyses.len();
    let told = all.iter().map(|caveat| line(caveat, everyone));
    told.chain(results.answers.iter().filter_map(|answer| lowered(results, answer.requested))).collect()
}

fn line(caveat: &Caveat, everyone: usize) -> String {
    let clause = sentences::sentence(&caveat.clause);
    if caveat.concerns.len() == everyone {
        return clause;
    }
    let names: Vec<&str> = caveat.concerns.iter().map(|target| target.acronym()).collect();
    format!("{}: {clause}", listed(&names))
}

fn clause(finding: &Finding, graded: &AnalysisCritique, results: &ResultsDocument, plan: &Plan) -> String {
    let by_number = finding.value.map(|value| rule(finding.code).severity(value));
    if plan.thresholds.contains_key(&finding.code) && by_number.is_some_and(|default| default < finding.severity) {
        return format!("the plan sets its own threshold for `{}`, which is not the default", finding.code.key());
    }
    match finding.code {
        Code::Identification => identification(finding, &results.identification, graded),
        _ if finding.severity == Severity::NotApplicable => not_checked(finding),
        code => measured(code, finding),
    }
}

fn identification(finding: &Finding, basis: &IdentificationBasis, graded: &AnalysisCritique) -> String {
    let alarm = graded.findings.iter().any(|f| f.code == Code::PlaceboEffect && f.severity >= Severity::Warn);
    match (basis.by, finding.severity) {
        (_, Severity::NotApplicable) => "the allocation could not be audited".to_owned(),
        (IdentifiedBy::Randomised, _) => match finding.value {
            Some(p) => format!("the allocation does not look randomised ({})", p_statement(p)),
            None => "the allocation does not look randomised".to_owned(),
        },
        (IdentifiedBy::AssumedOnly, _) => "that the effect is identified is assumed, not shown".to_owned(),
        (IdentifiedBy::Not, _) => "by the graph of the plan the effect is not identified".to_owned(),
        (IdentifiedBy::Graph, _) if !basis.rejected.is_empty() => "the data reject the graph of the plan".to_owned(),
        (IdentifiedBy::Graph, _) if alarm => "a placebo speaks against the graph of the plan".to_owned(),
        (IdentifiedBy::Graph, _) => "no placebo or negative control has tested the graph of the plan".to_owned(),
    }
}

fn not_checked(finding: &Finding) -> String {
    let what = match finding.code {
        Code::PlaceboEffect if finding.value.is_some() => return "not every placebo could be tested".to_owned(),
        Code::PlaceboEffect => return "no placebo outcome or negative control was tested".to_owned(),
        Code::EstimateDisagreement | Code::EstimateDisagreementInterval => {
            return "no second doubly robust estimate was there to compare with".to_owned();
        }
        Code::BalancePriority => "the balance of the priority confounders",
        Code::OverlapOutside | Code::OverlapEffectiveSize => "overlap",
        Code::SensitivityRobustness => "sensitivity to hidden confounding",
        Code::EstimateConvergence => "the convergence of the models",
        Code::EstimateWidth => "the width of the interval",
        Code::EstimateStandardError => "whether the standard error can be believed",
        Code::EstimateTargets => "whether the effect depends on for whom it is asked",
        Code::PopulationKept => "who is left in the answer",
        code => return format!("not checked: `{}`", code.key()),
    };
    format!("not checked: {what}")
}

fn measured(code: Code, finding: &Finding) -> String {
    let value = finding.value;
    let number = |digits: usize| value.map_or("–".to_owned(), |value| fixed(value, digits));
    let share = || value.map_or("some".to_owned(), percent);
    let subject = finding.subject.as_ref().map_or("a confounder".to_owned(), |name| format!("`{name}`"));
    match code {
        Code::DesignFailed => "no comparison could be designed".to_owned(),
        Code::EstimateFailed => "the settled design gave no estimate".to_owned(),
        Code::StructureOneArm => format!("{subject} has values that only one arm has ({} of the target)", share()),
        Code::StructurePocket => {
            format!("in a subgroup by {subject} one arm is all but missing ({} of the target)", share())
        }
        Code::StructureOutcome => match &finding.subject {
            Some(_) => format!("{subject} all but says what the outcome is"),
            None => "the confounders together all but say what the outcome is".to_owned(),
        },
        Code::PopulationKept => kept(finding),
        Code::PopulationAttrition => format!("the arms differ by {} in how many have no outcome", share()),
        Code::BalancePriority => balance(finding, &subject),
        Code::OverlapOutside => format!("{} of the target population have hardly any counterparts", share()),
        Code::OverlapEffectiveSize => format!("an arm counts for {} units only", number(0)),
        Code::PlaceboEffect => {
            format!("the placebo {subject} moves (Holm {})", value.map_or("p = –".to_owned(), p_statement))
        }
        Code::SensitivityRobustness => format!("the effect is fragile: robustness value {}", share()),
        Code::EstimateConvergence => format!("nuisance fits that did not end where they should: {}", number(0)),
        Code::EstimateDisagreement => {
            format!("two doubly robust estimates are {} sd of the outcome apart", number(3))
        }
        Code::EstimateDisagreementInterval => {
            format!("two doubly robust estimates are {} half-widths of the interval apart", number(2))
        }
        Code::EstimateWidth => format!("the interval is {} sd of the outcome wide", number(1)),
        Code::EstimateOneRow => format!("one row makes {} of the spread of the outcome", share()),
        Code::EstimateStandardError => "the standard error may be far too small: overlap is poor".to_owned(),
        Code::EstimateTargets => {
            let other = finding.subject.as_deref().unwrap_or("effect for others");
            format!("the {other} is {} sd of the outcome away from it", number(2))
        }
        Code::Alignment => "plan, spec and executed analysis do not agree".to_owned(),
        Code::Blindness if value.is_some() => {
            "an earlier run had shown an answer before this plan was written".to_owned()
        }
        Code::Blindness => "effects could be seen while specs were chosen".to_owned(),
        Code::Identification => "the effect may not be identified".to_owned(),
    }
}

fn kept(finding: &Finding) -> String {
    let left =
        finding.value.map_or(String::new(), |share| format!("; {} of those asked about are left", percent(share)));
    if finding.severity == Severity::Fail {
        return format!("another question is answered, which the plan had not accepted{left}");
    }
    format!("another question is answered, as the plan had accepted{left}")
}

fn balance(finding: &Finding, subject: &str) -> String {
    match (finding.value, finding.threshold) {
        (Some(value), Some(line)) if value < line => {
            "the means agree, and spread or shape of a priority confounder does not".to_owned()
        }
        (Some(value), _) => format!("{subject} is {} sd apart after weighting", fixed(value, 3)),
        (None, _) => format!("{subject} has another value in each arm"),
    }
}
