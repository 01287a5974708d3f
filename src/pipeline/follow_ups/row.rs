//! One row of a sweep: design, grade and effect of one analysis in one population.

use crate::critique::rubric::{self, AfterUnblinding};
use crate::critique::verdict;
use crate::finding::{Code, Severity, Tier};
use crate::pipeline::Prepared;
use crate::pipeline::basis;
use crate::pipeline::design::{self, Fitted};
use crate::pipeline::effects;
use crate::pipeline::estimate_diagnostics;
use crate::plan::follow_ups::OutcomeForm;
use crate::record::documents::AnalysisDesign;
use crate::record::follow_up::{SweepRow, SweptEffect};
use crate::record::not_estimated::{DesignFailure, NoEstimate};
use crate::spec::{Analysis, AnalysisSpec};
use causal::effect::Effect;
use causal::nuisance::Nuisances;
use causal::numerics::weighted_moments;
use causal::sample::Sample;
use ndarray::{Array1, Axis};

/// The outcome of all analysed rows as a row of the table analyses it, with its standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::pipeline) struct Outcome {
    pub form: OutcomeForm,
    pub values: Array1<f64>,
    pub sd: f64,
    /// Values set to a limit.
    pub winsorised: usize,
}

/// The outcome as it is.
pub(in crate::pipeline) fn outcome_as_it_is(prepared: &Prepared) -> Result<Outcome, DesignFailure> {
    let values = prepared.outcome()?.clone();
    Ok(Outcome { form: OutcomeForm::AsItIs, sd: sd(prepared, &values), values, winsorised: 0 })
}

/// The standard deviation over all analysed rows that have a value, observation weights included; zero where there is none.
pub(super) fn sd(prepared: &Prepared, values: &Array1<f64>) -> f64 {
    let weights = prepared.analysed().weights().map_or_else(|| vec![1.0; values.len()], |w| w.to_vec());
    let there = values.iter().zip(weights).filter(|pair| !pair.0.is_nan());
    let (values, weights): (Vec<f64>, Vec<f64>) = there.map(|(value, weight)| (*value, weight)).unzip();
    weighted_moments::variance(&values, &weights).map_or(0.0, f64::sqrt)
}

/// A row before anything is known of it.
pub(super) fn blank(spec: &AnalysisSpec, analysis: &Analysis, label: String) -> SweepRow {
    SweepRow {
        requested: analysis.requested,
        label,
        estimand: analysis.estimand().name(),
        branches: Vec::new(),
        answer: false,
        repeats: None,
        n: None,
        trimmed: None,
        estimator: analysis.primary,
        learners: estimate_diagnostics::learners(analysis.primary, spec, analysis.models),
        outcome: OutcomeForm::AsItIs,
        effect: None,
        balance: None,
        grade: None,
        fails: Vec::new(),
        missing: None,
    }
}

/// What the design of a row shows, and how the rubric grades it while blind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Graded {
    n: (usize, usize),
    balance: Option<(f64, String)>,
    grade: Tier,
    fails: Vec<&'static str>,
}

impl Graded {
    /// Measures a fitted design.
    pub(super) fn new(
        prepared: &Prepared,
        spec: &AnalysisSpec,
        analysis: &Analysis,
        fitted: &Fitted,
    ) -> Result<Graded, DesignFailure> {
        let mut document = design::unmeasured(analysis);
        design::measure(prepared, spec, analysis, fitted, &mut document)?;
        let n = (fitted.covariates.n(), fitted.covariates.n_treated());
        let mut findings = rubric::findings(&document, spec, analysis, AfterUnblinding::WITHHELD);
        // A row is about its own population, and answers nothing that the plan asks about another one.
        findings.retain(|finding| finding.code != Code::PopulationKept);
        let fails = findings.iter().filter(|finding| finding.severity == Severity::Fail);
        let mut fails: Vec<&'static str> = fails.map(|finding| finding.code.key()).collect();
        let mut grade = verdict::tier(&findings);
        // However fair the comparison: it is none of what was asked.
        if basis::is_not_identified(prepared) {
            fails.insert(0, Code::Identification.key());
            grade = Tier::NotSatisfactory;
        }
        Ok(Graded { n, balance: worst(&document), grade, fails })
    }

    /// Writes it into a row.
    pub(super) fn fill(&self, row: &mut SweepRow) {
        row.n = Some(self.n);
        row.balance.clone_from(&self.balance);
        row.grade = Some(self.grade);
        row.fails.clone_from(&self.fails);
    }
}

/// The term that is least balanced after weighting, with its absolute standardised difference.
fn worst(document: &AnalysisDesign) -> Option<(f64, String)> {
    let rows = document.balance.iter().flat_map(|table| &table.rows);
    let apart = rows.filter_map(|row| Some((row.smd_after?.abs(), &row.term)));
    let far = apart.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((far.0, far.1.clone()))
}

/// The sample of a fitted design.
pub(super) fn sample(fitted: &Fitted, outcome: &Outcome) -> Result<Sample, DesignFailure> {
    Ok(Sample::new(fitted.covariates.clone(), outcome.values.select(Axis(0), &fitted.kept.rows))?)
}

/// The nuisances of an analysis in a sample.
pub(super) fn nuisances<'a>(
    sample: &'a Sample,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
) -> Result<Nuisances<'a>, NoEstimate> {
    let params = effects::params(spec, analysis);
    Nuisances::with_propensity_model(sample, &params, &fitted.kept.propensity).map_err(NoEstimate::from)
}

/// The primary effect, if its standard error is more than rounding.
pub(super) fn effect(nuisances: &Nuisances<'_>, analysis: &Analysis, outcome: &Outcome) -> Result<Effect, NoEstimate> {
    let effect = nuisances.effect(analysis.primary, analysis.target).map_err(NoEstimate::from)?;
    effects::with_error(effect, outcome.sd)
}

/// Writes an effect, or the reason why there is none, into a row.
pub(super) fn fill_effect(row: &mut SweepRow, effect: Result<Effect, NoEstimate>, outcome: &Outcome) {
    row.outcome = outcome.form;
    match effect {
        Ok(effect) => {
            row.effect = Some(SweptEffect {
                estimate: effect.estimate,
                std_error: effect.std_error,
                interval: (effect.ci_lower, effect.ci_upper),
                effective: (effect.ess_treated, effect.ess_control),
                outcome_sd: outcome.sd,
                clipped: effect.clipped,
                adjusted_p: None,
                among_outcomes: None,
            });
        }
        Err(reason) => row.missing = Some(reason.to_string()),
    }
}

/// One row: the design is graded, then the effect is estimated.
pub(in crate::pipeline) fn row(
    prepared: &Prepared,
    asked: (&AnalysisSpec, &Analysis),
    fitted: Result<Fitted, DesignFailure>,
    outcome: &Outcome,
) -> SweepRow {
    let (spec, analysis) = asked;
    let mut row = blank(spec, analysis, String::new());
    let done = fitted.and_then(|fitted| {
        Graded::new(prepared, spec, analysis, &fitted)?.fill(&mut row);
        let sample = sample(&fitted, outcome)?;
        let made = nuisances(&sample, spec, analysis, &fitted).and_then(|all| effect(&all, analysis, outcome));
        fill_effect(&mut row, made, outcome);
        Ok(())
    });
    if let Err(failure) = done {
        row.missing = Some(failure.to_string());
    }
    row
}
