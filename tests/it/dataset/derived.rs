//! Columns that the plan computes, the rows that it asks about, and levels that it makes one.

use super::*;
use oci_agent::dataset::read_section;
use oci_agent::expression::Written;
use oci_agent::plan::{DataSection, RareLevels};
use oci_agent::schema::ConversionKind;

const PEOPLE: &str = "id,t,y,cigs,income,age,state,seen,left\n\
                      1,1,2.5,20,100,24,TX,2021-03-04,2021-03-09\n\
                      2,0,1.5,0,0,25,CA,2020-02-29,2020-03-01\n\
                      3,1,3.0,5,50,44.5,TX,1999-12-31,2000-01-01\n\
                      4,0,0.0,,10,45,NY,2021-01-01,\n\
                      5,0,-1.0,0,1e3,70,,2021-03-07,2021-03-08\n\
                      6,1,9.0,7,1,65,NY,2021-03-08,2021-03-08\n";

fn written(text: &str) -> Written {
    Written::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn section(derive: &[(&str, &str)], filter: &[&str]) -> DataSection {
    DataSection {
        derive: derive.iter().map(|(name, text)| ((*name).to_owned(), written(text))).collect(),
        filter: filter.iter().map(|text| written(text)).collect(),
        ..DataSection::of("d.csv")
    }
}

fn read_as(text: &str, data: &DataSection) -> Result<Table, DatasetError> {
    let dir = folder(&[("d.csv", text.as_bytes())]);
    read_section(data, dir.path())
}

fn with(derive: &[(&str, &str)], filter: &[&str]) -> Table {
    read_as(PEOPLE, &section(derive, filter)).unwrap_or_else(|e| panic!("{e}"))
}

/// The values of one expression, as text; a missing one is `-`.
fn values(expression: &str) -> Vec<String> {
    let table = with(&[("made", expression)], &[]);
    let shown = |value: f64| if value.is_nan() { "-".to_owned() } else { value.to_string() };
    let info = column(&table, "made");
    match info.kind.key() {
        "number" => table.numbers("made").expect("numbers").iter().map(|x| shown(*x)).collect(),
        "category" => {
            table.texts("made").expect("texts").into_iter().map(|text| text.unwrap_or("-").to_owned()).collect()
        }
        // Through `if`, which keeps a missing condition missing.
        "boolean" => values(&format!("if({expression}, 1, 0)")),
        _ => values(&format!("days({expression})")),
    }
}

fn refused(expression: &str) -> (String, String) {
    let error = read_as(PEOPLE, &section(&[("made", expression)], &[])).expect_err(expression);
    (error.to_string(), error.hint())
}

#[test]
fn expressions_have_the_values_that_pandas_gives() {
    for (expression, expected) in [
        // df.cigs > 0 with its NaN kept
        ("cigs > 0", "1 0 1 - 0 1"),
        ("18 <= age < 45", "1 1 1 0 0 0"),
        ("cigs + 1", "21 1 6 - 1 8"),
        ("-age ^ 2 / 4 - 2 * 3", "-150 -162.25 -501.0625 -512.25 -1231 -1062.25"),
        // numpy.log1p, to the last digit
        ("log1p(income) * 0 + round(log(income + 1) * 1000)", "4615 0 3932 2398 6909 693"),
        ("sqrt(abs(cigs - 4))", "4 2 1 - 2 1.7320508075688772"),
        ("min(age, 50) + max(1, 2)", "26 27 46.5 47 52 52"),
        ("floor(age / 10) + ceil(age / 10)", "5 5 9 9 14 13"),
        // pd.cut(age, [-inf, 25, 45, 65, inf], right=False)
        ("cut(age, [25, 45, 65])", "<25 [25,45) [25,45) [45,65) >=65 >=65"),
        ("state == TX", "1 0 1 0 - 0"),
        ("state != \"TX\"", "0 1 0 1 - 1"),
        ("state in [TX, 'NY']", "1 0 1 1 - 1"),
        ("starts_with(state, \"N\") or contains(state, \"A\")", "0 1 0 1 - 1"),
        ("is_missing(state) or is_missing(cigs)", "0 0 0 1 1 0"),
        // Kleene: false and missing is false, true or missing is true.
        ("age > 100 and cigs > 0", "0 0 0 0 0 0"),
        ("age > 0 or cigs > 0", "1 1 1 1 1 1"),
        ("not cigs > 0", "0 1 0 - 1 0"),
        ("if(cigs == 0, 0, income / cigs)", "5 0 10 - 0 0.14285714285714285"),
        ("if(state == TX, \"south\", \"north\")", "south north south north - north"),
        ("year(seen) * 10000 + month(seen) * 100 + day(seen)", "20210304 20200229 19991231 20210101 20210307 20210308"),
        // Thursday, Saturday, Friday, Friday, Sunday, Monday
        ("weekday(seen)", "4 6 5 5 7 1"),
        ("left - seen", "5 1 1 - 1 0"),
        ("seen + 1 > left", "0 0 0 - 0 1"),
        ("seen >= date(\"2021-03-07\")", "0 0 0 0 1 1"),
        ("seen in [date(\"2021-03-07\"), date(\"2021-03-08\")]", "0 0 0 0 1 1"),
        ("t == 1 and (age < 30 or age > 60)", "1 0 0 0 0 1"),
        ("(cigs > 0) + (age > 30)", "1 0 2 - 1 2"),
        ("date(\"1970-01-11\")", "10 10 10 10 10 10"),
    ] {
        assert_eq!(values(expression).join(" "), expected, "{expression}");
    }
}

#[test]
fn an_expression_that_cannot_be_computed_says_where_and_what_to_write() {
    for (expression, message, hint) in [
        ("agee > 3", "no column `agee`", "`age`"),
        ("state == TXX", "`TXX` is a value that `state` never has", "`TX` (2 rows)"),
        ("state > 3", "`state` is a text where a number is needed", "state"),
        ("state + 1", "`state` is a text where a number is needed", "compare the text"),
        ("seen + seen", "`seen` is a date where a number is needed", "days(x)"),
        ("seen > 3", "`seen` is a date where a number is needed", "date("),
        ("age and t == 1", "`age` is a number where true or false is needed", "x > 0"),
        ("cut(age, [45, 25])", "not numbers that increase", "cut(x, [25, 45, 65])"),
        ("date(\"tomorrow\") > seen", "`tomorrow` is not a date", "2021-03-04"),
        ("income / cigs", "divides by zero in 2 rows, the first in row 2", "if(b == 0, 0, a / b)"),
        ("log(income)", "asks for log(0) in 1 row, the first in row 2", "filter:"),
        ("sqrt(y)", "asks for sqrt(-1)", "filter:"),
        ("(0 - income) ^ 0.5", "to the power 0.5", "filter:"),
        ("exp(income * 10)", "too large", "other units"),
        ("state < \"TX\"", "compares numbers and dates", "`==`"),
        ("age in [young]", "something else than the values", "numbers"),
    ] {
        let (found, advice) = refused(expression);
        assert!(found.contains(message), "{expression}: {found}");
        if hint != "state" {
            assert!(advice.contains(hint), "{expression}: {advice}");
        }
    }
}

#[test]
fn the_order_of_the_plan_does_not_matter_and_a_faulty_row_may_be_left_out() {
    // `a` needs `b`, which comes later in the alphabet.
    let table = with(&[("a", "b * 2"), ("b", "log(income)")], &["income > 0"]);
    assert_eq!(table.rows(), 5);
    assert_eq!(table.rows_in_files(), 6);
    assert_eq!(table.numbers("a").expect("numbers")[3], 2.0 * 1e3_f64.ln());
    let error = read_as(PEOPLE, &section(&[("a", "b * 2"), ("b", "log(income)")], &["age > 0"])).expect_err("log(0)");
    assert_eq!(
        error.problems().iter().map(|p| p.path.as_str()).collect::<Vec<_>>(),
        ["data.derive.b", "data.derive.a"]
    );
    // The filter itself asks for it.
    let error = read_as(PEOPLE, &section(&[("b", "log(income)")], &["b > 1"])).expect_err("log(0)");
    assert_says(&error.to_string(), &["`b > 1` asks for log(0) in 1 row, the first in row 2"]);
}

#[test]
fn a_filter_counts_whom_it_leaves_out_and_rows_keep_their_numbers() {
    let table = with(&[], &["cigs >= 0", "state != CA"]);
    let filter = table.document().filter.expect("a filter");
    let counts: Vec<(usize, usize)> = filter.conditions.iter().map(|one| (one.rows_false, one.rows_missing)).collect();
    assert_eq!((counts, filter.rows_left_out), (vec![(0, 1), (1, 1)], 3));
    // A level that no row has any more is none.
    assert_eq!(column(&table, "state").levels, ["NY", "TX"]);
    assert_eq!(table.document().rows, 6);
    let wanted = Request { terms: terms(&["age"]), ..request(&["age"]) };
    let analysed = with(&[], &["age > 24"]).into_analysed(&wanted).unwrap_or_else(|p| panic!("{p:#?}"));
    let counters = analysed.counters();
    assert_eq!((counters.rows_read, counters.rows_filtered, counters.rows_analysed), (6, 1, 5));
    // The row with an infinite value is called as the file has it.
    let text = "t,y,x\n1,1,1\n0,2,2\n1,3,3\n0,4,inf\n1,5,1\n0,6,5\n";
    let table = read_as(text, &section(&[], &["y > 2"])).expect("a table");
    let found = table.analyse(&request(&["x"])).expect_err("infinite");
    assert_says(&found[0].message, &["in row 4"]);
    let error = read_as(PEOPLE, &section(&[], &["age > 200"])).expect_err("nobody");
    assert_says(&error.to_string(), &["keeps 0 rows of 6", "`age > 200` leaves out 6"]);
    let found = with(&[], &["t == 1"]).analyse(&request(&["age"])).expect_err("one arm");
    assert_says(&found[0].message, &["the control arm is empty"]);
}

#[test]
fn a_derived_name_is_its_own_and_can_be_described_like_any_column() {
    let (message, hint) = {
        let error = read_as(PEOPLE, &section(&[("age", "cigs + 1")], &[])).expect_err("taken");
        (error.to_string(), error.hint())
    };
    assert_says(&message, &["have a column `age` already"]);
    assert_says(&hint, &["`age_2`"]);
    let mut data = section(&[("band", "cut(age, [25, 45, 65])")], &[]);
    let middle = ColumnOverride {
        kind: Some(ColumnType::Category),
        reference: Some("[25,45)".into()),
        ..ColumnOverride::default()
    };
    data.columns.insert("band".into(), middle);
    let table = read_as(PEOPLE, &data).expect("a table");
    assert_eq!(column(&table, "band").levels, ["[25,45)", "<25", "[45,65)", ">=65"]);
    let derived: Vec<(String, String)> =
        table.document().derived.into_iter().map(|one| (one.column, one.expression)).collect();
    assert_eq!(derived, [("band".to_owned(), "cut(age, [25, 45, 65])".to_owned())]);
}

#[test]
fn each_column_has_its_own_policy_for_missing_values() {
    let text = "t,y,x,g\n1,1,,a\n0,2,2,b\n1,,4,a\n0,4,6,b\n0,5,1,\n1,6,0,b\n1,7,3,a\n";
    let policies = [("y".to_owned(), MissingPolicy::Drop), ("g".to_owned(), MissingPolicy::Drop)];
    let wanted = Request {
        missing: MissingPolicy::Indicator,
        missing_for: policies.into(),
        ..request(&["x", "x == (missing)", "g == b"])
    };
    let found = analysed(text, &wanted);
    let counters = found.counters();
    assert_eq!((counters.rows_dropped_missing, counters.rows_analysed), (2, 5));
    assert_eq!(counters.values_imputed_by_column, BTreeMap::from([("x".to_owned(), 1)]));
    // The same rows under the policy of all.
    let error = Request { missing_for: [("x".to_owned(), MissingPolicy::Error)].into(), ..wanted.clone() };
    let found = table(text).analyse(&error).expect_err("x has a gap");
    assert_says(&found[0].message, &["`x` (1)"]);
}

#[test]
fn rare_levels_become_one_by_their_rows_alone() {
    let rows: String = ["a"; 5]
        .into_iter()
        .chain(["b"; 4])
        .chain(["c", "c", "d", "e"])
        .enumerate()
        .fold("t,y,g,h\n".to_owned(), |text, (i, level)| {
            text + &format!("{},{i},{level},{}\n", i % 2, if i == 0 { "z" } else { "w" })
        });
    let rule = |below, keep, into: &str| RareLevels { below, keep, into: into.into() };
    let merged = |rule: &RareLevels| {
        let mut table = table(&rows);
        table.merge_rare_levels(rule, &["t", "y"]).map(|()| table)
    };
    let levels = |rule: &RareLevels| column(&merged(rule).expect("merged"), "g").levels;
    assert_eq!(levels(&rule(Some(3), None, "other")), ["a", "b", "other"]);
    assert_eq!(levels(&rule(None, Some(3), "rest")), ["a", "b", "rest"]);
    assert_eq!(levels(&rule(None, Some(5), "rest")), ["a", "b", "c", "d", "e"]);
    assert_eq!(levels(&rule(Some(2), None, "c2")), ["a", "b", "c", "c2"]);
    let table = merged(&rule(Some(3), None, "other")).expect("merged");
    // One rare level alone has nothing to be put with.
    assert_eq!(column(&table, "h").levels, ["w", "z"]);
    let document = table.document();
    let [done] = document.conversions.as_slice() else { panic!("{:?}", document.conversions) };
    assert_eq!((done.kind, done.values, done.examples.join(" ")), (ConversionKind::RareLevels, 4, "c d e".into()));
    let problems = merged(&rule(Some(3), None, "a")).expect_err("taken");
    assert_says(&problems[0].message, &["has a level `a` already"]);
}

proptest! {
    /// What a filter keeps is what is there when the other rows are deleted from the file.
    #[test]
    fn a_filter_is_the_same_as_a_shorter_file(ages in prop::collection::vec(0_i32..100, 8..40), bound in 20_i32..60) {
        let line = |(i, age): (usize, &i32)| format!("{},{},{age}\n", i % 2, i * i);
        let text: String = "t,y,age\n".to_owned() + &ages.iter().enumerate().map(line).collect::<String>();
        let shorter: String = "t,y,age\n".to_owned()
            + &ages.iter().enumerate().filter(|(_, age)| **age < bound).map(line).collect::<String>();
        prop_assume!(ages.iter().filter(|age| **age < bound).count() >= 2);
        let kept = read_as(&text, &section(&[], &[&format!("age < {bound}")])).expect("kept");
        let all = read_csv(&shorter).expect("shorter");
        prop_assert_eq!(kept.numbers("y"), all.numbers("y"));
        prop_assert_eq!(kept.document().columns, all.document().columns);
    }
}
