//! Alignment: a good run agrees in every check, and each thing that is spoiled is caught by the check that is about it.

use super::fixtures::*;
use causal::estimand::{Estimand, Population, Target, TrimRule};
use causal::estimator::EstimatorKind;
use oci_agent::critique::alignment::{checks, finding};
use oci_agent::critique::{Executed, critique};
use oci_agent::finding::{Code, Severity, Tier};
use oci_agent::plan::{MissingPolicy, Tool};
use oci_agent::record::critique::{AlignmentCheck, Stage};
use oci_agent::record::documents::{AnalysisDesign, PropensityDocument};
use oci_agent::spec::PlaceboRole;

fn failed(world: &World) -> Vec<AlignmentCheck> {
    let all = checks(world.source(), &world.executed());
    assert!(all.len() > 20);
    all.into_iter().filter(|check| !check.holds).collect()
}

fn ate(world: &mut World) -> &mut AnalysisDesign {
    &mut world.design.analyses[0]
}

fn model(world: &mut World) -> &mut PropensityDocument {
    ate(world).propensity.as_mut().expect("propensity")
}

const TRIMMED: Population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };

/// The ATE trimmed, in spec and design alike.
fn trim(world: &mut World) {
    world.spec.analyses[0].population = TRIMMED;
    let design = ate(world);
    design.estimand = Estimand { target: Target::Ate, population: TRIMMED };
    design.population = Some(population(10, 90));
}

#[test]
fn a_good_run_agrees() {
    assert_eq!(failed(&world()), []);
    let mut trimmed = world();
    trim(&mut trimmed);
    assert_eq!(failed(&trimmed), []);
    let summed = finding(&checks(trimmed.source(), &trimmed.executed()));
    assert_eq!((summed.code, summed.severity, summed.value), (Code::Alignment, Severity::Pass, Some(0.0)));
}

#[test]
fn each_thing_spoiled_is_caught_by_its_check() {
    type Spoil = fn(&mut World);
    let cases: [(&str, Spoil); 42] = [
        ("the plan's hash", |w| w.spec.plan_sha256 = "another".into()),
        ("spec names the data's hash", |w| w.spec.data_sha256 = "another".into()),
        ("design read the same data", |w| w.design.data_sha256 = "another".into()),
        ("design ran this spec", |w| w.design.spec_sha256 = "another".into()),
        ("of this iteration", |w| w.design.iteration = 2),
        ("treatment", |w| w.spec.treatment = "u".into()),
        ("treatment", |w| w.spec.treated = "2".into()),
        ("treatment", |w| std::mem::swap(&mut w.spec.treated, &mut w.spec.control)),
        ("outcome", |w| w.spec.outcome = "z".into()),
        ("outcome", |w| w.spec.units = "lb".into()),
        ("outcome", |w| w.spec.outcome_kind = causal::estimand::OutcomeKind::Binary),
        ("weights", |w| w.spec.weights = Some("w".into())),
        ("missing", |w| w.spec.missing = MissingPolicy::Drop),
        ("confounders", |w| drop(w.spec.confounders.pop())),
        ("confounders", |w| w.spec.confounders[0].priority = false),
        ("confounders", |w| w.spec.confounders[2].confounder = "height".into()),
        ("declared placebos", |w| drop(w.spec.placebos.pop())),
        ("declared placebos", |w| w.spec.placebos[0].role = PlaceboRole::NegativeControl),
        ("allow-list", |w| w.spec.tools.truncate(9)),
        ("seed", |w| w.spec.seed = 8),
        ("blindness", |w| w.spec.blind = false),
        ("one analysis", |w| drop(w.spec.analyses.pop())),
        ("one analysis", |w| drop(w.design.analyses.pop())),
        ("one analysis", |w| w.plan.estimands.push(Target::Ato)),
        ("one analysis", |w| w.spec.analyses.swap(0, 1)),
        ("every row read", |w| w.design.counters.rows_dropped_missing = 1),
        ("every row read", |w| w.design.counters.rows_read = 1001),
        ("estimators are in", |w| w.plan.tools.retain(|t| *t != Tool::Ipw)),
        ("estimators are in", |w| w.plan.tools.retain(|t| *t != Tool::AipwCrossfit)),
        ("no benchmark", |w| w.spec.analyses[0].primary = EstimatorKind::Naive),
        ("no benchmark", |w| w.spec.analyses[0].primary = EstimatorKind::Aipw),
        ("trimmed only if", |w| {
            trim(w);
            w.plan.tools.retain(|t| *t != Tool::Trim);
        }),
        ("every confounder is adjusted", |w| drop(w.spec.analyses[0].terms.remove(1))),
        ("every confounder is adjusted", |w| w.spec.analyses[0].terms.push(term("t * age"))),
        ("every confounder is adjusted", |w| w.spec.analyses[0].terms.push(term("y^2"))),
        ("every confounder is adjusted", |w| w.spec.analyses[0].terms.push(term("injuries"))),
        ("the estimand executed", |w| ate(w).estimand.target = Target::Ato),
        ("the estimand executed", |w| ate(w).estimand.population = TRIMMED),
        ("no tool outside", |w| w.spec.tools.retain(|t| *t != Tool::Overlap)),
        ("terms fitted", |w| drop(model(w).coefficients.pop())),
        ("kept or counted as trimmed", |w| {
            ate(w).population = Some(population(0, 0)).map(|mut p| {
                p.n -= 1;
                p
            })
        }),
        ("placebos tested", |w| ate(w).placebo = Some(placebo(&[("y_before", 0.8)]))),
    ];
    for (expected, spoil) in cases {
        let mut world = world();
        spoil(&mut world);
        let failed = failed(&world);
        assert!(
            failed.iter().any(|check| check.check.contains(expected)),
            "`{expected}` does not catch it; failed: {failed:?}"
        );
        assert!(failed.len() <= 4, "{expected}: one slip should not fail everything: {failed:?}");
        for graded in world.critique(Stage::Design).analyses {
            assert_eq!(graded.tier, Tier::NotSatisfactory, "{expected}");
        }
    }
}

#[test]
fn terms_may_be_left_out_if_they_are_named_and_none_may_be_added() {
    let mut named = world();
    let gone = model(&mut named).coefficients.pop().expect("a coefficient");
    model(&mut named).dropped_terms.push(gone.term);
    assert_eq!(failed(&named), []);
    let mut added = world();
    model(&mut added).dropped_terms.push("height".into());
    assert!(failed(&added)[0].detail.contains("`height` was executed"), "{:?}", failed(&added));
}

#[test]
fn placebos_may_be_excused_with_a_reason_and_none_may_be_invented() {
    let mut excused = world();
    let mut report = placebo(&[("y_before", 0.8)]);
    report.not_applicable = Some("`injuries` is constant".into());
    ate(&mut excused).placebo = Some(report);
    assert_eq!(failed(&excused), []);
    let mut invented = world();
    let mut report = placebo(&[("shoe_size", 0.8)]);
    report.not_applicable = Some("the others are constant".into());
    ate(&mut invented).placebo = Some(report);
    assert_eq!(failed(&invented).len(), 1);
}

#[test]
fn a_failed_design_is_not_also_misaligned() {
    let mut world = world();
    let design = ate(&mut world);
    design.failed = Some("separation".into());
    (design.population, design.propensity, design.balance) = (None, None, None);
    assert_eq!(failed(&world), []);
}

#[test]
fn nothing_compared_is_not_a_pass() {
    assert_eq!(finding(&[]).severity, Severity::NotApplicable);
}

#[test]
fn an_answer_from_an_earlier_iteration_is_graded_there() {
    let (first, mut second) = (world(), world());
    (second.spec.iteration, second.design.iteration) = (2, 2);
    trim(&mut second);
    second.design.analyses[0].overlap = Some(overlap(0.4));
    let earlier = [first.executed()];
    let mut input = second.input(Stage::Final);
    input.earlier = &earlier;
    input.answers = [(Target::Ate, 1), (Target::Att, 2)].into();
    let mixed = critique(&input);
    assert_eq!(mixed.analyses[0].estimand, "ATE", "the answer is that of iteration 1");
    let overlap_of = |c: &oci_agent::record::critique::Critique| {
        c.analyses[0].findings.iter().find(|f| f.code == Code::OverlapOutside).and_then(|f| f.value)
    };
    assert_eq!(overlap_of(&mixed), Some(0.01));
    assert!(mixed.alignment.iter().any(|c| c.check.starts_with("iteration 1: ")));
    assert!(mixed.alignment.iter().any(|c| c.check.starts_with("iteration 2: ")));
    assert!(mixed.alignment.iter().all(|c| c.holds), "{:?}", mixed.alignment);
    // An answer that names an iteration which was never run is not quietly taken from another.
    input.answers = [(Target::Ate, 3)].into();
    let lost = critique(&input);
    assert!(lost.alignment.iter().any(|c| !c.holds && c.detail.contains("iteration 3")));
    assert_eq!(lost.analyses[0].tier, Tier::NotSatisfactory);
}

#[test]
fn the_same_documents_give_the_same_critique() {
    let world = world();
    let (one, two) = (world.critique(Stage::Design), world.critique(Stage::Design));
    assert_eq!(serde_json::to_string(&one).expect("json"), serde_json::to_string(&two).expect("json"));
    let executed = Executed { spec_sha256: "other", ..world.executed() };
    let misaligned = oci_agent::critique::CritiqueInput { current: executed, ..world.input(Stage::Design) };
    assert_eq!(critique(&misaligned).analyses[0].tier, Tier::NotSatisfactory);
}
