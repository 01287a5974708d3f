//! What a column is, and numbers to the last bit.

use super::*;
use oci_agent::dataset::read_section;
use oci_agent::plan::{DataSection, Merge};
use oci_agent::schema::{ColumnKind, ConversionKind, SuspicionKind};

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
    assert_says(&found.hint, &["columns: {x: category}"]);
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

#[test]
fn numbers_written_for_people_are_numbers_and_counted() {
    for (spellings, kinds, values) in [
        (["\"8,250\"", "950"], &[ConversionKind::Thousands][..], [8250.0, 950.0]),
        (["\"$1,250.50\"", "$3"], &[ConversionKind::Thousands, ConversionKind::Currency], [1250.5, 3.0]),
        (["45%", "7.5 %"], &[ConversionKind::Percent], [45.0, 7.5]),
        (["(12.5)", "12.5"], &[ConversionKind::Negative], [-12.5, 12.5]),
        (["\"0,25\"", "\"1,5\""], &[ConversionKind::DecimalComma], [0.25, 1.5]),
    ] {
        let t = table(&format!("x,t\n{},1\n{},0\n", spellings[0], spellings[1]));
        assert_eq!(t.numbers("x"), Some(&values[..]), "{spellings:?}");
        let notes = t.document().conversions;
        assert_eq!(notes.iter().map(|done| done.kind).collect::<Vec<_>>(), kinds, "{spellings:?}");
        assert!(notes.iter().all(|done| done.values >= 1 && !done.examples.is_empty()), "{notes:?}");
    }
    // A declared category keeps its spelling, and a column that is not all numbers is none.
    let t = read_with("x,t\n\"8,250\",1\n950,0\n", &overriding("x", ColumnType::Category, None)).expect("good");
    assert_eq!(column(&t, "x").levels, ["8,250", "950"]);
    assert_eq!(column(&table("x,t\n\"8,250\",1\nabout 9,0\n"), "x").kind, ColumnKind::Category);
}

#[test]
fn a_file_with_semicolons_may_have_decimal_commas() {
    let t = table("x;z;t\n0,25;1,250;1\n1,5;2,375;0\n");
    assert_eq!((t.numbers("x"), t.numbers("z")), (Some(&[0.25, 1.5][..]), Some(&[1.25, 2.375][..])));
}

#[test]
fn codes_with_zeros_in_front_stay_text() {
    for text in ["zip,t\n02139,1\n10001,0\n94305,1\n", "zip,t\n\"02139\",1\n10001,0\n94305,1\n"] {
        let t = table(text);
        assert_eq!(column(&t, "zip").levels, ["02139", "10001", "94305"]);
        assert_eq!(t.document().conversions[0].kind, ConversionKind::PaddedCodes);
    }
    assert_eq!(column(&table("x,t\n0.5,1\n10,0\n"), "x").kind, ColumnKind::Number);
    assert_eq!(column(&table("x,t\n007,1\n7,0\n"), "x").kind, ColumnKind::Number, "not all of one length");
    let t = read_with("zip,t\n02139,1\n10001,0\n", &overriding("zip", ColumnType::Number, None)).expect("good");
    assert_eq!(t.numbers("zip"), Some(&[2139.0, 10001.0][..]));
}

#[test]
fn dates_are_dates_once_they_are_many_and_days_when_the_plan_says_so() {
    let rows: String = (0..60).map(|i| format!("{},{i},20{:02}-03-04\n", i % 2, i)).collect();
    let text = format!("t,y,d\n{rows}");
    let t = table(&text);
    assert_eq!(column(&t, "d").kind, ColumnKind::Date);
    let refused = problem(&text, &request(&["d"]));
    assert_says(&refused.hint, &["columns: {d: number}"]);
    let t = read_with(&text, &overriding("d", ColumnType::Number, None)).expect("days");
    assert_eq!(t.numbers("d").map(|days| days[21]), Some(18_690.0));
    assert_eq!(column(&table("t,d\n1,2021-03-04\n0,2021-03-05\n"), "d").kind, ColumnKind::Category);
}

#[test]
fn spellings_are_pointed_out_and_merged_on_request() {
    let text = "t,y,g\n1,1,Yes\n0,2,Yes \n1,3,yes\n0,4,No\n1,5,No\n";
    let t = table(text);
    let found = t.document().suspicions;
    assert_eq!((found[0].kind, found[0].values), (SuspicionKind::Case, 3));
    assert_eq!(column(&t, "g").levels, ["No", "Yes", "Yes ", "yes"]);
    let merged = |merge| {
        let said = ColumnOverride { merge: Some(merge), ..ColumnOverride::default() };
        read_with(text, &Overrides::from([("g".to_owned(), said)])).expect("merged")
    };
    assert_eq!(column(&merged(Merge::Blanks), "g").levels, ["No", "Yes", "yes"]);
    let t = merged(Merge::Case);
    assert_eq!(column(&t, "g").levels, ["No", "Yes"]);
    let document = t.document();
    assert_eq!((document.conversions[0].kind, document.conversions[0].values), (ConversionKind::MergedSpellings, 2));
    assert!(document.suspicions.is_empty());
    let said = ColumnOverride { merge: Some(Merge::Case), ..ColumnOverride::default() };
    let error = read_with(text, &Overrides::from([("y".to_owned(), said)])).expect_err("a number");
    assert_says(&error.to_string(), &["`y`", "no spellings"]);
}

#[test]
fn columns_in_the_names_of_folders() {
    let dir = folder(&[]);
    let rows = "t,y\n1,1\n0,2\n";
    for (place, rows) in [("d/region=north/year=2020", rows), ("d/region=new%20south/year=2021", "t,y\n1,3\n")] {
        std::fs::create_dir_all(dir.path().join(place)).expect("folders");
        std::fs::write(dir.path().join(place).join("part.csv"), rows).expect("a file");
    }
    let data = DataSection::of("d/*/*/part.csv");
    let t = read_section(&data, dir.path()).expect("two files");
    assert_eq!(column(&t, "region").levels, ["new south", "north"]);
    assert_eq!(t.numbers("year"), Some(&[2021.0, 2020.0, 2020.0][..]));
    assert_eq!(t.text("region", 0), Some("new south"));
    let kinds: Vec<ConversionKind> = t.document().conversions.iter().map(|done| done.kind).collect();
    assert_eq!(kinds, [ConversionKind::Partition, ConversionKind::Partition]);
}
