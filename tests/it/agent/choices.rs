//! What the actor tries, in which order, and what is kept or undone.

use super::table::*;
use causal::estimand::{Population, Target, TrimRule};
use oci_agent::agent::run::{Limits, Settled};
use oci_agent::plan::{Accepted, StopWhen, Tool};
use oci_agent::playbook::{Catalogue, Change};
use oci_agent::spec::Analysis;

const FIXED: Population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };

fn run(targets: &[Target], world: World<'_>) -> Outcome {
    drive(limits(6), &catalogue(), draft(targets), world)
}

fn enriched(analysis: &Analysis) -> bool {
    analysis.terms.len() > 4
}

#[test]
fn a_clean_draft_is_not_revised() {
    let outcome = run(&[Target::Ate], &|_, _| CLEAN);
    assert_eq!(outcome.story(Target::Ate), [Vec::<String>::new()]);
    assert_eq!(outcome.run.settled(), Some(Settled::NothingToRevise));
    assert_eq!(outcome.answers[0].iteration, 1);
}

#[test]
fn poor_overlap_is_trimmed_and_the_trimming_explained() {
    let outcome =
        run(&[Target::Ate], &|_, a| Measured { outside: if a.population == FIXED { 0.02 } else { 0.6 }, ..CLEAN });
    assert_eq!(outcome.story(Target::Ate), [vec![], vec!["trim-crump".to_owned()]]);
    let revision = &outcome.last().revisions[0];
    assert_eq!(revision.because, ["overlap.outside"]);
    assert!(revision.change.contains("from 0.1 to 0.9"), "{}", revision.change);
    assert!(revision.estimand_effect.contains("no longer about everyone"), "{}", revision.estimand_effect);
    assert_eq!(outcome.last().analyses[0].estimand().name(), "trimmed ATE");
    assert_eq!(outcome.last().iteration, 2);
}

#[test]
fn nobody_is_left_out_without_the_consent_of_the_plan() {
    let world = |_: u32, a: &Analysis| Measured { outside: if a.population == FIXED { 0.0 } else { 0.6 }, ..CLEAN };
    let mut first = draft(&[Target::Ate]);
    first.accept.clear();
    let outcome = drive(limits(6), &catalogue(), first, &world);
    assert_eq!(outcome.specs.len(), 1);
    assert_eq!(outcome.last().analyses[0].estimand().name(), "ATE");
    // What is accepted is what is done, though another playbook would come first.
    let mut ato = draft(&[Target::Ate]);
    ato.accept = [(Target::Ate, [Accepted::Ato].into())].into();
    let outcome = drive(limits(6), &catalogue(), ato, &world);
    assert_eq!(outcome.story(Target::Ate).concat().first().map(String::as_str), Some("switch-to-overlap-weights"));
}

#[test]
fn nobody_is_left_out_for_a_warning() {
    for measured in [Measured { outside: 0.3, ..CLEAN }, Measured { smd: 0.15, outside: 0.3, ..CLEAN }] {
        let outcome = run(&[Target::Ate, Target::Att], &|_, _| measured.clone());
        assert!(outcome.last().analyses.iter().all(|a| a.population == Population::All && a.target == a.requested));
    }
}

#[test]
fn imbalance_is_first_met_with_richer_terms_which_leave_the_estimand_alone() {
    let outcome = run(&[Target::Att], &|_, a| Measured { smd: if enriched(a) { 0.03 } else { 0.3 }, ..CLEAN });
    assert_eq!(outcome.story(Target::Att), [vec![], vec!["richer-propensity-terms".to_owned()]]);
    let revision = &outcome.last().revisions[0];
    assert!(
        revision.change.contains("1 term is added") && revision.change.contains("`age * sex`"),
        "{}",
        revision.change
    );
    assert_eq!(outcome.last().analyses[0].terms.len(), 5);
}

#[test]
fn what_makes_it_worse_is_undone_in_the_next_spec_and_the_next_playbook_starts_from_the_kept_design() {
    // Richer terms make overlap worse; trimming helps.
    let world = |_: u32, a: &Analysis| match (enriched(a), a.population) {
        (true, _) => Measured { smd: 0.3, outside: 0.6, ..CLEAN },
        (false, Population::All) => Measured { smd: 0.3, outside: 0.3, ..CLEAN },
        (false, Population::Trimmed { .. }) => CLEAN,
    };
    let outcome = run(&[Target::Ate], &world);
    assert_eq!(
        outcome.story(Target::Ate),
        [
            vec![],
            vec!["richer-propensity-terms".to_owned()],
            vec!["-richer-propensity-terms".to_owned(), "trim-crump".to_owned()]
        ]
    );
    assert!(!enriched(&outcome.last().analyses[0]));
    let undone = &outcome.last().revisions[0];
    assert!(undone.change.contains("iteration 1") && undone.change.contains("did not make the design better"));
    assert_eq!(undone.estimand_effect, "Back to the ATE.");
}

#[test]
fn a_revision_that_leaves_no_design_is_undone_even_if_there_is_nothing_else_to_try() {
    let world = |_: u32, a: &Analysis| {
        let failed = enriched(a).then(|| "separation".to_owned());
        Measured { failed, smd: 0.3, ..CLEAN }
    };
    let outcome = drive(limits(6), &catalogue(), draft(&[Target::Ato]), &world);
    assert_eq!(
        outcome.story(Target::Ato),
        [vec![], vec!["richer-propensity-terms".to_owned()], vec!["-richer-propensity-terms".to_owned()]],
        "the last spec is a settling one"
    );
    assert_eq!(outcome.last().analyses, outcome.specs[0].analyses);
    assert!(outcome.last().revisions[0].change.contains("left no design"));
    assert_eq!(outcome.answers[0].iteration, 3, "what is unblinded is an iteration that was designed and graded");
}

#[test]
fn without_room_to_settle_the_answer_refers_to_the_iteration_that_was_kept() {
    let world = |_: u32, a: &Analysis| Measured { smd: if enriched(a) { 0.5 } else { 0.3 }, outside: 0.0, ..CLEAN };
    let outcome = drive(limits(2), &catalogue(), draft(&[Target::Ato, Target::Ate]), &world);
    assert_eq!(outcome.specs.len(), 2);
    assert_eq!(outcome.run.settled(), Some(Settled::MaxIterations));
    assert_eq!(outcome.answers.iter().map(|chosen| chosen.iteration).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn several_analyses_are_revised_in_the_same_iteration_each_in_its_own_way() {
    let world = |_: u32, a: &Analysis| match a.requested {
        Target::Ate => Measured { outside: if a.population == FIXED { 0.0 } else { 0.6 }, ..CLEAN },
        Target::Att => Measured { smd: if enriched(a) { 0.0 } else { 0.15 }, ..CLEAN },
        _ => CLEAN,
    };
    let outcome = run(&[Target::Ate, Target::Att, Target::Ato], &world);
    assert_eq!(outcome.specs.len(), 2);
    assert_eq!(outcome.story(Target::Ate)[1], ["trim-crump"]);
    assert_eq!(outcome.story(Target::Att)[1], ["richer-propensity-terms"]);
    assert_eq!(outcome.last().analyses[2], outcome.specs[0].analyses[2], "a revision of one leaves the others alone");
}

#[test]
fn everything_is_tried_in_order_and_the_draft_stands_if_nothing_helps() {
    let outcome = run(&[Target::Ate], &|_, _| Measured { smd: 0.3, outside: 0.5, ..CLEAN });
    // No change makes the design better, and changes of the estimand must; richer terms leave it alone and may stay.
    assert_eq!(
        outcome.story(Target::Ate).concat(),
        [
            "richer-propensity-terms",
            "trim-crump",
            "-trim-crump",
            "trim-crump-optimal",
            "-trim-crump-optimal",
            "switch-to-overlap-weights",
            "-switch-to-overlap-weights"
        ]
    );
    let last = &outcome.last().analyses[0];
    assert_eq!((last.target, last.population, enriched(last)), (Target::Ate, Population::All, true));
    assert_eq!(outcome.specs.len(), 6);
}

#[test]
fn overlap_weights_take_every_row_again() {
    // Trimming helps a little, overlap weights solve it.
    let world = |_: u32, a: &Analysis| match (a.target, a.population) {
        (Target::Ato, _) => CLEAN,
        (_, Population::Trimmed { trim: TrimRule::CrumpOptimal }) => Measured { outside: 0.52, ..CLEAN },
        (_, Population::Trimmed { .. }) => Measured { outside: 0.55, ..CLEAN },
        (_, Population::All) => Measured { outside: 0.6, ..CLEAN },
    };
    let outcome = run(&[Target::Ate], &world);
    assert_eq!(outcome.story(Target::Ate).concat(), ["trim-crump", "trim-crump-optimal", "switch-to-overlap-weights"]);
    let last = &outcome.last().analyses[0];
    assert_eq!((last.requested, last.target, last.population), (Target::Ate, Target::Ato, Population::All));
    assert!(outcome.specs[2].revisions[0].change.contains("instead of the earlier trimming"));
    assert!(outcome.last().revisions[0].change.contains("ATO instead of the trimmed ATE"));
}

#[test]
fn a_forbidden_tool_is_never_used() {
    let bad = |_: u32, _: &Analysis| Measured { smd: 0.3, outside: 0.5, ..CLEAN };
    for (tool, gone) in [(Tool::Trim, "trim"), (Tool::Propensity, "richer")] {
        let mut first = draft(&[Target::Ate]);
        first.tools.retain(|t| *t != tool);
        let limits = Limits { tools: first.tools.clone(), ..limits(9) };
        let story = drive(limits, &catalogue(), first, &bad).story(Target::Ate).concat();
        assert!(!story.is_empty() && story.iter().all(|name| !name.contains(gone)), "{tool:?}: {story:?}");
    }
}

#[test]
fn a_change_that_changes_nothing_is_passed_over() {
    let bad = |_: u32, _: &Analysis| Measured { outside: 0.6, ..CLEAN };
    let mut first = draft(&[Target::Att]);
    first.analyses[0].population = FIXED;
    assert_eq!(drive(limits(9), &catalogue(), first, &bad).story(Target::Att)[1], ["trim-crump-optimal"]);
}

#[test]
fn advice_is_never_applied() {
    let outcome = run(&[Target::Ate], &|_, _| Measured { placebo_p: 0.001, ..CLEAN });
    assert_eq!(outcome.specs.len(), 1);
    let applied = catalogue();
    assert!(applied.get("failed-placebo").is_some_and(|p| p.front.change == Change::None));
}

#[test]
fn the_loop_may_stop_as_soon_as_it_is_satisfactory() {
    let world = |_: u32, a: &Analysis| Measured { smd: if enriched(a) { 0.15 } else { 0.3 }, ..CLEAN };
    let stop = Limits { stop_when: StopWhen::Satisfactory, ..limits(6) };
    let outcome = drive(stop, &catalogue(), draft(&[Target::Ate]), &world);
    assert_eq!(outcome.specs.len(), 2);
    assert_eq!(outcome.run.settled(), Some(Settled::Satisfactory));
    let by_default = run(&[Target::Ate], &world);
    assert_eq!(by_default.run.settled(), Some(Settled::NothingToRevise), "it goes on while a playbook applies");
}

#[test]
fn stopping_while_satisfactory_still_settles_on_what_was_kept() {
    // The ATE's richer terms are worse and undone; the ATT gets satisfactory at the same moment.
    let world = |_: u32, a: &Analysis| match (a.requested, enriched(a)) {
        (Target::Ate, false) => Measured { smd: 0.12, ..CLEAN },
        (Target::Ate, true) => Measured { smd: 0.25, ..CLEAN },
        (_, false) => Measured { smd: 0.3, ..CLEAN },
        (_, true) => CLEAN,
    };
    let stop = Limits { stop_when: StopWhen::Satisfactory, ..limits(6) };
    let outcome = drive(stop, &catalogue(), draft(&[Target::Ate, Target::Att]), &world);
    assert_eq!(
        outcome.story(Target::Ate),
        [vec![], vec!["richer-propensity-terms".into()], vec!["-richer-propensity-terms".to_owned()]]
    );
    assert_eq!(outcome.answers.iter().map(|c| c.iteration).collect::<Vec<_>>(), [3, 3]);
    assert!(!enriched(&outcome.last().analyses[0]) && enriched(&outcome.last().analyses[1]));
}

#[test]
fn a_playbook_may_insist_on_its_revision() {
    let text = "---\nname: force\ntitle: t\naddresses: [overlap.outside]\nestimands: [ate]\norder: 1\n\
                change: {kind: trim, trim: {rule: fixed, alpha: 0.1}}\nestimand_effect: e\nkeep_only_if_not_worse: KEEP\n---\nprose\n";
    let world = |_: u32, a: &Analysis| match a.population {
        Population::All => Measured { outside: 0.6, ..CLEAN },
        Population::Trimmed { .. } => Measured { outside: 0.7, smd: 0.5, ..CLEAN },
    };
    for (keep, kept) in [("true", false), ("false", true)] {
        let catalogue = Catalogue::from_files([("force.md", text.replace("KEEP", keep))]).expect("playbook");
        let outcome = drive(limits(6), &catalogue, draft(&[Target::Ate]), &world);
        assert_eq!(outcome.last().analyses[0].population == FIXED, kept, "keep_only_if_not_worse: {keep}");
    }
}
