//! The plots: well-formed, deterministic, scaled, and robust to what data do. Set `OCI_PLOT_DIR` to look at them.

use super::cases::{lalonde, nhefs};
use super::fixtures::*;
use causal::estimand::{Estimand, Target};
use causal::estimator::EstimatorKind;
use oci_agent::finding::Tier;
use oci_agent::record::documents::{AnalysisDesign, EffectRow, ResultsDocument};
use oci_agent::report::plots::{self, Figure};

/// Writes a figure where a person can look at it, if one wants to.
#[allow(clippy::disallowed_methods, reason = "only this helper looks at the environment, to show pictures to people")]
fn show(name: &str, figure: &Figure) {
    if let Some(dir) = std::env::var_os("OCI_PLOT_DIR") {
        let path = std::path::Path::new(&dir).join(name);
        std::fs::write(path.with_extension("svg"), &figure.svg).expect("write SVG");
    }
}

fn svg(figure: &Figure) -> String {
    String::from_utf8(figure.svg.clone()).expect("UTF-8")
}

/// Every figure must hold this.
fn sound(name: &str, figure: &Figure) {
    show(name, figure);
    let svg = svg(figure);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""), "{name}");
    for part in ["viewBox=\"0 0 2560 ", "max-width:100%", "<title>", "<desc>", "fill=\"#FFFFFF\"", "</svg>"] {
        assert!(svg.contains(part), "{name} lacks {part}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("not a number"), "{name}");
}

fn height(figure: &Figure) -> f64 {
    let svg = svg(figure);
    let height = svg.split("height=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a height");
    height.parse().expect("a number")
}

#[test]
fn every_plot_of_both_runs_is_sound() {
    for (run, case) in [("nhefs", nhefs()), ("lalonde", lalonde())] {
        for design in &case.designs {
            for figure in plots::design_figures(design).expect("drawn") {
                sound(&format!("{run}_{}_{}", design.iteration, figure.stem()), &figure);
            }
        }
        for figure in plots::result_figures(&case.results).expect("drawn") {
            sound(&format!("{run}_{}", figure.stem()), &figure);
        }
    }
}

/// The largest difference before weighting and the largest after are those of different terms.
#[test]
fn each_difference_stands_with_the_name_it_belongs_to() {
    let case = lalonde();
    let mended = &case.designs[1].analyses[0];
    let love = plots::love(mended).expect("drawn").expect("a plot");
    let said = "Largest |SMD| of a priority confounder: 2.428 before (black == 1), 0.090 after (re74 == 0).";
    assert_eq!(love.description, said);
}

#[test]
fn a_failed_design_and_a_missing_diagnostic_have_no_plot() {
    let case = lalonde();
    let last = case.designs.last().expect("two");
    let failed = last.analyses.iter().find(|a| a.failed.is_some()).expect("one failed");
    assert!(plots::love(failed).expect("no error").is_none());
    assert!(plots::overlap(failed).expect("no error").is_none());
    assert!(plots::sensitivity(&case.results, Target::Atc).expect("no error").is_none());
    let nothing = ResultsDocument { effects: vec![], ..case.results };
    assert!(plots::forest(&nothing).expect("no error").is_none());
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let (a, b) = (nhefs(), nhefs());
    assert_eq!(plots::result_figures(&a.results), plots::result_figures(&b.results));
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(|| plots::design_figures(&nhefs().designs[0]))).collect();
    let drawn: Vec<_> = threads.into_iter().map(|t| t.join().expect("joined")).collect();
    assert_eq!(drawn[0], drawn[1]);
}

fn many_terms(n: usize) -> AnalysisDesign {
    let rows = (0..n)
        .map(|i| {
            let before = 0.6 * (noise(i) - 0.5) + if i == 7 { 0.5 } else { 0.0 };
            let name = match i {
                3 => "region == \"North-Western Administrative Area of Somewhere\" * income_before_tax_1974".to_owned(),
                5 => "<script>alert('x')</script> & co".to_owned(),
                _ => format!("covariate_{i}"),
            };
            let mut row = balance_row(&name, &name, i < 8, (before, before * 0.2 * noise(i + 100)));
            if i == 6 {
                (row.smd_before, row.smd_after) = (None, None);
            }
            row
        })
        .collect();
    let estimand = Estimand { target: Target::Ate, population: ALL };
    let mut treated = bell(403.0, 0.3, 0.1);
    treated.iter_mut().step_by(3).for_each(|c| *c = 0.0);
    design(Target::Ate, estimand, balance(rows), overlap(0.21, treated, vec![0.0; 40]))
}

#[test]
fn few_and_many_terms_fit_and_names_cannot_break_out() {
    let few = plots::love(&many_terms(3)).expect("drawn").expect("some");
    let many = plots::love(&many_terms(60)).expect("drawn").expect("some");
    let most = plots::love(&many_terms(100)).expect("drawn").expect("some");
    for (name, figure) in [("love_3", &few), ("love_60", &many), ("love_100", &most)] {
        sound(name, figure);
    }
    assert!(height(&many) > height(&few));
    let text = svg(&many);
    assert!(!text.contains("<script>") && text.contains("&lt;scri"));
    assert!(text.contains('…'), "the long name is cut in the middle");
    assert!(svg(&most).contains("design.json has"), "what is not drawn is said");
}

#[test]
fn an_arm_without_counts_is_said() {
    let figure = plots::overlap(&many_terms(3)).expect("drawn").expect("some");
    sound("overlap_empty_arm", &figure);
    assert!(svg(&figure).contains("no controls counted"));
}

fn forest_of(scale: f64, iterations: u32) -> ResultsDocument {
    let case = nhefs();
    let estimand = Estimand { target: Target::Ate, population: ALL };
    let mut effects: Vec<EffectRow> = Vec::new();
    for iteration in 1..=iterations {
        for (i, kind) in EstimatorKind::STANDARD.into_iter().enumerate() {
            let estimate = scale * (3.0 + noise(i + 10 * iteration as usize));
            let wild = kind == EstimatorKind::IpwHt && iteration == iterations;
            let error = scale * if wild { 800.0 } else { 0.5 };
            let effect = effect(estimand, kind, (estimate, error, error), (1566, 403));
            let primary = kind == EstimatorKind::Aipw;
            effects.push(EffectRow {
                iteration,
                requested: Target::Ate,
                name: "ATE".into(),
                primary,
                learners: "logistic, linear".into(),
                effect,
            });
        }
    }
    let last = effects.iter().rfind(|r| r.primary).map(|r| r.effect.clone());
    let answers = vec![
        answer(Target::Ate, last, "ATE", iterations, Tier::FullySatisfactory),
        answer(Target::Atc, None, "trimmed ATC", iterations, Tier::NotSatisfactory),
    ];
    ResultsDocument { answers, effects, ..case.results }
}

#[test]
fn a_wild_interval_is_clipped_on_the_axis_and_never_in_the_numbers() {
    let figure = plots::forest(&forest_of(1.0, 1)).expect("drawn").expect("some");
    sound("forest_wild_1", &figure);
    let text = svg(&figure);
    assert!(text.contains("1,57") && text.contains("−1,56"), "the wild interval stands there in full");
    assert!(text.contains("One interval reaches"));
}

#[test]
fn eight_iterations_and_numbers_of_any_size_fit() {
    for (name, scale, iterations) in [("forest_8", 1.0, 8), ("forest_tiny", 1e-7, 2), ("forest_huge", 1e9, 2)] {
        let results = forest_of(scale, iterations);
        let figure = plots::forest(&results).expect("drawn").expect("some");
        sound(name, &figure);
        assert!(svg(&figure).matches("iteration ").count() >= iterations as usize - 1, "{name}");
    }
}

#[test]
fn contours_hold_for_any_size_and_sign() {
    let many: Vec<(String, f64, f64)> =
        (0..30).map(|i| (format!("confounder_{i}"), 0.02 * noise(i), 0.03 * noise(i + 50))).collect();
    let many: Vec<(&str, f64, f64)> = many.iter().map(|(n, a, b)| (n.as_str(), *a, *b)).collect();
    for (name, report) in [
        ("contour_many", sensitivity(-3.4, 0.44, 1547.0, &many)),
        ("contour_none", sensitivity(3.4, 0.44, 1547.0, &[])),
        ("contour_tiny", sensitivity(3.4e-8, 0.9e-8, 1547.0, &[("age", 0.01, 0.02)])),
        ("contour_huge", sensitivity(3.4e9, 0.2e9, 60.0, &[("age", 0.31, 0.42)])),
        ("contour_zero", sensitivity(0.0, 1.0, 60.0, &[("age", 0.31, 0.42)])),
    ] {
        let mut case = nhefs();
        case.results.answers[0].sensitivity = Some(report);
        let figure = plots::sensitivity(&case.results, Target::Ate).expect("drawn").expect("some");
        sound(name, &figure);
    }
}
