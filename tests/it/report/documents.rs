//! Report, critique, page, terminal and JSON of both runs. Set `OCI_PLOT_DIR` to look at them.

use super::cases::{Case, lalonde, lalonde_blind, nhefs};
use super::fixtures::*;
use causal::effect::Effect;
use causal::estimand::{Estimand, Target};
use oci_agent::finding::{Code, Severity};
use oci_agent::record::EffectDocument;
use oci_agent::record::critique::Stage;
use oci_agent::record::documents::DesignDocument;
use oci_agent::record::{ReportError, json};
use oci_agent::report::plots::{self, Figure};
use oci_agent::report::view::{PlacedFigure, ReportInput};
use oci_agent::report::{html, markdown, terminal};
use oci_agent::spec::AnalysisSpec;
use oci_agent::text::escape;
use oci_agent::text::terminal::TerminalText;

#[allow(clippy::disallowed_methods, reason = "only this helper looks at the environment, to show documents to people")]
pub fn show(name: &str, bytes: &[u8]) {
    if let Some(dir) = std::env::var_os("OCI_PLOT_DIR") {
        std::fs::write(std::path::Path::new(&dir).join(name), bytes).expect("write");
    }
}

pub fn figures(case: &Case) -> Vec<(String, Figure)> {
    let last = case.designs.last().expect("a design");
    let designs = plots::design_figures(last).expect("drawn").into_iter();
    let results = plots::result_figures(&case.results).expect("drawn").into_iter();
    designs
        .map(|f| (format!("plots/{}.svg", f.stem()), f))
        .chain(results.map(|f| (format!("plots/{}.svg", f.stem()), f)))
        .collect()
}

pub fn placed(figures: &[(String, Figure)]) -> Vec<PlacedFigure<'_>> {
    figures.iter().map(|(path, figure)| PlacedFigure { path: path.clone(), figure }).collect()
}

pub fn report(case: &Case) -> (String, String) {
    let figures = figures(case);
    let placed = placed(&figures);
    let input = ReportInput { results: &case.results, plan: &case.plan, figures: &placed };
    (markdown::report(&input).expect("markdown"), html::report(&input).expect("page"))
}

pub fn lalonde_spec(blind: bool) -> AnalysisSpec {
    let trimmed = Estimand { target: Target::Ate, population: TRIMMED };
    spec(
        2,
        blind,
        vec![(Target::Ate, trimmed)],
        vec![revision(Target::Ate, "crump_trim", "overlap.outside", "Keep 0.1 <= e <= 0.9.")],
    )
}

/// Every link is to a section of the page or to a file of the run.
pub fn only_own_links(page: &str) {
    let targets: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let files = ["identification.md", "analysis.ipynb", "critique.md", "results.json"];
    for target in &targets {
        let section = target.strip_prefix('#').is_some_and(|id| page.contains(&format!("id=\"{id}\"")));
        assert!(section || files.contains(target), "a link to {target}");
    }
    assert_eq!(page.matches("<a ").count(), targets.len());
    assert_eq!(page.matches("href=").count(), targets.len());
}

/// The first page as a terminal shows it.
pub fn told(case: &Case, width: usize, color: bool) -> TerminalText {
    terminal::first_page(&case.results, &case.plan, width, color)
}

/// Without the padding of tables.
pub fn squeezed(page: &str) -> String {
    page.lines().map(|line| line.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ") + "\n").collect()
}

/// Every table line has as many columns as its header, and the pipes stand under each other.
pub fn tables_line_up(page: &str) {
    let mut width = None;
    for line in page.lines() {
        if line.starts_with('|') {
            let length = line.chars().count();
            assert_eq!(*width.get_or_insert(length), length, "{line}");
        } else {
            width = None;
        }
    }
}

#[test]
fn the_report_tells_the_whole_story() {
    let case = lalonde();
    let (page, _) = report(&case);
    show("report_lalonde.md", page.as_bytes());
    tables_line_up(&page);
    for said in [
        "# NSW training and earnings\n",
        "**Question:** What did the training do to earnings in 1978?",
        "**Whether `qsmk` = 1 rather than 0 raises or lowers `wt82_71` for everyone, as far as there is somebody to compare with is open: the trimmed ATE is 1,565 [−117, 3,247] (1978 US dollars).**",
        "| ATE | trimmed ATE | 1,565 [−117, 3,247] | 5 | 2 | ⚠️ satisfactory with caveats |",
        "Asked for the ATE, the run answers for the trimmed ATE. The loop applied",
        "Lost: 41 treated and 15,684 controls.",
        "| black == 1 | 0.082 | 0.810 |",
        "![Overlap of the arms: trimmed ATE.",
        "](plots/overlap_ate.svg)",
        "](plots/forest.svg)",
        "Robustness value: a hidden confounder would have to explain 8.3 %",
        "one as strong as black, the strongest priority confounder, corresponds to",
        "the 95 % interval includes zero already",
        "| `overlap.outside` | ATE, ATT | warning | share outside (0.1, 0.9) | 12.8 % | 10.0 % |",
        "Encouragement design",
        "<summary><h2>Threats, blind spots and other ways to learn the answer</h2></summary>",
        "### Threats, in the words of the plan",
        "Loss to follow-up: 63 people have no weight in 1982 \\| we drop them.",
        "2 specs were tried. Which came next was decided from diagnostics alone",
        "draft from the plan",
        "difference in means (benchmark)",
        "Iteration 1, ATE, AIPW: the standard error that takes the nuisance models as known is 37.3 % of the stacked one.",
        "Of these two errors trust the stacked one: it carries the estimation of the models.",
        "| propensities clipped | 0 |",
        "Not estimated: iteration 2, ATC: the outcome was not read",
        "oci-agent estimate plan.yaml --spec spec.yaml --estimand ate --estimator aipw",
        "Treatment is separated perfectly by `black == 1` among the controls.",
    ] {
        assert!(squeezed(&page).contains(said), "the report lacks: {said}\n{page}");
    }
    assert!(!page.contains("\n\n\n") && page.ends_with('\n'));
}

#[test]
fn the_other_run_reads_well_too() {
    let (page, html) = report(&nhefs());
    show("report_nhefs.md", page.as_bytes());
    show("report_nhefs.html", html.as_bytes());
    tables_line_up(&page);
    assert!(squeezed(&page).contains("| ATE | ATE | 3.37 [2.43, 4.31] | 5.20 | 1.80 | ⚠️ satisfactory with caveats |"));
    assert!(page.contains("One spec was tried."));
    assert!(page.contains("so it would take one stronger than any priority confounder"));
}

#[test]
fn the_page_stands_alone_and_says_the_same() {
    let (markdown, page) = report(&lalonde());
    show("report_lalonde.html", page.as_bytes());
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert!(!page.contains("<script") && !page.contains("src="));
    only_own_links(&page);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("<svg xmlns"));
    assert_eq!(page.matches("<figure>").count(), markdown.matches("\n![").count());
    assert_eq!(page.matches("<table>").count(), markdown.matches("\n|--").count());
    assert_eq!(page.matches("<h2>").count(), markdown.matches("<summary><h2>").count());
    assert!(page.contains("&lt;b&gt;health-conscious&lt;/b&gt;"));
    for tag in [
        "p", "ul", "li", "table", "figure", "svg", "h2", "h3", "tr", "td", "div", "details", "summary", "nav", "span",
        "a",
    ] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "<{tag}>");
    }
}

#[test]
fn hostile_names_stay_text_everywhere() {
    let mut case = nhefs();
    let evil = "x|y <img src=x onerror=alert(1)> `a` **b** [c](d) {{ 7*7 }}\n# h";
    case.results.title = evil.into();
    case.plan.question = evil.into();
    case.plan.threats = vec![evil.into()];
    case.results.units = evil.into();
    case.results.answers[0].population = evil.into();
    let (markdown, page) = report(&case);
    assert!(!page.contains("<img"), "an image tag in the page");
    assert!(!markdown.contains("\n# h") && !markdown.contains(" <img") && markdown.contains("{{ 7\\*7 }}"));
    tables_line_up(&markdown);
    let table = told(&case, 80, false);
    assert!(!table.contains('\t') && table.contains("<img"));
}

#[test]
fn a_blind_critique_holds_no_effect() {
    let case = lalonde();
    let page = markdown::critique(&lalonde_blind(), &lalonde_spec(true), &case.plan).expect("markdown");
    show("critique_lalonde.md", page.as_bytes());
    tables_line_up(&page);
    for said in [
        "# Critique of iteration 2",
        "no effect was known",
        "`sensitivity.robustness` is withheld until unblinding.",
        "ATE by crump\\_trim".trim_end(),
        "| estimand",
    ] {
        let said = said.replace("crump\\_trim", "crump_trim");
        assert!(page.contains(&said), "lacks {said}\n{page}");
    }
    for row in &case.results.effects {
        let shown = oci_agent::text::numbers::fixed(row.effect.estimate, 0);
        assert!(!page.contains(&shown), "the effect {shown} is in a blind critique");
    }
    assert!(!page.contains("95 %"));
}

#[test]
fn a_blind_critique_with_an_effect_in_it_is_refused() {
    let case = lalonde();
    let mut critique = lalonde_blind();
    let told = critique.analyses[0].findings.iter_mut().find(|f| f.code == Code::SensitivityRobustness).expect("there");
    (told.value, told.severity) = (Some(0.083), Severity::Pass);
    let error = markdown::critique(&critique, &lalonde_spec(true), &case.plan).expect_err("refused");
    assert_eq!(error, ReportError::EffectWhileBlind { iteration: 2, code: "sensitivity.robustness".into() });
    assert!(markdown::critique(&critique, &lalonde_spec(false), &case.plan).is_ok(), "a loop that is not blind may");
    critique.stage = Stage::Final;
    let page = markdown::critique(&critique, &lalonde_spec(true), &case.plan).expect("final");
    assert!(squeezed(&page).contains("| robustness value | 8.3 % |"));
}

#[test]
fn the_terminal_table_fits_and_needs_no_colour() {
    let case = lalonde();
    for width in [80, 100, 140] {
        let plain = told(&case, width, false);
        show(&format!("terminal_{width}.txt"), plain.as_bytes());
        assert!(plain.lines().all(|line| line.chars().count() <= width), "{width}:\n{plain}");
        assert!(!plain.contains('\u{1b}') && plain.contains("1,565 [−117, 3,247]"), "{plain}");
        assert!(!plain.chars().any(|c| ('\u{2060}'..='\u{2064}').contains(&c)), "no marks left");
        let coloured = told(&case, width, true);
        assert!(
            coloured.contains("\u{1b}[33m▲ satisfactory\u{1b}[0m") && coloured.contains("\u{1b}[31m✘ not\u{1b}[0m")
        );
        let mut stripped = coloured.to_string();
        for code in ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, *plain, "colour changes nothing else");
    }
    let narrow = told(&case, 20, false);
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
}

#[test]
fn documents_are_canonical_and_read_back() {
    for case in [nhefs(), lalonde()] {
        let bytes = json::to_bytes(&case.results).expect("finite");
        let read: serde_json::Value = serde_json::from_slice(&bytes).expect("reads back");
        assert_eq!(json::to_bytes(&read).expect("finite"), bytes, "a fixed point");
        for design in &case.designs {
            let bytes = json::to_bytes(design).expect("finite");
            let read: DesignDocument = serde_json::from_slice(&bytes).expect("reads back");
            assert_eq!(json::to_bytes(&read).expect("finite"), bytes);
        }
    }
}

#[test]
fn a_nan_anywhere_in_the_results_is_refused_by_name() {
    let mut results = nhefs().results;
    results.answers[1].sensitivity.as_mut().expect("there").benchmarks[2].r2_outcome = f64::NAN;
    let error = json::to_bytes(&results).expect_err("refused");
    let path = "answers[1].sensitivity.benchmarks[2].r2_outcome".to_owned();
    assert_eq!(error, ReportError::NotFinite { path, value: "NaN".into() });
    let mut results = nhefs().results;
    let effect = Effect { se_stacked: Some(f64::INFINITY), ..(*results.effects[3].effect).clone() };
    results.effects[3].effect = EffectDocument::new(effect, Vec::new());
    assert!(
        json::to_bytes(&results).expect_err("refused").to_string().starts_with("`effects[3].effect.se_stacked` is inf")
    );
}

#[test]
fn a_withheld_finding_is_not_a_pass() {
    let page = markdown::critique(&lalonde_blind(), &lalonde_spec(true), &lalonde().plan).expect("markdown");
    let withheld = page.lines().find(|line| line.contains("sensitivity.robustness")).expect("a line");
    assert!(withheld.contains("withheld until") && withheld.contains("Not a pass"), "{withheld}");
    assert_eq!(oci_agent::report::sentences::severity(Severity::NotApplicable), "not applicable");
    assert_eq!(escape::shortened("abcdefghij", 5), "ab…ij");
}
