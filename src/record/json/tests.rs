use crate::record::json::*;
use proptest::prelude::*;
use serde_json::json;

#[derive(Serialize)]
struct Inner {
    z: f64,
    a: Vec<f64>,
}

#[derive(Serialize)]
enum Kind {
    Unit,
    New(f64),
    Pair(f64, u8),
    Named { b: Option<f64>, a: i32 },
}

fn text<T: Serialize>(value: &T) -> String {
    String::from_utf8(to_bytes(value).expect("finite")).expect("UTF-8")
}

#[test]
fn keys_are_sorted_and_the_layout_is_fixed() {
    let got = text(&json!({"b": [1, 2], "a": {"z": null, "y": []}, "c": {}}));
    assert_eq!(
        got,
        "{\n  \"a\": {\n    \"y\": [],\n    \"z\": null\n  },\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}\n"
    );
}

#[test]
fn floats_carry_twelve_digits_in_the_shortest_form() {
    for (value, expected) in [
        (0.1 + 0.2, "0.3"),
        (3.0, "3.0"),
        (-0.0, "0.0"),
        (1.0 / 3.0, "0.333333333333"),
        (-8497.516148132978, "-8497.51614813"),
        (1e-7, "1e-7"),
        (1.5e300, "1.5e300"),
        (f64::MAX, "1.79769313486e308"),
        (5e-324, "5e-324"),
    ] {
        assert_eq!(float(value).as_deref(), Some(expected));
    }
}

#[test]
fn not_a_number_is_an_error_that_names_the_path() {
    let outer = BTreeMap::from([("answers", vec![Inner { z: 1.0, a: vec![0.0, f64::NAN] }])]);
    let error = to_bytes(&outer).expect_err("NaN");
    assert_eq!(error, ReportError::NotFinite { path: "answers[0].a[1]".into(), value: "NaN".into() });
    for bad in [f64::INFINITY, f64::NEG_INFINITY] {
        assert!(
            matches!(to_bytes(&Inner { z: bad, a: vec![] }), Err(ReportError::NotFinite { path, .. }) if path == "z")
        );
    }
    assert!(to_bytes(&f32::NAN).is_err());
    assert!(matches!(to_bytes(&Kind::New(f64::NAN)), Err(ReportError::NotFinite { path, .. }) if path == "New"));
    assert!(
        matches!(to_bytes(&Kind::Pair(f64::NAN, 1)), Err(ReportError::NotFinite { path, .. }) if path == "Pair[0]")
    );
    let named = Kind::Named { b: Some(f64::NAN), a: 1 };
    assert!(matches!(to_bytes(&named), Err(ReportError::NotFinite { path, .. }) if path == "Named.b"));
    assert!(to_bytes(&(1, "x", f64::NAN)).is_err());
}

#[test]
fn enums_look_as_serde_json_writes_them() {
    for kind in [Kind::Unit, Kind::New(0.5), Kind::Pair(0.25, 3), Kind::Named { b: None, a: -1 }] {
        let ours: serde_json::Value = serde_json::from_str(&text(&kind)).expect("JSON");
        assert_eq!(ours, serde_json::to_value(&kind).expect("JSON"));
    }
}

#[test]
fn a_key_that_comes_twice_or_is_no_text_is_refused() {
    struct Twice;
    impl Serialize for Twice {
        fn serialize<S: ser::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            let mut map = s.serialize_map(None)?;
            map.serialize_entry("k", &1)?;
            map.serialize_entry("k", &2)?;
            map.end()
        }
    }
    assert!(to_bytes(&Twice).expect_err("twice").to_string().contains("twice"));
    assert!(to_bytes(&BTreeMap::from([(vec![1], 2)])).is_err());
    assert_eq!(text(&BTreeMap::from([(7u32, 2)])), "{\n  \"7\": 2\n}\n");
}

proptest! {
    #[test]
    fn any_float_reads_back_to_twelve_digits(value in proptest::num::f64::NORMAL) {
        let read: f64 = float(value).expect("finite").parse().expect("a float");
        prop_assert!((read - value).abs() <= 5.01e-12 * value.abs());
    }

    #[test]
    fn any_text_reads_back(value in "\\PC*|[\\x00-\\x1f\"\\\\]{0,8}") {
        prop_assert_eq!(serde_json::from_str::<String>(&text(&value)).expect("JSON"), value);
    }
}
