//! Is the answer about those who were asked about, and who of them was lost?

use crate::critique::rubric::rule;
use crate::finding::{Code, Finding, Severity};
use crate::record::documents::{AnalysisDesign, PopulationDocument};
use crate::schema::Counters;
use crate::spec::{Analysis, AnalysisSpec};
use crate::text::numbers::{percent, significant};
use causal::estimand::{Population, Target};

pub(super) fn kept(design: &AnalysisDesign, spec: &AnalysisSpec, analysis: &Analysis) -> Finding {
    let rule = rule(Code::PopulationKept);
    let (asked, name) = (analysis.requested.acronym(), analysis.estimand().name());
    let Some(population) = &design.population else {
        return rule.finding(Severity::NotApplicable, "Not checked: there is no design to check.");
    };
    let as_asked = analysis.target == analysis.requested && analysis.population == Population::All;
    if as_asked {
        let message = format!("The {asked} is answered as it was asked.");
        return Finding { value: Some(1.0), ..rule.finding(Severity::Pass, message) };
    }
    let share = share_kept(analysis, population);
    let told = share.map_or_else(String::new, |share| format!(" {} of those asked about are left.", percent(share)));
    let lost = lost(population).map_or_else(String::new, |lost| format!(" {lost}"));
    if !spec.answers(analysis.requested, analysis.estimand()) {
        let message = format!(
            "Not answered: the {asked} was asked for, and this is the {name}, which the plan did not accept beforehand.{told}{lost}"
        );
        return Finding { value: share, ..rule.finding(Severity::Fail, message) };
    }
    let severity = share.map_or(Severity::Warn, |share| rule.severity(share).max(Severity::Warn));
    let message =
        format!("The {asked} was asked for, and this is the {name}, as the plan accepted beforehand.{told}{lost}");
    Finding { value: share, ..rule.finding(severity, message) }
}

/// Whether one arm lost more units for want of an outcome than the other; nothing where nobody was lost.
pub(super) fn attrition(counters: &Counters) -> Option<Finding> {
    let rule = rule(Code::PopulationAttrition);
    let by_arm = counters.outcome_missing.as_ref()?;
    let loss = |lost: usize, n: usize| lost as f64 / n.max(1) as f64;
    let treated = loss(by_arm.treated_lost, by_arm.treated);
    let control = loss(by_arm.control_lost, by_arm.control);
    let difference = (treated - control).abs();
    let variance = |p: f64, n: usize| p * (1.0 - p) / n.max(1) as f64;
    let error = (variance(treated, by_arm.treated) + variance(control, by_arm.control)).sqrt();
    let by_chance = difference < CHANCE * error;
    let severity = if by_chance { Severity::Pass } else { rule.severity(difference) };
    let shares = format!(
        "{} of the treated and {} of the controls have no outcome and are left out",
        percent(treated),
        percent(control)
    );
    let message = match severity {
        Severity::Pass if by_chance => format!("{shares}: no more than chance makes."),
        Severity::Pass => format!("{shares}: nearly as many."),
        _ => format!("{shares}: who is left is not who was treated, or not, unless it is by chance who was lost."),
    };
    Some(Finding { value: Some(difference), threshold: rule.threshold(severity), ..rule.finding(severity, message) })
}

/// A difference of fewer standard errors is chance.
const CHANCE: f64 = 2.0;

/// The share of the target population that trimming left; weights leave nobody out altogether.
fn share_kept(analysis: &Analysis, population: &PopulationDocument) -> Option<f64> {
    let share = |kept: usize, lost: usize| kept as f64 / (kept + lost).max(1) as f64;
    let trimmed = matches!(analysis.population, Population::Trimmed { .. });
    trimmed.then(|| match analysis.target {
        Target::Att => share(population.n_treated, population.trimmed_treated),
        Target::Atc => share(population.n_control, population.trimmed_control),
        Target::Ate | Target::Ato => share(population.n, population.trimmed_treated + population.trimmed_control),
    })
}

/// The priority confounder whose mean among those who are left is farthest, in proportion, from that among all who were
/// asked about; and the treated who were lost.
fn lost(population: &PopulationDocument) -> Option<String> {
    let treated = population.trimmed_treated;
    let treated = (treated > 0).then(|| format!("{treated} treated units are lost."));
    let means = population.farthest_from_asked().map(|(term, here, asked)| {
        let (here, asked) = (significant(here, 3), significant(asked, 3));
        format!("Their `{term}` averages {here}; among all who were asked about it is {asked}.")
    });
    let said: Vec<String> = means.into_iter().chain(treated).collect();
    (!said.is_empty()).then(|| said.join(" "))
}
