//! Whatever the diagnostics say, the loop ends within its limit and breaks no rule.

use super::table::*;
use causal::estimand::{Population, Target};
use oci_agent::agent::run::Limits;
use oci_agent::plan::{StopWhen, Tool};
use oci_agent::spec::Analysis;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn measured() -> impl Strategy<Value = Measured> {
    let failed = prop::option::weighted(0.15, Just("separation".to_owned()));
    (failed, 0.0..0.4, 0.0..0.4, 0.0..1.0).prop_map(|(failed, smd, outside, placebo_p)| Measured {
        failed,
        smd,
        outside,
        placebo_p,
    })
}

/// What every analysis of every iteration measures: the same analysis may even measure differently from one iteration to the
/// next, which no data would do.
fn world(table: Vec<Measured>) -> impl Fn(u32, &Analysis) -> Measured {
    move |iteration, analysis| {
        let at = iteration as usize * 4 + Target::ALL.iter().position(|t| *t == analysis.requested).expect("a target");
        table[at % table.len()].clone()
    }
}

/// The same analysis measures the same in every iteration, as real data does.
fn steady(table: Vec<Measured>) -> impl Fn(u32, &Analysis) -> Measured {
    move |_, analysis| {
        let mut hash = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&format!("{analysis:?}"), &mut hash);
        table[std::hash::Hasher::finish(&hash) as usize % table.len()].clone()
    }
}

fn some_limits() -> impl Strategy<Value = Limits> {
    let tools = prop::sample::subsequence(vec![Tool::Trim, Tool::Propensity], 0..=2);
    (1u32..9, any::<bool>(), tools).prop_map(|(max_iterations, early, optional)| Limits {
        max_iterations,
        stop_when: if early { StopWhen::Satisfactory } else { StopWhen::NoPlaybookApplies },
        tools: Tool::ALL
            .into_iter()
            .filter(|t| !matches!(t, Tool::Trim | Tool::Propensity) || optional.contains(t))
            .collect(),
    })
}

fn check(limits: &Limits, targets: &[Target], outcome: &Outcome) -> Result<(), TestCaseError> {
    let specs = &outcome.specs;
    prop_assert!(specs.len() <= limits.max_iterations as usize);
    let numbers: Vec<u32> = specs.iter().map(|spec| spec.iteration).collect();
    prop_assert_eq!(numbers, (1..=specs.len() as u32).collect::<Vec<_>>());
    let mut tried = BTreeSet::new();
    for spec in specs {
        for revision in &spec.revisions {
            prop_assert!(!revision.because.is_empty(), "a revision has a reason: {:?}", revision);
            let key = (revision.requested, revision.playbook.clone());
            prop_assert!(revision.reverted || tried.insert(key), "tried twice: {:?}", revision);
        }
        for analysis in &spec.analyses {
            let trimmed = matches!(analysis.population, Population::Trimmed { .. });
            prop_assert!(!trimmed || limits.tools.contains(&Tool::Trim));
            prop_assert!(analysis.terms.len() == 4 || limits.tools.contains(&Tool::Propensity));
            prop_assert!(analysis.target == analysis.requested || analysis.requested == Target::Ate);
        }
    }
    let answered: Vec<Target> = outcome.answers.iter().map(|chosen| chosen.requested).collect();
    prop_assert_eq!(answered, targets.to_vec());
    let last = specs.len() as u32;
    let all_last = outcome.answers.iter().all(|chosen| chosen.iteration == last);
    prop_assert!(
        all_last || last == limits.max_iterations,
        "only without room do answers come from earlier iterations"
    );
    Ok(())
}

/// The answer is never worse than the draft, and never a design that failed while the draft did not.
fn never_worse(outcome: &Outcome) -> Result<(), TestCaseError> {
    let trials = outcome.run.history().trials();
    for chosen in &outcome.answers {
        let of = |iteration: u32| {
            trials
                .iter()
                .find(|trial| trial.spec.iteration == iteration)
                .and_then(|trial| trial.quality(chosen.requested))
        };
        let (draft, answer) = (of(1).expect("draft"), of(chosen.iteration).expect("answer"));
        prop_assert!(answer.compare(&draft).is_ge(), "{:?} is worse than {:?}", answer, draft);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_loop_ends_and_breaks_no_rule(
        limits in some_limits(),
        targets in prop::sample::subsequence(Target::ALL.to_vec(), 1..=4),
        table in prop::collection::vec(measured(), 1..40),
    ) {
        let mut first = draft(&targets);
        first.tools = limits.tools.clone();
        let outcome = drive(limits.clone(), &catalogue(), first, &world(table));
        check(&limits, &targets, &outcome)?;
    }

    #[test]
    fn on_steady_data_no_answer_is_worse_than_the_draft(
        limits in some_limits(),
        targets in prop::sample::subsequence(Target::ALL.to_vec(), 1..=4),
        table in prop::collection::vec(measured(), 1..40),
    ) {
        let mut first = draft(&targets);
        first.tools = limits.tools.clone();
        let outcome = drive(limits.clone(), &catalogue(), first, &steady(table));
        check(&limits, &targets, &outcome)?;
        never_worse(&outcome)?;
    }
}
