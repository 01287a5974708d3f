//! Plans that read well and make no sense: every rule that needs no data.

use super::{full_plan, line, only, problems, with};
use oci_agent::plan::parse;

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
