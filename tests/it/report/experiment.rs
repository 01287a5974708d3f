//! Experiments as people read them. Set `OCI_PLOT_DIR` to look at them.

use super::documents::{show, tables_line_up};
use super::experiment_fixtures::*;
use oci_agent::record::experiment::{Estimate, ExperimentResults, SegmentArm};
use oci_agent::report::experiment::{self as report, ExperimentInput, PlacedExperimentFigure};
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
            let svg = String::from_utf8(figure.svg.clone()).expect("UTF-8");
            assert!(!svg.contains("NaN") && !svg.contains("not a number") && !svg.contains("<script"), "{name}");
            assert!(svg.contains("<desc>") && !figure.description.is_empty(), "{name} {}", figure.stem);
        }
    }
    assert_eq!(figures(&ab_test()), drawn[0], "the same bytes every time");
}

/// Markdown and HTML.
fn pages(results: &ExperimentResults) -> [String; 2] {
    let figures = figures(results);
    let placed: Vec<PlacedExperimentFigure<'_>> = figures
        .iter()
        .map(|figure| PlacedExperimentFigure { path: format!("plots/{}.svg", figure.stem), figure })
        .collect();
    let input = ExperimentInput { results, figures: &placed };
    [report::markdown(&input).expect("markdown"), report::html(&input).expect("page")]
}

#[test]
fn the_reports_of_three_designs_read_well() {
    for (name, results) in all() {
        let [markdown, page] = pages(&results);
        show(&format!("{name}.md"), markdown.as_bytes());
        show(&format!("{name}.html"), page.as_bytes());
        tables_line_up(&markdown);
        assert!(!markdown.contains("\n\n\n") && !markdown.contains("NaN"));
        insta::assert_snapshot!(format!("{name}_markdown"), markdown);
    }
}

#[test]
fn the_page_stands_alone_and_says_the_same() {
    for (name, results) in all() {
        let [markdown, page] = pages(&results);
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("default-src 'none'"));
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("NaN"), "{name}");
        assert_eq!(page.matches("<figure>").count(), markdown.matches("\n![").count(), "{name}");
        assert_eq!(page.matches("<table>").count(), markdown.matches("\n|--").count(), "{name}");
        for target in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let section = target.strip_prefix('#').is_some_and(|id| page.contains(&format!("id=\"{id}\"")));
            assert!(section || ["effects.csv", "health.json", "results.json"].contains(&target), "a link to {target}");
        }
        for tag in ["p", "ul", "li", "table", "figure", "svg", "h2", "tr", "td", "div", "details", "nav", "span", "a"] {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{name}: <{tag}>");
        }
    }
}

#[test]
fn the_terminal_says_what_to_do_first_and_fits() {
    for (name, results) in all() {
        for width in [80, 120] {
            let plain = report::terminal::first_page(&results, width, false);
            assert!(plain.lines().all(|line| line.chars().count() <= width), "{name} {width}:\n{plain}");
            assert!(!plain.contains('\u{1b}') && !plain.chars().any(|c| ('\u{2060}'..='\u{2064}').contains(&c)));
            let coloured = report::terminal::first_page(&results, width, true).to_string();
            assert!(coloured.contains("\u{1b}["));
            let codes = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"];
            let stripped = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
            assert_eq!(stripped, *plain, "colour changes nothing else");
            insta::assert_snapshot!(format!("{name}_terminal_{width}"), plain.to_string());
        }
    }
}

/// The texts of a figure, in order, as one line.
fn texts(figure: &ExperimentFigure) -> String {
    let svg = String::from_utf8(figure.svg.clone()).expect("UTF-8");
    let pieces = svg.split("<text").skip(1).filter_map(|rest| rest.split_once('>')?.1.split('<').next().map(str::trim));
    pieces.collect::<Vec<_>>().join(" ").replace('\u{a0}', " ")
}

#[test]
fn numbers_beside_an_axis_are_in_its_units() {
    let drawn = figures(&ab_test());
    assert!(texts(&drawn[0]).contains("−0.54 [−0.95, −0.13], −2.42 %"), "{}", texts(&drawn[0]));
    assert!(texts(&drawn[2]).contains("0.90 [−0.08, 1.88], +4.0 %"), "{}", texts(&drawn[2]));
}

#[test]
fn intervals_are_inside_the_axis_or_marked_at_its_edge() {
    let mut results = cluster_test();
    let said = |results: &ExperimentResults| texts(&figures(results)[1]);
    assert!(!said(&results).contains("triangle"), "the first days are within");
    let areas =
        |results: &ExperimentResults| String::from_utf8_lossy(&figures(results)[1].svg).matches("<polygon").count();
    let before = areas(&results);
    let first = &mut results.days[0].cumulative[0];
    first.effect = Estimate { lower: -900.0, upper: 900.0, ..first.effect };
    assert!(said(&results).contains("A triangle at the edge: the interval goes on beyond it."), "{}", said(&results));
    assert!(areas(&results) >= before + 2, "one below and one above");
}

#[test]
fn means_that_are_those_of_the_model_are_called_adjusted() {
    let mut results = ab_test();
    let told = |results: &ExperimentResults| report::first_page::first_page(results).told[0].clone();
    assert!(told(&results).contains(": from 22.31 to 21.77"), "{}", told(&results));
    results.effects[0].baseline = Some(22.40);
    assert!(told(&results).contains(": adjusted for covariates, from 22.40 to 21.86"), "{}", told(&results));
}

/// A line of markdown without its code spans.
fn without_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        let fence: String = rest[start..].chars().take_while(|c| *c == '`').collect();
        let inside = &rest[start + fence.len()..];
        out.push_str(&rest[..start]);
        let Some(end) = inside.find(&fence) else { break };
        rest = &inside[end + fence.len()..];
    }
    out + rest
}

#[test]
fn hostile_names_stay_text_everywhere() {
    let evil = "x|y <img src=x onerror=alert(1)> `a` **b** [c](d) {{ 7*7 }}\n# h";
    let mut results = ab_test();
    results.title = evil.into();
    results.question = evil.into();
    results.caveats = vec![evil.into()];
    results.metrics[0].name = evil.into();
    results.metrics[0].measure = evil.into();
    results.health.design.arms[1].arm = evil.into();
    results.refused[0].reason = evil.into();
    for row in results.effects.iter_mut().chain(&mut results.segments) {
        if row.metric == "sales" {
            row.metric = evil.into();
        }
        if row.arm == "diverse" {
            row.arm = evil.into();
        }
        row.segment = row.segment.take().map(|_| evil.to_owned());
    }
    for row in results.days.iter_mut().flat_map(|day| &mut day.cumulative) {
        row.metric = evil.into();
    }
    results.decisions[0].arm = evil.into();
    results.decisions[0].reason = evil.into();
    results.health.checks[0].subject = Some(evil.into());
    let [markdown, page] = pages(&results);
    assert!(!page.contains("<img"), "an image tag in the page");
    assert!(!markdown.contains("\n# h"), "{markdown}");
    assert!(markdown.lines().all(|line| !without_code(line).contains(" <img")), "{markdown}");
    tables_line_up(&markdown);
    for figure in figures(&results) {
        assert!(!String::from_utf8_lossy(&figure.svg).contains("<img"));
        assert!(figure.stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{}", figure.stem);
    }
    let told = report::terminal::first_page(&results, 80, false);
    assert!(!told.contains('\t') && told.contains("<img"));
}

#[test]
fn missing_pieces_leave_no_holes() {
    let mut results = cluster_test();
    results.effects.clear();
    results.days.clear();
    results.decisions.clear();
    results.looks.clear();
    results.metrics[0].arms.clear();
    results.health.checks.clear();
    results.health.identification.clear();
    assert!(figures(&results).is_empty());
    let [markdown, page] = pages(&results);
    assert!(markdown.contains("No arm could be decided on.") && page.contains("No arm could be decided on."));
    assert!(!page.contains("href=\"#days\"") && !markdown.contains("<figure"));
    assert!(report::terminal::first_page(&results, 80, false).contains("No arm could be decided on."));
    let mut one_day = cluster_test();
    one_day.days.truncate(1);
    assert_eq!(stems(&figures(&one_day)), ["effects"], "a line needs two days");
}

#[test]
fn periods_are_drawn_where_nothing_is_cumulative() {
    let mut results = cluster_test();
    for day in &mut results.days {
        day.cumulative.clear();
    }
    let drawn = figures(&results);
    assert_eq!(drawn[1].title, "Effect on sales, by period");
    let svg = String::from_utf8(drawn[1].svg.clone()).expect("UTF-8");
    assert!(svg.contains("in period 14") && !svg.contains("confidence sequence"), "each period stands for itself");
    show("periods.svg", &drawn[1].svg);
}

#[test]
fn every_effect_is_a_line_of_the_csv() {
    let mut results = ab_test();
    let csv = String::from_utf8(report::effects_csv(&results).expect("written")).expect("UTF-8");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + results.effects.len() + results.segments.len());
    assert!(lines[0].starts_with("metric,role,arm,control,effect,segment,exploratory,n,estimate,std_error"));
    assert!(lines[1].starts_with("sales,primary,diverse,control,itt,,false,20000,-0.54,0.21,"), "{}", lines[1]);
    assert!(csv.contains("\"device == \"\"phone\"\"\",true,"), "{csv}");
    assert!(lines[0].ends_with(",n_control,n_arm,mean_control,mean_arm"), "{}", lines[0]);
    assert!(lines[1].ends_with(",10000,10000,22.31,21.77"), "{}", lines[1]);
    assert!(lines[9].ends_with(",,,,"), "nothing is known of the arms of this segment: {}", lines[9]);
    results.segment_arms = [("control", 410, Some(20.5)), ("diverse", 390, None)]
        .map(|(arm, n, value)| SegmentArm {
            metric: "sales".into(),
            segment: "holiday_shopper".into(),
            arm: arm.into(),
            n,
            value,
        })
        .to_vec();
    let csv = String::from_utf8(report::effects_csv(&results).expect("written")).expect("UTF-8");
    assert!(csv.lines().nth(9).expect("a segment").ends_with(",410,390,20.5,"), "{csv}");
    results.effects[0].metric = "=HYPERLINK(1)".into();
    let csv = String::from_utf8(report::effects_csv(&results).expect("written")).expect("UTF-8");
    assert!(csv.contains("\n'=HYPERLINK(1),"), "a spreadsheet computes nothing");
    results.effects[0].p_value = f64::NAN;
    assert!(report::effects_csv(&results).is_err(), "NaN is an error");
}
