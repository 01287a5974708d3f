//! Missing values under each policy.

use super::*;

const GAPS: &str = "t,y,x,g,z\n1,1,,a,1\n0,2,2,,2\n1,3,4,a,3\n0,4,6,b,4\n0,5,NaN,b,5\n1,6,0,NA,6\n";

#[test]
fn missing_values_are_an_error_that_counts_them_per_column() {
    let found = problems(GAPS, &request(&["x", "x^2", "g == b", "z"]));
    let seen: Vec<(&str, &str)> = found.iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
    assert_eq!(seen, [("x", "`x` has 2 missing values"), ("g", "`g` has 2 missing values")]);
    assert_says(&found[0].hint, &["drop", "indicator"]);
}

#[test]
fn missing_values_dropped_listwise_and_counted() {
    let dropping = Request { missing: MissingPolicy::Drop, ..request(&["x * g == b"]) };
    let a = analysed(GAPS, &dropping);
    assert_eq!(a.outcome().expect("y").to_vec(), [3.0, 4.0]);
    assert_eq!(a.covariates(&terms(&["x"])).expect("x").x().column(0).to_vec(), [4.0, 6.0]);
    let counters = a.counters();
    assert_eq!((counters.rows_read, counters.rows_dropped_missing, counters.rows_analysed), (6, 4, 2));
    assert_eq!(
        counters.missing_by_column,
        BTreeMap::from([("g", 2), ("t", 0), ("x", 2), ("y", 0)].map(|(k, v)| (k.to_owned(), v)))
    );
    assert!(counters.values_imputed_by_column.is_empty());
}

#[test]
fn missing_values_that_leave_no_row() {
    let dropping = Request { missing: MissingPolicy::Drop, ..request(&["x"]) };
    let found = problem("t,y,x\n1,,2\n0,3,\n", &dropping);
    assert_eq!(found.path, "data.missing");
}

#[test]
fn missing_values_with_indicator_get_mean_or_own_level_and_are_counted() {
    let t = table(GAPS);
    let added = t.missing_terms(&["x", "g", "z"]);
    assert_eq!(added.iter().map(ToString::to_string).collect::<Vec<_>>(), ["x == (missing)", "g == (missing)"]);
    let mut wanted = Request { missing: MissingPolicy::Indicator, ..request(&["x", "g == b", "z"]) };
    wanted.terms.extend(added.clone());
    let a = t.into_analysed(&wanted).expect("good");
    let c = a.covariates(&[terms(&["x", "x == 0", "g == b"]), added].concat()).expect("good");
    let column = |j: usize| c.x().column(j).to_vec();
    assert_eq!(column(0), [3.0, 2.0, 4.0, 6.0, 3.0, 0.0]);
    assert_eq!(column(1), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(column(2), [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    assert_eq!(column(3), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(column(4), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let squared = a.covariates(&terms(&["x^2"])).expect("good").x().column(0).to_vec();
    assert_eq!(squared, [9.0, 4.0, 16.0, 36.0, 9.0, 0.0]);
    let imputed = BTreeMap::from([("g".to_owned(), 2), ("x".to_owned(), 2)]);
    assert_eq!(a.counters().values_imputed_by_column, imputed);
    assert_eq!(a.counters().rows_dropped_missing, 0);
}

#[test]
fn missing_treatment_outcome_or_weight_stays_an_error_under_indicator() {
    let wanted = Request {
        weights: Some("w".into()),
        placebos: vec!["p".into()],
        missing: MissingPolicy::Indicator,
        ..request(&["x"])
    };
    let found = problems("t,y,w,p,x\n1,1,1,1,1\n0,2,1,2,2\n,,,,\n", &wanted);
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["treatment.column", "outcome.column", "data.weights"]);
    assert_says(&found[1].hint, &["missing: drop"]);
}

#[test]
fn a_gap_in_a_placebo_drops_nobody() {
    for missing in [MissingPolicy::Drop, MissingPolicy::Indicator] {
        let wanted = Request { placebos: vec!["p".into()], missing, ..request(&["x"]) };
        let a = analysed("t,y,p,x\n1,1,,1\n0,2,2,2\n1,4,3,7\n0,3,,5\n", &wanted);
        assert_eq!((a.n(), a.counters().missing_by_column["p"]), (4, 2));
        assert_eq!(a.placebo("p").expect("p").iter().filter(|v| v.is_nan()).count(), 2);
    }
}

#[test]
fn numbers_whose_squares_overflow_or_vanish() {
    for size in ["1e300", "1e-300"] {
        let found = problem(&format!("t,y,x\n1,2,{size}\n0,3,0\n0,4,0\n1,1,0\n"), &request(&["x"]));
        assert_says(&found.message, &["`x`", &size.to_lowercase(), "row 1"]);
        assert_says(&found.hint, &["other units"]);
    }
}

#[test]
fn a_constant_outcome() {
    let found = problem("t,y,x\n1,7,1\n0,7,2\n0,7,5\n1,7,3\n", &request(&["x"]));
    assert_eq!(found.path, "outcome.column");
    assert_says(&found.message, &["`y`", "7 in every analysed row"]);
}

#[test]
fn a_level_that_looks_like_missing_is_refused_under_indicator() {
    let wanted = Request { missing: MissingPolicy::Indicator, ..request(&["g == b"]) };
    let found = problem("t,y,g\n1,1,(missing)\n0,2,b\n1,4,\n0,3,c\n", &wanted);
    assert_says(&found.message, &["`g`", "(missing)"]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let wanted = Request { weights: Some("w".into()), ..request(&["x", "k", "nope"]) };
    let found = problems("t,y,w,x,k\n1,a,-1,,3\n0,b,1,2,3\n2,c,1,4,3\n0,d,1,5,3\n", &wanted);
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["x", "nope", "treatment.column", "outcome.column", "data.weights", "k"]);
}

#[test]
fn row_numbers_in_messages_are_those_of_the_file_after_dropping() {
    let wanted = Request { weights: Some("w".into()), missing: MissingPolicy::Drop, ..request(&["x"]) };
    let found = problem("t,y,w,x\n1,1,1,\n1,1,1,5\n0,2,1,2\n0,3,-1,4\n", &wanted);
    assert_says(&found.message, &["row 4"]);
}

#[test]
fn cells_that_were_filled_are_remembered_so_that_each_fold_can_fill_them_again() {
    let wanted = Request { missing: MissingPolicy::Indicator, ..request(&["x", "z", "x^2"]) };
    let rows = analysed("t,y,x,z\n1,1,1,4\n0,2,,5\n0,3,3,1\n1,2,2,2\n", &wanted);
    let covariates = rows.covariates(&wanted.terms).expect("terms");
    let [only] = covariates.imputed() else { panic!("one column: {:?}", covariates.imputed()) };
    assert_eq!((only.column, only.filled.to_vec()), (0, vec![false, true, false, false]));
}
