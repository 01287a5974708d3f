use crate::critique::quoted_figures::*;
use proptest::prelude::*;
use serde_json::json;

fn read(text: &str) -> Vec<String> {
    crate::text::figures::figures(text).into_iter().map(|figure| figure.text).collect()
}

fn unknown(text: &str, results: &Value) -> Vec<String> {
    let lines = [("alignment".to_owned(), text)];
    flagged(&lines, &Known::from_results(results)).into_iter().map(|f| f.figure).collect()
}

#[test]
fn figures_are_read_as_written() {
    for (text, expected) in [
        ("fell by −3.4 kg, or +2, or -.05", vec!["−3.4", "+2", "-.05"]),
        (
            "1,566 rows; 1\u{202f}566; 1\u{a0}566; 1'566; 12,345,678.9",
            vec!["1,566", "1\u{202f}566", "1\u{a0}566", "1'566", "12,345,678.9"],
        ),
        ("[2.49,4.40] and (0.1, 0.9)", vec!["2.49", "4.40", "0.1", "0.9"]),
        ("0.1–0.9, 25-74, 1/3, 2019-03-01", vec!["0.1", "0.9", "25", "74", "1", "3", "2019", "03", "01"]),
        ("p<0.001, p=.05, 95% and 12.8 % of", vec!["0.001", ".05", "95%", "12.8 %"]),
        ("1e-5, 3.3E+4, 2e", vec!["1e-5", "3.3E+4", "2"]),
        ("3.3 × 10⁻⁷ and 10^6 and 10⁻⁹", vec!["3.3 × 10⁻⁷", "10^6", "10⁻⁹"]),
        ("3kg, a 10-year study, 2nd, the 1980s", vec!["3", "10", "2", "1980"]),
        ("re74 and wt82_71, x1, q.10, v0.3.1, 0.3.1, 71_wt", vec![]),
        ("Type-2 and COVID-19, but group-150, ATE-3.4 and up-12%", vec!["150", "3.4", "12%"]),
        ("`x1`, `q.10`, `Type-200`, but `re74 == 0` and `12`", vec!["0", "12"]),
        ("1. First, 7", vec!["7"]),
        ("  2) Second\n3. Third\n12.5 more\n150. Not a mark", vec!["12.5", "150"]),
        ("spec 3fa9c21b77 and 0x1f", vec![]),
        ("x = -0.3, a-0.3, (−1), $-5, 3 -2", vec!["-0.3", "0.3", "−1", "-5", "3", "-2"]),
        ("The end is 12. Or 3,", vec!["12", "3"]),
        ("2,34 and 0,123 and 1234,567", vec!["2", "34", "0", "123", "1234", "567"]),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_figure_is_known_to_the_digits_it_shows() {
    let results =
        json!({"share": 0.1283, "n": 1566, "effect": -3.4405, "tiny": 3.33e-7, "said": "kept 2.8 % of 1,017"});
    let fine = "13% or 12.8 % or 12.83 per cent or 0.128 or .13; 1,566 rows, 1.566e3; fell by 3.44, that is −3.4405; 3.3e-7 \
                or 3.33 × 10⁻⁷; 2.8 % of 1017; between 12 and 13 %? [12.8, 12.83] %.";
    assert_eq!(unknown(fine, &results), ["12"], "0.1283 is not 12 %");
    let made_up = "About 1,600 of 1567; grew by +3.44; 12.9 %, 0.129, 3.4e-7 and 0";
    assert_eq!(unknown(made_up, &results), ["1,600", "1567", "+3.44", "12.9 %", "0.129", "3.4e-7"]);
    assert_eq!(unknown("0.0000003 is 0", &results), Vec::<String>::new(), "3.33e-7 to seven decimals, and to none");
}

#[test]
fn half_a_unit_may_go_either_way_and_signs_must_agree() {
    let results = json!([0.125, -8.0]);
    assert!(unknown("0.12 and 0.13, 8 and −8", &results).is_empty());
    assert_eq!(unknown("0.11, 0.14 and +8", &results), ["0.11", "0.14", "+8"]);
}

#[test]
fn a_models_own_words_prove_nothing() {
    let results = json!({
        "critique": {"reviewed": {"opinion": {"alignment": "42"}}, "analyses": [{"value": 1.5}]},
        "specs_tried": [{"revisions": [{"reason": "about 43", "change": "keep 0.1"}]}],
        "conduct": {"actor_usage": {"calls": 44}},
    });
    assert_eq!(unknown("42, 43, 44, 1.5 and 0.1", &results), ["42", "43", "44"]);
}

#[test]
fn each_figure_is_flagged_once_a_line_with_its_place() {
    let lines = [("a".to_owned(), "7 and 9, again 7"), ("b".to_owned(), "7")];
    let all = flagged(&lines, &Known::from_results(&json!([9])));
    let short: Vec<(&str, &str)> = all.iter().map(|f| (f.place.as_str(), f.figure.as_str())).collect();
    assert_eq!(short, [("a", "7"), ("b", "7")]);
    assert_eq!(all.first().map(|f| f.line.as_str()), Some("7 and 9, again 7"));
    assert_eq!(count(&lines), 3);
}

#[test]
fn numbers_that_no_number_can_hold_are_flagged() {
    let huge = "9".repeat(400);
    for text in ["1e999", "1e99999999999999999999", huge.as_str()] {
        assert_eq!(unknown(text, &json!([1.0, f64::MAX])).len(), 1, "{text}");
    }
}

proptest! {
    #[test]
    fn a_printed_number_is_accepted(
        known in prop::collection::vec(-1e6f64..1e6, 1..20),
        pick in any::<prop::sample::Index>(),
        k in 0usize..12,
        e in 0usize..9,
    ) {
        let results = json!(known);
        let v = known[pick.index(known.len())];
        let text = format!("a {v:.k$} b {:.k$} c {:.k$}% d {v:.e$e} e {v}", v.abs(), 100.0 * v);
        prop_assert_eq!(unknown(&text, &results), Vec::<String>::new(), "{}", text);
    }

    #[test]
    fn a_number_that_is_off_by_more_than_a_unit_is_flagged(
        known in prop::collection::vec(-1e4f64..1e4, 0..20), x in -1e4f64..1e4, k in 0usize..6,
    ) {
        let unit = 10f64.powi(-i32::try_from(k).expect("small"));
        prop_assume!(known.iter().all(|v| (v - x).abs() > 1.6 * unit && (v + x).abs() > 1.6 * unit));
        let text = format!("{x:.k$}");
        prop_assert_eq!(unknown(&text, &json!(known)), vec![text.clone()]);
    }

    #[test]
    fn any_text_can_be_read(text in "\\PC{0,60}|[-+−–.,'_`%eExX×10⁻⁹^ \\n\\[\\])(a3]{0,40}") {
        let figures = crate::text::figures::figures(&text);
        let known = Known::from_results(&json!([text]));
        for figure in &figures {
            prop_assert!(text.contains(&figure.text) && figure.text.bytes().any(|b| b.is_ascii_digit()));
            prop_assert!(figure.finite().is_none() || known.has(figure), "{} is in its own text", figure.text);
        }
    }
}

#[test]
fn five_megabytes_are_read_in_no_time() {
    let row = json!({"estimate": 1.25, "message": "12.8 % of the rows have a propensity outside (0.1, 0.9)."});
    let results = Value::Array(vec![row; 60_000]);
    let known = Known::from_results(&results);
    assert_eq!(known.values, [0.1, 0.9, 1.25, 12.8]);
}
