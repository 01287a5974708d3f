//! Experiments as people read them. Set `OCI_PLOT_DIR` to look at them.

use super::documents::show;
use super::experiment_fixtures::*;
use oci_agent::record::experiment::ExperimentResults;
use oci_agent::report::plots::experiment::{self as plots, ExperimentFigure};

fn all() -> [(&'static str, ExperimentResults); 3] {
    [("ab", ab_test()), ("encouragement", encouragement()), ("cluster", cluster_test())]
}

fn figures(results: &ExperimentResults) -> Vec<ExperimentFigure> {
    plots::figures(results).expect("drawn")
}

fn stems(figures: &[ExperimentFigure]) -> Vec<&str> {
    figures.iter().map(|figure| figure.stem.as_str()).collect()
}

#[test]
fn figures_are_made_where_there_are_data() {
    let drawn: Vec<Vec<ExperimentFigure>> = all().iter().map(|(_, results)| figures(results)).collect();
    assert_eq!(stems(&drawn[0]), ["effects", "cumulative_sales", "segments", "sample_ratio"]);
    assert_eq!(stems(&drawn[1]), ["effects"]);
    assert_eq!(stems(&drawn[2]), ["effects", "cumulative_sales", "sample_ratio"]);
    for ((name, _), figures) in all().iter().zip(&drawn) {
        for figure in figures {
            show(&format!("{name}_{}.svg", figure.stem), &figure.svg);
            show(&format!("{name}_{}.png", figure.stem), &figure.png);
            let svg = String::from_utf8(figure.svg.clone()).expect("UTF-8");
            assert!(!svg.contains("NaN") && !svg.contains("not a number") && !svg.contains("<script"), "{name}");
            assert!(svg.contains("<desc>") && !figure.description.is_empty(), "{name} {}", figure.stem);
        }
    }
    assert_eq!(figures(&ab_test()), drawn[0], "the same bytes every time");
}
