//! Parquet beside CSV.

use super::*;

#[test]
fn parquet_kinds_levels_and_missing_counts() {
    let dir = folder(&[]);
    parquet_example(dir.path());
    let t = read("d.parquet", dir.path(), &Overrides::new()).expect("parquet");
    let seen: Vec<(String, &str, usize)> =
        t.document().columns.into_iter().map(|c| (c.name, c.kind.key(), c.missing)).collect();
    let expected = [
        ("t", "boolean", 0),
        ("y", "number", 2),
        ("i", "number", 0),
        ("f", "number", 0),
        ("g", "category", 0),
        ("id", "other", 0),
    ];
    assert_eq!(seen, expected.map(|(n, k, m)| (n.to_owned(), k, m)));
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
