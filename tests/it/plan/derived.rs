//! What a filter and a derived column may not be made of.

use super::{Problem, only, parse, problems, with};
use oci_agent::plan::MissingPolicy;

/// The full plan with more keys under `data`.
fn with_data(lines: &str) -> String {
    with("  missing: drop\n", &format!("  missing: drop\n{lines}"))
}

/// The same with another line changed.
fn and(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn refused(text: &str, path: &str, words: &[&str]) -> Problem {
    let found = problems(text);
    let problem = found.iter().find(|problem| problem.path == path).unwrap_or_else(|| panic!("{path}: {found:#?}"));
    for word in words {
        assert!(problem.message.contains(word), "{problem:?}");
    }
    assert!(problem.place.is_some(), "{problem:?}");
    problem.clone()
}

#[test]
fn expressions_are_read_from_the_plan() {
    let text = with_data(
        "  filter: [age >= 25, 'exercise != \"0\"']\n  derive:\n    log_smoke: log(smokeintensity + 1)\n    band: cut(age, [40, 60])\n",
    );
    let plan = parse(&text).expect("a plan");
    assert_eq!(plan.data.filter.len(), 2);
    assert_eq!(plan.data.derive["log_smoke"].text, "log(smokeintensity + 1)");
    assert_eq!(parse(&with_data("  filter: age > 3\n")).expect("one condition").data.filter.len(), 1);
    let problem = refused(&with_data("  filter: age = 3\n"), "data.filter", &["not an expression", "`==`"]);
    assert!(problem.hint.contains("cigs > 0"), "{problem:?}");
    refused(&with_data("  derive: {x: log(age}\n"), "data.derive.x", &["ends where"]);
    refused(&with_data("  derive: [age]\n"), "data.derive", &["keys of its own"]);
}

#[test]
fn nothing_is_computed_in_a_circle() {
    refused(&with_data("  derive: {x: x + 1}\n"), "data.derive.x", &["computed from itself"]);
    let text = with_data("  derive: {x: z + 1, z: w * 2, w: 3 - x}\n");
    for name in ["x", "z", "w"] {
        refused(&text, &format!("data.derive.{name}"), &["computed from a column that is computed from it"]);
    }
}

#[test]
fn a_confounder_is_not_made_of_the_outcome_or_the_treatment() {
    let list = |derive: &str| and(&with_data(derive), "[age, sex, smokeintensity]", "[age, sex, made]");
    refused(&list("  derive: {made: wt82_71 > 0}\n"), "confounders.priority[2]", &["computed from the outcome"]);
    // At several steps.
    refused(&list("  derive: {made: half * 2, half: wt82_71 / 2}\n"), "confounders.priority[2]", &["the outcome"]);
    refused(&list("  derive: {made: qsmk * 2}\n"), "confounders.priority[2]", &["computed from the treatment"]);
    let text = and(&with_data("  derive: {made: log(wt82_71 + 99)}\n"), "age^2", "made^2");
    refused(&text, "confounders.terms[0]", &["computed from the outcome"]);
    let late = "  derive: {made: visits + 1}\n";
    let text = and(&list(late), "    sex: boolean", "    sex: boolean\n    visits: {measured: after}");
    refused(&text, "confounders.priority[2]", &["`visits`, which was measured after"]);
    let text = and(&with_data("  derive: {made: wt82_71 * 2}\n"), "[height]", "[made]");
    refused(&text, "placebo_outcomes[0]", &["computed from the outcome"]);
}

#[test]
fn a_treatment_or_an_outcome_that_is_computed() {
    let treated = and(&with_data("  derive: {quit: smokeintensity == 0}\n"), "column: qsmk", "column: quit");
    refused(&treated, "confounders.priority[2]", &["the treatment `quit` is computed from `smokeintensity`"]);
    let of_outcome = and(&with_data("  derive: {quit: wt82_71 > 0}\n"), "column: qsmk", "column: quit");
    refused(&of_outcome, "treatment.column", &["computed from the outcome"]);
    let gain = "  derive: {gain: wt82 - wt71}\n";
    let change = and(&with_data(gain), "column: wt82_71", "column: gain");
    // A baseline may be adjusted for where the outcome is a change since then.
    assert!(parse(&and(&change, "[age, sex, smokeintensity]", "[age, sex, wt71]")).is_ok());
    let same = and(&with_data("  derive: {gain: wt82 * 2}\n"), "column: wt82_71", "column: gain");
    refused(
        &and(&same, "[age, sex, smokeintensity]", "[age, sex, wt82]"),
        "confounders.priority[2]",
        &["the outcome `gain` is computed from `wt82`"],
    );
    let by_treatment = and(&with_data("  derive: {gain: wt82 - qsmk}\n"), "column: wt82_71", "column: gain");
    refused(&by_treatment, "outcome.column", &["computed from the treatment"]);
}

#[test]
fn rows_are_not_chosen_by_the_outcome_or_by_what_came_after() {
    assert!(only(&with_data("  filter: age > 3 and wt82_71 > 0\n")).message.contains("by the outcome"));
    let made = with_data("  filter: [age > 3, heavy]\n  derive: {heavy: wt82_71 > 0}\n");
    refused(&made, "data.filter[1]", &["by the outcome"]);
    let late = and(
        &with_data("  filter: visits > 0\n"),
        "    sex: boolean",
        "    sex: boolean\n    visits: {measured: after}",
    );
    refused(&late, "data.filter", &["`visits`, which was measured after treatment"]);
}

#[test]
fn missing_values_by_column_and_rare_levels() {
    let text = with("  missing: drop\n", "  missing: {default: indicator, age: drop}\n  rare_levels: {below: 30}\n");
    let plan = parse(&text).expect("a plan");
    assert_eq!(plan.data.missing, MissingPolicy::Indicator);
    assert_eq!(plan.data.missing_for["age"], MissingPolicy::Drop);
    let rule = plan.data.rare_levels.expect("a rule");
    assert_eq!((rule.below, rule.keep, rule.into.as_str()), (Some(30), None, "other"));
    let bare = with("  missing: drop\n", "  missing: drop\n  rare_levels: {into: other}\n");
    assert!(only(&bare).message.contains("does not say which levels are rare"));
    let word = only(&with("  missing: drop\n", "  missing: {default: indicator, age: dorp}\n"));
    assert_eq!((word.path.as_str(), word.hint.contains("`drop`")), ("data.missing.age", true));
}
