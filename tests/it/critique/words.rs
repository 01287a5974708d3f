//! What a careful reviewer owes the principal, in words: computed, with the right numbers in them.

use super::fixtures::*;
use causal::estimand::{Population, Target, TrimRule};
use oci_agent::critique::departures::departs_from_ate;
use oci_agent::critique::{alternatives, blind_spots, target_trial};
use oci_agent::plan::{MissingPolicy, TargetTrial, Tool};
use oci_agent::record::critique::Stage;
use oci_agent::spec::Revision;

const FIXED: Population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };
const OPTIMAL: Population = Population::Trimmed { trim: TrimRule::CrumpOptimal };

fn spots(world: &World) -> Vec<String> {
    blind_spots::list(&world.plan, &world.spec, &world.design)
}

#[test]
fn every_target_in_every_population_says_for_whom_and_who_was_left_out() {
    let mut all = Vec::new();
    for target in Target::ALL {
        for among in [Population::All, FIXED, OPTIMAL] {
            let mut analysis = analysis(target);
            analysis.population = among;
            let trimmed = among != Population::All;
            let who = if trimmed { population(12, 345) } else { population(0, 0) };
            let text = departs_from_ate(&analysis, Some(&who));
            assert!(text.contains(&analysis.estimand().name()), "{text}");
            let itself = target == Target::Ate && !trimmed;
            assert_eq!(text.contains("not the ATE"), !itself, "{text}");
            if trimmed {
                for part in
                    ["357 of 1000 rows (35.7 %)", "12 treated and 345 controls", "0.100", "0.900", "nothing about them"]
                {
                    assert!(text.contains(part), "{part} is not in: {text}");
                }
                assert!(text.contains("643 rows: 388 treated and 255 controls"), "{text}");
            } else {
                assert!(!text.contains("left out"), "{text}");
                assert!(text.contains("1000 rows: 400 treated and 600 controls"), "{text}");
            }
            all.push(text);
        }
    }
    let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), 12, "each combination has its own words");
}

#[test]
fn a_switched_target_names_both() {
    let mut analysis = analysis(Target::Ate);
    analysis.target = Target::Ato;
    let text = departs_from_ate(&analysis, Some(&population(0, 0)));
    assert!(text.contains("The plan asked for the ATE; a revision put the ATO in its place"), "{text}");
    assert!(text.contains("e(1 − e)"), "{text}");
}

#[test]
fn trimming_that_left_out_nobody_says_so() {
    let mut analysis = analysis(Target::Ate);
    analysis.population = OPTIMAL;
    let mut who = population(0, 0);
    (who.alpha_lower, who.alpha_upper) = (Some(0.0), Some(1.0));
    assert!(departs_from_ate(&analysis, Some(&who)).contains("nobody was left out"));
}

#[test]
fn the_ideal_trial_has_all_its_components_beside_this_analysis() {
    let world = world();
    let lines = target_trial::contrast(&world.plan, &world.spec, &world.design);
    let names: Vec<&str> = lines.iter().map(|line| line.component.as_str()).collect();
    assert_eq!(
        names,
        [
            "eligibility",
            "treatment strategies",
            "assignment",
            "time zero",
            "follow-up",
            "outcome",
            "causal contrast",
            "analysis plan"
        ]
    );
    assert_eq!(lines[2].target_trial, "at random");
    assert!(lines[0].this_analysis.contains("1000 rows read, 1000 analysed"), "{}", lines[0].this_analysis);
    assert!(lines[2].this_analysis.contains("given `age`, `sex` and `region` (conditional exchangeability)"));
    assert!(lines[5].this_analysis.contains("`y` (kg)"));
    assert!(lines[7].this_analysis.contains("ATE by AIPW, cross-fitted with 4 terms"), "{}", lines[7].this_analysis);
}

#[test]
fn the_contrast_counts_who_is_left_for_a_trimmed_estimand() {
    let mut world = world();
    world.design.analyses[0].population = Some(population(10, 90));
    world.design.analyses[0].name = "trimmed ATE".into();
    let eligibility = &target_trial::contrast(&world.plan, &world.spec, &world.design)[0].this_analysis;
    assert!(eligibility.contains("For the trimmed ATE, 900 of them."), "{eligibility}");
}

#[test]
fn a_careful_plan_has_no_blind_spots_that_we_know_of() {
    assert_eq!(spots(&world()), Vec::<String>::new());
}

#[test]
fn each_blind_spot_is_seen() {
    type Spoil = fn(&mut World);
    let cases: [(&str, Spoil); 20] = [
        ("does not say: eligibility, treatment strategies, assignment", |w| {
            w.plan.target_trial = TargetTrial::default()
        }),
        ("does not say: time zero.", |w| w.plan.target_trial.time_zero = "  ".into()),
        ("No placebo outcome", |w| w.plan.placebo_outcomes.clear()),
        ("No negative control", |w| w.plan.negative_controls.clear()),
        ("No threat", |w| w.plan.threats.clear()),
        ("No unit id", |w| w.plan.data.unit_id = None),
        ("Only 2 confounders", |w| w.plan.confounders.other.clear()),
        ("No confounder has priority", |w| w.plan.confounders.priority.clear()),
        ("interference", |w| w.plan.threats = vec!["weather".into()]),
        ("missing from the file altogether", |w| w.plan.target_trial.follow_up = "ten years".into()),
        ("does not allow, and that were therefore not made: overlap, placebo.", |w| {
            w.plan.tools.retain(|t| !matches!(t, Tool::Overlap | Tool::Placebo));
        }),
        ("77 of 1000 rows were dropped", |w| {
            w.spec.missing = MissingPolicy::Drop;
            (w.design.counters.rows_analysed, w.design.counters.rows_dropped_missing) = (923, 77);
        }),
        ("31 missing values were replaced", |w| {
            w.spec.missing = MissingPolicy::Indicator;
            w.design.counters.values_imputed_by_column = [("age".to_owned(), 30), ("sex".to_owned(), 1)].into();
        }),
        ("44 rows have a `t` other than 1 and 0", |w| w.design.counters.rows_dropped_other_treatment = 44),
        ("3 rows have observation weight zero", |w| w.design.counters.rows_weight_zero = 3),
        ("For the ATE, `age`, `sex` enter the models as a straight line", |w| drop(w.spec.analyses[0].terms.pop())),
        ("Left out of the models for the ATE, because constant or a combination of other terms: `age^2`", |w| {
            w.design.analyses[0].propensity.as_mut().expect("propensity").dropped_terms.push("age^2".into());
        }),
        ("without priority: `region == south`", |w| {
            w.design.analyses[0].balance.as_mut().expect("balance").rows[2].smd_after = Some(-0.1);
        }),
        ("The smaller arm of the ATE has 30 units for 4 terms", |w| {
            w.design.analyses[0].population = Some(population(370, 0))
        }),
        ("Trimming kept 40.0 % of the rows for the ATE", |w| {
            w.design.analyses[0].population = Some(population(100, 500))
        }),
    ];
    for (expected, spoil) in cases {
        let mut world = world();
        spoil(&mut world);
        let spots = spots(&world);
        assert!(spots.iter().any(|spot| spot.contains(expected)), "`{expected}` is not in {spots:?}");
    }
}

/// A column with a step of its own, or with two values, does not enter as a line; analyses that share theirs share a sentence.
#[test]
fn only_columns_that_enter_as_a_straight_line_are_said_to() {
    let mut world = world();
    for analysis in &mut world.spec.analyses {
        analysis.terms = ["age", "sex", "income", "income == 0"].map(term).to_vec();
    }
    for design in &mut world.design.analyses {
        let sex = &mut design.balance.as_mut().expect("balance").rows[1];
        assert_eq!(sex.term, "sex");
        sex.ks_before = (sex.mean_treated_before - sex.mean_control_before).abs();
    }
    let said: Vec<String> = spots(&world).into_iter().filter(|spot| spot.contains("straight line")).collect();
    let expected = "For the ATE and ATT, `age` enters the models as a straight line, without squares or products: is that believable?";
    assert_eq!(said, [expected]);
    for analysis in &mut world.spec.analyses {
        analysis.terms = ["sex", "income", "income == 0"].map(term).to_vec();
    }
    assert!(!spots(&world).iter().any(|spot| spot.contains("straight line")));
}

#[test]
fn a_blind_spot_is_said_once() {
    let mut world = world();
    world.spec.analyses.iter_mut().for_each(|analysis| drop(analysis.terms.pop()));
    let spots = spots(&world);
    assert_eq!(spots.len(), 1, "of both estimands: {spots:?}");
}

#[test]
fn there_is_always_another_way_to_learn_the_answer() {
    let mut bare = plan();
    (bare.title, bare.question, bare.threats) = (String::new(), String::new(), vec![]);
    bare.target_trial = TargetTrial::default();
    let fallback = alternatives::suggest(&bare);
    assert_eq!(fallback.len(), 1);
    assert!(fallback[0].starts_with("Encouragement design") && fallback[0].contains("`t`"), "{fallback:?}");
    bare.placebo_outcomes.clear();
    bare.negative_controls.clear();
    assert!(alternatives::suggest(&bare)[1].starts_with("Negative-control design"));
}

#[test]
fn the_alternative_fits_the_setting() {
    let of = |question: &str| {
        let mut plan = plan();
        plan.question = question.to_owned();
        alternatives::suggest(&plan).into_iter().next().unwrap_or_default()
    };
    for (question, expected) in [
        ("Did users who adopted the new feature engage more?", "Encouragement design"),
        ("Does smoking cessation raise weight?", "Encouragement design"),
        ("What did the roll-out to stores in other regions do?", "Staggered roll-out"),
        ("Does aid given above a cut-off of the needs index help?", "Regression discontinuity"),
        ("What does military service do, given the draft?", "Instrumental variable"),
        ("Does surge pricing lower waiting time of riders?", "Switchback experiment"),
        ("Does the new dispatch algorithm shorten trips?", "Switchback experiment"),
    ] {
        let first = of(question);
        assert!(first.starts_with(expected), "{question}: {first}");
        assert!(first.contains("buys"), "it says what it would buy: {first}");
    }
}

#[test]
fn remediations_list_every_revision_so_far() {
    let (first, mut second) = (world(), world());
    second.spec.iteration = 2;
    let revision = |reverted| Revision {
        requested: Target::Ate,
        playbook: "trim-crump".into(),
        because: vec!["overlap.outside".into()],
        change: "Trimmed.".into(),
        estimand_effect: "Trimmed ATE.".into(),
        reverted,
        reason: None,
    };
    second.spec.revisions = vec![revision(false), revision(true)];
    let earlier = [first.executed()];
    let input = oci_agent::critique::CritiqueInput { earlier: &earlier, ..second.input(Stage::Design) };
    assert_eq!(
        oci_agent::critique::critique(&input).remediations,
        [
            "iteration 2, ATE, trim-crump (because overlap.outside): Trimmed. Trimmed ATE.",
            "iteration 2, ATE, trim-crump, undone (because overlap.outside): Trimmed. Trimmed ATE."
        ]
    );
}

/// A revision may remove the confounding that a placebo saw, or only the power to see it.
#[test]
fn a_placebo_that_moved_once_stays_a_warning() {
    use oci_agent::critique::{CritiqueInput, critique};
    use oci_agent::finding::{Code, Severity};
    let (mut first, mut second) = (world(), world());
    for design in &mut first.design.analyses {
        design.placebo = Some(placebo(&[("y_before", 0.008), ("injuries", 0.6)]));
    }
    second.spec.iteration = 2;
    let earlier = [first.executed()];
    let severity = |earlier: &[oci_agent::critique::Executed<'_>]| {
        let graded = critique(&CritiqueInput { earlier, ..second.input(Stage::Design) });
        let finding = graded.analyses[0].findings.iter().find(|f| f.code == Code::PlaceboEffect).cloned();
        finding.map(|f| (f.severity, f.message)).expect("a placebo finding")
    };
    assert_eq!(severity(&[]).0, Severity::Pass);
    let (remembered, message) = severity(&earlier);
    assert_eq!(remembered, Severity::Warn);
    assert!(message.contains("iteration 1") && message.contains("y_before"), "{message}");
}

/// One that failed is no sooner forgotten than one that warned: not by a revision, and not by another estimand of the population.
#[test]
fn a_placebo_that_failed_once_is_never_a_pass() {
    use oci_agent::critique::{CritiqueInput, critique};
    use oci_agent::finding::{Code, Severity};
    let failing = || {
        let mut report = placebo(&[("y_before", 0.0001), ("injuries", 0.6)]);
        (report.effects[0].estimate, report.effects[0].standardised, report.effects[0].std_error) = (1.0, 0.5, 0.1);
        Some(report)
    };
    let severities = |input: &CritiqueInput<'_>| -> Vec<Severity> {
        let graded = critique(input);
        let findings = graded.analyses.iter().flat_map(|analysis| &analysis.findings);
        findings.filter(|finding| finding.code == Code::PlaceboEffect).map(|finding| finding.severity).collect()
    };
    let (mut first, mut second) = (world(), world());
    first.design.analyses.iter_mut().for_each(|design| design.placebo = failing());
    second.spec.iteration = 2;
    assert!(severities(&first.input(Stage::Design)).iter().all(|it| *it == Severity::Fail));
    let earlier = [first.executed()];
    let later = severities(&CritiqueInput { earlier: &earlier, ..second.input(Stage::Design) });
    assert!(later.iter().all(|it| *it == Severity::Warn), "{later:?}");
    let mut shared = world();
    shared.design.analyses[0].placebo = failing();
    let shared = severities(&shared.input(Stage::Design));
    assert_eq!((shared[0], shared[1]), (Severity::Fail, Severity::Warn));
}

#[test]
fn no_estimate_fails_once_the_loop_has_settled() {
    use oci_agent::critique::{CritiqueInput, critique};
    use oci_agent::finding::Tier;
    let world = world();
    let without_estimate = std::collections::BTreeMap::from([(Target::Ate, "no events in one arm".to_owned())]);
    let tier = |stage| {
        let input = CritiqueInput { without_estimate: without_estimate.clone(), ..world.input(stage) };
        critique(&input).analyses.iter().find(|g| g.requested == Target::Ate).map(|g| g.tier)
    };
    assert_ne!(tier(Stage::Design), Some(Tier::NotSatisfactory));
    assert_eq!(tier(Stage::Final), Some(Tier::NotSatisfactory));
}

/// The mean of those who are left is held against that of those who were asked about: the treated, for an ATT.
#[test]
fn who_was_lost_is_told_by_the_means_of_those_who_were_asked_about() {
    use causal::estimand::{Population, TrimRule};
    use oci_agent::finding::Code;
    let mut world = world();
    let trimmed = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };
    world.spec.analyses[1].population = trimmed;
    let mut who = population(100, 20);
    who.profile = vec![("age".into(), 40.0, 90.0)];
    who.profile_asked = vec![("age".into(), 44.0)];
    world.design.analyses[1].population = Some(who);
    world.design.analyses[1].estimand = world.spec.analyses[1].estimand();
    let critique = world.critique(oci_agent::record::critique::Stage::Design);
    let kept = critique.analyses[1].findings.iter().find(|f| f.code == Code::PopulationKept).expect("graded");
    assert!(
        kept.message.contains("Their `age` averages 40.0; among all who were asked about it is 44.0."),
        "{}",
        kept.message
    );
    assert!(
        kept.message.contains("75.0 % of those asked about are left") && !kept.message.contains("90"),
        "{}",
        kept.message
    );
}
