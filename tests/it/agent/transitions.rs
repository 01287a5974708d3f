//! Every phase with every event: what is accepted, what is refused, and that a refusal leaves the run where it was.

use super::table::*;
use causal::estimand::{Population, Target, TrimRule};
use causal::estimator::EstimatorKind;
use oci_agent::agent::history::DesignSummary;
use oci_agent::agent::run::{Action, Event, Limits, LoopError, Run};
use oci_agent::finding::{Code, Severity, Tier};
use oci_agent::plan::Tool;
use oci_agent::record::critique::{Critique, Stage};
use oci_agent::spec::{Analysis, AnalysisSpec, Revision};

fn poor(_: u32, _: &Analysis) -> Measured {
    Measured { outside: 0.5, ..CLEAN }
}

fn drafted() -> AnalysisSpec {
    draft(&[Target::Ate, Target::Att])
}

fn designed(spec: &AnalysisSpec) -> DesignSummary {
    design(spec, &poor)
}

fn graded(spec: &AnalysisSpec) -> Critique {
    criticise(spec, &poor)
}

/// A legal revision of the ATE.
fn revised() -> AnalysisSpec {
    let mut spec = drafted();
    spec.iteration = 2;
    spec.analyses[0].population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };
    spec.revisions = vec![line("trim-crump", false)];
    spec
}

fn line(playbook: &str, reverted: bool) -> Revision {
    Revision {
        requested: Target::Ate,
        playbook: playbook.to_owned(),
        because: vec!["overlap.outside".to_owned()],
        change: "c".to_owned(),
        estimand_effect: "e".to_owned(),
        reverted,
        reason: None,
    }
}

fn good_events() -> Vec<Event> {
    vec![
        Event::Drafted(Box::new(drafted())),
        Event::Designed(designed(&drafted())),
        Event::Criticised(Box::new(graded(&drafted()))),
        Event::Revised(None),
        Event::Unblinded,
        Event::Reported(vec![(Target::Ate, Tier::FullySatisfactory), (Target::Att, Tier::SatisfactoryWithCaveats)]),
    ]
}

/// A run after the first `steps` of the good events.
fn after(steps: usize) -> Run {
    let mut run = Run::new(limits(5), &catalogue()).expect("limits");
    for event in good_events().into_iter().take(steps) {
        run.advance(event).expect("a good event");
    }
    run
}

fn refuse(steps: usize, event: Event) -> LoopError {
    let mut run = after(steps);
    let before = run.clone();
    let error = run.advance(event).expect_err("a refusal");
    assert_eq!(run, before, "a refused event changes nothing");
    error
}

#[test]
fn the_phases_in_their_order() {
    let name = |run: &Run| match run.next() {
        Action::Draft => "draft",
        Action::Design { iteration: 1, .. } => "design 1",
        Action::Critique { iteration: 1 } => "critique 1",
        Action::Revise { iteration: 2 } => "revise 2",
        Action::Unblind { .. } => "unblind",
        Action::Report => "report",
        Action::Done { accepted: true } => "accepted",
        _ => "something else",
    };
    let names: Vec<&str> = (0..=6).map(|steps| name(&after(steps))).collect();
    assert_eq!(names, ["draft", "design 1", "critique 1", "revise 2", "unblind", "report", "accepted"]);
}

#[test]
fn every_event_out_of_turn_is_refused_and_changes_nothing() {
    for phase in 0..=6 {
        for (i, event) in good_events().into_iter().enumerate().filter(|(i, _)| *i != phase) {
            let error = refuse(phase, event);
            assert!(matches!(error, LoopError::Unexpected { .. }), "phase {phase}, event {i}: {error}");
        }
    }
}

#[test]
fn the_exit_decision() {
    let done = |ate: Tier, att: Tier| {
        let mut run = after(5);
        run.advance(Event::Reported(vec![(Target::Ate, ate), (Target::Att, att)])).expect("tiers");
        run.next()
    };
    let caveats = Tier::SatisfactoryWithCaveats;
    assert_eq!(done(caveats, caveats), Action::Done { accepted: true });
    assert_eq!(done(caveats, Tier::NotSatisfactory), Action::Done { accepted: false });
    let error = refuse(5, Event::Reported(vec![(Target::Ate, caveats)]));
    assert!(matches!(error, LoopError::Analyses { .. }), "every requested estimand must be graded: {error}");
}

#[test]
fn no_iterations_is_an_error_and_not_one_iteration() {
    assert_eq!(Run::new(limits(0), &catalogue()).expect_err("0"), LoopError::NoIterations);
}

#[test]
fn drafts_that_are_refused() {
    let with = |spoil: fn(&mut AnalysisSpec)| {
        let mut spec = drafted();
        spoil(&mut spec);
        refuse(0, Event::Drafted(Box::new(spec)))
    };
    assert_eq!(with(|s| s.iteration = 2), LoopError::WrongIteration { expected: 1, found: 2 });
    assert!(matches!(with(|s| s.analyses.clear()), LoopError::Analyses { .. }));
    assert!(matches!(with(|s| s.analyses[1].requested = Target::Ate), LoopError::Analyses { .. }));
}

#[test]
fn a_forbidden_tool_is_refused_whoever_asks_for_it() {
    let narrow = || Limits { tools: vec![Tool::AipwCrossfit, Tool::Ipw], ..limits(5) };
    let refused = |spec: AnalysisSpec| {
        let mut run = Run::new(narrow(), &catalogue()).expect("limits");
        run.advance(Event::Drafted(Box::new(spec))).expect_err("a forbidden tool")
    };
    assert_eq!(refused(drafted()), LoopError::ToolNotAllowed { analysis: None, tool: Tool::Propensity });
    let mut spec = AnalysisSpec { tools: narrow().tools, ..drafted() };
    spec.analyses[1].estimators.push(EstimatorKind::Gformula);
    let error = refused(spec.clone());
    assert_eq!(error, LoopError::ToolNotAllowed { analysis: Some(Target::Att), tool: Tool::OutcomeRegression });
    assert!(error.to_string().contains("ATT needs `outcome_regression`"), "{error}");
    spec.analyses[1].estimators.pop();
    spec.analyses[0].population = revised().analyses[0].population;
    assert_eq!(refused(spec), LoopError::ToolNotAllowed { analysis: Some(Target::Ate), tool: Tool::Trim });
}

#[test]
fn designs_that_are_refused() {
    let with = |spoil: fn(&mut DesignSummary)| {
        let mut design = designed(&drafted());
        spoil(&mut design);
        refuse(1, Event::Designed(design))
    };
    assert!(matches!(with(|d| d.iteration = 2), LoopError::WrongIteration { .. }));
    assert!(matches!(with(|d| d.analyses.truncate(1)), LoopError::Analyses { .. }));
}

#[test]
fn critiques_that_are_refused() {
    let with = |spoil: fn(&mut Critique)| {
        let mut critique = graded(&drafted());
        spoil(&mut critique);
        refuse(2, Event::Criticised(Box::new(critique)))
    };
    assert!(matches!(with(|c| c.iteration = 2), LoopError::WrongIteration { .. }));
    assert!(matches!(with(|c| c.analyses.truncate(1)), LoopError::Analyses { .. }));
    assert!(matches!(with(|c| c.spec_sha256 = "another".into()), LoopError::WrongSpec { .. }));
}

#[test]
fn while_blind_nothing_that_only_an_effect_could_tell_comes_in() {
    let with = |spoil: fn(&mut Critique)| {
        let mut critique = graded(&drafted());
        spoil(&mut critique);
        refuse(2, Event::Criticised(Box::new(critique)))
    };
    assert_eq!(with(|c| c.stage = Stage::Final), LoopError::NotBlind { what: "a final critique" });
    fn robustness(critique: &mut Critique) -> &mut oci_agent::finding::Finding {
        let mut all = critique.analyses[0].findings.iter_mut();
        all.find(|f| f.code == Code::SensitivityRobustness).expect("sensitivity")
    }
    for spoil in [
        (|c| robustness(c).value = Some(0.2)) as fn(&mut Critique),
        |c| robustness(c).severity = Severity::Pass,
        |c| {
            robustness(c).severity = Severity::Warn;
        },
    ] {
        assert_eq!(with(spoil), LoopError::NotBlind { what: "a number that only an effect can give" });
    }
}

#[test]
fn proposals_that_are_refused() {
    let with = |spoil: fn(&mut AnalysisSpec)| {
        let mut spec = revised();
        spoil(&mut spec);
        refuse(3, Event::Revised(Some(Box::new(spec))))
    };
    assert_eq!(with(|s| s.iteration = 3), LoopError::WrongIteration { expected: 2, found: 3 });
    assert!(matches!(with(|s| s.analyses.swap(0, 1)), LoopError::Analyses { .. }));
    assert_eq!(with(|s| s.outcome = "z".into()), LoopError::NotTheActors);
    assert_eq!(with(|s| s.seed = 8), LoopError::NotTheActors);
    assert_eq!(with(|s| drop(s.confounders.pop())), LoopError::NotTheActors);
    assert_eq!(with(|s| drop(s.placebos.pop())), LoopError::NotTheActors);
    assert_eq!(with(|s| s.blind = false), LoopError::NotTheActors);
    assert_eq!(with(|s| drop(s.analyses[1].terms.pop())), LoopError::Unexplained { analysis: Target::Att });
    assert_eq!(with(|s| s.revisions.clear()), LoopError::Unexplained { analysis: Target::Ate });
    assert_eq!(with(|s| s.revisions[0].reverted = true), LoopError::NothingNew);
    let repeated = LoopError::Repeated { playbook: "trim-crump".into(), analysis: Target::Ate };
    assert_eq!(with(|s| s.revisions.push(line("trim-crump", false))), repeated);
}

#[test]
fn a_playbook_is_not_tried_again_in_a_later_iteration() {
    let mut run = after(3);
    let second = revised();
    run.advance(Event::Revised(Some(Box::new(second.clone())))).expect("a legal revision");
    run.advance(Event::Designed(designed(&second))).expect("design");
    run.advance(Event::Criticised(Box::new(graded(&second)))).expect("critique");
    assert_eq!(run.next(), Action::Revise { iteration: 3 });
    let third = AnalysisSpec { iteration: 3, ..revised() };
    let error = run.advance(Event::Revised(Some(Box::new(third)))).expect_err("again");
    assert_eq!(error, LoopError::Repeated { playbook: "trim-crump".into(), analysis: Target::Ate });
}

#[test]
fn replaying_the_events_leads_to_the_same_state() {
    let json: Vec<String> = good_events().iter().map(|e| serde_json::to_string(e).expect("json")).collect();
    let mut replayed = Run::new(limits(5), &catalogue()).expect("limits");
    for event in json {
        replayed.advance(serde_json::from_str(&event).expect("event")).expect("replay");
    }
    assert_eq!(replayed, after(6));
}

/// Every key of a JSON document.
fn keys(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.insert(key.clone());
            keys(value, into);
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn the_state_of_a_run_has_no_place_for_an_effect() {
    let mut seen = std::collections::BTreeSet::new();
    for steps in 0..=6 {
        keys(&serde_json::to_value(after(steps)).expect("json"), &mut seen);
    }
    for event in good_events() {
        keys(&serde_json::to_value(event).expect("json"), &mut seen);
    }
    assert!(seen.contains("max_priority_smd") && seen.contains("findings"), "the walk sees the state");
    for effect in
        ["effect", "effects", "estimate", "std_error", "ci_lower", "ci_upper", "mean_treated", "rv_q1", "e_value"]
    {
        assert!(!seen.contains(effect), "the loop has a key `{effect}`");
    }
}

#[test]
fn the_agent_imports_nothing_that_holds_an_effect() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/agent");
    let barred =
        ["Effect", "EffectRow", "ResultsDocument", "Answer", "SensitivityReport", "SensitivityState", "PlaceboReport"];
    for file in ["mod", "run", "history", "design_quality", "actor", "rules"] {
        let code = std::fs::read_to_string(folder.join(format!("{file}.rs"))).expect(file);
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in words {
                assert!(!barred.contains(&word), "{file}.rs: {line}");
            }
            for module in [
                "causal::estimate::",
                "causal::diagnose",
                "crate::dataset",
                "causal::design",
                "causal::learners",
                "causal::numerics",
            ] {
                assert!(!line.contains(module), "{file}.rs: {line}");
            }
        }
    }
}
