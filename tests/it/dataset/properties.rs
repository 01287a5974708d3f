//! What must hold of any bytes and any numbers.

use super::*;

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

    #[test]
    fn a_damaged_parquet_file_is_read_or_refused(at in 0usize..1_000_000, byte in any::<u8>()) {
        let dir = folder(&[]);
        parquet_example(dir.path());
        let path = dir.path().join("d.parquet");
        let mut bytes = std::fs::read(&path).expect("bytes");
        let n = bytes.len();
        bytes[at % n] = byte;
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
            let levels: Vec<_> = document.columns.iter().map(|c| (c.name.clone(), c.kind, c.levels.clone(), c.missing)).collect();
            let first = document.columns[2].levels[0].clone();
            let mut wanted = Request { missing: MissingPolicy::Indicator, ..request(&["m"]) };
            wanted.terms.push(Term::level("k", &first));
            wanted.terms.extend(t.missing_terms(&["m"]));
            (levels, t.analyse(&wanted).and_then(|a| a.sample(&wanted.terms)))
        };
        prop_assert_eq!(get("d.csv"), get("d.parquet"));
    }
}
