//! Results of experiments as a run leaves them: an A/B test with three arms, an encouragement design, a cluster test with looks.

use causal::experiment::VarianceKind;
use oci_agent::finding::{Severity, Tier};
use oci_agent::plan::experiment::{Adjustment, EffectRequest, LookPlan, Role, Worse};
use oci_agent::record::experiment::*;
use std::collections::BTreeMap;

pub fn arm(name: &str, control: bool, units: usize, share: f64) -> ArmFacts {
    ArmFacts { arm: name.into(), control, rows: units, units, clusters: None, planned_share: share, take_up: None }
}

pub fn estimate(estimate: f64, std_error: f64) -> Estimate {
    Estimate { estimate, std_error, lower: estimate - 1.96 * std_error, upper: estimate + 1.96 * std_error }
}

pub fn effect(metric: &str, arm: &str, estimated: Estimate, baseline: f64) -> EffectRow {
    let share = |value: f64| value / baseline;
    let relative = Estimate {
        estimate: share(estimated.estimate),
        std_error: share(estimated.std_error).abs() * 1.02,
        lower: share(estimated.lower),
        upper: share(estimated.upper),
    };
    let z = (estimated.estimate / estimated.std_error).abs();
    EffectRow {
        metric: metric.into(),
        arm: arm.into(),
        request: EffectRequest::Itt,
        segment: None,
        n: 20_000,
        effect: estimated,
        df: None,
        p_value: (2.0 * (-0.717 * z - 0.416 * z * z).exp()).min(1.0),
        baseline: Some(baseline),
        relative: Some(relative),
        anytime: None,
        holm: None,
        benjamini_hochberg: None,
        exploratory: false,
    }
}

pub fn anytime(row: EffectRow, factor: f64) -> EffectRow {
    let half = factor * 1.96 * row.effect.std_error;
    let sequence = AnytimeInterval {
        lower: row.effect.estimate - half,
        upper: row.effect.estimate + half,
        log_e: (row.effect.estimate / row.effect.std_error).powi(2) / 2.0 - 2.0,
        p_value: (row.p_value * 6.0).min(1.0),
        index: 40,
        g: 0.12,
        asymptotic: true,
    };
    EffectRow { anytime: Some(sequence), ..row }
}

fn check(code: HealthCode, severity: Severity, measure: &str, value: Option<f64>, message: &str) -> HealthCheck {
    HealthCheck {
        code,
        severity,
        measure: measure.into(),
        value,
        threshold: Some(0.001),
        subject: None,
        message: message.into(),
    }
}

pub fn metric(name: &str, measure: &str, role: Role, worse: Worse, means: &[(&str, f64)]) -> MetricResult {
    let of_arm = |(arm, value): &(&str, f64)| ArmSummary {
        arm: (*arm).into(),
        n: 10_000,
        missing: 12,
        value: *value,
        sd: Some(value.abs() * 1.5),
    };
    MetricResult {
        name: name.into(),
        measure: measure.into(),
        role,
        worse,
        smallest_effect: None,
        margin: None,
        arms: means.iter().map(of_arm).collect(),
        counters: MetricCounters {
            rows: 184_220,
            outside_window: 912,
            not_assigned: 31,
            units_without_rows: 4_870,
            set_to_zero: 4_870,
            ..MetricCounters::default()
        },
    }
}

pub fn document(title: &str, question: &str, arms: Vec<ArmFacts>) -> ExperimentResults {
    let units = arms.iter().map(|arm| arm.units).sum();
    ExperimentResults {
        title: title.into(),
        question: question.into(),
        health: HealthDocument {
            design: DesignFacts {
                arms,
                rows: units,
                units,
                filtered_out: None,
                cluster_by: Vec::new(),
                clusters: None,
                compliance: Compliance::Full,
                smallest_propensity: None,
                effective_rows: None,
                adjustment: Adjustment::Lin,
                covariates: vec!["pre_sales".into(), "device == phone".into(), "tenure".into()],
                dropped_terms: Vec::new(),
                variance: VarianceKind::Hc1,
                variance_of_iv: None,
                alpha: 0.05,
            },
            identification: vec!["chance decided the arm of each unit, with the same chances for all".into()],
            checks: vec![
                check(
                    HealthCode::SampleRatio,
                    Severity::Pass,
                    "p of the sample ratio",
                    Some(0.41),
                    "The arms have the planned shares.",
                ),
                check(
                    HealthCode::PrePeriod,
                    Severity::Pass,
                    "smallest p, Holm",
                    Some(0.22),
                    "The arms do not differ before the start.",
                ),
            ],
            tier: Tier::FullySatisfactory,
        },
        metrics: Vec::new(),
        effects: Vec::new(),
        segments: Vec::new(),
        segment_arms: Vec::new(),
        segment_covariances: Vec::new(),
        refused: Vec::new(),
        first_stages: Vec::new(),
        days: Vec::new(),
        phases: Vec::new(),
        looks_planned: LookPlan::Fixed,
        looks: vec![look(units, "d4")],
        checks_of_effects: Vec::new(),
        decisions: Vec::new(),
        logged_audit: None,
        logged_answers: None,
        caveats: Vec::new(),
        data_sha256: "d4".repeat(32),
        plan_sha256: "9a".repeat(32),
        version: "0.1.0".into(),
    }
}

fn row(metric: &str, arm: &str, role: Role, standing: Standing) -> DecisionRow {
    let primary = role == Role::Primary;
    DecisionRow {
        metric: metric.into(),
        arm: arm.into(),
        role,
        standing,
        p_adjusted: primary.then_some(0.03),
        more_units: (standing == Standing::Undecided).then_some(12_400),
    }
}

fn decision(arm: &str, verdict: Verdict, reason: &str, rows: Vec<DecisionRow>) -> ArmDecision {
    ArmDecision { arm: arm.into(), verdict, reason: reason.into(), rows }
}

/// Three arms, four metrics, segments, ten days of assignments.
pub fn ab_test() -> ExperimentResults {
    let arms = vec![
        arm("control", true, 20_114, 0.4),
        arm("diverse", false, 15_021, 0.3),
        arm("personal", false, 14_865, 0.3),
    ];
    let mut results = document("A more diverse ranking", "Does a more diverse ranking sell more?", arms);
    results.metrics = ab_metrics();
    results.effects = ab_effects();
    results.segments = ab_segments();
    results.refused = vec![Refused {
        metric: "sales".into(),
        arm: Some("personal".into()),
        request: EffectRequest::Itt,
        segment: Some("device == \"tv\"".into()),
        reason: "12 units are in the segment, fewer than the 20 of `privacy.min_cell`; leave the segment out".into(),
    }];
    results.health.checks.push(HealthCheck {
        subject: Some("latency".into()),
        ..check(
            HealthCode::MissingOutcomes,
            Severity::Warn,
            "p of equal shares",
            Some(0.000_41),
            "`latency` is missing for 1.9 % of `control` and 2.4 % of `diverse`, a difference beyond chance.",
        )
    });
    results.health.tier = Tier::SatisfactoryWithCaveats;
    results.days = ab_days();
    results.decisions = vec![
        decision(
            "diverse",
            Verdict::Stop,
            "`latency` is 31.2 worse than under `control`, beyond its margin of 20, and `sales` is lower",
            vec![
                row("sales", "diverse", Role::Primary, Standing::Worse),
                row("latency", "diverse", Role::Guardrail, Standing::BeyondMargin),
            ],
        ),
        decision(
            "personal",
            Verdict::Ship,
            "`sales` is higher by more than matters, and no guardrail is beyond its margin",
            vec![
                row("sales", "personal", Role::Primary, Standing::Better),
                row("latency", "personal", Role::Guardrail, Standing::WithinMargin),
            ],
        ),
    ];
    results.caveats = vec!["Sales after day 14 are not in the metric".into()];
    results
}

fn ab_metrics() -> Vec<MetricResult> {
    let arms = |values: [f64; 3]| [("control", values[0]), ("diverse", values[1]), ("personal", values[2])];
    let mut metrics = vec![
        metric("sales", "sum(amount)", Role::Primary, Worse::Down, &arms([22.31, 21.77, 23.02])),
        metric("latency", "mean(ms)", Role::Guardrail, Worse::Up, &arms([412.0, 443.2, 415.1])),
        metric("basket", "sum(amount) / count()", Role::Secondary, Worse::Down, &arms([41.2, 41.4, 41.5])),
        metric("p90", "quantile(ms, 0.9)", Role::Secondary, Worse::Up, &arms([810.0, 861.0, 812.0])),
    ];
    metrics[0].smallest_effect = Some(0.2231);
    metrics[0].counters.winsorised = 50;
    metrics[0].counters.winsorised_at = Some(812.4);
    metrics[1].margin = Some(20.0);
    metrics
}

fn ab_effects() -> Vec<EffectRow> {
    let mut rows = vec![
        effect("sales", "diverse", estimate(-0.54, 0.21), 22.31),
        effect("sales", "personal", estimate(0.71, 0.22), 22.31),
        effect("latency", "diverse", estimate(31.2, 2.9), 412.0),
        effect("latency", "personal", estimate(3.1, 2.8), 412.0),
        effect("basket", "diverse", estimate(0.2, 0.31), 41.2),
        effect("basket", "personal", estimate(0.3, 0.32), 41.2),
        effect("p90", "diverse", estimate(51.0, 9.0), 810.0),
        effect("p90", "personal", estimate(2.0, 9.1), 810.0),
    ];
    for row in &mut rows {
        row.holm = Some((row.p_value * 2.0).min(1.0));
        row.benjamini_hochberg = Some((row.p_value * 1.5).min(1.0));
    }
    rows
}

fn ab_segments() -> Vec<EffectRow> {
    let of = |segment: &str, arm: &str, value: f64, std_error: f64, exploratory: bool| EffectRow {
        segment: Some(segment.into()),
        n: 8_000,
        holm: Some(0.4),
        benjamini_hochberg: Some(0.2),
        exploratory,
        ..effect("sales", arm, estimate(value, std_error), 22.31)
    };
    vec![
        of("holiday_shopper", "diverse", 0.9, 0.5, false),
        of("device == \"desktop\" and tenure > 30", "diverse", 0.4, 0.41, false),
        of("device == \"phone\"", "diverse", -1.1, 0.4, true),
        of("holiday_shopper", "personal", 1.2, 0.52, false),
        of("device == \"desktop\" and tenure > 30", "personal", 0.8, 0.44, false),
        of("device == \"phone\"", "personal", 0.5, 0.39, true),
    ]
}

fn ab_days() -> Vec<DayRow> {
    (1..=10)
        .map(|day| {
            let wobble = [0.0, 14.0, -22.0, 9.0, 30.0, -12.0, 4.0, 18.0, -7.0, 0.0][day - 1];
            DayRow {
                day: day as f64,
                units: vec![
                    (2011.4 * day as f64 + wobble) as usize,
                    (1502.1 * day as f64 - wobble) as usize,
                    (1486.5 * day as f64) as usize,
                ],
                sample_ratio_p: Some(if day == 5 { 0.0004 } else { 0.3 }),
                cumulative: vec![
                    effect("sales", "diverse", estimate(-0.54 + 0.9 / day as f64, 0.66 / (day as f64).sqrt()), 22.31),
                    effect("sales", "personal", estimate(0.71 - 0.4 / day as f64, 0.7 / (day as f64).sqrt()), 22.31),
                ],
                of_the_day: Vec::new(),
                refused: Vec::new(),
            }
        })
        .collect()
}

/// An e-mail that offers a course: not everyone takes it up.
pub fn encouragement() -> ExperimentResults {
    let mut arms = vec![arm("no_email", true, 5_020, 0.5), arm("email", false, 4_980, 0.5)];
    arms[0].take_up = Some(0.0);
    arms[1].take_up = Some(0.382);
    let mut results = document("An e-mail for a course", "Does the course raise what people earn?", arms);
    results.health.design.compliance = Compliance::OneSided;
    results.health.design.variance_of_iv = Some(VarianceKind::Hc1);
    results.health.identification.push(
        "the e-mail moves earnings through the course alone, and keeps nobody from it (Angrist, Imbens and Rubin)"
            .into(),
    );
    let means = [("no_email", 2_410.0), ("email", 2_478.0)];
    results.metrics = vec![metric("earnings", "earnings", Role::Primary, Worse::Down, &means)];
    let of_treatment = |request, value: f64, std_error: f64| EffectRow {
        request,
        ..effect("earnings", "email", estimate(value, std_error), 2_395.0)
    };
    results.effects = vec![
        effect("earnings", "email", estimate(68.2, 24.0), 2_410.0),
        of_treatment(EffectRequest::Late, 178.5, 63.0),
        EffectRow { relative: None, baseline: None, ..of_treatment(EffectRequest::Ate, 150.1, 88.0) },
    ];
    results.first_stages = vec![FirstStage {
        arm: "email".into(),
        compliance: estimate(0.382, 0.0069),
        f: 3_065.2,
        anderson_rubin: BTreeMap::from([(
            "earnings".to_owned(),
            AndersonRubin::Interval { lower: 55.1, upper: 302.4 },
        )]),
        complier_means: vec![
            ComplierMean { term: "age".into(), compliers: 36.1, population: 41.7 },
            ComplierMean { term: "device == phone".into(), compliers: 0.62, population: 0.48 },
        ],
    }];
    results.decisions = vec![decision(
        "email",
        Verdict::Ship,
        "`earnings` is higher beyond chance",
        vec![row("earnings", "email", Role::Primary, Standing::Better)],
    )];
    results
}

/// Forty stores, fourteen days, looks at any time.
pub fn cluster_test() -> ExperimentResults {
    let mut arms = vec![arm("control", true, 6_112, 0.5), arm("new_layout", false, 6_044, 0.5)];
    arms[0].clusters = Some(20);
    arms[1].clusters = Some(20);
    let mut results = document("A new layout of the store", "Does the new layout sell more?", arms);
    let design = &mut results.health.design;
    design.cluster_by = vec!["store".into()];
    design.clusters = Some(40);
    design.variance = VarianceKind::Cr2;
    results.health.checks.push(check(
        HealthCode::FewClusters,
        Severity::Warn,
        "clusters in the smaller arm",
        Some(20.0),
        "The smaller arm has 20 clusters: degrees of freedom are few, and intervals rest on a t distribution.",
    ));
    results.health.tier = Tier::SatisfactoryWithCaveats;
    let mut sales =
        metric("sales", "sum(amount)", Role::Primary, Worse::Down, &[("control", 81.0), ("new_layout", 82.1)]);
    sales.smallest_effect = Some(1.62);
    results.metrics = vec![sales];
    results.looks_planned = LookPlan::Anytime;
    let at = |day: usize| {
        let day = day as f64;
        let drift = 3.0 * (day * 1.7).sin() / day;
        let row = effect("sales", "new_layout", estimate(1.1 + drift, 4.2 / day.sqrt()), 81.0);
        anytime(EffectRow { df: Some(36.2), ..row }, 1.6)
    };
    results.effects = vec![at(14)];
    results.days = (1..=14)
        .map(|day| DayRow {
            day: day as f64,
            units: vec![436 * day, 431 * day + day % 3],
            sample_ratio_p: None,
            cumulative: vec![at(day)],
            of_the_day: vec![at(day)],
            refused: Vec::new(),
        })
        .collect();
    let earlier = look(31, "77");
    results.looks.insert(0, earlier);
    results.decisions = vec![decision(
        "new_layout",
        Verdict::Hold,
        "the confidence sequence of `sales` holds both no effect and the smallest that matters",
        vec![DecisionRow { more_units: Some(64), ..row("sales", "new_layout", Role::Primary, Standing::Undecided) }],
    )];
    results
}

fn look(n: usize, data: &str) -> Look {
    Look {
        n,
        data_sha256: data.repeat(32),
        plan_sha256: "9a".repeat(32),
        metrics: BTreeMap::new(),
        analysis: String::new(),
        segments: Vec::new(),
        planned_n: None,
        seen: Vec::new(),
    }
}
