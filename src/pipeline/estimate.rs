//! One estimator on one dataset, outside the loop: from a plan and a spec, or from a data file and named columns.

use super::effects;
use super::prepare::Prepared;
use crate::dataset::{self, Analysed, DataPlace, DatasetError, DatasetProblem, Request};
use crate::plan::MissingPolicy;
use crate::record::EffectDocument;
use crate::record::not_estimated::{DesignFailure, NoEstimate};
use crate::report::notes;
use crate::schema::Counters;
use crate::spec::{Analysis, AnalysisSpec, ArmSizes};
use crate::term::Term;
use causal::contrast::Contrast;
use causal::design;
use causal::design::{DesignError, KnownPropensity, PropensityModel};
use causal::effect::Effect;
use causal::estimand::Inference;
use causal::estimand::{OutcomeKind, Population, Target};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::learner_kind::LearnerKind;
use causal::learners::logistic::LogisticParams;
use causal::nuisance::Nuisances;
use causal::params::EstimateParams;
use causal::sample::Sample;
use ndarray::{Array1, Axis};
use serde::Serialize;
use std::collections::BTreeMap;

/// The output of `oci-agent estimate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateDocument {
    /// The honest name of what is estimated.
    pub name: String,
    /// For whom.
    pub population: String,
    /// Treated rows trimmed away.
    pub trimmed_treated: usize,
    /// Control rows trimmed away.
    pub trimmed_control: usize,
    /// The estimate.
    pub effect: EffectDocument,
    /// Units of the outcome, if a plan names them.
    pub units: Option<String>,
    /// SHA-256 fingerprint of the data.
    pub data_sha256: String,
    /// SHA-256 of the spec, if there is one.
    pub spec_sha256: Option<String>,
    /// The terms adjusted for.
    pub terms: Vec<Term>,
    /// Counts of what was done to rows and values.
    pub counters: Counters,
}

/// The reason for a missing estimate.
#[derive(Debug, thiserror::Error)]
pub enum EstimateFailure {
    /// The spec and the plan do not belong together, or the estimand or estimator is not in the spec.
    #[error("{0}")]
    Spec(String),
    /// The data cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The data do not fit the request.
    #[error("{}", .0.join("\n"))]
    Request(Vec<String>),
    /// The design or the estimator failed.
    #[error(transparent)]
    Failed(NoEstimate),
}

impl EstimateFailure {
    fn from_problems(problems: Vec<DatasetProblem>) -> Self {
        let line = |p: &DatasetProblem| match way_out(&p.path) {
            Some(way) => format!("{} ({way})", p.message),
            None => p.message.clone(),
        };
        EstimateFailure::Request(problems.iter().map(line).collect())
    }
}

/// The option that settles a problem of this part of a request, if there is one. The hints of the problem itself are lines of
/// a plan, which a request for a data file does not have.
fn way_out(path: &str) -> Option<&'static str> {
    match path {
        "treatment.treated" | "treatment.control" => Some("--treated and --control name the two values"),
        "outcome.kind" => Some("--outcome-kind names its scale"),
        "treatment.column" | "outcome.column" | "outcome.event" | "data.missing" | "data.source" => None,
        "data.weights" => Some("--weights names the column of weights"),
        "analysis.clusters" => Some("--clusters names the column of clusters"),
        "analysis.known_propensity" => Some("--known-propensity names the column of probabilities"),
        _ => Some("--terms names the columns to adjust for; leave this one out"),
    }
}

impl From<DesignFailure> for EstimateFailure {
    fn from(failure: DesignFailure) -> Self {
        EstimateFailure::Failed(failure.into())
    }
}

/// One estimator of the analysis that answers `requested` in `spec`; `None` is its primary estimator.
///
/// # Errors
/// The estimand is not in the spec, the plan does not allow the estimator's tool, or the design or estimator failed.
pub fn from_plan(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    requested: Target,
    estimator: Option<EstimatorKind>,
) -> Result<EstimateDocument, EstimateFailure> {
    let analysis = spec.analyses.iter().find(|a| a.requested == requested).ok_or_else(|| {
        let asked: Vec<&str> = spec.analyses.iter().map(|a| a.requested.key()).collect();
        EstimateFailure::Spec(format!(
            "the plan does not ask for the {}; it asks for: {}",
            requested.acronym(),
            asked.join(", ")
        ))
    })?;
    let kind = estimator.unwrap_or(analysis.primary);
    if let Some(tool) = crate::plan::Tool::for_estimator(kind).filter(|tool| !spec.tools.contains(tool)) {
        let message = format!("`{}` needs the tool `{}`, which the plan's `tools` do not list", kind.key(), tool.key());
        return Err(EstimateFailure::Spec(message));
    }
    let (sample, kept) = effects::sample(prepared, spec, analysis)?;
    let params = effects::params(spec, analysis);
    let effect = Nuisances::with_propensity_model(&sample, &params, &kept.propensity)
        .and_then(|nuisances| nuisances.effect(kind, analysis.target))
        .map_err(|error| EstimateFailure::Failed(error.into()))?;
    document(prepared, spec, analysis, notes::document(effect))
}

/// The document of an effect that was estimated in this analysis of `spec`.
///
/// # Errors
/// The design failed.
pub fn document(
    prepared: &Prepared,
    spec: &AnalysisSpec,
    analysis: &Analysis,
    effect: EffectDocument,
) -> Result<EstimateDocument, EstimateFailure> {
    let fitted = super::design::fit(prepared, spec, analysis)?;
    let document = super::design::population(prepared, spec, analysis, &fitted)?;
    Ok(EstimateDocument {
        name: analysis.estimand().name(),
        population: document.description,
        trimmed_treated: document.trimmed_treated,
        trimmed_control: document.trimmed_control,
        effect,
        units: Some(spec.units.clone()),
        data_sha256: prepared.document.sha256.clone(),
        spec_sha256: Some(spec.sha256()),
        terms: analysis.terms.clone(),
        counters: prepared.counters().clone(),
    })
}

/// A request for one estimate from a data file.
#[derive(Debug, Clone, PartialEq)]
pub struct DataRequest {
    /// Treatment column.
    pub treatment: String,
    /// The values that mean treated and control.
    pub contrast: Contrast,
    /// Outcome column and kind.
    pub outcome: (String, OutcomeKind),
    /// Terms to adjust for; empty: every other column.
    pub terms: Vec<Term>,
    /// Observation-weight column.
    pub weights: Option<String>,
    /// Target.
    pub target: Target,
    /// Estimator.
    pub estimator: EstimatorKind,
    /// Population, possibly trimmed.
    pub population: Population,
    /// Folds and seed of cross-fitting.
    pub folds: (usize, u64),
    /// The settings of logistic regressions.
    pub logistic: LogisticParams,
    /// The learners of the nuisances.
    pub models: NuisanceModels,
    /// Whose average effect the interval is about.
    pub inference: Inference,
    /// Cluster column.
    pub clusters: Option<String>,
    /// Column of known probabilities of treatment.
    pub known_propensity: Option<String>,
}

/// One estimator on a data file.
///
/// # Errors
/// Those of [`EstimateFailure`].
pub fn from_data<'a>(
    source: &str,
    place: impl Into<DataPlace<'a>>,
    request: &DataRequest,
) -> Result<EstimateDocument, EstimateFailure> {
    // Before the file is read, which may take long.
    distinct_roles(request)?;
    let table = dataset::read(source, place, &BTreeMap::new())?;
    let data_sha256 = table.document().sha256.clone();
    let terms = if request.terms.is_empty() { other_columns(&table, request) } else { request.terms.clone() };
    let wanted = Request {
        treatment: request.treatment.clone(),
        contrast: request.contrast.clone(),
        outcome: Some(request.outcome.clone()),
        event: None,
        weights: request.weights.clone(),
        unit_id: None,
        clusters: request.clusters.clone(),
        known_propensity: request.known_propensity.clone(),
        share: None,
        terms: terms.clone(),
        groups: Vec::new(),
        placebos: Vec::new(),
        // No plan says what a gap means here.
        missing: MissingPolicy::Error,
        missing_for: BTreeMap::new(),
    };
    let analysed = table.into_analysed(&wanted).map_err(EstimateFailure::from_problems)?;
    let counters = analysed.counters().clone();
    let (sample, propensity, trimming) = sample(analysed, &terms, request)?;
    let params = EstimateParams {
        population: request.population,
        outcome: request.outcome.1,
        folds: request.folds.0,
        seed: request.folds.1,
        logistic: request.logistic.clone(),
        models: request.models,
        inference: request.inference,
    };
    let effect = effect(&sample, &params, propensity.as_ref(), request)?;
    let trimmed = trimming.as_ref().map_or((0, 0), |t| (t.trimmed_treated, t.trimmed_control));
    Ok(EstimateDocument {
        name: effect.estimand.name(),
        population: super::design::describe(
            request.target,
            trimming.as_ref(),
            ArmSizes { treated: effect.n_treated, control: effect.n - effect.n_treated },
            counters.rows_analysed,
        ),
        trimmed_treated: trimmed.0,
        trimmed_control: trimmed.1,
        effect: notes::document(effect),
        units: None,
        data_sha256,
        spec_sha256: None,
        terms,
        counters,
    })
}

/// Treatment, outcome, weights and terms are different columns.
fn distinct_roles(request: &DataRequest) -> Result<(), EstimateFailure> {
    let (treatment, outcome) = (&request.treatment, &request.outcome.0);
    let used: Vec<&str> = request.terms.iter().flat_map(|term| term.columns()).collect();
    let mut problems = Vec::new();
    if treatment == outcome {
        problems.push(format!("`{treatment}` cannot be both the treatment and the outcome"));
    }
    for (role, column) in [
        ("treatment", Some(treatment)),
        ("outcome", Some(outcome)),
        ("weight", request.weights.as_ref()),
        ("cluster", request.clusters.as_ref()),
        ("known propensity", request.known_propensity.as_ref()),
    ] {
        if let Some(column) = column.filter(|column| used.contains(&column.as_str())) {
            problems.push(format!("`{column}` is the {role} and cannot be adjusted for; leave it out of the terms"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(EstimateFailure::Request(problems)) }
}

fn effect(
    sample: &Sample,
    params: &EstimateParams,
    propensity: Option<&PropensityModel>,
    request: &DataRequest,
) -> Result<Effect, EstimateFailure> {
    let nuisances = match propensity {
        Some(propensity) => Nuisances::with_propensity_model(sample, params, propensity),
        None => Nuisances::new(sample, params),
    };
    nuisances
        .and_then(|nuisances| nuisances.effect(request.estimator, request.target))
        .map_err(|error| EstimateFailure::Failed(error.into()))
}

/// The sample after trimming; a propensity that is known, and what trimming did. An estimated one is left to the estimator,
/// since not all of them need it.
type Trimmed = (Sample, Option<PropensityModel>, Option<design::Trimming>);

fn sample(analysed: Analysed, terms: &[Term], request: &DataRequest) -> Result<Trimmed, EstimateFailure> {
    let known = analysed.known_propensity().cloned();
    let sample = analysed.sample(terms).map_err(EstimateFailure::from_problems)?;
    let of = |e: Array1<f64>, sample: &Sample| PropensityModel::Known(KnownPropensity::new(e, sample.covariates()));
    let Population::Trimmed { trim } = request.population else {
        let propensity = known.map(|e| of(e, &sample));
        return Ok((sample, propensity, None));
    };
    let e = match &known {
        Some(e) => e.clone(),
        None => fitted(&sample, request).map_err(DesignFailure::from)?,
    };
    let trimming = design::trim(&e, sample.covariates().treatment(), trim, request.target);
    let kept = sample.rows(&trimming.keep).map_err(DesignFailure::from)?;
    let propensity = known.map(|e| of(e.select(Axis(0), &trimming.keep), &kept));
    Ok((kept, propensity, Some(trimming)))
}

/// The propensity by which units are trimmed.
fn fitted(sample: &Sample, request: &DataRequest) -> Result<Array1<f64>, DesignError> {
    let covariates = sample.covariates();
    if request.models.propensity == LearnerKind::Linear {
        return Ok(design::fit_propensity(covariates, &request.logistic)?.e);
    }
    let (folds, seed) = request.folds;
    let (learner, effort) = (request.models.propensity, request.models.effort);
    Ok(super::propensity::crossfit(covariates, learner, effort, folds, seed)?.e)
}

/// Every column that is not the treatment, the outcome or the weights, with one indicator per level but the reference.
fn other_columns(table: &dataset::Table, request: &DataRequest) -> Vec<Term> {
    let taken = |name: &str| {
        let columns = [&request.weights, &request.clusters, &request.known_propensity];
        name == request.treatment
            || name == request.outcome.0
            || columns.iter().any(|column| column.as_deref() == Some(name))
    };
    let document = table.document();
    document
        .columns
        .iter()
        .filter(|c| !taken(&c.name))
        .flat_map(|c| match c.levels.len() {
            0 => vec![Term::column(&c.name)],
            _ => c.levels.iter().skip(1).map(|level| Term::level(&c.name, level)).collect(),
        })
        .collect()
}
