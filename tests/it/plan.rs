//! Plans that are wrong in every way we could think of, and the spec that a right one becomes.

use oci_agent::estimand::{EstimatorKind, OutcomeKind, Population, Target, TrimRule};
use oci_agent::plan::{
    ColumnOverride, ColumnType, LARGEST_PLAN, MissingPolicy, Plan, Problem, StopWhen, TemplateInput, Tool, parse,
    parse_bytes, render_problems, template,
};
use oci_agent::schema::{ColumnInfo, DatasetDocument};
use oci_agent::spec::{Analysis, AnalysisSpec, Placebo, PlaceboRole, Revision, SpecError, TermGroup, draft};
use oci_agent::term::{Factor, Term};
use proptest::prelude::*;

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
tools: [propensity, balance, overlap, placebo, sensitivity, trim, ipw, outcome_regression, aipw, aipw_crossfit]
loop:
  max_iterations: 4
  stop_when: satisfactory
  blind: true
actor: {provider: playbook}
critic: {provider: playbook}
seed: 7
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
        ColumnOverride { kind: ColumnType::Category, reference: Some("0".to_owned()) }
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
    assert_eq!((plan.actor.as_str(), plan.critic.as_str(), plan.seed), ("playbook", "playbook", 20_261_121));
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
fn the_treatment_is_not_a_confounder_a_term_a_placebo_or_the_outcome() {
    let cases = [
        ("age, sex, smokeintensity", "age, qsmk, smokeintensity", "confounders.priority[1]"),
        ("    - education", "    - qsmk", "confounders.other[0]"),
        ("age^2", "age * qsmk", "confounders.terms[0]"),
        ("[height]", "[qsmk]", "placebo_outcomes[0]"),
        ("[birth_month]", "[qsmk]", "negative_controls[0]"),
        ("column: wt82_71", "column: qsmk", "outcome.column"),
    ];
    for (from, to, path) in cases {
        let problem = only(&with(from, to));
        assert_eq!(problem.path, path);
        assert!(problem.message.contains("treatment"), "{problem:?}");
    }
}

#[test]
fn the_outcome_is_not_a_confounder_a_term_or_a_placebo() {
    let cases = [
        ("age, sex, smokeintensity", "age, sex, wt82_71", "confounders.priority[2]"),
        ("    - exercise", "    - wt82_71", "confounders.other[1]"),
        ("smokeintensity == 40", "wt82_71 == 0", "confounders.terms[1]"),
        ("[height]", "[wt82_71]", "placebo_outcomes[0]"),
        ("[birth_month]", "[wt82_71]", "negative_controls[0]"),
    ];
    for (from, to, path) in cases {
        let problem = only(&with(from, to));
        assert_eq!(problem.path, path);
        assert!(problem.message.contains("outcome"), "{problem:?}");
    }
}

#[test]
fn a_confounder_is_listed_once() {
    let problem = only(&with("    - education", "    - age"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("confounders.other[0]", 32));
    assert!(problem.hint.contains("line 30"), "{}", problem.hint);
    assert_eq!(only(&with("age, sex,", "age, sex, age,")).path, "confounders.priority[2]");
}

#[test]
fn a_placebo_is_not_adjusted_for_and_listed_once() {
    let cases = [
        ("[height]", "[age]", "placebo_outcomes[0]"),
        ("[birth_month]", "[education]", "negative_controls[0]"),
        ("smokeintensity == 40", "height^2", "placebo_outcomes[0]"),
    ];
    for (from, to, path) in cases {
        let problem = only(&with(from, to));
        assert_eq!(problem.path, path);
        assert!(problem.hint.contains("half the time"), "{problem:?}");
    }
    assert_eq!(only(&with("[birth_month]", "[height]")).path, "negative_controls[0]");
}

#[test]
fn weights_and_unit_id_have_no_other_job() {
    for job in ["seqn", "survey_weight"] {
        assert_eq!(only(&with("age, sex,", &format!("age, {job},"))).path, "confounders.priority[1]");
        assert_eq!(only(&with("age^2", &format!("{job}^2"))).path, "confounders.terms[0]");
        assert_eq!(only(&with("[height]", &format!("[{job}]"))).path, "placebo_outcomes[0]");
        let path = if job == "seqn" { "data.unit_id" } else { "data.weights" };
        assert_eq!(only(&with("column: qsmk", &format!("column: {job}"))).path, path);
        assert_eq!(only(&with("column: wt82_71", &format!("column: {job}"))).path, path);
    }
    assert_eq!(only(&with("weights: survey_weight", "weights: seqn")).path, "data.weights");
}

#[test]
fn estimands_and_tools_are_neither_empty_nor_repeated() {
    assert_eq!(only(&with("estimands: [ate, att]", "estimands: []")).path, "estimands");
    assert_eq!(only(&with("estimands: [ate, att]", "estimands: [ate, ATE]")).path, "estimands[1]");
    let tools = full_plan().lines().find(|line| line.starts_with("tools:")).expect("tools");
    assert_eq!(only(&with(tools, "tools: []")).path, "tools");
    assert_eq!(only(&with("sensitivity, trim,", "sensitivity, sensitivity,")).path, "tools[5]");
}

#[test]
fn tools_must_leave_a_way_to_answer() {
    let tools = full_plan().lines().find(|line| line.starts_with("tools:")).expect("tools");
    let problem = only(&with(tools, "tools: [propensity, balance, overlap, trim]"));
    assert_eq!((problem.path.as_str(), line(&problem)), ("tools", 40));
    assert!(problem.message.contains("no estimator"));
    let problem = only(&with(tools, "tools: [aipw, balance]"));
    assert!(problem.message.contains("`propensity`"));
    assert_eq!(problems(&with(tools, "tools: [balance]")).len(), 2);
    parse(&with(tools, "tools: [propensity, outcome_regression]")).expect("enough");
}

#[test]
fn the_loop_has_1_to_50_iterations() {
    for bad in ["0", "51", "99999999999"] {
        let problem = only(&with("max_iterations: 4", &format!("max_iterations: {bad}")));
        assert_eq!((problem.path.as_str(), line(&problem)), ("loop.max_iterations", 42));
    }
    for good in ["1", "50"] {
        parse(&with("max_iterations: 4", &format!("max_iterations: {good}"))).expect(good);
    }
}

#[test]
fn treated_and_control_differ_also_as_numbers() {
    assert_eq!(only(&with("  control: 0", "  control: 1")).path, "treatment.control");
    assert_eq!(only(&with("  control: 0", "  control: 1.0")).path, "treatment.control");
    assert_eq!(only(&with("  treated: 1\n  control: 0", "  treated: 0")).path, "treatment.treated");
}

#[test]
fn a_50_mb_plan_is_refused_before_it_is_read() {
    let huge = vec![b'#'; 50 << 20];
    let all = parse_bytes(&huge).expect_err("too large");
    assert_eq!(all.len(), 1);
    assert!(all[0].message.contains("52428800 bytes") && all[0].place.is_none(), "{all:?}");
    assert!(parse(&"#".repeat(LARGEST_PLAN + 1)).is_err());
}

#[test]
fn not_utf8_names_the_byte() {
    let mut bytes = short_plan().as_bytes().to_vec();
    bytes[20] = 0xff;
    let all = parse_bytes(&bytes).expect_err("not UTF-8");
    assert!(all[0].message.contains("byte 0xff at offset 20, on line 2"), "{all:?}");
}

#[test]
fn not_yaml_names_line_and_column() {
    let problem = only("title: a\nquestion: b: c\n");
    let place = problem.place.expect("place");
    assert_eq!((place.line, place.column), (2, 12), "{problem:?}");
    assert!(problem.hint.contains("quotes"));
    for text in ["title: [a\n", "title: \"a\n", "title: a\n\tb: c\n", "a: b\n c: d\n", "{", "@x", "%x", "a: `b`"] {
        let problem = only(text);
        assert!(problem.message.contains("not YAML") && problem.place.is_some(), "{text:?}: {problem:?}");
    }
}

#[test]
fn empty_files_other_documents_and_data_files_are_told_apart() {
    for text in ["", "\n\n", "# only a comment\n", "---\n"] {
        let problem = only(text);
        assert!(problem.message.contains("empty") || problem.message.contains("nothing"), "{text:?} {problem:?}");
        assert!(problem.hint.contains("oci-agent init"));
    }
    assert!(only("a,b,c\n1,2,3\n").message.contains("a single value"));
    assert!(only("- a\n- b\n").message.contains("a list"));
    let two = format!("{}---\n{}", short_plan(), short_plan());
    assert_eq!(line(&only(&two)), 8);
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..40 {
        let inner = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{inner}]\n"));
    }
    let all = problems(&bomb);
    assert!(all.len() <= 101 && all.iter().all(|p| p.message.contains("anchor") || p.message.contains("alias")));
    let merged = with("loop:", "loop: &l\n  <<: *l");
    assert!(problems(&merged).iter().any(|p| p.message.contains("alias")));
}

#[test]
fn deep_nesting_is_refused_without_exhausting_the_stack() {
    for text in [
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 19),
        "? ".repeat(1 << 19),
        "a: [".repeat(1 << 18),
        (0..1000).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>(),
    ] {
        let all = problems(&text);
        assert!(all.len() <= 2, "{} {:?}", &text[..8], all.first());
    }
}

#[test]
fn a_mebibyte_of_anything_is_answered_in_a_few_problems() {
    let keys = |n: usize| (0..n).map(|i| format!("key_{i}: {i}\n")).collect::<String>();
    let list = |n: usize| short_plan().replace("[x]", &format!("[{}]", vec!["x"; n].join(",")));
    let both = |n: usize| format!("{}placebo_outcomes: [{}]\n", list(n), vec!["x"; n].join(","));
    for text in [keys(60_000), "title: x\n".repeat(100_000), list(500_000), both(250_000)] {
        assert!(only(&text).message.contains("more than 20000 keys and values"));
    }
    for text in [keys(9_000), "title: x\n".repeat(9_000), list(19_000), both(9_000)] {
        let all = problems(&text);
        assert_eq!(all.len(), 101);
        assert!(all[100].message.contains("more problems are not listed"));
        assert!(render_problems("plan.yaml", &text, &all, false, 80).len() < 100_000);
    }
    for text in ["a".repeat(1 << 20), "\"".repeat(1 << 20), "# \n".repeat(300_000)] {
        assert_eq!(problems(&text).len(), 1);
    }
}

#[test]
fn tags_and_odd_keys_are_refused() {
    assert!(only(&with("seed: 7", "seed: !!int 7")).message.contains("tag"));
    assert!(only("? [a, b]\n: c\n").message.contains("key"));
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

fn column(name: &str, kind: &str, levels: &[&str]) -> ColumnInfo {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    ColumnInfo { name: name.to_owned(), kind: kind.to_owned(), stored_as: "str".to_owned(), missing: 0, levels }
}

#[test]
fn the_template_parses_and_leaves_out_what_cannot_be_a_confounder() {
    let many: Vec<String> = (0..60).map(|i| format!("l{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let columns = [
        column("patient_id", "number", &[]),
        column("arm", "category", &["placebo", "drug"]),
        column("death", "boolean", &["false", "true"]),
        column("age", "number", &[]),
        column("region", "category", &["n", "s"]),
        column("zip", "category", &many),
        column("born", "date", &[]),
        column("const", "category", &["x"]),
    ];
    let text = template(&TemplateInput { source: "d.csv", treatment: "arm", outcome: "death", columns: &columns });
    let plan = parse(&text).unwrap_or_else(|all| panic!("{}", render_problems("plan.yaml", &text, &all, false, 100)));
    assert_eq!(plan.confounders.priority, ["age", "region"]);
    assert_eq!((plan.treatment.treated.as_str(), plan.treatment.control.as_str()), ("drug", "placebo"));
    assert_eq!(plan.outcome.kind, OutcomeKind::Binary);
    assert!(text.contains("# left out: zip (60 levels"));
    assert!(text.lines().all(|line| line.chars().count() <= 130 && line == line.trim_end()), "{text}");
}

/// The schema that fits `full_plan`.
pub fn full_schema() -> DatasetDocument {
    let columns = vec![
        column("seqn", "number", &[]),
        column("survey_weight", "number", &[]),
        column("qsmk", "number", &[]),
        column("wt82_71", "number", &[]),
        column("age", "number", &[]),
        column("sex", "boolean", &["false", "true"]),
        column("smokeintensity", "number", &[]),
        column("education", "category", &["1", "2", "3"]),
        column("exercise", "category", &["0", "1"]),
        column("height", "number", &[]),
        column("birth_month", "number", &[]),
        column("visit", "date", &[]),
        column("note", "other", &[]),
    ];
    DatasetDocument { source: "nhefs.csv".into(), files: [].into(), sha256: "d".repeat(64), rows: 1629, columns }
}

fn drafted(text: &str) -> Result<AnalysisSpec, Vec<Problem>> {
    draft(&parse(text).expect("a valid plan"), &"p".repeat(64), &full_schema())
}

fn not_drafted(text: &str) -> Vec<Problem> {
    drafted(text).expect_err("the plan does not fit the data")
}

fn texts(terms: &[Term]) -> Vec<String> {
    terms.iter().map(ToString::to_string).collect()
}

#[test]
fn a_draft_writes_out_every_dummy_and_every_default() {
    let spec = drafted(full_plan()).expect("fits");
    let groups: Vec<(&str, bool, Vec<String>)> =
        spec.confounders.iter().map(|g| (g.confounder.as_str(), g.priority, texts(&g.terms))).collect();
    let expected = [
        ("age", true, vec!["age"]),
        ("sex", true, vec!["sex == true"]),
        ("smokeintensity", true, vec!["smokeintensity"]),
        ("education", false, vec!["education == 2", "education == 3"]),
        ("exercise", false, vec!["exercise == 1"]),
    ];
    let expected = expected.map(|(c, p, t)| (c, p, t.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(groups, expected);
    let all = [
        "age",
        "sex == true",
        "smokeintensity",
        "education == 2",
        "education == 3",
        "exercise == 1",
        "age^2",
        "smokeintensity == 40",
    ];
    assert_eq!(spec.analyses.iter().map(|a| a.requested).collect::<Vec<_>>(), [Target::Ate, Target::Att]);
    for analysis in &spec.analyses {
        assert_eq!(texts(&analysis.terms), all);
        assert_eq!((analysis.target, analysis.population), (analysis.requested, Population::All));
        assert_eq!(analysis.estimators, EstimatorKind::ALL);
        assert_eq!(analysis.primary, EstimatorKind::Aipw);
    }
    assert_eq!(spec.placebos[1], Placebo { column: "birth_month".into(), role: PlaceboRole::NegativeControl });
    assert_eq!((spec.iteration, spec.folds, spec.seed, spec.blind), (1, 5, 7, true));
    assert_eq!((spec.plan_sha256.len(), spec.data_sha256.as_str()), (64, "d".repeat(64).as_str()));
}

#[test]
fn the_tools_decide_which_estimators_run_and_which_is_the_answer() {
    use EstimatorKind::{AipwCrossfit, Gformula, IpwHajek, IpwHt, Naive, Regression};
    let tools = full_plan().lines().find(|line| line.starts_with("tools:")).expect("tools");
    for (allowed, estimators, primary) in [
        ("ipw, aipw_crossfit", vec![Naive, IpwHt, IpwHajek, AipwCrossfit], AipwCrossfit),
        ("outcome_regression, ipw", vec![Naive, Regression, Gformula, IpwHt, IpwHajek], IpwHajek),
        ("outcome_regression", vec![Naive, Regression, Gformula], Gformula),
    ] {
        let spec = drafted(&with(tools, &format!("tools: [propensity, {allowed}]"))).expect("fits");
        assert_eq!((&spec.analyses[0].estimators, spec.analyses[0].primary), (&estimators, primary));
    }
}

#[test]
fn plan_terms_take_the_spelling_of_the_data_and_repeat_nothing() {
    let text = with(
        "[age^2, smokeintensity == 40]",
        "[age * age, age^2, age * sex, \"sex == yes * age\", education == 2.0, education == \"3\", age]",
    );
    let spec = drafted(&text).expect("fits");
    assert_eq!(texts(&spec.analyses[0].terms[6..]), ["age * age", "age * sex == true"]);
}

#[test]
fn the_indicator_policy_adds_a_term_for_covariates_with_missing_values() {
    let mut schema = full_schema();
    for i in [4, 7] {
        schema.columns[i].missing = 9;
    }
    let plan = |policy: &str| parse(&with("missing: drop", &format!("missing: {policy}"))).expect("valid");
    let spec = draft(&plan("indicator"), "p", &schema).expect("fits");
    assert_eq!(texts(&spec.confounders[0].terms), ["age", "age == (missing)"]);
    assert_eq!(texts(&spec.confounders[3].terms), ["education == 2", "education == 3", "education == (missing)"]);
    let spec = draft(&plan("drop"), "p", &schema).expect("fits");
    assert_eq!(texts(&spec.confounders[0].terms), ["age"]);
}

#[test]
fn what_does_not_fit_the_data_is_reported_at_once_with_lines() {
    let text = full_plan()
        .replacen("unit_id: seqn", "unit_id: sequence", 1)
        .replacen("    sex: boolean", "    sexx: boolean", 1)
        .replacen("treated: 1", "treated: quit", 1)
        .replacen("column: wt82_71", "column: visit", 1)
        .replacen("[age, sex, smokeintensity]", "[agee, sex, note]", 1)
        .replacen(
            "[age^2, smokeintensity == 40]",
            "[education^2, education == 9, heigth * age, smokeintensity == many]",
            1,
        )
        .replacen("[birth_month]", "[exercise2]", 1);
    let found: Vec<(usize, String)> = not_drafted(&text).iter().map(|p| (line(p), p.path.clone())).collect();
    let expected = [
        (14, "data.unit_id"),
        (19, "data.columns.sexx"),
        (23, "treatment.treated"),
        (26, "outcome.column"),
        (30, "confounders.priority[0]"),
        (30, "confounders.priority[2]"),
        (34, "confounders.terms[0]"),
        (34, "confounders.terms[1]"),
        (34, "confounders.terms[2]"),
        (34, "confounders.terms[3]"),
        (36, "negative_controls[0]"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn columns_that_are_not_in_the_data_come_with_a_suggestion() {
    let all = not_drafted(&with("[age, sex, smokeintensity]", "[age, sex, smoke_intensty]"));
    assert_eq!(all.len(), 1);
    assert!(all[0].hint.contains("Did you mean `smokeintensity`?"), "{all:?}");
    let all = not_drafted(&with("[age, sex, smokeintensity]", "[age, sex, income]"));
    assert!(all[0].hint.contains("`birth_month`") && all[0].hint.contains("more"), "{all:?}");
}

#[test]
fn a_category_with_5000_levels_names_the_count_and_the_fix() {
    let mut schema = full_schema();
    schema.columns[7].levels = (0..5000).map(|i| format!("z{i:04}")).collect();
    let all = draft(&parse(full_plan()).expect("valid"), "p", &schema).expect_err("too many");
    assert_eq!((all.len(), all[0].path.as_str(), line(&all[0])), (1, "confounders.other[0]", 32));
    assert!(all[0].message.contains("5000 levels") && all[0].hint.contains("{education: number}"), "{all:?}");
    schema.columns[7].levels.truncate(1);
    let all = draft(&parse(full_plan()).expect("valid"), "p", &schema).expect_err("constant");
    assert!(all[0].message.contains("one level"), "{all:?}");
}

#[test]
fn roles_need_columns_of_the_right_type() {
    let mut schema = full_schema();
    schema.columns.push(column("diabetic", "boolean", &["false", "true"]));
    let outcome = "  column: wt82_71\n  units: kg\n  kind: continuous";
    for (from, to, path, hint) in [
        ("column: qsmk", "column: visit", "treatment.column", "`data:`"),
        (outcome, "  column: diabetic\n  units: share", "outcome.kind", "kind: binary"),
        (outcome, "  column: visit\n  units: days", "outcome.column", "number"),
        ("weights: survey_weight", "weights: survey_wieght", "data.weights", "`survey_weight`"),
        ("weights: survey_weight", "weights: visit", "data.weights", "numbers"),
        ("[height]", "[visit]", "placebo_outcomes[0]", "true/false"),
    ] {
        let all = draft(&parse(&with(from, to)).expect("valid"), "p", &schema).expect_err(to);
        assert_eq!((all.len(), all[0].path.as_str()), (1, path), "{all:?}");
        assert!(all[0].hint.contains(hint), "{all:?}");
    }
}

#[test]
fn a_treatment_may_be_a_number_a_category_or_true_false() {
    let mut schema = full_schema();
    for (kind, levels, treated, control) in [
        ("number", vec![], "1", "0"),
        ("category", vec!["0", "1"], "1.0", "0"),
        ("category", vec!["go on", "quit"], "quit", "go on"),
        ("boolean", vec!["false", "true"], "yes", "no"),
    ] {
        schema.columns[2] = column("qsmk", kind, &levels);
        let text = with("treated: 1\n  control: 0", &format!("treated: {treated}\n  control: {control}"));
        draft(&parse(&text).expect("valid"), "p", &schema).expect(kind);
    }
}

#[test]
fn spec_yaml_is_readable_and_hashed_as_written() {
    let mut spec = drafted(full_plan()).expect("fits");
    let first = spec.to_yaml();
    assert!(first.starts_with("# "), "{first}");
    for line in ["treated: \"1\"", "  - education == 2", "  population:\n    kind: all", "revisions: []", "folds: 5"] {
        assert!(first.contains(line), "{line} in\n{first}");
    }
    let hash = spec.sha256();
    assert_eq!(hash.len(), 64);
    assert_eq!(AnalysisSpec::from_yaml(&first).expect("own output").sha256(), hash);
    spec.analyses[1].population = Population::Trimmed { trim: TrimRule::Fixed { alpha: 0.1 } };
    assert_ne!(spec.sha256(), hash);
    let second = spec.to_yaml();
    let changed = second.lines().filter(|line| !first.lines().any(|other| other == *line)).count();
    assert_eq!(changed, 4, "a trim is four lines of diff:\n{second}");
}

#[test]
fn a_spec_with_unknown_keys_or_of_another_format_is_refused() {
    let yaml = drafted(full_plan()).expect("fits").to_yaml();
    for (from, to) in [
        ("folds: 5", "folds: 5\nextra: 1"),
        ("  primary: aipw", "  primary: aipw\n  colour: red"),
        ("folds: 5\n", ""),
        ("folds: 5", "folds: many"),
        ("role: placebo_outcome", "role: placebo_outcome\n  extra: 1"),
    ] {
        assert!(yaml.contains(from), "{from}");
        let error = AnalysisSpec::from_yaml(&yaml.replacen(from, to, 1)).expect_err(to);
        assert!(matches!(error, SpecError::Unreadable { .. }), "{error}");
    }
    let error = AnalysisSpec::from_yaml(&yaml.replacen("spec_version: 1", "spec_version: 9", 1)).expect_err("version");
    assert!(matches!(error, SpecError::Version { found: 9 }));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[a-z:#'\"`\\\\\\-\\[\\]{}&*!|>%@,?~= \n\t0-9]{0,10}",
        Just("no".to_owned()),
        Just("1e5".to_owned())
    ]
}

fn any_term() -> impl Strategy<Value = Term> {
    let name = any_text().prop_filter("columns have names", |name| !name.is_empty());
    let factor = (name, 1u32..=9, any_text(), any::<bool>()).prop_map(|(column, exponent, value, power)| {
        if power { Factor::Power { column, exponent } } else { Factor::Equals { column, value } }
    });
    proptest::collection::vec(factor, 1..3).prop_map(|factors| Term { factors })
}

fn any_population() -> impl Strategy<Value = Population> {
    prop_oneof![
        Just(Population::All),
        Just(Population::Trimmed { trim: TrimRule::CrumpOptimal }),
        (0.0..0.5f64).prop_map(|alpha| Population::Trimmed { trim: TrimRule::Fixed { alpha } }),
        Just(Population::Trimmed { trim: TrimRule::Fixed { alpha: 1e-12 } }),
    ]
}

fn any_analysis() -> impl Strategy<Value = Analysis> {
    let target = prop::sample::select(Target::ALL.to_vec());
    let kinds = proptest::collection::vec(prop::sample::select(EstimatorKind::ALL.to_vec()), 0..4);
    let terms = proptest::collection::vec(any_term(), 0..4);
    (target.clone(), target, any_population(), terms, kinds).prop_map(
        |(requested, target, population, terms, estimators)| Analysis {
            requested,
            target,
            population,
            terms,
            estimators,
            primary: EstimatorKind::IpwHajek,
        },
    )
}

fn any_revision() -> impl Strategy<Value = Revision> {
    let because = proptest::collection::vec(any_text(), 0..3);
    (any_text(), because, any_text(), any_text(), any::<bool>()).prop_map(
        |(playbook, because, change, estimand_effect, reverted)| Revision {
            requested: Target::Atc,
            playbook,
            because,
            change,
            estimand_effect,
            reverted,
        },
    )
}

fn any_spec() -> impl Strategy<Value = AnalysisSpec> {
    let group = (any_text(), any::<bool>(), proptest::collection::vec(any_term(), 0..3))
        .prop_map(|(confounder, priority, terms)| TermGroup { confounder, priority, terms });
    let lists = (
        proptest::collection::vec(group, 0..3),
        proptest::collection::vec(any_analysis(), 0..3),
        proptest::collection::vec(any_revision(), 0..3),
    );
    let missing = prop::sample::select(vec![MissingPolicy::Error, MissingPolicy::Drop, MissingPolicy::Indicator]);
    let texts = (any_text(), any_text(), any_text(), prop::option::of(any_text()));
    (lists, texts, missing, any::<u64>(), any::<bool>()).prop_map(
        |((confounders, analyses, revisions), (title, treated, outcome, weights), missing, seed, blind)| {
            let mut spec = drafted(full_plan()).expect("fits");
            spec.placebos.truncate(usize::from(blind));
            AnalysisSpec {
                confounders,
                analyses,
                revisions,
                title,
                treated,
                outcome,
                weights,
                missing,
                seed,
                blind,
                ..spec
            }
        },
    )
}

proptest! {
    #[test]
    fn a_spec_reads_back_as_itself(spec in any_spec()) {
        let yaml = spec.to_yaml();
        let read = AnalysisSpec::from_yaml(&yaml);
        prop_assert!(read.is_ok(), "{:?}\n{yaml}", read.err().map(|e| e.to_string()));
        let read = read.expect("checked");
        prop_assert_eq!(&read, &spec);
        prop_assert_eq!(read.to_yaml(), yaml);
    }

    #[test]
    fn from_yaml_never_panics(text in any::<String>(), at in 0usize..2000, insert in "[a-z:\\-\\[\\]{}#&*!|>'\" \n]{0,4}") {
        let _ = AnalysisSpec::from_yaml(&text);
        let mut yaml = drafted(full_plan()).expect("fits").to_yaml();
        yaml.insert_str(at.min(yaml.len()), &insert);
        let _ = AnalysisSpec::from_yaml(&yaml);
    }

    #[test]
    fn parse_never_panics_on_text(text in any::<String>(), yaml in "[a-z:\\-\\[\\]{}#&*!|>'\"%@ \n\t,?~0-9]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&yaml);
        if let Err(all) = parse(&yaml) {
            prop_assert!(!all.is_empty());
            let _ = render_problems("plan.yaml", &yaml, &all, false, 80);
        }
    }

    #[test]
    fn parse_never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_bytes(&bytes);
    }

    #[test]
    fn parse_never_panics_on_mutated_plans_and_points_into_the_file(
        at in 0usize..1400, cut in 0usize..30, insert in "[a-zé:\\-\\[\\]{}#&*!|>'\" \n\t,?~0-9]{0,6}"
    ) {
        let text = full_plan();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        let text = format!("{}{insert}{}", &text[..at], &text[end..]);
        match parse(&text) {
            Ok(plan) => for (path, place) in &plan.places {
                prop_assert!(text.get(place.offset..place.offset + place.length).is_some(), "{path} {place:?}");
            },
            Err(all) => {
                for problem in &all {
                    prop_assert!(!problem.message.is_empty() && !problem.hint.is_empty());
                    let Some(place) = problem.place else { continue };
                    let pointed = text.get(place.offset..place.offset + place.length);
                    prop_assert!(pointed.is_some_and(|p| !p.contains('\n')), "{problem:?}");
                    let line = text[..place.offset].matches('\n').count() + 1;
                    prop_assert_eq!(line, place.line, "{:?}", problem);
                }
                let places: Vec<_> = all.iter().map(|problem| problem.place).collect();
                prop_assert!(places.is_sorted());
                prop_assert!(render_problems("plan.yaml", &text, &all, true, 60).contains("problem"));
            }
        }
    }

    #[test]
    fn the_template_parses_for_any_column_names(
        names in proptest::collection::btree_set("[a-z\"':#\\-\\[\\]{}&*!|>%@`,?~ \n\r\t\u{85}\u{2028}\u{feff}é🦀\\\\]{1,8}|.{1,5}|yes|no|null|1|1e5", 3..8),
        kind in prop::sample::select(vec!["number", "boolean", "category"]),
        level in ".{1,6}",
    ) {
        let names: Vec<&String> = names.iter().filter(|name| !name.trim().is_empty()).collect();
        prop_assume!(names.len() >= 3);
        let columns: Vec<ColumnInfo> = names.iter().map(|name| column(name, kind, if kind == "number" { &[] } else { &["a", "b"] })).collect();
        let mut columns = columns;
        prop_assume!(!level.trim().is_empty() && level.trim() != "a");
        if kind != "number" { columns[0].levels[1].clone_from(&level); }
        columns[2].missing = 3;
        let input = TemplateInput { source: names[0], treatment: names[0], outcome: names[1], columns: &columns };
        let text = template(&input);
        let plan: Plan = match parse(&text) {
            Ok(plan) => plan,
            Err(all) => return Err(TestCaseError::fail(render_problems("plan.yaml", &text, &all, false, 100))),
        };
        prop_assert_eq!(&plan.treatment.column, names[0]);
        prop_assert_eq!(&plan.outcome.column, names[1]);
        prop_assert_eq!(&plan.data.source, names[0]);
        prop_assert!(plan.confounders.priority.iter().all(|c| names.contains(&c)));
        if kind != "number" { prop_assert_eq!(&plan.treatment.treated, &level); }
    }
}
