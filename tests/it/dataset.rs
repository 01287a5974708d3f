//! Files and tables that are wrong in every way we could think of, and the numbers that come out of good ones.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use oci_agent::dataset::{Analysed, DatasetError, DatasetProblem, Request, Table, read};
use oci_agent::estimand::OutcomeKind;
use oci_agent::plan::{ColumnOverride, ColumnType, MissingPolicy};
use oci_agent::term::Term;
use polars::prelude::{Column, DataFrame, ParquetWriter};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

type Overrides = BTreeMap<String, ColumnOverride>;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).expect("a file");
    }
    dir
}

fn read_csv(text: impl AsRef<[u8]>) -> Result<Table, DatasetError> {
    read_with(text, &Overrides::new())
}

fn read_with(text: impl AsRef<[u8]>, overrides: &Overrides) -> Result<Table, DatasetError> {
    let dir = folder(&[("d.csv", text.as_ref())]);
    read("d.csv", dir.path(), overrides)
}

fn table(text: &str) -> Table {
    read_csv(text).expect(text)
}

fn refusal(text: impl AsRef<[u8]>) -> (String, String) {
    let error = read_csv(text).expect_err("must be refused");
    (error.to_string(), error.hint())
}

fn overriding(column: &str, kind: ColumnType, reference: Option<&str>) -> Overrides {
    Overrides::from([(column.to_owned(), ColumnOverride { kind, reference: reference.map(str::to_owned) })])
}

fn terms(texts: &[&str]) -> Vec<Term> {
    texts.iter().map(|t| Term::parse(t).expect("a term")).collect()
}

/// Treatment `t`, outcome `y`, and the given terms.
fn request(texts: &[&str]) -> Request {
    Request {
        treatment: "t".into(),
        treated: "1".into(),
        control: "0".into(),
        outcome: Some(("y".into(), OutcomeKind::Continuous)),
        weights: None,
        unit_id: None,
        terms: terms(texts),
        placebos: vec![],
        missing: MissingPolicy::Error,
    }
}

fn problems(text: &str, request: &Request) -> Vec<DatasetProblem> {
    table(text).analyse(request).expect_err("must be refused")
}

/// The only problem.
fn problem(text: &str, request: &Request) -> DatasetProblem {
    let found = problems(text, request);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].clone()
}

fn analysed(text: &str, request: &Request) -> Analysed {
    table(text).into_analysed(request).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn column(table: &Table, name: &str) -> oci_agent::schema::ColumnInfo {
    table.document().columns.into_iter().find(|c| c.name == name).expect("the column")
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{text}` does not say `{word}`");
    }
}

const GOOD: &str = "t,y,x,g\n1,2.5,1,a\n0,1.5,2,b\n1,3,4,a\n0,0,3,b\n0,-1,5,c\n1,9,2,c\n";

// ---------------------------------------------------------------- files

#[test]
fn empty_file() {
    assert_says(&refusal("").0, &["d.csv", "empty"]);
    assert_says(&refusal("\n\n").0, &["empty"]);
}

#[test]
fn header_only() {
    assert_says(&refusal("t,y,x\n").0, &["d.csv", "3 columns", "`t`", "no row"]);
    assert_says(&refusal("t,y,x").0, &["no row"]);
}

#[test]
fn one_row() {
    assert_says(&refusal("t,y\n1,2\n").0, &["1 row of data"]);
}

#[test]
fn wrong_delimiter_is_named() {
    for (mark, word) in [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")] {
        let (message, hint) = refusal(GOOD.replace(',', mark));
        assert_says(&message, &["line 1", word]);
        assert_says(&hint, &["commas"]);
    }
}

#[test]
fn not_utf8_names_line_and_byte() {
    let (message, hint) = refusal(b"t,y,name\n1,2,ok\n0,3,Jos\xE9\n");
    assert_says(&message, &["line 3", "0xE9", "offset 23"]);
    assert_says(&hint, &["iconv"]);
    let (message, _) = refusal(b"t,y\n1,2\n0,\xC3");
    assert_says(&message, &["line 3", "0xC3", "offset 10"]);
}

#[test]
fn not_utf8_far_into_the_file() {
    // Beyond several read blocks, and with a two-byte character across a block border.
    let mut bytes = b"t,name\n".to_vec();
    while bytes.len() < 700_000 {
        bytes.extend_from_slice("1,é\n".as_bytes());
    }
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    assert_eq!(read_csv(&bytes).expect("valid UTF-8").rows(), lines - 1);
    bytes.extend_from_slice(b"1,\xFF\n");
    assert_says(&refusal(&bytes).0, &[&format!("line {}", lines + 1), "0xFF"]);
}

#[test]
fn utf16_compressed_and_parquet_under_the_name_csv() {
    assert_says(&refusal(b"\xFF\xFEt\0,\0").0, &["UTF-16"]);
    assert_says(&refusal(b"\x1f\x8b\x08\0").0, &["compressed"]);
    assert_says(&refusal(b"PAR1").1, &[".parquet"]);
}

#[test]
fn duplicate_column_names() {
    assert_says(&refusal("t,y,x,y\n1,2,3,4\n0,2,3,4\n").0, &["columns 2 and 4", "`y`"]);
}

#[test]
fn ragged_rows_name_the_line() {
    assert_says(&refusal("t,y,x\n1,2,3\n0,2\n").0, &["line 3", "2 fields", "3"]);
    assert_says(&refusal("t,y,x\n1,2,3\n0,2,3,4\n").0, &["line 3", "4 fields"]);
    assert_says(&refusal("t,y,x\n1,\"a\nb\",3\n0,2\n").0, &["line 4", "2 fields"]);
}

#[test]
fn stray_and_open_quotes_name_the_line() {
    assert_says(&refusal("t,y\n1,5\" pipe\n0,2\n").0, &["line 2", "quote", "field 2"]);
    assert_says(&refusal("t,y\n1,2\n0,\"open\n1,2\n").0, &["line 3", "never closed"]);
}

#[test]
fn empty_line_in_the_middle() {
    assert_says(&refusal("t,y\n1,2\n\n0,2\n").0, &["line 3", "empty line"]);
    assert_eq!(table("t,y\n1,2\n0,2\n\n\n").rows(), 2);
    assert_eq!(table("t,y\r\n1,2\r\n0,2\r\n\r\n").rows(), 2);
}

#[test]
fn old_mac_line_ends() {
    assert_says(&refusal("t,y\r1,2\r0,3\r").0, &["CR"]);
}

#[test]
fn quoted_text_crlf_and_byte_order_mark_are_understood() {
    let t = table("\u{feff}t,\"the, name\",z\r\n1,\"a \"\"b\"\"\nc\",\"1.5\"\r\n0,plain,2\r\n");
    let names: Vec<String> = t.document().columns.iter().map(|c| c.name.clone()).collect();
    assert_eq!(names, ["t", "the, name", "z"]);
    assert_eq!(column(&t, "the, name").levels, ["a \"b\"\nc", "plain"]);
    assert_eq!(column(&t, "z").kind, "number");
    assert_eq!(t.rows(), 2);
}

#[test]
fn unnamed_row_numbers_of_r_and_pandas_get_a_name() {
    assert_eq!(table(",t\n1,0\n2,1\n").document().columns[0].name, "column_1");
}

#[test]
fn missing_file_suggests_the_nearest_name() {
    let dir = folder(&[("nhefs.csv", b"a\n1\n2\n"), ("other.parquet", b""), ("notes.txt", b"")]);
    let error = read("nhef.csv", dir.path(), &Overrides::new()).expect_err("missing");
    assert_says(&error.to_string(), &["no file `nhef.csv`", "`nhefs.csv`, `other.parquet`"]);
    assert!(!error.to_string().contains("notes.txt"));
    let error = read("no/such/place.csv", dir.path(), &Overrides::new()).expect_err("missing");
    assert_says(&error.to_string(), &["no file `no/such/place.csv`"]);
    assert_eq!(error.problems()[0].path, "data.source");
}

#[test]
fn directory_instead_of_a_file() {
    let dir = folder(&[("a.csv", b"x\n1\n2\n")]);
    let error = read(".", dir.path(), &Overrides::new()).expect_err("a directory");
    assert_says(&error.to_string(), &["is a directory", "a.csv"]);
}

#[cfg(unix)]
#[test]
fn unreadable_file() {
    let dir = folder(&[]);
    let path = dir.path().join("loop.csv");
    std::os::unix::fs::symlink(&path, &path).expect("a link to itself");
    let error = read("loop.csv", dir.path(), &Overrides::new()).expect_err("unreadable");
    assert!(error.is_io(), "{error}");
    assert_says(&error.to_string(), &["loop.csv", "could not be read"]);
}

#[test]
fn formats_that_are_not_read_say_what_to_do() {
    let dir = folder(&[("d.csv.gz", b"x"), ("d.xlsx", b"x"), ("d.tsv", b"x"), ("d.dta", b"x"), ("d", b"x")]);
    for (name, word) in
        [("d.csv.gz", "compressed"), ("d.xlsx", "spreadsheet"), ("d.tsv", "tabs"), ("d.dta", "format"), ("d", "ending")]
    {
        let error = read(name, dir.path(), &Overrides::new()).expect_err(name);
        assert_says(&error.to_string(), &[name, word]);
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn glob_reads_in_name_order_and_matches_columns_by_name() {
    let dir = folder(&[("p2.csv", b"y,t\n3,1\n4,0\n"), ("p1.csv", b"t,y\n1,1\n0,2.5\n"), ("q.csv", b"z\n1\n")]);
    let t = read("p*.csv", dir.path(), &Overrides::new()).expect("two files");
    let document = t.document();
    assert_eq!(document.rows, 4);
    assert_eq!(document.files.keys().collect::<Vec<_>>(), ["p1.csv", "p2.csv"]);
    let a = t.analyse(&request(&[])).expect("good");
    assert_eq!(a.outcome().expect("y").to_vec(), [1.0, 2.5, 3.0, 4.0]);
    assert_eq!(a.treated().to_vec(), [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn glob_with_different_columns() {
    let dir = folder(&[("p1.csv", b"t,y\n1,1\n0,2\n"), ("p2.csv", b"t,yy\n1,1\n0,2\n")]);
    let error = read("p*.csv", dir.path(), &Overrides::new()).expect_err("different");
    assert_says(&error.to_string(), &["`p2.csv`", "`p1.csv`", "`y`", "`yy`"]);
}

#[test]
fn glob_with_a_number_that_becomes_text_in_the_second_file() {
    let dir = folder(&[("p1.csv", b"t,y\n1,1\n0,2\n"), ("p2.csv", b"t,y\n1,1\n0,oops\n")]);
    let t = read("p*.csv", dir.path(), &Overrides::new()).expect("readable");
    let found = t.analyse(&request(&[])).expect_err("mixed");
    assert_says(&found[0].message, &["`y`", "row 4", "`oops`"]);
}

#[test]
fn glob_that_matches_nothing_or_is_no_pattern_or_mixes_formats() {
    let dir = folder(&[("a.csv", b"t\n1\n0\n"), ("b.parquet", b"")]);
    assert_says(&read("z*.csv", dir.path(), &Overrides::new()).expect_err("none").to_string(), &["no file `z*.csv`"]);
    assert_says(&read("a[", dir.path(), &Overrides::new()).expect_err("bad").to_string(), &["pattern"]);
    assert_says(&read("*.*", dir.path(), &Overrides::new()).expect_err("mix").to_string(), &["mixes CSV and Parquet"]);
}

// ---------------------------------------------------------------- fingerprint

#[test]
fn fingerprint_is_sha256_of_the_bytes() {
    let document = table("a,b\n1,2\n3,4\n").document();
    // printf 'a,b\n1,2\n3,4\n' | sha256sum
    assert_eq!(document.sha256, "b9485148546419a0f6a85e8d708c923557c15d7f3c7d078ef1fa7f7c0f57d5a5");
    assert_eq!(document.files["d.csv"], document.sha256);
    assert_eq!((document.rows, document.columns.len()), (2, 2));
}

#[test]
fn fingerprint_of_several_files_depends_on_each() {
    let sha = |second: &[u8]| {
        let dir = folder(&[("p1.csv", b"t\n1\n"), ("p2.csv", second)]);
        read("p*.csv", dir.path(), &Overrides::new()).expect("two files").document().sha256
    };
    assert_eq!(sha(b"t\n0\n"), sha(b"t\n0\n"));
    assert_ne!(sha(b"t\n0\n"), sha(b"t\n0"));
    // printf '%s\n%s\n' $(printf 't\n1\n' | sha256sum | cut -c-64) $(printf 't\n0\n' | sha256sum | cut -c-64) | sha256sum
    assert_eq!(sha(b"t\n0\n"), "e6c31af7498936639b3546b30d363100378ba02f33947a5f368cd1982e94febd");
}

// ---------------------------------------------------------------- columns

#[test]
fn kinds_and_levels_and_missing_counts() {
    let t = table("i,f,c,b,two\n1,1.5,north,true,yes\n2,NA,south,false,no\n,NaN,,true,null\n4,2e3,east,FALSE,yes\n");
    let kinds: Vec<(String, usize)> = t.document().columns.iter().map(|c| (c.kind.clone(), c.missing)).collect();
    let expected = [("number", 1), ("number", 2), ("category", 1), ("boolean", 0), ("category", 1)];
    assert_eq!(kinds, expected.map(|(k, n)| (k.to_owned(), n)));
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
    assert_eq!(t.analyse(&request(&[])).expect("1 is yes").treated().to_vec(), [1.0, 0.0, 1.0]);
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
    assert_eq!(column(&table(&text), "x").kind, "other");
    let t = read_with(&text, &overriding("x", ColumnType::Category, None)).expect("by override");
    assert_eq!(column(&t, "x").kind, "category");
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
    assert_eq!((info.kind.as_str(), info.levels.len()), ("category", 5_000));
}

#[test]
fn free_text_with_more_than_10000_values_is_no_category() {
    let rows: String = (0..10_001).map(|i| format!("{},{i},id{i}\n", i % 2)).collect();
    let text = format!("t,y,g\n{rows}");
    let info = column(&table(&text), "g");
    assert_eq!((info.kind.as_str(), info.levels.len()), ("other", 0));
    assert_says(&problem(&text, &request(&["g == id5"])).message, &["10,001 distinct texts"]);
    let ids = Request { unit_id: Some("g".into()), ..request(&[]) };
    table(&text).analyse(&ids).expect("good as a unit id");
}

#[test]
fn identifiers_beyond_2_to_the_53_stay_distinct() {
    let text = "t,y,id\n1,2,9007199254740992\n0,3,9007199254740993\n";
    let ids = Request { unit_id: Some("id".into()), ..request(&[]) };
    table(text).analyse(&ids).expect("two different ids");
    assert_eq!(column(&table(text), "id").kind, "other");
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

// ---------------------------------------------------------------- treatment, outcome, weights, ids

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
        let wanted = Request { treated: treated.into(), control: control.into(), ..request(&[]) };
        assert_eq!(analysed(&text, &wanted).treated().to_vec(), [1.0, 0.0, 1.0], "{one} {treated}");
    }
}

#[test]
fn treatment_that_is_not_binary_lists_values_and_counts() {
    let text = "t,y\n1,1\n0,2\n2,3\n0,4\n";
    let found = problem(text, &request(&[]));
    assert_eq!(found.path, "treatment.column");
    assert_says(&found.message, &["not binary", "3 values", "`0` (2 rows)", "`2` (1 row)"]);
    assert_says(&found.hint, &["1 row with another value", "not be dropped"]);
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
    let wanted = Request { control: "1.0".into(), ..request(&[]) };
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
        placebos: vec!["before".into()],
        ..request(&["incme"])
    };
    let found = problems("t,y,income\n1,2,3\n0,2,4\n", &wanted);
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["treatment.column", "outcome.column", "data.weights", "data.unit_id", "incme", "before"]);
    assert_says(&found[4].hint, &["did you mean `income`"]);
    assert_says(&found[5].hint, &["the columns are", "`income`"]);
}

// ---------------------------------------------------------------- terms

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

// ---------------------------------------------------------------- missing values

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

// ---------------------------------------------------------------- Parquet

fn write_parquet(path: &Path, columns: Vec<Column>) {
    let height = columns[0].len();
    let mut frame = DataFrame::new(height, columns).expect("a frame");
    let file = std::fs::File::create(path).expect("a file");
    ParquetWriter::new(file).finish(&mut frame).expect("written");
}

fn parquet_example(dir: &Path) {
    write_parquet(
        &dir.join("d.parquet"),
        vec![
            Column::new("t".into(), [true, false, true, false]),
            Column::new("y".into(), [Some(1.5_f64), Some(2.0), None, Some(f64::NAN)]),
            Column::new("i".into(), [1_i32, 2, 3, 4]),
            Column::new("f".into(), [0.1_f32, 0.2, 0.3, 0.4]),
            Column::new("g".into(), ["b", "a", "NA", "a"]),
            Column::new("id".into(), [u64::MAX, u64::MAX - 1, 1, 2]),
        ],
    );
}

#[test]
fn parquet_kinds_levels_and_missing_counts() {
    let dir = folder(&[]);
    parquet_example(dir.path());
    let t = read("d.parquet", dir.path(), &Overrides::new()).expect("parquet");
    let seen: Vec<(String, String, usize)> =
        t.document().columns.into_iter().map(|c| (c.name, c.kind, c.missing)).collect();
    let expected = [
        ("t", "boolean", 0),
        ("y", "number", 2),
        ("i", "number", 0),
        ("f", "number", 0),
        ("g", "category", 0),
        ("id", "category", 0),
    ];
    assert_eq!(seen, expected.map(|(n, k, m)| (n.to_owned(), k.to_owned(), m)));
    assert_eq!(column(&t, "g").levels, ["NA", "a", "b"]);
    let wanted = Request { missing: MissingPolicy::Drop, unit_id: Some("id".into()), ..request(&["f"]) };
    let a = t.analyse(&wanted).expect("good");
    assert_eq!(
        a.covariates(&terms(&["f"])).expect("f").x().column(0).to_vec(),
        [f64::from(0.1_f32), f64::from(0.2_f32)]
    );
}

#[test]
fn truncated_parquet() {
    let dir = folder(&[]);
    parquet_example(dir.path());
    let whole = std::fs::read(dir.path().join("d.parquet")).expect("bytes");
    for keep in [0, 1, 4, 20, whole.len() / 2, whole.len() - 1] {
        std::fs::write(dir.path().join("cut.parquet"), &whole[..keep]).expect("a file");
        let error = read("cut.parquet", dir.path(), &Overrides::new()).expect_err("cut off");
        assert_says(&error.to_string(), &["cut.parquet", "not a complete Parquet file"]);
    }
}

#[test]
fn parquet_glob_with_a_column_of_another_kind() {
    let dir = folder(&[]);
    write_parquet(&dir.path().join("a.parquet"), vec![Column::new("x".into(), [1_i64, 2])]);
    write_parquet(&dir.path().join("b.parquet"), vec![Column::new("x".into(), [0.5_f64, 1.5])]);
    let t = read("*.parquet", dir.path(), &Overrides::new()).expect("integers and floats are numbers");
    assert_eq!(column(&t, "x").stored_as, "i64/f64");
    write_parquet(&dir.path().join("c.parquet"), vec![Column::new("x".into(), ["one", "two"])]);
    let error = read("*.parquet", dir.path(), &Overrides::new()).expect_err("text");
    assert_says(&error.to_string(), &["`c.parquet`", "`a.parquet`", "`x`"]);
}

#[test]
fn parquet_without_rows() {
    let dir = folder(&[]);
    write_parquet(&dir.path().join("d.parquet"), vec![Column::new("x".into(), Vec::<f64>::new())]);
    let error = read("d.parquet", dir.path(), &Overrides::new()).expect_err("no rows");
    assert_says(&error.to_string(), &["0 rows"]);
}

// ---------------------------------------------------------------- example data

#[test]
fn nhefs_is_read_to_the_last_digit() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nhefs");
    let t = read("data/nhefs.csv", &base, &overriding("education", ColumnType::Category, None)).expect("nhefs");
    let wanted = Request {
        treatment: "qsmk".into(),
        outcome: Some(("wt82_71".into(), OutcomeKind::Continuous)),
        unit_id: Some("seqn".into()),
        placebos: vec!["ht".into()],
        ..request(&["education == 5", "wt71^2"])
    };
    let a = t.into_analysed(&wanted).expect("clean data");
    let text = std::fs::read_to_string(base.join("data/nhefs.csv")).expect("text");
    let field = |line: &str, j: usize| line.split(',').nth(j).expect("a field").parse::<f64>().expect("a number");
    let c = a.covariates(&wanted.terms).expect("terms");
    assert_eq!((a.n(), c.n_treated()), (1566, 403));
    for (i, line) in text.lines().skip(1).enumerate() {
        assert_eq!(a.outcome().expect("y")[i].to_bits(), field(line, 2).to_bits());
        assert_eq!(a.placebo("ht").expect("ht")[i].to_bits(), field(line, 12).to_bits());
        assert_eq!(c.x()[[i, 0]], f64::from(field(line, 7) == 5.0));
        assert_eq!(c.x()[[i, 1]], field(line, 3) * field(line, 3));
    }
}

/// Plan, data and first spec of an example, put together as a run does it.
fn example(name: &str) -> (oci_agent::spec::AnalysisSpec, Analysed) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let text = std::fs::read_to_string(base.join("plan.yaml")).expect("a plan");
    let plan = oci_agent::plan::parse(&text).unwrap_or_else(|p| panic!("{p:#?}"));
    let table = read(&plan.data.source, &base, &plan.data.columns).expect("data");
    let spec = oci_agent::spec::draft(&plan, "", &table.document()).unwrap_or_else(|p| panic!("{p:#?}"));
    let wanted = Request {
        treatment: spec.treatment.clone(),
        treated: spec.treated.clone(),
        control: spec.control.clone(),
        outcome: Some((spec.outcome.clone(), spec.outcome_kind)),
        weights: spec.weights.clone(),
        unit_id: plan.data.unit_id.clone(),
        terms: spec.analyses[0].terms.clone(),
        placebos: spec.placebos.iter().map(|p| p.column.clone()).collect(),
        missing: spec.missing,
    };
    let analysed = table.into_analysed(&wanted).unwrap_or_else(|p| panic!("{p:#?}"));
    (spec, analysed)
}

#[test]
fn example_plans_fit_their_data() {
    for (name, n, treated, p) in
        [("nhefs", 1566, 403, 18), ("lalonde", 16_177, 185, 10), ("early_adopters", 8_000, 1_049, 6)]
    {
        let (spec, analysed) = example(name);
        assert_eq!(spec.analyses.len(), 3, "{name}");
        let sample = analysed.sample(&spec.analyses[0].terms).expect(name);
        let seen = (sample.covariates().n(), sample.covariates().n_treated(), sample.covariates().p());
        assert_eq!(seen, (n, treated, p), "{name}");
    }
}

#[test]
fn nhefs_plan_gives_the_18_terms_of_the_book() {
    let (spec, _) = example("nhefs");
    let mut names: Vec<String> = spec.analyses[0].terms.iter().map(ToString::to_string).collect();
    names.sort();
    let expected = "active == 1, active == 2, age, age^2, education == 2, education == 3, education == 4, education == 5, \
                    exercise == 1, exercise == 2, race == 1, sex == 1, smokeintensity, smokeintensity^2, smokeyrs, \
                    smokeyrs^2, wt71, wt71^2";
    assert_eq!(names.join(", "), expected);
}

// ---------------------------------------------------------------- properties

/// Bytes that look enough like CSV to get past the first check now and then.
fn csv_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b",".to_vec()),
        4 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\"".to_vec()),
        3 => "[0-9]{1,3}".prop_map(String::into_bytes),
        1 => prop_oneof![Just("NA"), Just("1e5"), Just("-.5"), Just("é"), Just("inf"), Just("t")].prop_map(|s| s.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..3),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A rectangular file whose fields are anything.
fn rectangular() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        "[-+]?[0-9]{0,17}\\.?[0-9]{0,4}([eE]-?[0-9]{1,3})?",
        "[ a-z]{0,4}",
        Just("NA".to_owned()),
        "\"[a\\n, ]{0,4}(\"\")?\"",
        Just(String::new()),
    ];
    (2usize..4).prop_flat_map(move |width| {
        let row = proptest::collection::vec(field.clone(), width).prop_map(|fields| fields.join(","));
        proptest::collection::vec(row, 2..12).prop_map(move |rows| {
            let header: Vec<String> = (0..width).map(|j| format!("c{j}")).collect();
            format!("{}\n{}\n", header.join(","), rows.join("\n")).into_bytes()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_bytes_are_read_or_refused_but_never_panic(bytes in csv_like()) {
        if let Ok(t) = read_csv(&bytes) {
            let _ = t.document();
            let _ = t.analyse(&request(&["x"]));
        }
    }

    // A flipped bit inside a data page can make polars 0.55 ask for more memory than there is, which nothing can catch;
    // the footer is what we can vouch for.
    #[test]
    fn parquet_with_a_damaged_footer_is_read_or_refused(at in 0usize..10_000, byte in any::<u8>()) {
        let dir = folder(&[]);
        parquet_example(dir.path());
        let path = dir.path().join("d.parquet");
        let mut bytes = std::fs::read(&path).expect("bytes");
        let n = bytes.len();
        let footer = 8 + u32::from_le_bytes(bytes[n - 8..n - 4].try_into().expect("four bytes")) as usize;
        bytes[n - 1 - at % footer] = byte;
        std::fs::write(&path, bytes).expect("a file");
        if let Ok(t) = read("d.parquet", dir.path(), &Overrides::new()) {
            let _ = t.document();
        }
    }

    #[test]
    fn any_rectangular_text_is_read(bytes in rectangular()) {
        let t = read_csv(&bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(t.document().rows, t.rows());
    }

    #[test]
    fn random_numbers_round_trip_exactly(values in proptest::collection::vec(any::<f64>().prop_filter("moderate", |v| v.abs() <= 1e100), 3..40)) {
        let values = [values, vec![1.0, 2.0]].concat();
        let rows: String = values.iter().enumerate().map(|(i, v)| format!("{},{v:?}\n", i % 2)).collect();
        let a = analysed(&format!("t,y\n{rows}"), &request(&[]));
        for (got, value) in a.outcome().expect("y").iter().zip(&values) {
            prop_assert_eq!(got.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn csv_and_parquet_of_the_same_data_give_the_same_sample(
        rows in proptest::collection::vec((-1e9..1e9_f64, -50i64..50, "[a-c]", proptest::option::of(-9i32..9)), 12..40)
    ) {
        let dir = folder(&[]);
        let t: Vec<i32> = (0..rows.len()).map(|i| i32::from(i % 2 == 0)).collect();
        let mut text = String::from("t,y,k,g,m\n");
        for (i, (y, k, g, m)) in rows.iter().enumerate() {
            text += &format!("{},{y},{k},{g},{}\n", t[i], m.map(|m| m.to_string()).unwrap_or_default());
        }
        std::fs::write(dir.path().join("d.csv"), text).expect("a file");
        write_parquet(&dir.path().join("d.parquet"), vec![
            Column::new("t".into(), t),
            Column::new("y".into(), rows.iter().map(|r| r.0).collect::<Vec<_>>()),
            Column::new("k".into(), rows.iter().map(|r| r.1).collect::<Vec<_>>()),
            Column::new("g".into(), rows.iter().map(|r| r.2.clone()).collect::<Vec<_>>()),
            Column::new("m".into(), rows.iter().map(|r| r.3).collect::<Vec<_>>()),
        ]);
        let overrides = overriding("k", ColumnType::Category, None);
        let get = |name: &str| {
            let t = read(name, dir.path(), &overrides).expect("readable");
            let document = t.document();
            let levels: Vec<_> = document.columns.iter().map(|c| (c.name.clone(), c.kind.clone(), c.levels.clone(), c.missing)).collect();
            let first = document.columns[2].levels[0].clone();
            let mut wanted = Request { missing: MissingPolicy::Indicator, ..request(&["m"]) };
            wanted.terms.push(Term::level("k", &first));
            wanted.terms.extend(t.missing_terms(&["m"]));
            (levels, t.analyse(&wanted).and_then(|a| a.sample(&wanted.terms)))
        };
        prop_assert_eq!(get("d.csv"), get("d.parquet"));
    }
}
