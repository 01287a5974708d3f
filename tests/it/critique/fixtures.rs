//! A plan, a spec and a design document that agree in everything, to be spoiled one thing at a time.

use causal::diagnose::balance::{BalanceRow, BalanceTable};
use causal::diagnose::overlap::OverlapReport;
use causal::diagnose::placebo::{PlaceboEffect, PlaceboReport};
use causal::diagnose::sensitivity::{Benchmark, SensitivityReport};
use causal::effect::{Effect, SeMethod};
use causal::estimand::Inference;
use causal::estimand::{Estimand, OutcomeKind, Population, Target};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::scale::Scale;
use oci_agent::critique::alignment::Source;
use oci_agent::critique::{CritiqueInput, Executed, critique};
use oci_agent::plan::{
    AnalysisSection, BudgetSection, ConfounderSection, DataSection, LoopSection, MissingPolicy, ModelSection,
    OutcomeSection, Plan, PrivacySection, StopWhen, TargetTrial, Tool, TreatmentSection,
};
use oci_agent::record::critique::{Critique, Stage};
use oci_agent::record::documents::{
    AnalysisDesign, CoefficientRow, DesignDocument, Disagreement, EstimateDiagnostics, EstimatePair, FittedBy,
    PopulationDocument, PropensityDocument, TargetEstimate,
};
use oci_agent::schema::Counters;
use oci_agent::spec::{Analysis, AnalysisSpec, Placebo, PlaceboRole, TermGroup};
use oci_agent::term::Term;
use std::collections::BTreeMap;

pub const PLAN_SHA: &str = "plan-sha";
pub const DATA_SHA: &str = "data-sha";
pub const SPEC_SHA: &str = "spec-sha";

/// Everything that a critique of one iteration needs.
#[derive(Clone)]
pub struct World {
    pub plan: Plan,
    pub spec: AnalysisSpec,
    pub design: DesignDocument,
}

impl World {
    pub fn source(&self) -> Source<'_> {
        Source { plan: &self.plan, plan_sha256: PLAN_SHA, data_sha256: DATA_SHA, unblinded_before: &[] }
    }

    pub fn executed(&self) -> Executed<'_> {
        Executed { spec: &self.spec, spec_sha256: SPEC_SHA, design: &self.design }
    }

    pub fn input(&self, stage: Stage) -> CritiqueInput<'_> {
        CritiqueInput {
            source: self.source(),
            stage,
            earlier: &[],
            current: self.executed(),
            answers: BTreeMap::new(),
            sensitivity: BTreeMap::new(),
            estimates: BTreeMap::new(),
            without_estimate: BTreeMap::new(),
            rejected_with_outcome: Vec::new(),
        }
    }

    pub fn critique(&self, stage: Stage) -> Critique {
        critique(&self.input(stage))
    }
}

pub fn term(text: &str) -> Term {
    Term::parse(text).expect(text)
}

pub fn world() -> World {
    World { plan: plan(), spec: spec(), design: design() }
}

pub fn plan() -> Plan {
    let text = str::to_owned;
    Plan {
        gates: Vec::new(),
        design: oci_agent::plan::StudyDesign::Observational,
        share: None,
        accept: std::collections::BTreeMap::new(),
        hidden_confounding: None,
        thresholds: std::collections::BTreeMap::new(),
        title: text("A title"),
        question: text("Does it help?"),
        target_trial: TargetTrial {
            eligibility: text("adults"),
            treatment_strategies: text("start or do not"),
            assignment: text("at random"),
            time_zero: text("the first visit"),
            follow_up: text("ten years, attrition is known"),
            outcome: text("weight"),
            causal_contrast: text("intention to treat"),
            analysis_plan: text("difference of means"),
        },
        data: DataSection {
            source: text("data.csv"),
            unit_id: Some(text("id")),
            weights: None,
            columns: BTreeMap::new(),
            missing: MissingPolicy::Error,
            missing_values: vec![],
            filter: Vec::new(),
            derive: Default::default(),
            missing_for: Default::default(),
            rare_levels: None,
        },
        treatment: TreatmentSection { column: text("t"), treated: text("1"), control: text("0") },
        outcome: OutcomeSection {
            column: text("y"),
            units: text("kg"),
            kind: OutcomeKind::Continuous,
            event: None,
            bounds: None,
        },
        confounders: ConfounderSection {
            priority: vec![text("age"), text("sex")],
            other: vec![text("region")],
            terms: vec![term("age^2")],
        },
        graph: None,
        placebo_outcomes: vec![text("y_before")],
        negative_controls: vec![text("injuries")],
        threats: vec![text("interference between siblings")],
        estimands: vec![Target::Ate, Target::Att],
        tools: Tool::ALL.to_vec(),
        analysis: AnalysisSection { estimator: Some(EstimatorKind::AipwCrossfit), ..AnalysisSection::default() },
        loop_: LoopSection { max_iterations: 5, stop_when: StopWhen::NoPlaybookApplies, blind: true },
        actor: ModelSection::default(),
        critic: ModelSection::default(),
        budget: BudgetSection::default(),
        privacy: PrivacySection::default(),
        seed: 7,
        follow_ups: Vec::new(),
        draft: None,
        places: BTreeMap::new(),
    }
}

pub fn analysis(requested: Target) -> Analysis {
    Analysis {
        requested,
        target: requested,
        population: Population::All,
        terms: vec![term("age"), term("sex"), term("region == south"), term("age^2")],
        estimators: vec![EstimatorKind::Naive, EstimatorKind::IpwHajek, EstimatorKind::AipwCrossfit],
        primary: EstimatorKind::AipwCrossfit,
        because: "The plan says so.".to_owned(),
        models: NuisanceModels::default(),
    }
}

pub fn spec() -> AnalysisSpec {
    let group =
        |confounder: &str, priority, terms: Vec<Term>| TermGroup { confounder: confounder.to_owned(), priority, terms };
    let placebo = |column: &str, role| Placebo { column: column.to_owned(), role };
    AnalysisSpec {
        design: oci_agent::plan::StudyDesign::Observational,
        share: None,
        accept: std::collections::BTreeMap::new(),
        thresholds: std::collections::BTreeMap::new(),
        spec_version: 2,
        iteration: 1,
        title: "A title".to_owned(),
        plan_sha256: PLAN_SHA.to_owned(),
        data_sha256: DATA_SHA.to_owned(),
        treatment: "t".to_owned(),
        treated: "1".to_owned(),
        control: "0".to_owned(),
        outcome: "y".to_owned(),
        units: "kg".to_owned(),
        outcome_kind: OutcomeKind::Continuous,
        event: None,
        weights: None,
        clusters: None,
        known_propensity: None,
        missing: MissingPolicy::Error,
        missing_for: Default::default(),
        derived: Default::default(),
        filter: Vec::new(),
        confounders: vec![
            group("age", true, vec![term("age")]),
            group("sex", true, vec![term("sex")]),
            group("region", false, vec![term("region == south")]),
        ],
        placebos: vec![
            placebo("y_before", PlaceboRole::PlaceboOutcome),
            placebo("injuries", PlaceboRole::NegativeControl),
        ],
        tools: Tool::ALL.to_vec(),
        analyses: vec![analysis(Target::Ate), analysis(Target::Att)],
        revisions: vec![],
        inference: Inference::Population,
        folds: 5,
        seed: 7,
        blind: true,
    }
}

pub fn design() -> DesignDocument {
    DesignDocument {
        iteration: 1,
        spec_sha256: SPEC_SHA.to_owned(),
        data_sha256: DATA_SHA.to_owned(),
        counters: Counters { rows_read: 1000, rows_analysed: 1000, ..Counters::default() },
        identification: oci_agent::record::basis::IdentificationBasis::default(),
        structure: oci_agent::record::structure::StructureDocument::default(),
        pockets: Vec::new(),
        analyses: vec![analysis_design(&analysis(Target::Ate)), analysis_design(&analysis(Target::Att))],
    }
}

pub fn analysis_design(analysis: &Analysis) -> AnalysisDesign {
    AnalysisDesign {
        requested: analysis.requested,
        estimand: analysis.estimand(),
        name: analysis.estimand().name(),
        failed: None,
        population: Some(population(0, 0)),
        propensity: Some(propensity(analysis)),
        balance: Some(balance(0.02)),
        overlap: Some(overlap(0.01)),
        placebo: Some(placebo(&[("y_before", 0.8), ("injuries", 0.6)])),
    }
}

/// 1,000 rows, 400 of them treated, less those trimmed.
pub fn population(trimmed_treated: usize, trimmed_control: usize) -> PopulationDocument {
    let (n_treated, n_control) = (400 - trimmed_treated, 600 - trimmed_control);
    let trimmed = trimmed_treated + trimmed_control > 0;
    PopulationDocument {
        n: n_treated + n_control,
        n_treated,
        n_control,
        share_kept: (n_treated + n_control) as f64 / 1000.0,
        trimmed_treated,
        trimmed_control,
        alpha_lower: trimmed.then_some(0.1),
        alpha_upper: trimmed.then_some(0.9),
        description: "On average 40 years of age.".to_owned(),
        profile: vec![],
        profile_asked: Vec::new(),
    }
}

pub fn propensity(analysis: &Analysis) -> PropensityDocument {
    let row = |term: String| CoefficientRow { term, estimate: 0.1, std_error: 0.05 };
    let mut coefficients = vec![row("(Intercept)".to_owned())];
    coefficients.extend(analysis.terms.iter().map(|term| row(term.to_string())));
    PropensityDocument {
        learner: FittedBy::LogisticRegression,
        coefficients,
        iterations: vec![5],
        log_likelihood: Some(-600.0),
        log_loss: 0.6,
        auc: 0.7,
        ..PropensityDocument::default()
    }
}

pub fn balance_row(term: &str, priority: bool, smd_after: Option<f64>) -> BalanceRow {
    BalanceRow {
        term: term.to_owned(),
        confounder: term.to_owned(),
        priority,
        mean_treated_before: 1.0,
        mean_control_before: 0.5,
        mean_treated_after: 0.8,
        mean_control_after: 0.8,
        smd_before: Some(0.5),
        smd_after,
        variance_ratio_before: Some(1.0),
        variance_ratio_after: Some(1.0),
        ks_before: 0.2,
        ks_after: 0.05,
    }
}

/// `sex` is the worst of the priority confounders, with the given weighted |SMD|.
pub fn balance(worst: f64) -> BalanceTable {
    BalanceTable {
        rows: vec![
            balance_row("age", true, Some(0.0)),
            balance_row("sex", true, Some(-worst)),
            balance_row("region == south", false, Some(0.01)),
        ],
        max_priority_before: Some(0.5),
        max_priority_after: Some(worst),
        worst_priority: Some("sex".to_owned()),
        second_moments: Vec::new(),
        max_all_before: Some(0.5),
        max_all_after: Some(worst),
        worst_all: Some("sex".to_owned()),
    }
}

pub fn overlap(share_outside: f64) -> OverlapReport {
    OverlapReport {
        share_beyond: share_outside,
        carried: 0.3,
        share_outside,
        share_outside_all: share_outside,
        n_below: 5,
        n_above: 5,
        e_min: 0.05,
        e_max: 0.95,
        ess_treated: 321.0,
        ess_control: 543.0,
        max_weight_share: 0.01,
        histogram_treated: vec![10.0; 40],
        histogram_control: vec![15.0; 40],
    }
}

pub fn placebo(effects: &[(&str, f64)]) -> PlaceboReport {
    let effect = |(column, p_holm): &(&str, f64)| PlaceboEffect {
        column: (*column).to_owned(),
        role: "placebo_outcome".to_owned(),
        estimate: 0.1,
        std_error: 0.1,
        standardised: 0.03,
        p_value: p_holm / 2.0,
        p_holm: *p_holm,
    };
    PlaceboReport { effects: effects.iter().map(effect).collect(), not_applicable: None }
}

pub fn sensitivity(rv: f64, benchmarks: &[(&str, f64)], unattainable: &[&str]) -> SensitivityReport {
    let benchmark = |(confounder, equivalent_rv): &(&str, f64)| Benchmark {
        confounder: (*confounder).to_owned(),
        r2_treatment: 0.1,
        r2_outcome: 0.1,
        equivalent_rv: *equivalent_rv,
        adjusted_estimate: 1.0,
    };
    SensitivityReport {
        e_value: 2.0,
        e_value_ci: 1.5,
        tipping_bias: 1.0,
        regression_estimate: 3.0,
        regression_std_error: 0.5,
        regression_df: 990.0,
        partial_r2: 0.03,
        rv_q1: rv,
        target_estimate: 3.0,
        target_rv_q1: rv,
        rv_q1_alpha05: rv / 2.0,
        benchmarks: benchmarks.iter().map(benchmark).collect(),
        benchmarks_unattainable: unattainable.iter().map(|name| (*name).to_owned()).collect(),
        hidden: None,
    }
}

/// An estimate by cross-fitted AIPW in outcome units of standard deviation 10.
pub fn effect(target: Target) -> Effect {
    Effect {
        estimand: Estimand { target, population: Population::All },
        estimator: EstimatorKind::AipwCrossfit,
        scale: Scale::Difference,
        estimate: 3.0,
        std_error: 0.5,
        se_method: SeMethod::InfluenceFunction,
        se_influence: Some(0.5),
        se_stacked: None,
        ci_lower: 2.0,
        ci_upper: 4.0,
        mean_treated: None,
        mean_control: None,
        n: 1000,
        n_treated: 400,
        ess_treated: 321.0,
        ess_control: 543.0,
        inference: Inference::Population,
        disagreement: None,
        clipped: 0,
        repeats: 1,
        notes: vec![],
    }
}

/// Nothing to complain of.
pub fn diagnostics() -> EstimateDiagnostics {
    EstimateDiagnostics {
        outcome_sd: 10.0,
        largest_row: 0.02,
        outcome_smallest: 0.0,
        disagreement: Some(Disagreement { between: "A and B".to_owned(), size: 0.1, pair: EstimatePair::Members }),
        by_target: [(Target::Ate, 3.0), (Target::Att, 3.1), (Target::Ato, 2.9)]
            .map(|(target, estimate)| TargetEstimate { target, estimate })
            .to_vec(),
        not_converged: vec![],
    }
}
