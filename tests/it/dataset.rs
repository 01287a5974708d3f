//! Files and tables that are wrong in every way we could think of, and the numbers that come out of good ones.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod columns;
mod derived;
mod examples;
mod files;
mod fuzz;
mod hostile_files;
mod metrics;
mod missing;
mod parquet;
mod properties;
mod roles;
mod terms;

use causal::arm::Arm;
use causal::contrast::Contrast;
use causal::estimand::OutcomeKind;
use oci_agent::dataset::{Analysed, DatasetError, DatasetProblem, Request, Table, read};
use oci_agent::plan::{ColumnOverride, ColumnType, MissingPolicy};
use oci_agent::term::Term;
use polars_core::prelude::{Column, DataFrame};
use polars_io::parquet::write::ParquetWriter;
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
    Overrides::from([(
        column.to_owned(),
        ColumnOverride { kind: Some(kind), reference: reference.map(str::to_owned), ..ColumnOverride::default() },
    )])
}

fn terms(texts: &[&str]) -> Vec<Term> {
    texts.iter().map(|t| Term::parse(t).expect("a term")).collect()
}

/// Treatment `t`, outcome `y`, and the given terms.
fn request(texts: &[&str]) -> Request {
    Request {
        share: None,
        treatment: "t".into(),
        contrast: Contrast { treated: "1".into(), control: "0".into() },
        outcome: Some(("y".into(), OutcomeKind::Continuous)),
        event: None,
        weights: None,
        unit_id: None,
        clusters: None,
        known_propensity: None,
        terms: terms(texts),
        groups: Vec::new(),
        placebos: vec![],
        missing: MissingPolicy::Error,
        missing_for: BTreeMap::new(),
    }
}

/// The arms as zeros and ones.
fn indicators(arms: &[Arm]) -> Vec<f64> {
    arms.iter().map(|arm| arm.encode()).collect()
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
