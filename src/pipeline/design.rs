//! The design stage: propensity, population, balance, overlap and placebo of every analysis. The outcome is not read.

use super::balance_columns::{BalanceColumns, own_terms};
use super::basis;
use super::effects;
use super::prepare::Prepared;
use super::propensity;
use crate::dataset::DatasetProblem;
use crate::pipeline::fit_cache::Kept;
use crate::plan::Tool;
use crate::record::documents::{AnalysisDesign, DesignDocument, PopulationDocument};
use crate::record::not_estimated::DesignFailure;
use crate::schema::Counters;
use crate::spec::{self, Analysis, AnalysisSpec, ArmSizes, Placebo};
use crate::term::Term;
use causal::design;
use causal::diagnose::balance;
use causal::diagnose::balance::BalanceTable;
use causal::diagnose::{overlap, placebo};
use causal::estimand::{Population, Target};
use causal::sample::Covariates;
use ndarray::Array1;
use std::sync::Arc;

/// Rows and propensity of one analysis: what weighting and estimation start from.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// Who is kept, and their propensity.
    pub kept: Arc<Kept>,
    /// Covariates of the kept rows on the analysis' terms.
    pub covariates: Covariates,
    /// Balancing weights of the analysis' target, without observation weights.
    pub weights: Array1<f64>,
}

/// Runs the design of every analysis of the spec.
#[must_use]
pub fn design(prepared: &Prepared, spec: &AnalysisSpec) -> DesignDocument {
    let analyses: Vec<AnalysisDesign> =
        spec.analyses.iter().map(|analysis| analysis_design(prepared, spec, analysis)).collect();
    let clipped = analyses.iter().filter_map(|design| design.propensity.as_ref()).map(|model| model.clipped).sum();
    DesignDocument {
        iteration: spec.iteration,
        spec_sha256: spec.sha256(),
        data_sha256: prepared.document.sha256.clone(),
        counters: Counters { propensities_clipped: clipped, ..prepared.counters().clone() },
        identification: basis::of_plan(prepared, spec),
        structure: prepared.structure().clone(),
        pockets: prepared.pockets().to_vec(),
        analyses,
    }
}

/// The design of an analysis before anything is measured.
pub(super) fn unmeasured(analysis: &Analysis) -> AnalysisDesign {
    AnalysisDesign {
        requested: analysis.requested,
        estimand: analysis.estimand(),
        name: analysis.estimand().name(),
        failed: None,
        population: None,
        propensity: None,
        balance: None,
        overlap: None,
        placebo: None,
    }
}

fn analysis_design(prepared: &Prepared, spec: &AnalysisSpec, analysis: &Analysis) -> AnalysisDesign {
    let mut document = unmeasured(analysis);
    if let Err(failure) = fill(prepared, spec, analysis, &mut document) {
        // Nothing half-made: a design is not to be graded on those of its parts that happened to succeed.
        document = AnalysisDesign { failed: Some(failure.to_string()), ..unmeasured(analysis) };
    }
    document
}

fn fill(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    document: &mut AnalysisDesign,
) -> Result<(), DesignFailure> {
    measure(prepared, spec, analysis, &fit(prepared, spec, analysis)?, document)
}

/// Population, balance, overlap and placebos of a design that was fitted.
pub(super) fn measure(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
    document: &mut AnalysisDesign,
) -> Result<(), DesignFailure> {
    let allowed = |tool: Tool| spec.tools.contains(&tool);
    document.population = Some(population(prepared, spec, analysis, fitted)?);
    document.propensity = Some(propensity::document(&fitted.kept.propensity, &fitted.covariates));
    if allowed(Tool::Balance) {
        document.balance = Some(measured_balance(prepared, spec, analysis, fitted)?);
    }
    if allowed(Tool::Overlap) {
        let report = overlap::overlap(fitted.kept.propensity.e(), &fitted.covariates, analysis.target, &fitted.weights);
        document.overlap = Some(report?);
    }
    if allowed(Tool::Placebo) {
        document.placebo = Some(placebos(prepared, spec, analysis, fitted)?);
    }
    Ok(())
}

/// Fits the propensity of an analysis: on all rows, and, if its population is trimmed, again on those that are kept.
/// A fit that was made before is not made again.
///
/// # Errors
/// [`DesignFailure`]: separation, non-convergence, an arm without units.
pub fn fit(prepared: &Prepared, spec: &AnalysisSpec, analysis: &Analysis) -> Result<Fitted, DesignFailure> {
    let everyone = prepared.analysed().covariates(&analysis.terms).map_err(unusable_terms)?;
    let kept = prepared.designs().get(key(spec, analysis), || keep(&everyone, prepared, spec, analysis))?;
    let covariates = match kept.trimming {
        None => everyone,
        Some(_) => everyone.rows(&kept.rows)?,
    };
    let weights = design::balancing_weights(kept.propensity.e(), covariates.treatment(), analysis.target);
    Ok(Fitted { kept, covariates, weights })
}

/// Everything that decides the fit. The target is in it only where it says at which end is trimmed: targets of one population
/// share their propensity.
fn key(spec: &AnalysisSpec, analysis: &Analysis) -> String {
    let end = trimmed_end(analysis);
    format!("{:?} {:?} {end:?} {:?} {} {}", analysis.terms, analysis.population, analysis.models, spec.folds, spec.seed)
}

/// The same on rows that are given: the propensity is fitted to them, and nobody else is left out.
///
/// # Errors
/// As [`fit`]; also rows of one arm only.
pub(super) fn fit_on(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    rows: Vec<usize>,
) -> Result<Fitted, DesignFailure> {
    let everyone = prepared.analysed().covariates(&analysis.terms).map_err(unusable_terms)?;
    let covariates = everyone.rows(&rows)?;
    estimable(&covariates, rows.len())?;
    let propensity = propensity::fit(&covariates, prepared.analysed(), spec, &analysis.models, &rows)?;
    let weights = design::balancing_weights(propensity.e(), covariates.treatment(), analysis.target);
    Ok(Fitted { kept: Arc::new(Kept { rows, propensity, trimming: None }), covariates, weights })
}

/// The analysed rows that an analysis is about.
///
/// # Errors
/// As [`fit`].
pub fn rows(prepared: &Prepared, spec: &AnalysisSpec, analysis: &Analysis) -> Result<Vec<usize>, DesignFailure> {
    match analysis.population {
        Population::All => Ok((0..prepared.arms().0).collect()),
        Population::Trimmed { .. } => fit(prepared, spec, analysis).map(|fitted| fitted.kept.rows.clone()),
    }
}

/// The end of the propensity at which a trimmed analysis is trimmed; `None` for an analysis of everyone.
pub(super) fn trimmed_end(analysis: &Analysis) -> Option<TrimmedEnd> {
    let trimmed = matches!(analysis.population, Population::Trimmed { .. });
    trimmed.then_some(match analysis.target {
        Target::Att => TrimmedEnd::NearOne,
        Target::Atc => TrimmedEnd::NearZero,
        Target::Ate | Target::Ato => TrimmedEnd::Both,
    })
}

/// Where counterparts are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrimmedEnd {
    NearZero,
    NearOne,
    Both,
}

fn keep(
    everyone: &Covariates,
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<Kept, DesignFailure> {
    let rows: Vec<usize> = (0..everyone.n()).collect();
    let all = |rows: &[usize]| propensity::fit(everyone, prepared.analysed(), spec, &analysis.models, rows);
    let Population::Trimmed { trim } = analysis.population else {
        return Ok(Kept { propensity: all(&rows)?, rows, trimming: None });
    };
    // That of everyone is shared by all thresholds.
    let untrimmed = Analysis { population: Population::All, ..analysis.clone() };
    let first = || Ok(Kept { propensity: all(&rows)?, rows: rows.clone(), trimming: None });
    let first = prepared.designs().get(key(spec, &untrimmed), first)?;
    let trimming = design::trim(first.propensity.e(), everyone.treatment(), trim, analysis.target);
    let rows = trimming.keep.clone();
    let kept = everyone.rows(&rows).map_err(|source| DesignFailure::Trimmed {
        kept: rows.len(),
        all: everyone.n(),
        source,
    })?;
    estimable(&kept, rows.len())?;
    // Fitted again: among those who are kept the chance of treatment has another model than among everyone.
    let propensity = propensity::fit(&kept, prepared.analysed(), spec, &analysis.models, &rows)
        .map_err(|source| DesignFailure::PropensityAfterTrimming { rows: rows.len(), source })?;
    Ok(Kept { rows, propensity, trimming: Some(trimming) })
}

/// Units that each arm needs beside one for every term: a trimming that leaves fewer leaves nothing to estimate with.
const SPARE_UNITS: usize = 10;

fn estimable(kept: &Covariates, rows: usize) -> Result<(), DesignFailure> {
    let smaller = kept.n_treated().min(kept.n_control());
    if smaller < kept.p() + SPARE_UNITS {
        return Err(DesignFailure::TooFewLeft { rows, smaller, terms: kept.p() });
    }
    Ok(())
}

fn unusable_terms(problems: Vec<DatasetProblem>) -> DesignFailure {
    DesignFailure::Terms { problems: problems.into_iter().map(|problem| problem.message).collect() }
}

fn measured_balance(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
) -> Result<BalanceTable, DesignFailure> {
    let columns = BalanceColumns::new(prepared, spec, analysis);
    let all = prepared.analysed().covariates(&columns.terms).map_err(unusable_terms)?;
    let covariates = all.rows(&fitted.kept.rows)?;
    let table = balance::balance(&covariates, &fitted.weights, &columns.labels)?;
    let moments = balance::second_moments(&covariates, &fitted.weights, &columns.labels, &columns.pairs)?;
    Ok(table.with_second_moments(moments))
}

fn placebos(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
) -> Result<placebo::PlaceboReport, DesignFailure> {
    let how = PlaceboTest {
        target: analysis.target,
        params: placebo::PlaceboParams {
            estimator: spec::placebo_estimator(&spec.tools, analysis),
            estimate: effects::params(spec, analysis),
        },
    };
    let mut report = placebo::placebo_report(Vec::new());
    let mut untested = Vec::new();
    for declared in &spec.placebos {
        let values = prepared.placebo(&declared.column)?.select(ndarray::Axis(0), &fitted.kept.rows);
        let one = test_placebo(fitted, declared, values, &how);
        report.effects.extend(one.effects);
        untested.extend(one.not_applicable);
    }
    if !spec.placebos.is_empty() {
        report.not_applicable = (!untested.is_empty()).then(|| untested.join("; "));
    }
    // Over all of them at once; each was tested on the rows that have it.
    let adjusted = placebo::holm(&report.effects.iter().map(|effect| effect.p_value).collect::<Vec<_>>());
    for (effect, p) in report.effects.iter_mut().zip(adjusted) {
        effect.p_holm = p;
    }
    Ok(report)
}

/// The way in which every placebo of an analysis is tested.
struct PlaceboTest {
    target: Target,
    params: placebo::PlaceboParams,
}

/// One placebo on the rows that have it. Rows without it are left out of its test only, and of nothing else.
fn test_placebo(fitted: &Fitted, declared: &Placebo, values: Array1<f64>, how: &PlaceboTest) -> placebo::PlaceboReport {
    let PlaceboTest { target, params } = how;
    let target = *target;
    let one = |values| {
        let role = declared.role.key().to_owned();
        [placebo::DeclaredPlacebo { column: declared.column.clone(), role, values }]
    };
    let have: Vec<usize> = (0..values.len()).filter(|row| !values[*row].is_nan()).collect();
    if have.len() == values.len() {
        let propensity = &fitted.kept.propensity;
        return placebo::placebo_effects_with(&fitted.covariates, &one(values), propensity, target, params);
    }
    match fitted.covariates.rows(&have) {
        Ok(covariates) => {
            let tested = one(values.select(ndarray::Axis(0), &have));
            match fitted.kept.propensity.rows(&have) {
                Some(propensity) => placebo::placebo_effects_with(&covariates, &tested, &propensity, target, params),
                // A regression is fitted to the rows that it serves.
                None => placebo::placebo_effects(&covariates, &tested, target, params),
            }
        }
        Err(error) => placebo::PlaceboReport {
            effects: Vec::new(),
            not_applicable: Some(format!("among the rows that have `{}`, {error}", declared.column)),
        },
    }
}

pub(super) fn population(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
) -> Result<PopulationDocument, DesignFailure> {
    let total = prepared.counters().rows_analysed;
    let n = fitted.kept.rows.len();
    let trimming = fitted.kept.trimming.as_ref();
    let arms = ArmSizes { treated: fitted.covariates.n_treated(), control: fitted.covariates.n_control() };
    let profile = profile(prepared, spec, analysis, fitted)?;
    let trimmed = trimming.is_some_and(|t| t.trimmed_treated + t.trimmed_control > 0);
    let others = trimmed || analysis.target != analysis.requested;
    let profile_asked = if others { profile_asked(prepared, spec, analysis)? } else { Vec::new() };
    Ok(PopulationDocument {
        n,
        n_treated: fitted.covariates.n_treated(),
        n_control: fitted.covariates.n_control(),
        share_kept: n as f64 / total as f64,
        trimmed_treated: trimming.map_or(0, |t| t.trimmed_treated),
        trimmed_control: trimming.map_or(0, |t| t.trimmed_control),
        alpha_lower: trimming.map(|t| t.lower),
        alpha_upper: trimming.map(|t| t.upper),
        description: describe(analysis.target, trimming, arms, total),
        profile,
        profile_asked,
    })
}

/// Who the answer is about, with numbers: the rows of `arms`, out of `total`.
pub(super) fn describe(target: Target, trimming: Option<&design::Trimming>, arms: ArmSizes, total: usize) -> String {
    let n = arms.treated + arms.control;
    let (rows, treated, controls) = (count(n), count(arms.treated), count(arms.control));
    let who = match target {
        Target::Ate => format!("All {rows} rows"),
        Target::Att => format!("The {treated} treated"),
        Target::Atc => format!("The {controls} controls"),
        Target::Ato => {
            format!("The overlap population: {rows} rows, weighted towards those that could have gone either way")
        }
    };
    let compared = match target {
        Target::Ate | Target::Ato => format!("{treated} treated and {controls} controls"),
        Target::Att => format!("compared with {controls} controls"),
        Target::Atc => format!("compared with {treated} treated"),
    };
    let Some(t) = trimming else { return format!("{who}, {compared}") };
    // Of those who were asked about, and of nobody else.
    let (left, asked, noun) = match target {
        Target::Ate | Target::Ato => (n, total, "rows"),
        Target::Att => (arms.treated, arms.treated + t.trimmed_treated, "treated"),
        Target::Atc => (arms.control, arms.control + t.trimmed_control, "controls"),
    };
    format!(
        "{who} whose estimated chance of treatment lies between {:.3} and {:.3}, {compared}; {:.1} % of all {} {noun} are left",
        t.lower,
        t.upper,
        100.0 * left as f64 / asked as f64,
        count(asked)
    )
}

/// 16177 as `16,177`.
fn count(n: usize) -> String {
    crate::text::numbers::count(n)
}

fn priority_terms(prepared: &Prepared, spec: &AnalysisSpec) -> Vec<Term> {
    spec.confounders.iter().filter(|g| g.priority).flat_map(|group| own_terms(prepared, group)).collect()
}

/// Means of the priority terms among all who were asked about; nothing for the overlap population.
fn profile_asked(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
) -> Result<Vec<(String, f64)>, DesignFailure> {
    let terms = priority_terms(prepared, spec);
    let all = prepared.analysed().covariates(&terms).map_err(unusable_terms)?;
    let (observation, treated) = (all.weights_or_ones(), all.treated());
    let weight = |row: usize| match analysis.requested {
        Target::Ate => Some(observation[row]),
        Target::Att => Some(observation[row] * treated[row]),
        Target::Atc => Some(observation[row] * (1.0 - treated[row])),
        Target::Ato => None,
    };
    let Some(weights) = (0..all.x().nrows()).map(weight).collect::<Option<Array1<f64>>>() else {
        return Ok(Vec::new());
    };
    let mean = |j: usize| all.x().column(j).dot(&weights) / weights.sum();
    Ok(terms.iter().enumerate().map(|(j, term)| (term.to_string(), mean(j))).collect())
}

/// Means of the priority terms in the target population (tilted by h(e), observation weights included) and in everyone.
fn profile(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    fitted: &Fitted,
) -> Result<Vec<(String, f64, f64)>, DesignFailure> {
    let terms = priority_terms(prepared, spec);
    let all = prepared.analysed().covariates(&terms).map_err(unusable_terms)?;
    let observation = all.weights_or_ones();
    let treated = fitted.covariates.treated();
    let (rows, e) = (&fitted.kept.rows, fitted.kept.propensity.e());
    let tilt: Array1<f64> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            // For the ATT and the ATC the target population is observed: its own members, not their propensities.
            let h = match analysis.target {
                Target::Att => treated[i],
                Target::Atc => 1.0 - treated[i],
                other => other.tilt(e[i]),
            };
            h * observation[*row]
        })
        .collect();
    let (tilt_total, total) = (tilt.sum(), observation.sum());
    let mean = |j: usize| {
        let column = all.x().column(j);
        let target: f64 = rows.iter().zip(&tilt).map(|(row, h)| h * column[*row]).sum();
        (target / tilt_total, column.dot(&observation) / total)
    };
    Ok(terms.iter().enumerate().map(|(j, term)| (term.to_string(), mean(j).0, mean(j).1)).collect())
}
