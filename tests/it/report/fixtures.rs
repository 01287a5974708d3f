//! Documents as a run would leave them: one like NHEFS (weight change after quitting smoking), one like LaLonde (NSW
//! treated against CPS controls: overlap fails, trimming mends it for some). The headline numbers are those of the public
//! reference analyses of the two datasets; the rest is made up to look like them. Nothing here is computed.

use causal::diagnose::balance::{BalanceRow, BalanceTable};
use causal::diagnose::overlap::OverlapReport;
use causal::diagnose::placebo::{PlaceboEffect, PlaceboReport};
use causal::diagnose::sensitivity::{Benchmark, SensitivityReport};
use causal::effect::{Effect, SeMethod};
use causal::estimand::Inference;
use causal::estimand::{Estimand, OutcomeKind, Population, Target, TrimRule};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::scale::Scale;
use oci_agent::finding::{Code, Finding, Severity, Tier};
use oci_agent::plan::{
    AnalysisSection, BudgetSection, ConfounderSection, DataSection, LoopSection, MissingPolicy, ModelSection,
    OutcomeSection, Plan, PrivacySection, StopWhen, TargetTrial, Tool, TreatmentSection,
};
use oci_agent::record::EffectDocument;
use oci_agent::record::critique::{AlignmentCheck, AnalysisCritique, Critique, Stage, TrialContrast};
use oci_agent::record::documents::{
    AnalysisDesign, Answer, CoefficientRow, DesignDocument, EffectRow, FittedBy, PopulationDocument,
    PropensityDocument, ResultsDocument, SpecTried,
};
use oci_agent::schema::Counters;
use oci_agent::spec::{Analysis, AnalysisSpec, Placebo, PlaceboRole, Revision, TermGroup};
use oci_agent::term::Term;
use std::collections::BTreeMap;

pub const ALL: Population = Population::All;
pub const TRIMMED: Population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };

pub fn hash(seed: u8) -> String {
    (0..32u8).map(|i| format!("{:02x}", i.wrapping_mul(37).wrapping_add(seed))).collect()
}

/// Deterministic noise in (0, 1) so that bars and dots look like data.
pub fn noise(i: usize) -> f64 {
    let x = (i as f64 * 12.9898).sin() * 43_758.547;
    x - x.floor()
}

pub fn balance_row(term: &str, confounder: &str, priority: bool, (before, after): (f64, f64)) -> BalanceRow {
    BalanceRow {
        term: term.into(),
        confounder: confounder.into(),
        priority,
        mean_treated_before: before,
        mean_control_before: 0.0,
        mean_treated_after: after,
        mean_control_after: 0.0,
        smd_before: Some(before),
        smd_after: Some(after),
        variance_ratio_before: Some(1.1),
        variance_ratio_after: Some(1.02),
        ks_before: before.abs() / 3.0,
        ks_after: after.abs() / 3.0,
    }
}

pub fn balance(rows: Vec<BalanceRow>) -> BalanceTable {
    let largest = |of: fn(&BalanceRow) -> Option<f64>, priority: bool| {
        rows.iter().filter(|r| r.priority || !priority).filter_map(|r| of(r).map(f64::abs)).reduce(f64::max)
    };
    let worst = |priority: bool| {
        let size = |r: &&BalanceRow| r.smd_after.map_or(0.0, f64::abs);
        rows.iter()
            .filter(|r| r.priority || !priority)
            .max_by(|a, b| size(a).total_cmp(&size(b)))
            .map(|r| r.term.clone())
    };
    BalanceTable {
        max_priority_before: largest(|r| r.smd_before, true),
        max_priority_after: largest(|r| r.smd_after, true),
        worst_priority: worst(true),
        second_moments: Vec::new(),
        max_all_before: largest(|r| r.smd_before, false),
        max_all_after: largest(|r| r.smd_after, false),
        worst_all: worst(false),
        rows,
    }
}

/// Bell-shaped counts around `centre` in 40 bins; bins below half a unit are empty.
pub fn bell(n: f64, centre: f64, width: f64) -> Vec<f64> {
    let raw: Vec<f64> = (0..40)
        .map(|i| {
            let x = (f64::from(i) + 0.5) / 40.0;
            (-0.5 * ((x - centre) / width).powi(2)).exp() * (0.8 + 0.4 * noise(i as usize + n as usize))
        })
        .collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|v| (n * v / total).round()).collect()
}

pub fn overlap(share: f64, treated: Vec<f64>, control: Vec<f64>) -> OverlapReport {
    OverlapReport {
        share_beyond: share,
        carried: 0.3,
        share_outside: share,
        share_outside_all: share,
        n_below: 61,
        n_above: 0,
        e_min: 0.0514,
        e_max: 0.7935,
        ess_treated: 325.97,
        ess_control: 1128.6,
        max_weight_share: 0.012,
        histogram_treated: treated,
        histogram_control: control,
    }
}

pub fn effect(
    estimand: Estimand,
    estimator: EstimatorKind,
    numbers: (f64, f64, f64),
    n: (usize, usize),
) -> EffectDocument {
    let (estimate, influence, stacked) = numbers;
    let benchmark = estimator.is_benchmark();
    let (std_error, se_method) = match estimator {
        EstimatorKind::Naive => (influence, SeMethod::Welch),
        EstimatorKind::Regression => (influence, SeMethod::Classical),
        _ => (stacked, SeMethod::StackedEquations),
    };
    let effect = Effect {
        estimand,
        estimator,
        scale: Scale::Difference,
        estimate,
        std_error,
        se_method,
        se_influence: (!benchmark).then_some(influence),
        se_stacked: (!benchmark).then_some(stacked),
        ci_lower: estimate - 1.959_963_984_540_054 * std_error,
        ci_upper: estimate + 1.959_963_984_540_054 * std_error,
        mean_treated: Some(5.2),
        mean_control: Some(1.8),
        n: n.0,
        n_treated: n.1,
        ess_treated: 325.97,
        ess_control: 1128.6,
        inference: causal::estimand::Inference::Population,
        disagreement: None,
        clipped: 0,
        repeats: 1,
        notes: Vec::new(),
    };
    EffectDocument::new(effect, Vec::new())
}

pub fn finding(
    code: Code,
    severity: Severity,
    metric: &str,
    numbers: (Option<f64>, Option<f64>),
    message: &str,
) -> Finding {
    let (value, threshold) = numbers;
    let subject = (code == Code::BalancePriority).then(|| "age".to_owned());
    Finding { code, severity, metric: metric.into(), value, threshold, subject, message: message.into() }
}

pub fn population(
    n: (usize, usize),
    share: f64,
    alpha: Option<f64>,
    profile: &[(&str, f64, f64)],
) -> PopulationDocument {
    PopulationDocument {
        n: n.0 + n.1,
        n_treated: n.0,
        n_control: n.1,
        share_kept: share,
        trimmed_treated: if alpha.is_some() { 41 } else { 0 },
        trimmed_control: if alpha.is_some() { 15_684 } else { 0 },
        alpha_lower: alpha,
        alpha_upper: alpha.map(|a| 1.0 - a),
        description: "People whose treatment could have gone either way: younger and poorer than everyone.".into(),
        profile: profile.iter().map(|(t, a, b)| ((*t).to_owned(), *a, *b)).collect(),
        profile_asked: Vec::new(),
    }
}

pub fn propensity() -> PropensityDocument {
    PropensityDocument {
        coefficients: vec![CoefficientRow { term: "(Intercept)".into(), estimate: -2.2425, std_error: 1.3808 }],
        iterations: vec![6],
        log_likelihood: Some(-838.45),
        log_loss: 0.535,
        auc: 0.664,
        learner: FittedBy::LogisticRegression,
        ..PropensityDocument::default()
    }
}

pub fn design(requested: Target, estimand: Estimand, balance: BalanceTable, overlap: OverlapReport) -> AnalysisDesign {
    AnalysisDesign {
        requested,
        estimand,
        name: estimand.name(),
        failed: None,
        population: Some(population((403, 1163), 1.0, None, &[("age", 43.6, 43.6), ("smokeyrs", 24.9, 24.8)])),
        propensity: Some(propensity()),
        balance: Some(balance),
        overlap: Some(overlap),
        placebo: Some(PlaceboReport { effects: vec![placebo()], not_applicable: None }),
    }
}

fn placebo() -> PlaceboEffect {
    PlaceboEffect {
        column: "height".into(),
        role: "placebo_outcome".into(),
        estimate: 0.21,
        std_error: 0.53,
        standardised: 0.023,
        p_value: 0.69,
        p_holm: 0.69,
    }
}

pub fn sensitivity(estimate: f64, std_error: f64, df: f64, benchmarks: &[(&str, f64, f64)]) -> SensitivityReport {
    let f2 = (estimate / std_error).powi(2) / df;
    let adjusted = |d: f64, y: f64| {
        let bias = std_error * df.sqrt() * (y * d / (1.0 - d)).sqrt();
        estimate.signum() * (estimate.abs() - bias)
    };
    let equivalent = |d: f64, y: f64| {
        let g2 = y * d / (1.0 - d);
        0.5 * ((g2 * g2 + 4.0 * g2).sqrt() - g2)
    };
    SensitivityReport {
        e_value: 2.315,
        e_value_ci: if estimate.abs() > 1.96 * std_error { 1.985 } else { 1.0 },
        tipping_bias: (estimate.abs() - 1.96 * std_error).max(0.0),
        regression_estimate: estimate,
        regression_std_error: std_error,
        regression_df: df,
        partial_r2: f2 / (1.0 + f2),
        rv_q1: 0.5 * ((f2 * f2 + 4.0 * f2).sqrt() - f2),
        target_estimate: estimate,
        target_rv_q1: 0.5 * ((f2 * f2 + 4.0 * f2).sqrt() - f2),
        rv_q1_alpha05: if estimate.abs() > 1.96 * std_error { 0.128 } else { 0.0 },
        benchmarks: benchmarks
            .iter()
            .map(|(name, d, y)| Benchmark {
                confounder: (*name).to_owned(),
                r2_treatment: *d,
                r2_outcome: *y,
                equivalent_rv: equivalent(*d, *y),
                adjusted_estimate: adjusted(*d, *y),
            })
            .collect(),
        benchmarks_unattainable: vec![],
        hidden: None,
    }
}

pub fn plan(title: &str, question: &str, units: &str, priority: &[&str]) -> Plan {
    Plan {
        gates: Vec::new(),
        design: oci_agent::plan::StudyDesign::Observational,
        share: None,
        accept: std::collections::BTreeMap::new(),
        hidden_confounding: None,
        thresholds: std::collections::BTreeMap::new(),
        title: title.into(),
        question: question.into(),
        target_trial: TargetTrial { eligibility: "Smokers aged 25 to 74 in 1971.".into(), ..TargetTrial::default() },
        data: DataSection {
            source: "nhefs.csv".into(),
            unit_id: Some("seqn".into()),
            weights: None,
            columns: BTreeMap::new(),
            missing: MissingPolicy::Drop,
            missing_values: vec![],
            filter: Vec::new(),
            derive: Default::default(),
            missing_for: Default::default(),
            rare_levels: None,
        },
        treatment: TreatmentSection { column: "qsmk".into(), treated: "1".into(), control: "0".into() },
        outcome: OutcomeSection {
            column: "wt82_71".into(),
            units: units.into(),
            kind: OutcomeKind::Continuous,
            event: None,
            bounds: None,
        },
        confounders: ConfounderSection {
            priority: priority.iter().map(|p| (*p).to_owned()).collect(),
            other: vec!["education".into()],
            terms: vec![Term::parse("age^2").expect("a term")],
        },
        graph: None,
        placebo_outcomes: vec!["height".into()],
        negative_controls: vec![],
        threats: vec![
            "Loss to follow-up: 63 people have no weight in 1982 | we drop them.".into(),
            "Quitters may be <b>health-conscious</b> in ways nobody measured.".into(),
        ],
        estimands: vec![Target::Ate, Target::Att, Target::Ato],
        tools: Tool::ALL.to_vec(),
        analysis: AnalysisSection::default(),
        loop_: LoopSection { max_iterations: 5, stop_when: StopWhen::NoPlaybookApplies, blind: true },
        actor: ModelSection::default(),
        critic: ModelSection::default(),
        budget: BudgetSection::default(),
        privacy: PrivacySection::default(),
        seed: 20_261_121,
        follow_ups: Vec::new(),
        draft: None,
        places: BTreeMap::new(),
    }
}

pub fn counters(read: usize, dropped: usize) -> Counters {
    Counters {
        rows_read: read,
        rows_dropped_missing: dropped,
        missing_by_column: BTreeMap::from([("wt82_71".to_owned(), dropped)]),
        rows_analysed: read - dropped,
        ..Counters::default()
    }
}

pub fn revision(requested: Target, playbook: &str, because: &str, change: &str) -> Revision {
    Revision {
        requested,
        playbook: playbook.into(),
        because: vec![because.into()],
        change: change.into(),
        estimand_effect: "The answer now holds for the units that remain.".into(),
        reverted: false,
        reason: None,
    }
}

pub fn spec(iteration: u32, blind: bool, analyses: Vec<(Target, Estimand)>, revisions: Vec<Revision>) -> AnalysisSpec {
    AnalysisSpec {
        design: oci_agent::plan::StudyDesign::Observational,
        share: None,
        accept: std::collections::BTreeMap::new(),
        thresholds: std::collections::BTreeMap::new(),
        spec_version: 2,
        iteration,
        title: "Smoking and weight".into(),
        plan_sha256: hash(1),
        data_sha256: hash(2),
        treatment: "qsmk".into(),
        treated: "1".into(),
        control: "0".into(),
        outcome: "wt82_71".into(),
        units: "kg".into(),
        outcome_kind: OutcomeKind::Continuous,
        event: None,
        weights: None,
        clusters: None,
        known_propensity: None,
        missing: MissingPolicy::Drop,
        missing_for: Default::default(),
        derived: Default::default(),
        filter: Vec::new(),
        confounders: vec![TermGroup { confounder: "age".into(), priority: true, terms: vec![Term::column("age")] }],
        placebos: vec![Placebo { column: "height".into(), role: PlaceboRole::PlaceboOutcome }],
        tools: Tool::ALL.to_vec(),
        analyses: analyses
            .into_iter()
            .map(|(requested, estimand)| Analysis {
                requested,
                target: estimand.target,
                population: estimand.population,
                terms: vec![Term::column("age")],
                estimators: EstimatorKind::STANDARD.to_vec(),
                primary: EstimatorKind::Aipw,
                because: "The plan says so.".into(),
                models: NuisanceModels::default(),
            })
            .collect(),
        revisions,
        inference: Inference::Population,
        folds: 5,
        seed: 20_261_121,
        blind,
    }
}

pub fn critique(iteration: u32, stage: Stage, analyses: Vec<AnalysisCritique>) -> Critique {
    Critique {
        iteration,
        stage,
        spec_sha256: hash(iteration as u8 + 10),
        analyses,
        alignment: vec![
            AlignmentCheck {
                check: "confounders".into(),
                holds: true,
                detail: "All 9 of the plan are in the spec.".into(),
            },
            AlignmentCheck {
                check: "estimand".into(),
                holds: false,
                detail: "ATE asked, trimmed ATO analysed.".into(),
            },
        ],
        trial_contrast: vec![TrialContrast {
            component: "assignment".into(),
            target_trial: "Random, within strata of age.".into(),
            this_analysis: "As it happened; adjusted for 9 measured confounders.".into(),
        }],
        blind_spots: vec!["The plan does not say what happens to people who start again.".into()],
        alternatives: vec![
            "Encouragement design: offer help with quitting at random and use the offer as instrument.".into(),
        ],
        remediations: vec!["Iteration 2: crump_trim for the ATE.".into()],
        reviewed: None,
    }
}

pub fn answer(requested: Target, effect: Option<EffectDocument>, name: &str, iteration: u32, tier: Tier) -> Answer {
    Answer {
        requested,
        name: name.into(),
        iteration,
        tier,
        population: "Everyone in the sample.".into(),
        population_numbers: Some(population(
            (403, 1163),
            1.0,
            None,
            &[("age", 43.612, 43.915), ("smokeyrs", 24.9, 24.8)],
        )),
        because: "It is doubly robust.".into(),
        effect,
        diagnostics: None,
        propensity: Some(propensity()),
        sensitivity: None,
        bounds: None,
        missing: vec![],
    }
}

pub fn results(
    title: &str,
    units: &str,
    answers: Vec<Answer>,
    effects: Vec<EffectRow>,
    last: Critique,
) -> ResultsDocument {
    ResultsDocument {
        conduct: None,
        title: title.into(),
        units: units.into(),
        plan_sha256: hash(1),
        data_sha256: hash(2),
        spec_sha256: last.spec_sha256.clone(),
        tool_version: "0.1.0".into(),
        playbooks: BTreeMap::from([("crump_trim".to_owned(), hash(3)), ("enrich_terms".to_owned(), hash(4))]),
        counters: counters(1629, 63),
        answers,
        effects,
        estimation_notes: Vec::new(),
        not_estimated: vec![],
        specs_tried: vec![SpecTried { iteration: 1, spec_sha256: hash(11), revisions: vec![], tiers: vec![] }],
        identification: oci_agent::record::basis::IdentificationBasis::default(),
        unblinded_before: vec![],
        critique: last,
    }
}

pub fn document(iteration: u32, analyses: Vec<AnalysisDesign>) -> DesignDocument {
    DesignDocument {
        iteration,
        spec_sha256: hash(iteration as u8 + 10),
        data_sha256: hash(2),
        counters: counters(1629, 63),
        identification: oci_agent::record::basis::IdentificationBasis::default(),
        structure: oci_agent::record::structure::StructureDocument::default(),
        pockets: Vec::new(),
        analyses,
    }
}
