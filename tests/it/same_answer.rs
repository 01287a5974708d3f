//! What must not matter to an answer: the order of rows and columns, names, the type that numbers are stored as, a constant,
//! an identifier.

use crate::cli::oci_agent;
use crate::structure::Noise;
use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Write as _;

/// A table of text: names, and rows of cells.
#[derive(Clone, Debug)]
struct Cells {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn table() -> Cells {
    let mut noise = Noise(11);
    let names = ["t", "y", "age", "income", "region"].map(str::to_owned).to_vec();
    let mut rows = Vec::new();
    for _ in 0..160 {
        let age = 20 + (40.0 * noise.uniform()) as i32;
        let income = 10 + (80.0 * noise.uniform()) as i32;
        let region = ["north", "south", "west"][(3.0 * noise.uniform()) as usize];
        let odds = (0.03 * f64::from(age - 40)).exp();
        let t = noise.happens(odds / (1.0 + odds));
        let y = (20.0 * f64::from(u8::from(t)) + 3.0 * f64::from(age) + 10.0 * noise.normal()).round();
        rows.push(vec![u8::from(t).to_string(), y.to_string(), age.to_string(), income.to_string(), region.to_owned()]);
    }
    Cells { names, rows }
}

impl Cells {
    fn csv(&self) -> String {
        let mut text = self.names.join(",") + "\n";
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.join(","));
        }
        text
    }

    /// The answer that `init`'s plan gives, by AIPW.
    fn answer(&self, treatment: &str, outcome: &str) -> (f64, f64) {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("data.csv"), self.csv()).expect("data");
        let init = oci_agent(dir.path(), &["init", "data.csv", "--treatment", treatment, "--outcome", outcome]);
        assert_eq!(init.code, 0, "{}", init.stderr);
        let ran = oci_agent(dir.path(), &["estimate", "plan.yaml", "--estimator", "aipw"]);
        assert_eq!(
            ran.code,
            0,
            "{}\n{}",
            ran.stderr,
            std::fs::read_to_string(dir.path().join("plan.yaml")).expect("a plan")
        );
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let number = |key: &str| document["effect"][key].as_f64().expect(key);
        (number("estimate"), number("std_error"))
    }

    fn with_column(mut self, at: usize, name: &str, value: impl Fn(usize) -> String) -> Cells {
        self.names.insert(at, name.to_owned());
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.insert(at, value(i));
        }
        self
    }

    fn retyped(mut self, column: usize, to: impl Fn(&str) -> String) -> Cells {
        for row in &mut self.rows {
            row[column] = to(&row[column]);
        }
        self
    }
}

/// Sums are taken in another order, so the last digits may differ.
fn same(a: (f64, f64), b: (f64, f64)) -> bool {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-8 * (1.0 + a.abs());
    close(a.0, b.0) && close(a.1, b.1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_and_columns_and_their_names(
        rows in Just((0..160_usize).collect::<Vec<_>>()).prop_shuffle(),
        columns in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        names in prop::sample::subsequence(vec!["alpha", "beta x", "γ", "d.e", "Zeta", "eta:1"], 5).prop_shuffle(),
    ) {
        let original = table();
        let shuffled = Cells {
            names: columns.iter().map(|j| names[*j].to_owned()).collect(),
            rows: rows.iter().map(|i| columns.iter().map(|j| original.rows[*i][*j].clone()).collect()).collect(),
        };
        let (before, after) = (original.answer("t", "y"), shuffled.answer(names[0], names[1]));
        prop_assert!(same(before, after), "{:?} {:?}", before, after);
    }
}

#[test]
fn the_type_that_numbers_are_stored_as() {
    let original = table();
    let before = original.answer("t", "y");
    for column in 0..4 {
        for (name, to) in [
            ("float", &(|text: &str| format!("{text}.0")) as &dyn Fn(&str) -> String),
            ("text", &|text| format!("\"{text}\"")),
            ("blanks", &|text| format!(" {text} ")),
            ("exponent", &|text| format!("{text}e0")),
        ] {
            let after = original.clone().retyped(column, to).answer("t", "y");
            assert!(same(before, after), "column {column} as {name}: {before:?} {after:?}");
        }
    }
    for (name, to) in [
        ("dollars", &(|text: &str| format!("${text}")) as &dyn Fn(&str) -> String),
        ("per cent", &|text| format!("{text}%")),
        ("decimal commas", &|text| format!("\"{text},0\"")),
    ] {
        let after = original.clone().retyped(3, to).answer("t", "y");
        assert!(same(before, after), "income in {name}: {before:?} {after:?}");
    }
    let words = original.clone().retyped(0, |text| if text == "1" { "Yes".into() } else { "No".into() });
    assert!(same(before, words.answer("t", "y")));
}

#[test]
fn a_constant_an_identifier_and_a_copy() {
    let original = table();
    let before = original.answer("t", "y");
    for (name, value) in [
        ("study", &(|_: usize| "7".to_owned()) as &dyn Fn(usize) -> String),
        ("empty", &|_| String::new()),
        ("Unnamed: 0", &|i| i.to_string()),
        ("row", &|i| (i + 1).to_string()),
        ("code", &|i| format!("u{:03}", i * 7 % 160)),
        ("number", &|i| (5_000 + i * 7 % 160).to_string()),
    ] {
        for at in [0, 5] {
            let after = original.clone().with_column(at, name, value).answer("t", "y");
            assert!(same(before, after), "with {name}: {before:?} {after:?}");
        }
    }
    let ages: Vec<String> = original.rows.iter().map(|row| row[2].clone()).collect();
    let copied = original.clone().with_column(5, "years", |i| ages[i].clone());
    assert!(same(before, copied.answer("t", "y")));
    let months =
        original.clone().with_column(5, "months", |i| (12 * ages[i].parse::<i32>().expect("an age") + 3).to_string());
    assert!(same(before, months.answer("t", "y")));
}
