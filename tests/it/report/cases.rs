//! The two runs that the renderers are tried on.

use super::fixtures::*;
use causal::diagnose::balance::BalanceRow;
use causal::estimand::{Estimand, Target};
use causal::estimator::EstimatorKind;
use oci_agent::finding::{Code, Severity, Tier};
use oci_agent::plan::Plan;
use oci_agent::record::critique::{AnalysisCritique, Critique, Stage};
use oci_agent::record::documents::{AnalysisDesign, DesignDocument, EffectRow, ResultsDocument, SpecTried};
use oci_agent::record::not_estimated::{DesignFailure, NoEstimate, NotEstimated};

/// A run: plan, the designs of its iterations, results.
pub struct Case {
    pub plan: Plan,
    pub designs: Vec<DesignDocument>,
    pub results: ResultsDocument,
}

fn nhefs_balance() -> Vec<BalanceRow> {
    [
        ("age", "age", true, (0.282, -0.011)),
        ("sex == 1", "sex", true, (-0.160, 0.009)),
        ("race == 1", "race", true, (-0.177, -0.014)),
        ("smokeintensity", "smokeintensity", true, (-0.217, 0.031)),
        ("smokeyrs", "smokeyrs", true, (0.159, -0.008)),
        ("wt71", "wt71", true, (0.133, 0.002)),
        ("education == 2", "education", false, (-0.045, 0.004)),
        ("education == 3", "education", false, (-0.080, -0.012)),
        ("education == 4", "education", false, (-0.012, 0.015)),
        ("education == 5", "education", false, (0.174, 0.006)),
        ("exercise == 1", "exercise", false, (0.034, -0.010)),
        ("exercise == 2", "exercise", false, (0.056, 0.017)),
        ("active == 1", "active", false, (0.039, -0.007)),
        ("active == 2", "active", false, (0.073, 0.011)),
    ]
    .into_iter()
    .map(|(term, confounder, priority, smd)| balance_row(term, confounder, priority, smd))
    .collect()
}

fn estimates(
    iteration: u32,
    (requested, estimand): (Target, Estimand),
    numbers: &[(EstimatorKind, f64, f64, f64)],
) -> Vec<EffectRow> {
    numbers
        .iter()
        .map(|(kind, estimate, influence, stacked)| EffectRow {
            iteration,
            requested,
            name: estimand.name(),
            primary: *kind == EstimatorKind::Aipw,
            learners: "logistic, linear".into(),
            effect: effect(estimand, *kind, (*estimate, *influence, *stacked), (1566, 403)),
        })
        .collect()
}

fn grade(requested: Target, estimand: &str, tier: Tier, last: (Severity, Option<f64>)) -> AnalysisCritique {
    let balance = if tier == Tier::NotSatisfactory { (Severity::Fail, 0.415) } else { (Severity::Pass, 0.031) };
    AnalysisCritique {
        requested,
        estimand: estimand.into(),
        tier,
        findings: vec![
            finding(Code::BalancePriority, balance.0, "max |SMD|", (Some(balance.1), Some(0.1)), "Worst: age."),
            finding(
                Code::OverlapOutside,
                Severity::Warn,
                "share outside (0.1, 0.9)",
                (Some(0.128), Some(0.1)),
                "12.8 % of the target population has a propensity outside (0.1, 0.9).",
            ),
            finding(
                Code::PlaceboEffect,
                Severity::NotApplicable,
                "smallest Holm p",
                (None, Some(0.05)),
                "The plan declares no placebo.",
            ),
            finding(
                Code::SensitivityRobustness,
                last.0,
                "robustness value",
                (last.1, Some(0.031)),
                "Held against the strongest priority confounder.",
            ),
            finding(
                Code::Alignment,
                Severity::Pass,
                "checks that hold",
                (None, None),
                "Plan, spec and executed analysis agree.",
            ),
        ],
        rubric_tier: None,
        departs_from_ate: "The average over a part of the sample, not over everyone.".into(),
    }
}

/// ATE and ATT answered as asked, ATO too; one iteration; two decimals.
pub fn nhefs() -> Case {
    let plan = plan(
        "Quitting smoking and weight",
        "How much weight do people gain because they quit smoking?",
        "kg",
        &["age", "sex", "race", "smokeintensity", "smokeyrs", "wt71"],
    );
    let analyses: Vec<AnalysisDesign> = [Target::Ate, Target::Att, Target::Ato]
        .into_iter()
        .map(|target| {
            let estimand = Estimand { target, population: ALL };
            design(
                target,
                estimand,
                balance(nhefs_balance()),
                overlap(0.039, bell(403.0, 0.31, 0.11), bell(1163.0, 0.24, 0.1)),
            )
        })
        .collect();
    let mut effects = Vec::new();
    let mut answers = Vec::new();
    for (target, shift) in [(Target::Ate, 0.0), (Target::Att, -0.008), (Target::Ato, 0.03)] {
        let estimand = Estimand { target, population: ALL };
        let numbers = [
            (EstimatorKind::Naive, 2.5406, 0.4875, 0.0),
            (EstimatorKind::Regression, 3.4626, 0.4384, 0.0),
            (EstimatorKind::Gformula, 3.4598 + shift, 0.47, 0.4737),
            (EstimatorKind::IpwHt, 3.4240 + shift, 0.6049, 0.4871),
            (EstimatorKind::IpwHajek, 3.4405 + shift, 0.5255, 0.4871),
            (EstimatorKind::Aipw, 3.3733 + shift, 0.4727, 0.4802),
            (EstimatorKind::AipwCrossfit, 3.41 + shift, 0.48, 0.49),
        ];
        let rows = estimates(1, (target, estimand), &numbers);
        let primary = rows.iter().find(|r| r.primary).map(|r| r.effect.clone());
        let tier = if target == Target::Ato { Tier::FullySatisfactory } else { Tier::SatisfactoryWithCaveats };
        let mut answer = answer(target, primary, &estimand.name(), 1, tier);
        answer.population = format!("The average over {}.", target.population());
        answer.sensitivity = Some(sensitivity(
            3.4626,
            0.4384,
            1547.0,
            &[
                ("age", 0.0148, 0.0431),
                ("sex", 0.0077, 0.0034),
                ("race", 0.0106, 0.0007),
                ("smokeintensity", 0.0172, 0.0011),
                ("smokeyrs", 0.0046, 0.0017),
                ("wt71", 0.0021, 0.0309),
            ],
        ));
        answers.push(answer);
        effects.extend(rows);
    }
    let graded = answers.iter().map(|a| grade(a.requested, &a.name, a.tier, (Severity::Pass, Some(0.182)))).collect();
    let mut results = results("Quitting smoking and weight", "kg", answers, effects, critique(1, Stage::Final, graded));
    if let Some(tried) = results.specs_tried.first_mut() {
        tried.tiers = vec![(Target::Ate, "ATE".into(), Tier::SatisfactoryWithCaveats)];
    }
    Case { plan, designs: vec![document(1, analyses)], results }
}

fn lalonde_balance(after: f64) -> Vec<BalanceRow> {
    [
        ("age", "age", true, (-0.796, 0.04)),
        ("black == 1", "black", true, (2.428, 0.02)),
        ("re74", "re74", true, (-1.566, -0.07)),
        ("re75", "re75", true, (-1.746, -0.05)),
        ("married == 1", "married", false, (-1.233, 0.06)),
        ("nodegree == 1", "nodegree", false, (0.904, -0.03)),
        ("hispanic == 1", "hispanic", false, (-0.051, 0.01)),
        ("re74 == 0", "re74", true, (1.494, 0.09)),
    ]
    .into_iter()
    .map(|(term, confounder, priority, (b, a))| balance_row(term, confounder, priority, (b, a * after)))
    .collect()
}

/// ATE trimmed at the second iteration, ATT as asked, ATC without a design: two iterations, thousands of dollars, one
/// estimate with standard errors that part.
pub fn lalonde() -> Case {
    let plan = plan(
        "NSW training and earnings",
        "What did the training do to earnings in 1978?",
        "1978 US dollars",
        &["age", "black", "re74", "re75"],
    );
    let whole = Estimand { target: Target::Ate, population: ALL };
    let trimmed = Estimand { target: Target::Ate, population: TRIMMED };
    let att = Estimand { target: Target::Att, population: ALL };
    let atc = Estimand { target: Target::Atc, population: ALL };
    let mut control = bell(300.0, 0.15, 0.15);
    if let Some(first) = control.first_mut() {
        *first = 15_692.0;
    }
    let raw = |requested, estimand| {
        design(
            requested,
            estimand,
            balance(lalonde_balance(6.0)),
            overlap(0.972, bell(185.0, 0.45, 0.25), control.clone()),
        )
    };
    let mut mended = design(
        Target::Ate,
        trimmed,
        balance(lalonde_balance(1.0)),
        overlap(0.021, bell(144.0, 0.42, 0.18), bell(308.0, 0.28, 0.15)),
    );
    mended.population = Some(population(
        (144, 308),
        0.0279,
        Some(0.1),
        &[("age", 25.1, 33.1), ("black == 1", 0.81, 0.082), ("re74", 2411.0, 13_880.5)],
    ));
    let mut failed = raw(Target::Atc, atc);
    failed.failed = Some("treatment is separated perfectly by `black == 1` among the controls".into());
    (failed.population, failed.propensity, failed.balance, failed.overlap, failed.placebo) =
        (None, None, None, None, None);
    let mut second = raw(Target::Att, att);
    second.placebo = None;

    let naive = (EstimatorKind::Naive, -8497.5, 583.4, 0.0);
    let mut effects = estimates(
        1,
        (Target::Ate, whole),
        &[
            naive,
            (EstimatorKind::Regression, 699.1, 547.6, 0.0),
            (EstimatorKind::IpwHajek, -7211.0, 2400.0, 3920.0),
            (EstimatorKind::Aipw, -4200.3, 1074.0, 2878.4),
        ],
    );
    effects.extend(estimates(
        2,
        (Target::Ate, trimmed),
        &[
            (EstimatorKind::Naive, 610.0, 820.0, 0.0),
            (EstimatorKind::Regression, 1410.0, 770.0, 0.0),
            (EstimatorKind::Gformula, 1498.0, 801.0, 838.0),
            (EstimatorKind::IpwHt, 2047.6, 1620.0, 905.0),
            (EstimatorKind::IpwHajek, 1533.8, 802.7, 842.0),
            (EstimatorKind::Aipw, 1564.6, 853.4, 858.2),
            (EstimatorKind::AipwCrossfit, 1403.0, 9860.0, 29_410.0),
        ],
    ));
    effects.extend(estimates(
        2,
        (Target::Att, att),
        &[naive, (EstimatorKind::Regression, 699.1, 547.6, 0.0), (EstimatorKind::Aipw, 1494.9, 677.9, 670.1)],
    ));
    let primary = |target, iteration| {
        effects
            .iter()
            .find(|r| r.primary && r.requested == target && r.iteration == iteration)
            .map(|r| r.effect.clone())
    };
    let mut ate = answer(Target::Ate, primary(Target::Ate, 2), "trimmed ATE", 2, Tier::SatisfactoryWithCaveats);
    ate.population =
        "The 452 people (2.8 % of the sample) whose propensity lies between 0.1 and 0.9: young, mostly black, poor."
            .into();
    ate.population_numbers = mended.population.clone();
    ate.sensitivity = Some(sensitivity(
        1410.0,
        770.0,
        441.0,
        &[("black", 0.21, 0.004), ("re75", 0.012, 0.031), ("age", 0.0084, 0.0021), ("re74", 0.0061, 0.0177)],
    ));
    let mut two = answer(Target::Att, primary(Target::Att, 2), "ATT", 2, Tier::NotSatisfactory);
    two.missing =
        vec!["Sensitivity: the regression could not be fitted (two terms are collinear among the kept rows).".into()];
    let mut three = answer(Target::Atc, None, "ATC", 2, Tier::NotSatisfactory);
    (three.population, three.population_numbers) = ("nobody: there is no design".into(), None);
    three.missing = failed.failed.iter().cloned().collect();
    let answers = vec![ate, two, three];
    let graded = |stage: Stage| -> Critique {
        let robustness = if stage == Stage::Final { (Severity::Warn, Some(0.083)) } else { (Severity::Withheld, None) };
        let mut analyses: Vec<AnalysisCritique> =
            answers.iter().map(|a| grade(a.requested, &a.name, a.tier, robustness)).collect();
        if let Some(last) = analyses.last_mut() {
            last.findings = vec![finding(
                Code::DesignFailed,
                Severity::Fail,
                "design",
                (None, None),
                "Treatment is separated perfectly.",
            )];
        }
        critique(2, stage, analyses)
    };
    let mut results =
        results("NSW training and earnings", "1978 US dollars", answers.clone(), effects.clone(), graded(Stage::Final));
    results.counters = counters(16_177, 0);
    results.not_estimated = vec![NotEstimated {
        iteration: 2,
        requested: Target::Atc,
        name: "ATC".into(),
        estimator: None,
        reason: NoEstimate::Design(DesignFailure::OutcomeNotRead),
    }];
    results.specs_tried = vec![
        SpecTried {
            iteration: 1,
            spec_sha256: hash(11),
            revisions: vec![],
            tiers: vec![
                (Target::Ate, "ATE".into(), Tier::NotSatisfactory),
                (Target::Att, "ATT".into(), Tier::NotSatisfactory),
            ],
        },
        SpecTried {
            iteration: 2,
            spec_sha256: hash(12),
            revisions: vec![revision(Target::Ate, "crump_trim", "overlap.outside", "Keep 0.1 <= e <= 0.9 and refit.")],
            tiers: vec![
                (Target::Ate, "trimmed ATE".into(), Tier::SatisfactoryWithCaveats),
                (Target::Att, "ATT".into(), Tier::NotSatisfactory),
            ],
        },
    ];
    let designs = vec![
        document(1, vec![raw(Target::Ate, whole), raw(Target::Att, att), failed.clone()]),
        document(2, vec![mended, second, failed]),
    ];
    Case { plan, designs, results }
}

/// The critique of the LaLonde run's second iteration while it was still blind.
pub fn lalonde_blind() -> Critique {
    let mut critique = lalonde().results.critique;
    critique.stage = Stage::Design;
    for analysis in &mut critique.analyses {
        for finding in &mut analysis.findings {
            if finding.code == Code::SensitivityRobustness {
                (finding.severity, finding.value, finding.threshold) = (Severity::Withheld, None, None);
                finding.message = "Needs the effect; withheld until the loop has settled.".into();
            }
        }
    }
    critique
}
