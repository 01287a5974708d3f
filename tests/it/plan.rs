//! Plans that are wrong in every way we could think of, and the spec that a right one becomes.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod analysis;
mod derived;
mod experiment;
mod hostile;
mod rules;
pub mod spec;

use causal::estimand::Inference;
use causal::estimand::{OutcomeKind, Target};
use causal::learner_kind::Effort;
use oci_agent::plan::{
    AnalysisSection, ColumnOverride, ColumnType, Merge, MissingPolicy, Observed, Plan, Problem, StopWhen,
    TemplateInput, Tool, parse, propose, render_problems, template,
};
use oci_agent::schema::{ColumnInfo, ColumnKind};
use oci_agent::term::Term;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A valid plan that uses every key. Other tests may start from it and break one line.
pub fn full_plan() -> &'static str {
    "\
title: Smoking cessation and weight gain
question: What does quitting smoking do to weight ten years later?
target_trial:
  eligibility: smokers aged 25 to 74
  treatment_strategies: quit, or go on smoking
  assignment: randomised, not blinded
  time_zero: the 1971 visit
  follow_up: until the 1982 visit
  outcome: weight change in kg
  causal_contrast: per protocol
  analysis_plan: difference in means
data:
  source: nhefs.csv
  unit_id: seqn
  weights: survey_weight
  columns:
    education: category
    exercise: {type: category, reference: 0}
    sex: boolean
  missing: drop
treatment:
  column: qsmk
  treated: 1
  control: 0
outcome:
  column: wt82_71
  units: kg
  kind: continuous
confounders:
  priority: [age, sex, smokeintensity]
  other:
    - education
    - exercise
  terms: [age^2, smokeintensity == 40]
placebo_outcomes: [height]
negative_controls: [birth_month]
threats:
  - People who quit may also eat differently.
estimands: [ate, att]
tools: [propensity, balance, overlap, placebo, sensitivity, trim, ipw, outcome_regression, aipw, aipw_crossfit, tmle, bart, dr_average]
loop:
  max_iterations: 4
  stop_when: satisfactory
  blind: true
actor: {provider: playbook}
critic: {provider: playbook}
seed: 7
analysis: {repeats: 1, effort: fast, inference: population, folds: 5, clusters: ward}
"
}

/// The shortest valid plan.
pub fn short_plan() -> &'static str {
    "\
title: T
question: Q?
data: {source: d.csv}
treatment: {column: t}
outcome: {column: y, units: kg}
confounders:
  priority: [x]
"
}

/// `full_plan` with one text replaced; the text must be there.
fn with(from: &str, to: &str) -> String {
    assert!(full_plan().contains(from), "the plan has no {from:?}");
    full_plan().replacen(from, to, 1)
}

fn problems(text: &str) -> Vec<Problem> {
    parse(text).expect_err("this plan has problems")
}

/// The only problem of a plan.
fn only(text: &str) -> Problem {
    let all = problems(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().expect("one")
}

fn line(problem: &Problem) -> usize {
    problem.place.expect("a place").line
}

/// The piece of text a problem points at.
fn pointed_at<'a>(text: &'a str, problem: &Problem) -> &'a str {
    let place = problem.place.expect("a place");
    &text[place.offset..place.offset + place.length]
}

#[test]
fn a_full_plan_is_read_as_written() {
    let plan = parse(full_plan()).expect("valid");
    assert_eq!(plan.title, "Smoking cessation and weight gain");
    assert_eq!(plan.target_trial.time_zero, "the 1971 visit");
    assert_eq!(plan.data.unit_id.as_deref(), Some("seqn"));
    assert_eq!(plan.data.missing, MissingPolicy::Drop);
    assert_eq!(
        plan.data.columns["exercise"],
        ColumnOverride {
            kind: Some(ColumnType::Category),
            reference: Some("0".to_owned()),
            ..ColumnOverride::default()
        }
    );
    assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("1", "0"));
    assert_eq!(plan.outcome.kind, OutcomeKind::Continuous);
    assert_eq!(plan.confounders.priority, ["age", "sex", "smokeintensity"]);
    assert_eq!(plan.confounders.other, ["education", "exercise"]);
    assert_eq!(
        plan.confounders.terms,
        [Term::parse("age^2"), Term::parse("smokeintensity == 40")].map(|t| t.expect("term"))
    );
    assert_eq!(plan.estimands, [Target::Ate, Target::Att]);
    assert_eq!(plan.tools, Tool::ALL);
    assert_eq!((plan.loop_.max_iterations, plan.loop_.stop_when, plan.loop_.blind), (4, StopWhen::Satisfactory, true));
    assert_eq!(plan.seed, 7);
    let analysis = AnalysisSection {
        repeats: Some(1),
        effort: Some(Effort::Fast),
        inference: Some(Inference::Population),
        folds: Some(5),
        clusters: Some("ward".to_owned()),
        ..AnalysisSection::default()
    };
    assert_eq!(plan.analysis, analysis);
}

#[test]
fn defaults_of_a_short_plan() {
    let plan = parse(short_plan()).expect("valid");
    assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("1", "0"));
    assert_eq!(plan.data.missing, MissingPolicy::Error);
    assert_eq!(plan.estimands, [Target::Ate]);
    assert_eq!(plan.tools, Tool::ALL);
    assert_eq!(plan.loop_.max_iterations, 5);
    assert_eq!(plan.loop_.stop_when, StopWhen::NoPlaybookApplies);
    assert!(plan.loop_.blind);
    assert_eq!(
        (plan.actor.name().as_str(), plan.critic.name().as_str(), plan.seed),
        ("playbook", "playbook", 20_261_121)
    );
    assert!(plan.threats.is_empty() && plan.target_trial.eligibility.is_empty());
}

#[test]
fn every_place_points_at_its_own_text() {
    let text = full_plan();
    let plan = parse(text).expect("valid");
    let at = |path: &str| {
        let place = plan.places[path];
        (place.line, place.column, &text[place.offset..place.offset + place.length])
    };
    assert_eq!(at("title"), (1, 8, "Smoking cessation and weight gain"));
    assert_eq!(at("data"), (12, 1, "data"));
    assert_eq!(at("data.columns.exercise"), (18, 5, "exercise"));
    assert_eq!(at("data.columns.exercise.reference"), (18, 43, "0"));
    assert_eq!(at("confounders.priority[2]"), (30, 24, "smokeintensity"));
    assert_eq!(at("confounders.other[1]"), (33, 7, "exercise"));
    assert_eq!(at("confounders.terms[1]"), (34, 18, "smokeintensity == 40"));
    assert_eq!(at("loop.max_iterations"), (42, 19, "4"));
    let nearest = plan.at("confounders.other[9].x").expect("an ancestor");
    assert_eq!(nearest.line, 31);
    assert_eq!(plan.at("nowhere"), None);
}

#[test]
fn places_are_right_after_unicode_windows_line_ends_and_a_byte_order_mark() {
    let text = format!("\u{feff}# Übung ∑ 🦀\n{}", short_plan().replace("Q?", "\"Größe → 🦀?\"")).replace('\n', "\r\n");
    let plan = parse(&text).expect("valid");
    for (path, expected) in [("question", "\"Größe → 🦀?\""), ("outcome.units", "kg"), ("confounders.priority[0]", "x")]
    {
        let place = plan.places[path];
        assert_eq!(&text[place.offset..place.offset + place.length], expected, "{path} {place:?}");
        let before = &text[..place.offset];
        assert_eq!(place.line, before.matches('\n').count() + 1, "{path}");
    }
}

#[test]
fn numbers_and_yaml_1_1_booleans_stay_text() {
    let plan = parse(&with("  treated: 1\n  control: 0", "  treated: yes\n  control: no")).expect("valid");
    assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("yes", "no"));
    let plan = parse(&with("[age, sex, smokeintensity]", "[no, 1971, 1e5]")).expect("valid");
    assert_eq!(plan.confounders.priority, ["no", "1971", "1e5"]);
    let problem = only(&with("blind: true", "blind: yes"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("loop.blind", 44));
    assert!(problem.hint.contains("`blind: true`"));
}

#[test]
fn threats_may_be_one_text_and_values_may_be_blocks() {
    let text = with(
        "threats:\n  - People who quit may also eat differently.",
        "threats: >\n  People who quit\n  may eat differently.",
    );
    assert_eq!(parse(&text).expect("valid").threats, ["People who quit may eat differently."]);
    let plan = parse(&with("question: What", "question: |\n  What")).expect("valid");
    assert_eq!(plan.question, "What does quitting smoking do to weight ten years later?");
}

#[test]
fn several_errors_are_reported_at_once_with_their_lines() {
    let text = full_plan()
        .replacen("title: S", "titel: S", 1)
        .replacen("units: kg", "units: \"\"", 1)
        .replacen("[age, sex, smokeintensity]", "[age, qsmk, smokeintensity]", 1)
        .replacen("terms: [age^2,", "terms: [age^,", 1)
        .replacen("[ate, att]", "[ate, atx]", 1)
        .replacen("max_iterations: 4", "max_iterations: four", 1)
        .replacen("critic: {provider: playbook}", "critic: {provider: oracle}", 1);
    let found: Vec<(usize, String)> = problems(&text)
        .iter()
        .map(|problem| (problem.place.map_or(0, |place| place.line), problem.path.clone()))
        .collect();
    let expected = [
        (1, "titel"),
        (27, "outcome.units"),
        (30, "confounders.priority[1]"),
        (34, "confounders.terms[0]"),
        (39, "estimands[1]"),
        (42, "loop.max_iterations"),
        (46, "critic.provider"),
    ];
    let expected: Vec<(usize, String)> = expected.iter().map(|(line, path)| (*line, (*path).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn unknown_keys_come_with_a_suggestion() {
    for (from, to, path, hint) in [
        ("title:", "Title:", "Title", "`title`"),
        ("  time_zero:", "  time-zero:", "target_trial.time-zero", "`time_zero`"),
        ("  follow_up:", "  followup:", "target_trial.followup", "`follow_up`"),
        ("    exercise: {type", "    exercise: {typ", "data.columns.exercise.typ", "`type`"),
        ("  priority:", "  prioritty:", "confounders.prioritty", "`priority`"),
        ("seed: 7", "random: 7", "random", "`title`"),
        ("seed: 7", "units: kg", "units", "under `outcome:`"),
        ("  kind: continuous", "  estimands: [ate]", "outcome.estimands", "top level"),
    ] {
        let text = with(from, to);
        let problem = problems(&text).into_iter().find(|problem| problem.path == path).expect(path);
        assert!(problem.hint.contains(hint), "{problem:?}");
        assert!(text[problem.place.expect("place").offset..].starts_with(path.rsplit('.').next().expect("key")));
    }
}

#[test]
fn a_key_given_twice_names_both_lines() {
    let problem = only(&with("seed: 7", "seed: 7\nseed: 8"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("seed", 48));
    assert!(problem.hint.contains("line 47"), "{}", problem.hint);
    let problem = only(&with("    sex: boolean", "    sex: boolean\n    education: number"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("data.columns.education", 20));
}

#[test]
fn required_keys_are_named_when_missing() {
    let found: Vec<String> = problems("estimands: [ate]\n").into_iter().map(|problem| problem.path).collect();
    let expected =
        ["confounders", "data.source", "outcome.column", "outcome.units", "question", "title", "treatment.column"];
    assert_eq!(found, expected);
    let problem = only(&with("  source: nhefs.csv", "  source:"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("data.source", 13));
    let problem = only(&with("  units: kg\n", ""));
    assert_eq!((problem.path.as_str(), line(&problem)), ("outcome.units", 25));
}

#[test]
fn wrong_shapes_are_refused_and_not_complained_of_twice() {
    for (from, to, path) in [
        ("title: Smoking", "title: [Smoking]\nx: Smoking", "title"),
        ("estimands: [ate, att]", "estimands: ate", "estimands"),
        ("actor: {provider: playbook}", "actor: playbook", "actor"),
        ("[age, sex, smokeintensity]", "age", "confounders.priority"),
        ("[age, sex, smokeintensity]", "[age, {a: b}, smokeintensity]", "confounders.priority[1]"),
        ("[age, sex, smokeintensity]", "[age, \"\", smokeintensity]", "confounders.priority[1]"),
        ("    - education\n", "    -\n", "confounders.other[0]"),
        ("seed: 7", "seed: -7", "seed"),
        ("seed: 7", "seed: 99999999999999999999999", "seed"),
        ("seed: 7", "seed: \"7\"", "seed"),
        ("placebo_outcomes: [height]", "placebo_outcomes: {a: b}", "placebo_outcomes"),
        ("    sex: boolean", "    sex: [boolean]", "data.columns.sex"),
        ("    sex: boolean", "    sex: {reference: 1}", "data.columns.sex.type"),
        ("    sex: boolean", "    sex: {type: number, reference: 1}", "data.columns.sex.reference"),
    ] {
        let found: Vec<Problem> = problems(&with(from, to)).into_iter().filter(|p| p.path != "x").collect();
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert_eq!(found[0].path, path, "{to}");
        assert!(!found[0].hint.is_empty());
    }
    let text = short_plan().replace("data: {source: d.csv}", "data: d.csv").replace("  priority: [x]", "  x");
    let found: Vec<String> = problems(&text).into_iter().map(|p| p.path).collect();
    assert_eq!(found, ["data", "confounders"]);
}

#[test]
fn words_that_are_not_allowed_list_those_that_are() {
    for (from, to, path, allowed) in [
        ("missing: drop", "missing: impute", "data.missing", "`error`, `drop` and `indicator`"),
        ("education: category", "education: categorical", "data.columns.education", "`category`"),
        ("kind: continuous", "kind: count", "outcome.kind", "`continuous` and `binary`"),
        ("estimands: [ate, att]", "estimands: [ate, late]", "estimands[1]", "`ate`, `att`, `atc` and `ato`"),
        ("sensitivity, trim,", "sensitivity, trimm,", "tools[5]", "Did you mean `trim`?"),
        ("stop_when: satisfactory", "stop_when: satisfied", "loop.stop_when", "`no_playbook_applies`"),
        ("actor: {provider: playbook}", "actor: {provider: gpt}", "actor.provider", "`playbook`"),
    ] {
        let problem = only(&with(from, to));
        assert_eq!(problem.path, path);
        assert!(problem.hint.contains(allowed), "{problem:?}");
    }
}

#[test]
fn bad_terms_say_why() {
    for (term, reason) in
        [("age^77", "1 to 9"), ("\"a b\"", "did not expect"), ("\"x ==\"", "value"), ("\"`x\"", "closed")]
    {
        let text = with("age^2", term);
        let problem = only(&text);
        assert_eq!(problem.path, "confounders.terms[0]");
        assert!(problem.message.contains(reason), "{problem:?}");
        assert_eq!(pointed_at(&text, &problem), term);
    }
}

#[test]
fn a_slip_is_not_also_reported_as_missing() {
    for (from, to) in [("title:", "titel:"), ("  source:", "  sorce:"), ("confounders:\n  pri", "confounder:\n  pri")] {
        let problem = only(&with(from, to));
        assert!(problem.hint.contains("Did you mean"), "{problem:?}");
    }
}

#[test]
fn rendering_shows_every_problem_with_place_line_hint_and_count() {
    let text = with("[age, sex, smokeintensity]", "[age, qsmk, smokeintensity]").replacen("seed: 7", "sede: 7", 1);
    let plain = render_problems("plan.yaml", &text, &problems(&text), false, 80);
    for piece in [
        "[plan.yaml:30:19]",
        "priority: [age, qsmk, smokeintensity]",
        "──┬─",
        "confounders.priority[1]",
        "[plan.yaml:47:1]",
        "help: Did you mean `seed`?",
        "2 problems in plan.yaml.",
    ] {
        assert!(plain.contains(piece), "{piece} in\n{plain}");
    }
    assert!(!plain.contains('\u{1b}'));
    assert!(render_problems("plan.yaml", &text, &problems(&text), true, 80).contains('\u{1b}'));
    assert!(render_problems("plan.yaml", "", &problems(""), false, 80).contains("plan.yaml: the file is empty"));
}

fn column(name: &str, kind: ColumnKind, levels: &[&str]) -> ColumnInfo {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    ColumnInfo { name: name.to_owned(), kind, stored_as: "str".to_owned(), missing: 0, levels }
}

/// The plan that is proposed for columns of which nothing but their types is known.
fn proposed(source: &str, treatment: &str, outcome: &str, columns: &[ColumnInfo]) -> String {
    let faults = BTreeMap::new();
    let observed = Observed { columns, facts: &[], treatment, outcome, faults: &faults };
    let proposal = propose(&observed, Vec::new());
    let missing = MissingPolicy::Error;
    template(&TemplateInput { source, observed, proposal: &proposal, missing, conversions: &[], drafted: false })
}

#[test]
fn the_template_parses_and_leaves_out_what_cannot_be_a_confounder() {
    let many: Vec<String> = (0..60).map(|i| format!("l{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let columns = [
        column("patient_id", ColumnKind::Number, &[]),
        column("arm", ColumnKind::Category, &["placebo", "drug"]),
        column("death", ColumnKind::Boolean, &["false", "true"]),
        column("age", ColumnKind::Number, &[]),
        column("region", ColumnKind::Category, &["n", "s"]),
        column("zip", ColumnKind::Category, &many),
        column("born", ColumnKind::Date, &[]),
        column("const", ColumnKind::Category, &["x"]),
    ];
    let text = proposed("d.csv", "arm", "death", &columns);
    let plan = parse(&text).unwrap_or_else(|all| panic!("{}", render_problems("plan.yaml", &text, &all, false, 100)));
    assert_eq!(plan.confounders.priority, ["age", "region"]);
    assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("drug", "placebo"));
    assert_eq!(plan.outcome.kind, OutcomeKind::Binary);
    assert!(text.contains("# left out: zip (60 levels"));
    // The graph in the comment, with its marks taken off, is the plan's and has every column in it.
    let (before, after) = text.split_once("# graph: |\n").expect("a graph");
    let drawn: Vec<&str> = after.lines().take_while(|line| line.starts_with("#   ")).collect();
    let bare: String = drawn.iter().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
    let bare = format!("{before}graph: |\n{}", bare.replace('\n', "\n  "));
    let rest: String = after.lines().skip(drawn.len()).map(|line| format!("{line}\n")).collect();
    let uncommented = format!("{}\n{rest}", bare.trim_end());
    let plan = parse(&uncommented)
        .unwrap_or_else(|all| panic!("{}", render_problems("plan.yaml", &uncommented, &all, false, 100)));
    let Some(oci_agent::plan::GraphSource::Inline(graph)) = plan.graph else { panic!("no graph") };
    let graph = causal::graph::read::read(&graph).expect("reads");
    assert!(["age", "region", "arm", "death"].iter().all(|name| graph.node(name).is_some()));
    assert!(text.lines().all(|line| line.chars().count() <= 130 && line == line.trim_end()), "{text}");
}

proptest! {
    #[test]
    fn the_template_parses_for_any_column_names(
        names in proptest::collection::btree_set("[a-z\"':#\\-\\[\\]{}&*!|>%@`,?~ \n\r\t\u{85}\u{2028}\u{feff}é🦀\\\\]{1,8}|.{1,5}|yes|no|null|1|1e5", 3..8),
        kind in prop::sample::select(vec![ColumnKind::Number, ColumnKind::Boolean, ColumnKind::Category]),
        level in ".{1,6}",
    ) {
        let names: Vec<&String> = names.iter().filter(|name| !name.trim().is_empty()).collect();
        prop_assume!(names.len() >= 3);
        let columns: Vec<ColumnInfo> = names.iter().map(|name| column(name, kind, if kind == ColumnKind::Number { &[] } else { &["a", "b"] })).collect();
        let mut columns = columns;
        prop_assume!(!level.trim().is_empty() && level.trim() != "a");
        if kind != ColumnKind::Number { columns[0].levels[1].clone_from(&level); }
        columns[2].missing = 3;
        let text = proposed(names[0], names[0], names[1], &columns);
        let plan: Plan = match parse(&text) {
            Ok(plan) => plan,
            Err(all) => return Err(TestCaseError::fail(render_problems("plan.yaml", &text, &all, false, 100))),
        };
        prop_assert_eq!(&plan.treatment.column, names[0]);
        prop_assert_eq!(&plan.outcome.column, names[1]);
        prop_assert_eq!(&plan.data.source, names[0]);
        prop_assert!(plan.confounders.priority.iter().all(|c| names.contains(&c)));
        if kind != ColumnKind::Number {
            let arms = [plan.treatment.treated.as_str(), plan.treatment.control.as_str()];
            prop_assert!(arms.contains(&level.as_str()) && arms.contains(&"a"), "{arms:?}");
        }
    }
}

#[test]
fn statements_about_values_are_read() {
    let text = "\
title: T
question: Q?
data:
  source: d.csv
  missing_values: [-9, \"?\"]
  columns:
    g: {merge: case}
    z: {type: category, merge: blanks, reference: a}
    y: {missing_values: -99}
    w: {missing_values: []}
treatment: {column: t}
outcome: {column: y, units: share, event: dead}
confounders: {priority: [x]}
";
    let plan = parse(text).unwrap_or_else(|all| panic!("{all:#?}"));
    assert_eq!(plan.data.missing_values, ["-9", "?"]);
    let said = |name: &str| plan.data.columns[name].clone();
    assert_eq!((said("g").merge, said("g").kind), (Some(Merge::Case), None));
    assert_eq!((said("z").merge, said("z").reference.as_deref()), (Some(Merge::Blanks), Some("a")));
    assert_eq!(said("y").missing_values, Some(vec!["-99".to_owned()]));
    assert_eq!(said("w").missing_values, Some(vec![]));
    assert_eq!((plan.outcome.event.as_deref(), plan.outcome.kind), (Some("dead"), OutcomeKind::Binary));
    let contrary = only(&text.replace("event: dead", "event: dead, kind: continuous"));
    assert_eq!((contrary.path.as_str(), line(&contrary)), ("outcome.event", 12));
    assert!(contrary.hint.contains("binary"), "{}", contrary.hint);
    assert_eq!(only(&text.replace("merge: case", "merge: letters")).path, "data.columns.g.merge");
}
