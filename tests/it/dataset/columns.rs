//! What a column is, and numbers to the last bit.

use super::*;
use oci_agent::schema::ColumnKind;

#[test]
fn kinds_and_levels_and_missing_counts() {
    let t = table("i,f,c,b,two\n1,1.5,north,true,yes\n2,NA,south,false,no\n,NaN,,true,null\n4,2e3,east,FALSE,yes\n");
    use ColumnKind::{Boolean, Category, Number};
    let kinds: Vec<(ColumnKind, usize)> = t.document().columns.iter().map(|c| (c.kind, c.missing)).collect();
    assert_eq!(kinds, [(Number, 1), (Number, 2), (Category, 1), (Boolean, 0), (Category, 1)]);
    assert_eq!(column(&t, "c").levels, ["east", "north", "south"]);
    assert_eq!(column(&t, "b").levels, ["false", "true"]);
    assert_eq!(column(&t, "two").levels, ["no", "yes"]);
    assert_eq!((column(&t, "i").stored_as, column(&t, "f").stored_as), ("integer".into(), "float".into()));
}

#[test]
fn a_point_or_minus_99_is_not_missing() {
    let t = table("a,b\n-99,.\n1,x\n");
    assert_eq!((column(&t, "a").missing, column(&t, "b").missing), (0, 0));
    assert_eq!(column(&t, "b").levels, [".", "x"]);
}

#[test]
fn named_reference_level_comes_first() {
    let with = |reference: Option<&str>| {
        let t = read_with(GOOD, &overriding("g", ColumnType::Category, reference)).expect("good");
        column(&t, "g").levels
    };
    assert_eq!(with(None), ["a", "b", "c"]);
    assert_eq!(with(Some("b")), ["b", "a", "c"]);
}

#[test]
fn numbers_as_categories_sort_as_numbers_and_keep_codes_apart() {
    let levels = |text: &str, reference: Option<&str>| {
        let t = read_with(text, &overriding("e", ColumnType::Category, reference)).expect("good");
        column(&t, "e").levels
    };
    assert_eq!(levels("e,t\n10,1\n9,0\n2.0,1\n", None), ["2", "9", "10"]);
    assert_eq!(levels("e,t\n10,1\n9,0\n2.0,1\n", Some("9.0")), ["9", "2", "10"]);
    assert_eq!(levels("e,t\n007,1\n7,0\n", None), ["007", "7"]);
    assert_eq!(levels("e,t\n1.1,1\n1.10,0\n", None), ["1.1", "1.10"]);
}

#[test]
fn override_problems_are_reported_together() {
    let mut overrides = overriding("g", ColumnType::Category, Some("zz"));
    overrides.extend(overriding("xx", ColumnType::Number, None));
    overrides.extend(overriding("y", ColumnType::Boolean, None));
    overrides.extend(overriding("x", ColumnType::Number, Some("1")));
    let error = read_with(GOOD, &overrides).expect_err("four problems");
    let found = error.problems();
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["data.columns.g.reference", "data.columns.x.reference", "data.columns.xx", "data.columns.y"]);
    assert_says(&found[0].hint, &["`a`, `b`, `c`"]);
    assert_says(&found[2].hint, &["did you mean `x`"]);
    assert_says(&found[3].message, &["boolean", "row 1", "2.5"]);
}

#[test]
fn text_read_as_number_names_the_first_row_that_is_none() {
    let text = "t,y,x\n1,2,3\n0,2,about 4\n";
    let error = read_with(text, &overriding("x", ColumnType::Number, None)).expect_err("text");
    assert_says(&error.to_string(), &["`x`", "row 2", "`about 4`"]);
}

#[test]
fn yes_and_no_as_boolean() {
    let text = "t,y\nyes,1\nno,2\nYes,3\n";
    let t = read_with(text, &overriding("t", ColumnType::Boolean, None)).expect("boolean");
    assert_eq!(indicators(t.analyse(&request(&[])).expect("1 is yes").treatment()), [1.0, 0.0, 1.0]);
}

#[test]
fn mixed_numbers_and_text_name_the_first_offender_even_in_the_last_row() {
    let mut text = String::from("t,y,x\n");
    for i in 0..5_000 {
        text += &format!("{},{i},{}\n", i % 2, i * 7);
    }
    text += "1,2,seven\n";
    let found = problem(&text, &request(&["x"]));
    assert_eq!(found.path, "x");
    assert_says(&found.message, &["mixes numbers and text", "row 5,001", "`seven`", "1 of 5,001"]);
    assert_says(&found.hint, &["type: category"]);
    assert_eq!(column(&table(&text), "x").kind, ColumnKind::Other);
    let t = read_with(&text, &overriding("x", ColumnType::Category, None)).expect("by override");
    assert_eq!(column(&t, "x").kind, ColumnKind::Category);
    // A column that the analysis does not use stands in nobody's way.
    table(&text).analyse(&request(&[])).expect("x is not used");
}

#[test]
fn column_of_all_missing_or_nan() {
    for filler in ["", "NaN", "NA"] {
        let text = format!("t,y,x\n1,2,{filler}\n0,3,{filler}\n");
        assert_says(&problem(&text, &request(&["x"])).message, &["`x`", "all 2 are missing"]);
        assert_eq!(column(&table(&text), "x").missing, 2);
    }
}

#[test]
fn infinite_values_name_column_and_row() {
    let found = problem("t,y,x\n1,2,1\n0,3,-inf\n0,1,Infinity\n", &request(&["x"]));
    assert_says(&found.message, &["`x`", "2 infinite values", "row 2"]);
    let found = problem("t,y,x\n1,1e999,1\n0,3,2\n", &request(&["x"]));
    assert_says(&found.message, &["`y`", "1 infinite value,", "row 1"]);
    assert_eq!(found.path, "outcome.column");
}

#[test]
fn category_with_5000_levels_is_counted_in_the_document() {
    let rows: String = (0..10_000).map(|i| format!("{},{i},id{}\n", i % 2, i % 5_000)).collect();
    let info = column(&table(&format!("t,y,g\n{rows}")), "g");
    assert_eq!((info.kind, info.levels.len()), (ColumnKind::Category, 5_000));
}

#[test]
fn free_text_with_more_than_10000_values_is_no_category() {
    let rows: String = (0..10_001).map(|i| format!("{},{i},id{i}\n", i % 2)).collect();
    let text = format!("t,y,g\n{rows}");
    let info = column(&table(&text), "g");
    assert_eq!((info.kind, info.levels.len()), (ColumnKind::Other, 0));
    assert_says(&problem(&text, &request(&["g == id5"])).message, &["10,001 distinct texts"]);
    let ids = Request { unit_id: Some("g".into()), ..request(&[]) };
    table(&text).analyse(&ids).expect("good as a unit id");
}

#[test]
fn identifiers_beyond_2_to_the_53_stay_distinct() {
    let text = "t,y,id\n1,2,9007199254740992\n0,3,9007199254740993\n";
    let ids = Request { unit_id: Some("id".into()), ..request(&[]) };
    table(text).analyse(&ids).expect("two different ids");
    assert_eq!(column(&table(text), "id").kind, ColumnKind::Other);
    assert_says(&problem(text, &request(&["id"])).message, &["2^53"]);
}

#[test]
fn numbers_are_those_of_str_parse_to_the_last_bit() {
    let spellings = [
        "-10.093959760000004",
        "9930.0458984375",
        "0.1",
        "1e-310",
        "5e-324",
        "1.7976931348623157e99",
        "-0.0",
        "007",
        "123456789012345678.25",
        "9007199254740993.0",
        "2.2250738585072011e-308",
        "0.30000000000000004",
        "1E+5",
        "8.41e21",
        "0.000000000000000000000000000000000000000000001234567890123456789",
    ];
    for careful in [false, true] {
        // A spelling that only the careful path reads sends the whole column there.
        let extra = if careful { "+1.25" } else { "1.25" };
        let rows: String = spellings.iter().map(|s| format!("1,{s}\n")).collect();
        let a = analysed(&format!("t,y\n{rows}0,{extra}\n"), &request(&[]));
        for (got, text) in a.outcome().expect("y").iter().zip(spellings) {
            assert_eq!(got.to_bits(), text.parse::<f64>().expect("a number").to_bits(), "{text}, {careful}");
        }
    }
}
