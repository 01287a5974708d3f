//! Missing values under each policy.

use super::*;
use oci_agent::dataset::read_section;
use oci_agent::plan::DataSection;
use oci_agent::schema::ConversionKind;

const GAPS: &str = "t,y,x,g,z\n1,1,,a,1\n0,2,2,,2\n1,3,4,a,3\n0,4,6,b,4\n0,5,NaN,b,5\n1,6,0,NA,6\n";

#[test]
fn missing_values_are_an_error_that_counts_them_per_column() {
    let found = problems(GAPS, &request(&["x", "x^2", "g == b", "z"]));
    let seen: Vec<(&str, &str)> = found.iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
    assert_eq!(seen, [("x", "2 columns have missing values: `x` (2), `g` (2)")]);
    assert_says(&found[0].hint, &["drop", "indicator"]);
    let found = problem(GAPS, &request(&["x"]));
    assert_eq!(found.message, "`x` has 2 missing values");
    // With a column among them that cannot be filled in, only one thing helps.
    let found = problem("t,y,x\n1,,\n0,2,3\n0,3,4\n", &request(&["x"]));
    assert_says(&found.message, &["`y` (1)", "`x` (1)", "`y` is not a covariate"]);
    assert!(found.hint.contains("drop") && !found.hint.contains("indicator"), "{}", found.hint);
}

#[test]
fn many_columns_with_the_same_fault_are_one_problem() {
    let names: Vec<String> = (0..14).map(|j| format!("x{j}")).collect();
    let header = format!("t,y,{}\n", names.join(","));
    let row = |t: usize, value: &str| format!("{t},{t}.5{}\n", format!(",{value}").repeat(14));
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut rows: String = (0..20).map(|i| row(i % 2, &(i * i).to_string())).collect();
    rows += &row(1, "");
    let found = problem(&(header.clone() + &rows), &request(&all));
    assert_says(&found.message, &["14 columns have missing values", "`x0` (1)", "and 2 more"]);
    let empty: String = (0..20).map(|i| row(i % 2, "")).collect();
    assert_says(&problem(&(header.clone() + &empty), &request(&all)).message, &["14 columns have no value at all"]);
    let same: String = (0..20).map(|i| row(i % 2, "3")).collect();
    assert_says(&problem(&(header + &same), &request(&all)).message, &["14 terms have one value"]);
}

#[test]
fn words_for_missing_values_are_recognised_where_they_can_be_nothing_else() {
    let words =
        ["NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "<NA>", "\\N", ".", "-", "?", " N/A ", "none"];
    for word in words {
        let t = table(&format!("t,n,d\n1,1.5,\n0,{word},\n1,2,\n"));
        let info = column(&t, "n");
        assert_eq!((info.kind.key(), info.missing), ("number", 1), "{word}");
        let document = t.document();
        let [note] = document.conversions.as_slice() else { panic!("{word}: {:?}", document.conversions) };
        assert_eq!((note.kind, note.values, note.column.as_deref()), (ConversionKind::MissingWords, 1, Some("n")));
    }
    // In text only the words that nobody would use for a value.
    let t = table("t,g\n1,N/A\n0,none\n1,.\n0,-\n");
    assert_eq!((column(&t, "g").missing, column(&t, "g").levels.len()), (1, 3));
    // A column of nothing else keeps them.
    assert_eq!(column(&table("t,g\n1,-\n0,?\n"), "g").levels, ["-", "?"]);
    let counted =
        analysed("t,y,x\n1,1,2\n0,2,N/A\n0,4,1\n1,2,5\n", &Request { missing: MissingPolicy::Drop, ..request(&["x"]) });
    assert_eq!(counted.counters().values_converted_by_column, BTreeMap::from([("x".to_owned(), 1)]));
}

fn section(missing_values: &[&str], columns: Overrides) -> DataSection {
    let missing_values = missing_values.iter().map(|text| (*text).to_owned()).collect();
    DataSection { missing_values, columns, ..DataSection::of("d.csv") }
}

fn read_as(text: &str, data: &DataSection) -> Table {
    let dir = folder(&[("d.csv", text.as_bytes())]);
    read_section(data, dir.path()).expect(text)
}

#[test]
fn values_that_the_plan_declares_to_be_missing() {
    let text = "t,y,g,w\n1,-99,NA,unsure\n0,2,b,2\n0,-99.0,c,3\n1,5,NA,4\n";
    let of = |missing: &[&str]| ColumnOverride {
        missing_values: Some(missing.iter().map(|text| (*text).to_owned()).collect()),
        ..ColumnOverride::default()
    };
    let missing = |t: &Table| ["y", "g", "w"].map(|name| column(t, name).missing);
    assert_eq!(missing(&read_as(text, &section(&["-99", "unsure"], Overrides::new()))), [2, 2, 1]);
    let by_column = Overrides::from([("y".to_owned(), of(&["-99"])), ("g".to_owned(), of(&[]))]);
    let t = read_as(text, &section(&["unsure"], by_column));
    // `NA` is a level where the plan says that nothing is missing: Namibia.
    assert_eq!(missing(&t), [2, 0, 1]);
    assert_eq!(column(&t, "g").levels, ["NA", "b", "c"]);
    let kinds: Vec<ConversionKind> = t.document().conversions.iter().map(|done| done.kind).collect();
    assert_eq!(kinds, [ConversionKind::DeclaredMissing, ConversionKind::DeclaredMissing]);
}

#[test]
fn codes_for_missing_values_are_pointed_out_and_refused_in_an_outcome() {
    let rows: String = (0..40)
        .map(|i| format!("{},{},{}\n", i % 2, if i % 10 == 0 { -99 } else { i }, if i < 3 { 999 } else { i }))
        .collect();
    let text = format!("t,y,x\n{rows}");
    let t = table(&text);
    let found = t.document().suspicions;
    let seen: Vec<(&str, usize, &str)> =
        found.iter().map(|one| (one.column.as_str(), one.values, one.examples[0].as_str())).collect();
    assert_eq!(seen, [("y", 4, "-99"), ("x", 3, "999")]);
    assert_eq!((column(&t, "y").missing, column(&t, "x").missing), (0, 0), "nothing is done about them");
    let refused = problem(&text, &request(&["x"]));
    assert_eq!(refused.path, "outcome.column");
    assert_says(&refused.message, &["4 of the 40 values", "`-99`"]);
    assert_says(&refused.hint, &["columns: {\"y\": {missing_values: [-99]}}", "missing_values: []"]);
    let settled = |words: &[&str]| {
        let words = words.iter().map(|text| (*text).to_owned()).collect();
        let said = ColumnOverride { missing_values: Some(words), ..ColumnOverride::default() };
        let t = read_as(&text, &section(&[], Overrides::from([("y".to_owned(), said)])));
        let wanted = Request { missing: MissingPolicy::Drop, ..request(&["x"]) };
        t.into_analysed(&wanted).expect("settled").n()
    };
    assert_eq!((settled(&["-99"]), settled(&[])), (36, 40));
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
    assert_eq!(paths, ["treatment.column"]);
    assert_says(&found[0].message, &["3 columns", "`t` (1), `y` (1), `w` (1)"]);
    assert_says(&found[0].hint, &["missing: {default: indicator, t: drop, \"y\": drop, w: drop}"]);
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
    assert_eq!(paths, ["nope", "x", "treatment.column", "outcome.column", "data.weights", "k"]);
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

#[test]
fn units_without_an_outcome_are_counted_by_arm() {
    let text = "t,y,x\n1,1,1\n1,,2\n1,,3\n0,2,4\n0,3,\n0,,5\n0,4,6\n1,7,1\n";
    let wanted = Request { missing: MissingPolicy::Drop, ..request(&["x"]) };
    let found = analysed(text, &wanted);
    let lost = found.counters().outcome_missing.expect("some are lost");
    assert_eq!([lost.treated, lost.treated_lost, lost.control, lost.control_lost], [4, 2, 4, 1]);
    assert_eq!(found.counters().rows_dropped_missing, 4);
    let complete = analysed("t,y,x\n1,1,1\n0,2,2\n1,3,3\n0,4,5\n", &request(&["x"]));
    assert!(complete.counters().outcome_missing.is_none());
}
