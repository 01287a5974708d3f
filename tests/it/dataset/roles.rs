//! Treatment, outcome, weights and ids.

use super::*;

#[test]
fn treatment_levels_match_as_text_and_as_numbers() {
    for (one, zero, treated, control) in [
        ("1", "0", "1", "0"),
        ("1.0", "0.0", "1", "0"),
        ("true", "false", "1", "0"),
        ("1", "0", "true", "false"),
        ("new", "old", "new", "old"),
        ("2", "1", "2.0", "1"),
    ] {
        let text = format!("t,y\n{one},1\n{zero},2\n{one},3\n");
        let contrast = Contrast { treated: treated.into(), control: control.into() };
        let wanted = Request { contrast, ..request(&[]) };
        assert_eq!(indicators(analysed(&text, &wanted).treatment()), [1.0, 0.0, 1.0], "{one} {treated}");
    }
}

#[test]
fn treatment_that_is_not_binary_lists_values_and_counts() {
    let text = "t,y\n1,1\n0,2\n2,3\n0,4\n";
    let found = problem(text, &request(&[]));
    assert_eq!(found.path, "treatment.column");
    assert_says(&found.message, &["not binary", "3 values", "`0` (2 rows)", "`2` (1 row)"]);
    assert_says(&found.hint, &["1 row with another value", "filter: \"t in [1, 0]\""]);
}

#[test]
fn treatment_level_that_does_not_occur_lists_what_does() {
    let text = "t,y\nyes,1\nno,2\nyes,3\n";
    let found = problems(text, &request(&[]));
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["treatment.treated", "treatment.control"]);
    assert_says(&found[0].message, &["treated arm is empty", "`yes` (2 rows)", "`no` (1 row)"]);
}

#[test]
fn empty_arm() {
    let found = problem("t,y\n1,1\n1,2\n1,3\n", &request(&[]));
    assert_eq!(found.path, "treatment.control");
    assert_says(&found.message, &["control arm is empty"]);
}

#[test]
fn arm_that_is_empty_after_dropping_says_so() {
    let dropping = Request { missing: MissingPolicy::Drop, ..request(&["x"]) };
    let found = problems("t,y,x\n1,1,\n0,2,3\n0,3,4\n0,3,1\n", &dropping);
    assert_says(&found[0].message, &["treated arm is empty", "after rows with missing values were dropped"]);
}

#[test]
fn same_value_for_treated_and_control() {
    let wanted = Request { contrast: Contrast { treated: "1".into(), control: "1.0".into() }, ..request(&[]) };
    assert_eq!(problem(GOOD, &wanted).path, "treatment.control");
}

#[test]
fn outcome_that_is_not_numeric() {
    let found = problem("t,y\n1,good\n0,bad\n", &request(&[]));
    assert_eq!(found.path, "outcome.column");
    assert_says(&found.message, &["not numeric", "`bad`"]);
}

#[test]
fn binary_outcome_that_is_not_0_or_1() {
    let binary = Request { outcome: Some(("y".into(), OutcomeKind::Binary)), ..request(&[]) };
    let found = problem("t,y\n1,1\n0,2\n0,0\n", &binary);
    assert_says(&found.message, &["binary", "row 2", "has 2"]);
    assert_eq!(analysed("t,y\n1,true\n0,false\n", &binary).outcome().expect("y").to_vec(), [1.0, 0.0]);
}

#[test]
fn weights_that_are_negative_nan_zero_or_text() {
    let weighted = Request { weights: Some("w".into()), ..request(&[]) };
    for (weights, words) in [
        (["1", "-2", "1"], &["1 negative value,", "row 2", "-2"][..]),
        (["1", "NaN", "1"], &["1 missing value"][..]),
        (["0", "0", "0"], &["zero in every row"][..]),
        (["0", "1", "1"], &["treated arm", "weight zero"][..]),
        (["a", "b", "c"], &["not numeric"][..]),
        (["1", "inf", "1"], &["infinite"][..]),
    ] {
        let [a, b, c] = weights;
        let found = problem(&format!("t,y,w\n1,1,{a}\n0,2,{b}\n0,3,{c}\n"), &weighted);
        assert_eq!(found.path, "data.weights");
        assert_says(&found.message, words);
    }
}

#[test]
fn zero_weights_are_left_out_and_counted() {
    let weighted = Request { weights: Some("w".into()), ..request(&[]) };
    let a = analysed("t,y,w\n1,1,2\n0,2,0\n0,3,1\n", &weighted);
    assert_eq!(a.counters().rows_weight_zero, 1);
    let covariates = a.covariates(&[]).expect("no terms");
    assert_eq!(covariates.weights().expect("weights").to_vec(), [2.0, 1.0], "a row that stands for nobody is left out");
    assert_eq!((a.n(), a.counters().rows_analysed, a.counters().rows_dropped_missing), (2, 2, 0));
}

#[test]
fn duplicate_unit_ids_name_the_first_pair() {
    for ids in [["7", "8", "7"], ["a", "b", "a"]] {
        let [a, b, c] = ids;
        let with_id = Request { unit_id: Some("id".into()), ..request(&[]) };
        let found = problem(&format!("t,y,id\n1,1,{a}\n0,2,{b}\n0,3,{c}\n"), &with_id);
        assert_eq!(found.path, "data.unit_id");
        assert_says(&found.message, &[&format!("`{a}`"), "row 1", "row 3"]);
        assert_says(&found.hint, &["one row must be one unit"]);
    }
}

#[test]
fn missing_columns_suggest_names_and_point_at_the_plan() {
    let wanted = Request {
        treatment: "tt".into(),
        outcome: Some(("Y".into(), OutcomeKind::Continuous)),
        weights: Some("w".into()),
        unit_id: Some("id".into()),
        clusters: None,
        known_propensity: None,
        placebos: vec!["before".into()],
        ..request(&["incme"])
    };
    let found = problems("t,y,income\n1,2,3\n0,2,4\n", &wanted);
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["treatment.column", "outcome.column", "data.weights", "data.unit_id", "incme", "before"]);
    assert_says(&found[4].hint, &["did you mean `income`"]);
    assert_says(&found[5].hint, &["the columns are", "`income`"]);
}

#[test]
fn clusters_are_numbered_in_the_order_of_their_first_rows() {
    for (a, b, c) in [("north", "south", "-"), ("7", "-3", "0"), ("1.5", "2.5", "1e9")] {
        let text = format!("t,y,g\n1,1,{b}\n0,2,{a}\n0,3,{b}\n1,2,{c}\n");
        let wanted = Request { clusters: Some("g".into()), ..request(&[]) };
        let rows = analysed(&text, &wanted);
        assert_eq!(rows.clusters().expect("clusters").to_vec(), [0, 1, 0, 2], "{a}");
        let covariates = rows.covariates(&[]).expect("no terms");
        assert_eq!(covariates.clusters(), rows.clusters());
    }
    let same = problem("t,y,g\n1,1,a\n0,2,a\n", &Request { clusters: Some("g".into()), ..request(&[]) });
    assert_eq!(same.path, "analysis.clusters");
    assert_says(&same.message, &["same cluster", "`a` (2 rows)"]);
    let gap = "t,y,g\n1,1,a\n0,2,\n0,2,b\n1,3,b\n";
    let wanted = Request { clusters: Some("g".into()), ..request(&[]) };
    assert_says(&problem(gap, &wanted).message, &["`g` has 1 missing value"]);
    let dropping = Request { missing: MissingPolicy::Drop, ..wanted };
    assert_eq!(analysed(gap, &dropping).clusters().expect("clusters").to_vec(), [0, 1, 1]);
}

#[test]
fn known_propensities_lie_strictly_between_zero_and_one() {
    let wanted = Request { known_propensity: Some("p".into()), ..request(&[]) };
    let good = analysed("t,y,p\n1,1,0.25\n0,2,0.999\n", &wanted);
    assert_eq!(good.known_propensity().expect("known").to_vec(), [0.25, 0.999]);
    for bad in ["0", "1", "-0.1", "50"] {
        let found = problem(&format!("t,y,p\n1,1,0.5\n0,2,{bad}\n0,1,0.5\n"), &wanted);
        assert_eq!(found.path, "analysis.known_propensity");
        assert_says(&found.message, &["`p`", "1 value", "row 2", bad]);
        assert_says(&found.hint, &["strictly between 0 and 1"]);
    }
    let words = problem("t,y,p\n1,1,a\n0,2,b\n", &wanted);
    assert_says(&words.message, &["not numeric"]);
}

#[test]
fn an_outcome_of_two_values_is_1_where_it_is_the_event() {
    let wanted = |event: &str| Request {
        outcome: Some(("y".into(), OutcomeKind::Binary)),
        event: Some(event.into()),
        ..request(&[])
    };
    let text = "t,y\n1,dead\n0,alive\n0,dead\n1,alive\n";
    assert_eq!(analysed(text, &wanted("dead")).outcome().expect("y").to_vec(), [1.0, 0.0, 1.0, 0.0]);
    assert_eq!(analysed(text, &wanted("alive")).outcome().expect("y").to_vec(), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(analysed("t,y\n1,2\n0,1\n", &wanted("2.0")).outcome().expect("y").to_vec(), [1.0, 0.0]);
    let gap = Request { missing: MissingPolicy::Drop, ..wanted("dead") };
    assert_eq!(analysed("t,y\n1,dead\n0,\n0,alive\n", &gap).outcome().expect("y").to_vec(), [1.0, 0.0]);
    let found = problem(text, &wanted("gone"));
    assert_eq!(found.path, "outcome.event");
    assert_says(&found.hint, &["`event: alive`", "`event: dead`"]);
    let found = problem("t,y\n1,dead\n0,alive\n0,lost\n", &wanted("dead"));
    assert_says(&found.message, &["3 values", "`lost`"]);
    let found = problem(text, &request(&[]));
    assert_says(&found.hint, &["event: "]);
    let binary = Request { outcome: Some(("y".into(), OutcomeKind::Binary)), ..request(&[]) };
    assert_says(&problem("t,y\n1,2\n0,1\n0,2\n", &binary).hint, &["`event: 1`", "`event: 2`"]);
}

#[test]
fn arms_of_other_values_are_named_in_the_hint() {
    let found = problem("t,y\n1,1\n2,2\n1,3\n", &request(&[]));
    assert_says(&found.hint, &["`treated: 2`", "`control: 1`", "sign"]);
    let found = problems("t,y\nYes,1\nNo,2\nYes ,3\n", &request(&[]));
    let merging = found.iter().find(|one| one.path == "treatment.column").expect("not binary");
    assert_says(&merging.hint, &["columns: {t: {merge: blanks}}"]);
}
