//! Terms on columns.

use super::*;

#[test]
fn terms_evaluate() {
    let a = analysed(GOOD, &request(&["x", "x^2", "g == b", "x == 2", "x * g == c"]));
    let c = a.covariates(&terms(&["x", "x^2", "g == b", "x == 2.0", "x * g == c"])).expect("good");
    assert_eq!(c.names(), ["x", "x^2", "g == b", "x == 2.0", "x * g == c"]);
    let column = |j: usize| c.x().column(j).to_vec();
    assert_eq!(column(0), [1.0, 2.0, 4.0, 3.0, 5.0, 2.0]);
    assert_eq!(column(1), [1.0, 4.0, 16.0, 9.0, 25.0, 4.0]);
    assert_eq!(column(2), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(column(3), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(column(4), [0.0, 0.0, 0.0, 0.0, 5.0, 2.0]);
    assert!(c.x().is_standard_layout());
}

#[test]
fn terms_evaluate_beyond_one_block_of_rows() {
    let rows: String = (0..1_300).map(|i| format!("{},{i},{}\n", i % 2, i + 3)).collect();
    let a = analysed(&format!("t,y,x\n{rows}"), &request(&["x", "x^2"]));
    let c = a.covariates(&terms(&["x^2", "x"])).expect("good");
    for i in 0..1_300 {
        let x = (i + 3) as f64;
        assert_eq!((c.x()[[i, 0]], c.x()[[i, 1]]), (x * x, x));
    }
}

#[test]
fn constant_covariate_names_the_value_once() {
    let found = problem("t,y,x\n1,2,7\n0,3,7\n0,4,7\n1,1,7\n", &request(&["x", "x^2"]));
    assert_says(&found.message, &["`x` is 7 in every analysed row"]);
}

#[test]
fn term_without_variation() {
    let found = problem("t,y,x\n1,2,7\n0,3,7\n0,4,8\n1,1,8\n", &request(&["x == 9"]));
    assert_says(&found.message, &["`x == 9` is 0 in every analysed row", "`7` (2 rows)"]);
}

#[test]
fn term_with_a_level_that_does_not_occur() {
    let found = problem(GOOD, &request(&["g == d"]));
    assert_says(&found.message, &["`g == d`", "`d`"]);
    assert_says(&found.hint, &["`a` (2 rows)"]);
}

#[test]
fn power_of_a_category() {
    let found = problem(GOOD, &request(&["g"]));
    assert_says(&found.message, &["`g` is a category"]);
    assert_says(&found.hint, &["g == c"]);
}

#[test]
fn power_that_overflows() {
    let found = problem("t,y,x\n1,2,1\n0,3,1e60\n0,4,2\n1,1,8\n", &request(&["x", "x^9"]));
    assert_says(&found.message, &["`x^9`", "too large", "row 2"]);
}

#[test]
fn as_many_terms_as_rows() {
    let text = "t,y,a,b\n1,2,1,5\n0,3,2,3\n";
    let found = problem(text, &request(&["a", "b"]));
    assert_says(&found.message, &["2 terms for 2 rows"]);
    let a = analysed(text, &request(&["a"]));
    assert!(a.covariates(&terms(&["a"])).is_ok());
    assert_says(&a.covariates(&terms(&["a", "a^2"])).expect_err("p = n")[0].message, &["2 terms for 2 rows"]);
}

#[test]
fn term_outside_the_request() {
    let a = analysed(GOOD, &request(&["x"]));
    assert_says(&a.covariates(&terms(&["y"])).expect_err("y")[0].message, &["`y`", "not among the analysed columns"]);
}
