//! The rubric at its boundaries, and what could not be measured.

use super::fixtures::*;
use causal::diagnose::overlap::OverlapReport;
use causal::effect::SeMethod;
use causal::estimand::Target;
use oci_agent::critique::rubric::{AfterUnblinding, Bound, EstimateState, RULES, SensitivityState, findings, rule};
use oci_agent::finding::{Code, Finding, Severity, Tier};
use oci_agent::plan::{StudyDesign, Tool};
use oci_agent::record::basis::IdentifiedBy;
use oci_agent::record::critique::Stage;
use oci_agent::record::documents::{EstimateDiagnostics, EstimatePair};
use oci_agent::record::not_estimated::NoSensitivity;

fn found(world: &World, code: Code, sensitivity: SensitivityState<'_>) -> Finding {
    after(world, code, AfterUnblinding { sensitivity, ..AfterUnblinding::WITHHELD })
}

fn after(world: &World, code: Code, after: AfterUnblinding<'_>) -> Finding {
    let all = findings(&world.design.analyses[0], &world.spec, &world.spec.analyses[0], after);
    let of_code: Vec<&Finding> = all.iter().filter(|finding| finding.code == code).collect();
    assert_eq!(of_code.len(), 1, "one finding for {code:?}");
    of_code[0].clone()
}

fn blind(world: &World, code: Code) -> Finding {
    found(world, code, SensitivityState::Withheld)
}

/// The finding after `spoil` changed the design of the ATE.
fn spoiled(code: Code, spoil: impl FnOnce(&mut World)) -> Finding {
    let mut world = world();
    spoil(&mut world);
    blind(&world, code)
}

fn forbid(world: &mut World, tool: Tool) {
    world.plan.tools.retain(|t| *t != tool);
    world.spec.tools.retain(|t| *t != tool);
}

#[test]
fn the_table_has_one_rule_for_each_code_and_says_why() {
    assert_eq!(RULES.map(|rule| rule.code), Code::ALL);
    for code in Code::ALL {
        assert_eq!(rule(code).code, code);
        assert!(!rule(code).why.is_empty() && rule(code).source.contains("doi:10."));
        let graded = rule(code).warn != Bound::Never || rule(code).fail != Bound::Never;
        assert_eq!(graded, code != Code::SensitivityRobustness, "all but what only informs");
    }
}

/// Every fixed threshold as a number, at it and on either side of it. The numbers stand here once more, so that neither a
/// threshold nor its direction can change unseen.
#[test]
fn every_fixed_threshold_at_its_boundary() {
    use Severity::{Fail, Pass, Warn};
    /// The number, and the severity just below it, at it and just above it.
    type Boundary = (Code, f64, [Severity; 3]);
    let table: [Boundary; 26] = [
        (Code::Identification, 0.01, [Warn, Pass, Pass]),
        (Code::Identification, 0.001, [Fail, Warn, Warn]),
        (Code::StructureOneArm, 0.0, [Pass, Pass, Warn]),
        (Code::StructureOneArm, 0.01, [Warn, Fail, Fail]),
        (Code::StructurePocket, 0.02, [Pass, Warn, Warn]),
        (Code::PopulationKept, 0.9, [Warn, Pass, Pass]),
        (Code::PopulationKept, 0.1, [Fail, Warn, Warn]),
        (Code::PopulationAttrition, 0.05, [Pass, Warn, Warn]),
        (Code::PopulationAttrition, 0.1, [Warn, Fail, Fail]),
        (Code::BalancePriority, 0.1, [Pass, Warn, Warn]),
        (Code::BalancePriority, 0.2, [Warn, Fail, Fail]),
        (Code::OverlapOutside, 0.1, [Pass, Pass, Warn]),
        (Code::OverlapOutside, 0.5, [Warn, Warn, Fail]),
        (Code::OverlapEffectiveSize, 30.0, [Warn, Pass, Pass]),
        (Code::OverlapEffectiveSize, 7.0, [Fail, Warn, Warn]),
        (Code::PlaceboEffect, 0.05, [Warn, Pass, Pass]),
        (Code::EstimateConvergence, 0.0, [Pass, Pass, Warn]),
        (Code::EstimateDisagreement, 0.01, [Pass, Pass, Warn]),
        (Code::EstimateDisagreement, 0.02, [Warn, Warn, Fail]),
        (Code::EstimateDisagreementInterval, 1.0, [Pass, Pass, Warn]),
        (Code::EstimateWidth, 2.0, [Pass, Pass, Warn]),
        (Code::EstimateWidth, 3.92, [Warn, Warn, Fail]),
        (Code::EstimateOneRow, 0.5, [Pass, Pass, Warn]),
        (Code::EstimateOneRow, 0.9, [Warn, Warn, Fail]),
        (Code::EstimateStandardError, 0.1, [Pass, Pass, Warn]),
        (Code::EstimateTargets, 0.1, [Pass, Pass, Warn]),
    ];
    for (code, at, expected) in table {
        let found = [at.next_down(), at, at.next_up()].map(|value| rule(code).severity(value));
        assert_eq!(found, expected, "{code:?} at {at}");
    }
    let listed: Vec<(Code, f64)> = table.iter().map(|(code, at, _)| (*code, *at)).collect();
    let thresholds = RULES.iter().flat_map(|rule| {
        let fixed = [rule.warn.threshold(), rule.fail.threshold()].into_iter().flatten();
        fixed.map(|at| (rule.code, at))
    });
    assert_eq!(thresholds.collect::<Vec<_>>(), listed, "every fixed threshold is in the table");
}

/// The same boundaries through the findings that need an answer: an sd of the outcome of 1, a half-width of 1.
#[test]
fn a_finding_is_graded_at_the_boundary_of_its_rule() {
    let apart = |code: Code, size: f64| {
        let finding = answered(code, |effect, d| {
            effect.std_error = 1e-3;
            (d.outcome_sd, d.disagreement.as_mut().expect("a difference").size) = (1.0, size);
        });
        finding.severity
    };
    for (code, size, severity) in [
        (Code::EstimateDisagreement, 0.01, Severity::Pass),
        (Code::EstimateDisagreement, 0.01_f64.next_up(), Severity::Warn),
        (Code::EstimateDisagreement, 0.02, Severity::Warn),
        (Code::EstimateDisagreement, 0.02_f64.next_up(), Severity::Fail),
        (Code::EstimateDisagreementInterval, 1.0, Severity::Pass),
        (Code::EstimateDisagreementInterval, 1.0_f64.next_up(), Severity::Warn),
    ] {
        assert_eq!(apart(code, size), severity, "{code:?} {size}");
    }
    let targets = |other: f64| {
        let finding = answered(Code::EstimateTargets, |effect, d| {
            (effect.estimate, d.outcome_sd) = (0.0, 1.0);
            d.by_target.iter_mut().for_each(|target| target.estimate = 0.0);
            d.by_target[1].estimate = other;
        });
        finding.severity
    };
    assert_eq!((targets(-0.1), targets(-(0.1_f64.next_up()))), (Severity::Pass, Severity::Warn));
    for (size, severity) in [(30.0, Severity::Pass), (30.0_f64.next_down(), Severity::Warn)] {
        let finding = spoiled(Code::OverlapEffectiveSize, |w| {
            w.design.analyses[0].overlap.as_mut().expect("overlap").ess_control = size;
        });
        assert_eq!(finding.severity, severity, "{size}");
    }
    for (share, severity) in [(0.1, Severity::Pass), (0.1_f64.next_up(), Severity::Warn)] {
        let mut world = world();
        world.design.analyses[0].overlap = Some(overlap(share));
        let (effect, diagnostics) = (effect(Target::Ate), diagnostics());
        let estimate = EstimateState::Measured { effect: &effect, diagnostics: &diagnostics };
        let found =
            after(&world, Code::EstimateStandardError, AfterUnblinding { estimate, ..AfterUnblinding::WITHHELD });
        assert_eq!(found.severity, severity, "{share}");
    }
}

#[test]
fn balance_at_its_boundaries() {
    let at = |smd: f64| spoiled(Code::BalancePriority, |w| w.design.analyses[0].balance = Some(balance(smd)));
    let below = |x: f64| f64::from_bits(x.to_bits() - 1);
    for (smd, severity, threshold) in [
        (0.0, Severity::Pass, 0.1),
        (below(0.1), Severity::Pass, 0.1),
        (0.1, Severity::Warn, 0.1),
        (below(0.2), Severity::Warn, 0.1),
        (0.2, Severity::Fail, 0.2),
        (3.0, Severity::Fail, 0.2),
    ] {
        let finding = at(smd);
        assert_eq!((finding.severity, finding.threshold), (severity, Some(threshold)), "{smd}");
        assert_eq!(finding.value, Some(smd));
        assert_eq!(finding.subject.as_deref(), Some("sex"));
    }
}

#[test]
fn overlap_at_its_boundary_and_with_effective_sample_sizes() {
    let at = |share: f64| spoiled(Code::OverlapOutside, |w| w.design.analyses[0].overlap = Some(overlap(share)));
    let above = f64::from_bits(0.10_f64.to_bits() + 1);
    for (share, severity) in
        [(0.0, Severity::Pass), (0.10, Severity::Pass), (above, Severity::Warn), (1.0, Severity::Fail)]
    {
        let finding = at(share);
        assert_eq!(finding.severity, severity, "{share}");
        assert!(finding.message.contains("321") && finding.message.contains("543"), "{}", finding.message);
    }
}

#[test]
fn a_target_without_counterparts_is_blocked_where_a_few_weights_decide() {
    let limit = rule(Code::OverlapOutside).fail.threshold().expect("a threshold");
    let above = f64::from_bits(limit.to_bits() + 1);
    for target in Target::ALL {
        let at = |share: f64, carried: f64| {
            let finding = spoiled(Code::OverlapOutside, |w| {
                w.design.analyses[0].estimand.target = target;
                w.design.analyses[0].overlap = Some(OverlapReport { carried, ..overlap(share) });
            });
            finding.severity
        };
        assert_eq!(at(limit, 0.3), Severity::Warn, "{target:?}");
        assert_eq!(at(above, 0.3), Severity::Fail, "{target:?}");
        assert_eq!(at(1.0, 0.499), Severity::Fail, "{target:?}");
        // A roll-out to a few has small propensities, and weights as even as any.
        assert_eq!(at(1.0, 0.5), Severity::Pass, "{target:?}");
    }
}

#[test]
fn effective_size_is_that_of_the_smaller_arm() {
    let limit = rule(Code::OverlapEffectiveSize).warn.threshold().expect("a threshold");
    for (treated, control, severity, arm) in [
        (limit, 900.0, Severity::Pass, "treated"),
        (limit - 0.5, 900.0, Severity::Warn, "treated"),
        (900.0, limit - 0.5, Severity::Warn, "control"),
        (900.0, f64::NAN, Severity::NotApplicable, "control"),
    ] {
        let finding = spoiled(Code::OverlapEffectiveSize, |w| {
            let report = w.design.analyses[0].overlap.as_mut().expect("overlap");
            (report.ess_treated, report.ess_control) = (treated, control);
        });
        assert_eq!((finding.severity, finding.subject.as_deref()), (severity, Some(arm)), "{treated} {control}");
    }
}

/// The finding once the ATE is known, after `spoil` changed what came with it.
fn answered(code: Code, spoil: impl FnOnce(&mut causal::effect::Effect, &mut EstimateDiagnostics)) -> Finding {
    let (mut effect, mut diagnostics) = (effect(Target::Ate), diagnostics());
    spoil(&mut effect, &mut diagnostics);
    let estimate = EstimateState::Measured { effect: &effect, diagnostics: &diagnostics };
    after(&world(), code, AfterUnblinding { estimate, ..AfterUnblinding::WITHHELD })
}

#[test]
fn what_needs_the_effect_is_withheld_while_blind_and_never_a_pass_without_one() {
    let codes =
        Code::ALL.into_iter().filter(|code| code.key().starts_with("estimate.") && *code != Code::EstimateFailed);
    for code in codes {
        assert_eq!(blind(&world(), code).severity, Severity::Withheld, "{code:?}");
        assert!(blind(&world(), code).value.is_none());
        let estimate = EstimateState::NotComputable { reason: "the models failed." };
        let none = after(&world(), code, AfterUnblinding { estimate, ..AfterUnblinding::WITHHELD });
        assert_eq!(none.severity, Severity::NotApplicable, "{code:?}");
        assert_eq!(none.message, "Not checked: the models failed.");
        assert_eq!(answered(code, |_, _| {}).severity, Severity::Pass, "{code:?}");
    }
}

#[test]
fn disagreement_is_held_against_the_outcome_and_against_the_interval() {
    let apart = |code: Code, size: f64| {
        answered(code, |effect, d| {
            effect.std_error = 1e-3;
            d.disagreement.as_mut().expect("a difference").size = size;
        })
    };
    // The outcome has standard deviation 10, the interval a half-width of 1.
    for (code, scale) in [(Code::EstimateDisagreement, 10.0), (Code::EstimateDisagreementInterval, 1.0)] {
        let limit = rule(code).warn.threshold().expect("a threshold");
        let (at, above) = (apart(code, limit * scale), apart(code, limit * scale * 1.0001));
        assert_eq!((at.severity, above.severity), (Severity::Pass, Severity::Warn), "{code:?}");
        assert!((at.value.expect("value") - limit).abs() < 1e-12);
        let fails = rule(code).fail.threshold();
        assert_eq!(fails.map(|limit| apart(code, limit * scale * 1.0001).severity), fails.map(|_| Severity::Fail));
        assert!(above.message.contains("A and B"), "{}", above.message);
        assert_eq!(answered(code, |_, d| d.disagreement = None).severity, Severity::NotApplicable);
        assert_eq!(answered(code, |_, d| d.outcome_sd = f64::NAN).severity == Severity::NotApplicable, scale == 10.0);
    }
}

/// The outcome has standard deviation 10: 0.5 is 0.05 of it, and so many standard errors.
#[test]
fn a_difference_within_the_error_is_sampling() {
    for (std_error, severity) in
        [(1.01, Severity::Pass), (0.99, Severity::Warn), (0.5, Severity::Warn), (0.49, Severity::Fail)]
    {
        let finding = answered(Code::EstimateDisagreement, |effect, d| {
            effect.std_error = std_error;
            d.disagreement.as_mut().expect("a difference").size = 0.5;
        });
        assert_eq!(finding.severity, severity, "{std_error}: {}", finding.message);
    }
}

/// The same where chance decided who is treated: sampling alone sets the members apart, so it takes twice as much.
#[test]
fn where_treatment_was_randomised_a_difference_needs_twice_the_error() {
    for (std_error, severity) in
        [(0.51, Severity::Pass), (0.49, Severity::Warn), (0.26, Severity::Warn), (0.24, Severity::Fail)]
    {
        let (mut effect, mut diagnostics) = (effect(Target::Ate), diagnostics());
        effect.std_error = std_error;
        diagnostics.disagreement.as_mut().expect("a difference").size = 0.5;
        let estimate = EstimateState::Measured { effect: &effect, diagnostics: &diagnostics };
        let mut world = world();
        world.spec.design = StudyDesign::Randomised;
        let after_unblinding = AfterUnblinding { estimate, ..AfterUnblinding::WITHHELD };
        let finding = after(&world, Code::EstimateDisagreement, after_unblinding);
        assert_eq!(finding.severity, severity, "{std_error}: {}", finding.message);
    }
}

#[test]
fn an_answer_that_is_no_average_is_held_against_its_interval_only() {
    let far = |code| {
        answered(code, |_, d| {
            let seen = d.disagreement.as_mut().expect("a difference");
            (seen.size, seen.pair) = (5.0, EstimatePair::Other);
        })
    };
    assert_eq!(far(Code::EstimateDisagreement).severity, Severity::NotGraded);
    assert_eq!(far(Code::EstimateDisagreement).value, None);
    assert_eq!(far(Code::EstimateDisagreementInterval).severity, Severity::Warn);
}

#[test]
fn a_fit_that_did_not_converge_warns_before_and_after_unblinding() {
    let after = answered(Code::EstimateConvergence, |_, d| d.not_converged = vec!["the outcome, fold 2".to_owned(); 3]);
    assert_eq!((after.severity, after.value), (Severity::Warn, Some(3.0)));
    assert!(after.message.contains("fold 2 (and 2 more)"), "{}", after.message);
    let before = spoiled(Code::EstimateConvergence, |w| {
        w.design.analyses[0].propensity.as_mut().expect("propensity").not_converged = vec!["fold 1".to_owned()];
    });
    assert_eq!((before.severity, before.value), (Severity::Warn, Some(1.0)));
}

#[test]
fn a_standard_error_without_its_models_is_not_believed_where_overlap_is_poor() {
    let with = |method: SeMethod, stacked: Option<f64>, share: f64| {
        let mut world = world();
        world.design.analyses[0].overlap = Some(overlap(share));
        let effect = causal::effect::Effect { se_method: method, se_stacked: stacked, ..effect(Target::Ate) };
        let diagnostics = diagnostics();
        let estimate = EstimateState::Measured { effect: &effect, diagnostics: &diagnostics };
        after(&world, Code::EstimateStandardError, AfterUnblinding { estimate, ..AfterUnblinding::WITHHELD })
    };
    for method in [SeMethod::InfluenceFunction, SeMethod::Clustered] {
        assert_eq!(with(method, None, 0.05).severity, Severity::Pass);
        let poor = with(method, None, 0.4);
        assert_eq!(poor.severity, Severity::Warn);
        assert!(poor.message.contains("do not trust the interval"), "{}", poor.message);
    }
    for (method, stacked) in [
        (SeMethod::StackedEquations, Some(0.5)),
        (SeMethod::Clustered, Some(0.5)),
        (SeMethod::Disagreement, None),
        (SeMethod::Posterior, None),
    ] {
        assert_eq!(with(method, stacked, 0.9).severity, Severity::Pass, "{method:?}");
    }
}

#[test]
fn an_effect_that_depends_on_the_target_is_said_to() {
    let limit = rule(Code::EstimateTargets).warn.threshold().expect("a threshold");
    let at = |distance: f64| answered(Code::EstimateTargets, |_, d| d.by_target[2].estimate = 3.0 - distance * 10.0);
    assert_eq!(at(limit * 0.9999).severity, Severity::Pass);
    let far = at(limit * 1.0001);
    assert_eq!((far.severity, far.subject.as_deref()), (Severity::Warn, Some("ATO")));
    let alone = answered(Code::EstimateTargets, |_, d| d.by_target.truncate(1));
    assert_eq!(alone.severity, Severity::NotApplicable);
}

#[test]
fn placebo_at_its_boundary_takes_the_smallest_p() {
    let at = |p: f64| {
        spoiled(Code::PlaceboEffect, |w| {
            w.design.analyses[0].placebo = Some(placebo(&[("y_before", 0.9), ("injuries", p)]));
        })
    };
    let below = f64::from_bits(0.05_f64.to_bits() - 1);
    for (p, severity) in
        [(0.0, Severity::Warn), (below, Severity::Warn), (0.05, Severity::Pass), (0.06, Severity::Pass)]
    {
        assert_eq!(at(p).severity, severity, "{p}");
        assert_eq!(at(p).subject.as_deref(), Some("injuries"));
        assert_eq!(at(p).value, Some(p));
    }
}

/// Of 0.2 standard deviations with a standard error of 0.05, the 95 % interval begins at 0.102; of 0.0511, at 0.0998.
#[test]
fn a_placebo_that_certainly_moved_by_more_than_is_negligible_fails() {
    let at = |p: f64, std_error: f64, sign: f64| {
        spoiled(Code::PlaceboEffect, |w| {
            let mut report = placebo(&[("y_before", 0.0), ("injuries", p)]);
            let effect = &mut report.effects[1];
            // A standard deviation of 5 units.
            (effect.estimate, effect.standardised, effect.std_error) = (sign, sign * 0.2, 5.0 * std_error);
            w.design.analyses[0].placebo = Some(report);
        })
    };
    for sign in [-1.0, 1.0] {
        let failed = at(0.0009, 0.05, sign);
        assert_eq!((failed.severity, failed.subject.as_deref()), (Severity::Fail, Some("injuries")));
        assert!(failed.message.contains("by more than is negligible"), "{}", failed.message);
        let small = |p: f64, size: f64| {
            spoiled(Code::PlaceboEffect, |w| {
                let mut report = placebo(&[("y_before", p)]);
                let effect = &mut report.effects[0];
                (effect.estimate, effect.standardised, effect.std_error) = (sign, sign * size, 0.4);
                w.design.analyses[0].placebo = Some(report);
            })
        };
        assert_eq!(small(0.0099, 0.25).severity, Severity::Fail);
        assert_eq!(small(0.01, 0.25).severity, Severity::Warn);
        assert_eq!(small(0.0099, 0.249).severity, Severity::Warn);
        assert_eq!(at(0.0009, 0.0511, sign).severity, Severity::Warn);
        assert_eq!(at(0.001, 0.05, sign).severity, Severity::Warn);
        assert_eq!(at(0.0009, f64::NAN, sign).severity, Severity::Warn);
    }
}

#[test]
fn a_placebo_that_was_not_tested_is_never_a_pass() {
    let none_declared = spoiled(Code::PlaceboEffect, |w| w.spec.placebos.clear());
    assert_eq!(none_declared.severity, Severity::NotApplicable);
    assert!(none_declared.message.contains("declares no placebo"), "{}", none_declared.message);
    let reason = spoiled(Code::PlaceboEffect, |w| {
        let mut report = placebo(&[]);
        report.not_applicable = Some("`y_before` is constant.".to_owned());
        w.design.analyses[0].placebo = Some(report);
    });
    assert_eq!(reason.severity, Severity::NotApplicable);
    assert_eq!(reason.message, "Not checked: `y_before` is constant.");
    let half =
        |p: f64| spoiled(Code::PlaceboEffect, |w| w.design.analyses[0].placebo = Some(placebo(&[("y_before", p)])));
    assert_eq!(half(0.8).severity, Severity::NotApplicable, "one of two was not tested");
    assert_eq!(half(0.01).severity, Severity::Warn, "a placebo that moves warns, whatever the others do");
    let nan = spoiled(Code::PlaceboEffect, |w| {
        w.design.analyses[0].placebo = Some(placebo(&[("y_before", f64::NAN), ("injuries", 0.4)]));
    });
    assert_eq!(nan.severity, Severity::NotApplicable);
}

#[test]
fn robustness_ties_and_neighbours() {
    let against = |rv: f64| {
        let report = sensitivity(rv, &[("age", 0.05), ("sex", 0.2)], &[]);
        found(&world(), Code::SensitivityRobustness, SensitivityState::Measured(&report))
    };
    let next = |x: f64, step: i64| f64::from_bits((x.to_bits() as i64 + step) as u64);
    for (rv, said) in [
        (0.06, "would explain the effect away"),
        (next(0.2, -1), "would explain the effect away"),
        (0.2, "would explain the effect away"),
        (next(0.2, 1), "would have to be stronger"),
        (0.5, "would have to be stronger"),
    ] {
        let finding = against(rv);
        assert_eq!(finding.severity, Severity::NotGraded, "it informs");
        assert!(finding.message.contains(said), "{rv}: {}", finding.message);
        assert_eq!(finding.threshold, Some(0.2), "the threshold is the strongest benchmark");
        assert_eq!(finding.subject.as_deref(), Some("sex"));
    }
}

#[test]
fn an_unattainable_benchmark_is_told_by_name() {
    let of = |rv: f64, benchmarks: &[(&str, f64)]| {
        let report = sensitivity(rv, benchmarks, &["income"]);
        found(&world(), Code::SensitivityRobustness, SensitivityState::Measured(&report))
    };
    for finding in [of(0.9, &[("age", 0.1)]), of(0.9, &[])] {
        assert_eq!(finding.severity, Severity::NotGraded);
        assert_eq!(finding.subject.as_deref(), Some("income"));
    }
    let both = of(0.05, &[("age", 0.1)]);
    assert_eq!((both.severity, both.subject.as_deref()), (Severity::NotGraded, Some("age")));
    assert!(both.message.contains("income"), "{}", both.message);
}

#[test]
fn sensitivity_that_is_not_there() {
    let code = Code::SensitivityRobustness;
    assert_eq!(blind(&world(), code).severity, Severity::Withheld);
    assert_eq!(blind(&world(), code).value, None);
    let reason = found(&world(), code, SensitivityState::NotComputable { reason: &NoSensitivity::NoPrimaryEstimate });
    assert_eq!(
        (reason.severity, reason.message.as_str()),
        (Severity::NotApplicable, "Not checked: there is no primary estimate.")
    );
    let empty = sensitivity(0.3, &[], &[]);
    assert_eq!(found(&world(), code, SensitivityState::Measured(&empty)).severity, Severity::NotApplicable);
    for report in [sensitivity(f64::NAN, &[("age", 0.1)], &[]), sensitivity(0.9, &[("age", f64::NAN)], &[])] {
        assert_eq!(found(&world(), code, SensitivityState::Measured(&report)).severity, Severity::NotApplicable);
    }
}

#[test]
fn a_tool_that_is_not_allowed_is_not_applicable_even_if_it_was_run() {
    let report = sensitivity(0.9, &[("age", 0.1)], &[]);
    for (tool, code) in [
        (Tool::Balance, Code::BalancePriority),
        (Tool::Overlap, Code::OverlapOutside),
        (Tool::Placebo, Code::PlaceboEffect),
        (Tool::Sensitivity, Code::SensitivityRobustness),
    ] {
        let mut world = world();
        forbid(&mut world, tool);
        for state in [SensitivityState::Withheld, SensitivityState::Measured(&report)] {
            let finding = found(&world, code, state);
            assert_eq!(finding.severity, Severity::NotApplicable, "{tool:?}");
            assert!(finding.message.contains(tool.key()), "{}", finding.message);
        }
    }
}

#[test]
fn no_number_is_ever_a_pass_for_nan_or_infinity() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let smd = spoiled(Code::BalancePriority, |w| w.design.analyses[0].balance = Some(balance(bad)));
        assert_eq!((smd.severity, smd.value), (Severity::NotApplicable, None));
        let share = spoiled(Code::OverlapOutside, |w| w.design.analyses[0].overlap = Some(overlap(bad)));
        assert_eq!((share.severity, share.value), (Severity::NotApplicable, None));
    }
}

#[test]
fn a_priority_confounder_that_separates_the_arms_fails_and_a_constant_one_does_not() {
    let with = |treated: f64, control: f64| {
        spoiled(Code::BalancePriority, |w| {
            let mut row = balance_row("member", true, None);
            (row.mean_treated_after, row.mean_control_after) = (treated, control);
            if let Some(table) = w.design.analyses[0].balance.as_mut() {
                table.rows.push(row);
            }
        })
    };
    assert_eq!(with(1.0, 0.0).severity, Severity::Fail);
    assert_eq!(with(1.0, 0.0).subject.as_deref(), Some("member"));
    assert_eq!(with(1.0, 1.0).severity, Severity::Pass);
    assert_eq!(with(0.1 + 0.2, 0.3).severity, Severity::Pass, "rounding is not a difference");
}

#[test]
fn without_priority_there_is_no_balance_to_grade() {
    let finding = spoiled(Code::BalancePriority, |w| {
        if let Some(table) = w.design.analyses[0].balance.as_mut() {
            table.max_priority_after = None;
            table.rows.iter_mut().for_each(|row| row.priority = false);
        }
    });
    assert_eq!(finding.severity, Severity::NotApplicable);
    assert!(finding.message.contains("priority"), "{}", finding.message);
}

#[test]
fn a_failed_design_fails_and_passes_nothing() {
    let mut world = world();
    world.design.analyses[0] = oci_agent::record::documents::AnalysisDesign {
        failed: Some("the treated arm is empty".to_owned()),
        population: None,
        propensity: None,
        balance: None,
        overlap: None,
        placebo: None,
        ..world.design.analyses[0].clone()
    };
    let graded = &world.critique(Stage::Design).analyses[0];
    assert_eq!(graded.tier, Tier::NotSatisfactory);
    let severity = |code| graded.findings.iter().find(|f| f.code == code).map(|f| f.severity);
    assert_eq!(severity(Code::DesignFailed), Some(Severity::Fail));
    for code in [Code::BalancePriority, Code::OverlapOutside, Code::PlaceboEffect] {
        assert_eq!(severity(code), Some(Severity::NotApplicable), "{code:?}");
    }
    assert!(graded.findings[0].message.contains("the treated arm is empty"));
    assert!(graded.departs_from_ate.contains("nobody can be counted"));
}

#[test]
fn a_loop_that_is_not_blind_caps_at_caveats() {
    let mut world = world();
    (world.plan.loop_.blind, world.spec.blind) = (false, false);
    assert_eq!(blind(&world, Code::Blindness).severity, Severity::Warn);
    assert_eq!(world.critique(Stage::Design).analyses[0].tier, Tier::SatisfactoryWithCaveats);
}

#[test]
fn a_clean_design_is_fully_satisfactory_and_a_final_critique_withholds_nothing() {
    let mut world = world();
    // Without a graph or a coin nothing shows that the comparison is causal.
    assert_eq!(world.critique(Stage::Design).analyses[0].tier, Tier::SatisfactoryWithCaveats);
    world.design.identification.by = IdentifiedBy::Graph;
    let design = world.critique(Stage::Design);
    let tiers =
        |critique: &oci_agent::record::critique::Critique| critique.analyses.iter().map(|a| a.tier).collect::<Vec<_>>();
    assert_eq!(tiers(&design), [Tier::FullySatisfactory; 2]);
    for graded in &design.analyses {
        // Nobody is without an outcome here.
        let all: Vec<Code> = Code::ALL.into_iter().filter(|code| *code != Code::PopulationAttrition).collect();
        assert_eq!(graded.findings.iter().map(|f| f.code).collect::<Vec<_>>(), all, "every code, in order");
    }
    // Nothing was measured after unblinding: that is a caveat, not a pass and not `withheld`.
    assert_eq!(tiers(&world.critique(Stage::Final)), [Tier::SatisfactoryWithCaveats; 2]);
    let report = sensitivity(0.3, &[("age", 0.1)], &[]);
    let mut input = world.input(Stage::Final);
    input.sensitivity.insert(Target::Ate, SensitivityState::Measured(&report));
    input.sensitivity.insert(Target::Att, SensitivityState::Withheld);
    let (ate, att, diagnostics) = (effect(Target::Ate), effect(Target::Att), diagnostics());
    input.estimates.insert(Target::Ate, EstimateState::Measured { effect: &ate, diagnostics: &diagnostics });
    input.estimates.insert(Target::Att, EstimateState::Measured { effect: &att, diagnostics: &diagnostics });
    let last = oci_agent::critique::critique(&input);
    assert_eq!(tiers(&last), [Tier::FullySatisfactory, Tier::SatisfactoryWithCaveats]);
    let withheld = last.analyses.iter().flat_map(|a| &a.findings).filter(|f| f.severity == Severity::Withheld);
    assert_eq!(withheld.count(), 0);
}

/// A graph speaks for itself only: it passes with a placebo that passed, unless the data reject what it implies.
#[test]
fn a_graph_is_graded_by_its_placebos_and_by_what_the_data_reject() {
    let graded = |placebos: Option<&[(&str, f64)]>, stage: Stage, rejected: &[&str]| {
        let mut world = world();
        world.design.identification.by = IdentifiedBy::Graph;
        if placebos.is_none() {
            world.spec.placebos.clear();
        }
        for design in &mut world.design.analyses {
            design.placebo = placebos.map(placebo);
        }
        let mut input = world.input(stage);
        input.rejected_with_outcome = rejected.iter().map(|text| (*text).to_owned()).collect();
        let graded = oci_agent::critique::critique(&input).analyses.remove(1);
        let found = graded.findings.into_iter().find(|finding| finding.code == Code::Identification);
        let found = found.expect("a finding");
        (found.severity, found.message)
    };
    let (good, bad) = ([("y_before", 0.8), ("injuries", 0.6)], [("y_before", 0.001), ("injuries", 0.6)]);
    assert_eq!(graded(Some(&good), Stage::Design, &[]).0, Severity::Pass);
    // One of two was tested, and passed.
    assert_eq!(graded(Some(&good[..1]), Stage::Design, &[]).0, Severity::Pass);
    for (placebos, says) in [
        (None, "no placebo or negative control tested it"),
        (Some(&good[..0]), "no placebo or negative control tested it"),
        (Some(&bad[..]), "speaks against it"),
    ] {
        let (severity, message) = graded(placebos, Stage::Design, &[]);
        assert!(severity == Severity::Warn && message.contains(says), "{message}");
    }
    let (severity, message) = graded(Some(&good), Stage::Final, &["a ⫫ y | b", "c ⫫ y"]);
    assert!(severity == Severity::Warn && message.contains("a ⫫ y | b and 1 more"), "{message}");
}
