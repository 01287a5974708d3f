//! The report of a replay: the datasets that were scored, the leaderboards with a plot of coverage against error, and the
//! worth of the verdicts, as markdown and as one page that needs nothing else.

use super::tables;
use crate::record::ReportError;
use crate::report::html;
use crate::report::plots::{self, Figure, MethodPoint, ReplayPlot};
use crate::report::table::Table;
use crate::text::escape;
use acic::score::{Board, Line, NETFLIX, Scores};

/// The files of a report: names and bytes.
pub type Files = Vec<(String, Vec<u8>)>;

/// A part of the report, in the order in which it is read.
enum Block {
    Heading(String),
    Prose(String),
    Table(Table),
    Figure(Box<Figure>),
}

/// Renders the report.
///
/// # Errors
/// A plot that could not be drawn.
pub fn render(scores: &Scores) -> Result<Files, ReportError> {
    let blocks = blocks(scores)?;
    let mut files = Vec::new();
    for block in &blocks {
        if let Block::Figure(figure) = block {
            files.push((format!("{}.svg", figure.stem()), figure.svg.clone()));
        }
    }
    files.push(("report.md".to_owned(), markdown(&blocks).into_bytes()));
    files.push(("report.html".to_owned(), page(&blocks).into_bytes()));
    Ok(files)
}

const TITLE: &str = "ACIC 2016 replay";

fn blocks(scores: &Scores) -> Result<Vec<Block>, ReportError> {
    let mut blocks = vec![Block::Prose(scores.scope()), Block::Prose(method(scores))];
    if !scores.skipped.is_empty() {
        blocks.push(Block::Heading("Left out".to_owned()));
        blocks.extend(scores.skipped.iter().map(|line| Block::Prose(line.clone())));
    }
    if !scores.missing.is_empty() {
        let names: Vec<String> = scores.missing.iter().map(ToString::to_string).collect();
        blocks.push(Block::Heading("Not analysed yet".to_owned()));
        blocks.push(Block::Prose(names.join(", ")));
    }
    for board in &scores.boards {
        blocks.extend(board_blocks(scores, board)?);
    }
    Ok(blocks)
}

/// The leaderboard of one estimand, and its verdicts.
fn board_blocks(scores: &Scores, board: &Board) -> Result<Vec<Block>, ReportError> {
    let name = board.estimand.acronym();
    let against = board.lines.iter().find(|line| line.ours).map_or("", |line| line.truth);
    let mut blocks = vec![Block::Heading(format!("{name} against {against}"))];
    let methods = board.lines.iter().filter_map(|line| point(line, against)).collect();
    let plot = ReplayPlot { estimand: name.to_owned(), scope: scores.scope(), methods };
    blocks.extend(plots::replay(board.estimand, &plot)?.map(|figure| Block::Figure(Box::new(figure))));
    blocks.push(Block::Table(tables::board(board)));
    if !board.carriers.is_empty() {
        blocks.push(Block::Prose(CARRIERS.to_owned()));
        blocks.push(Block::Table(tables::carriers(board)));
    }
    for verdicts in scores.verdicts.iter().filter(|verdicts| verdicts.estimand == board.estimand) {
        blocks.push(Block::Heading(format!("What the verdicts on the {name} are worth")));
        blocks.push(Block::Prose(RULES.to_owned()));
        blocks.push(Block::Table(tables::verdicts(verdicts)));
    }
    Ok(blocks)
}

/// A method in the plot; one that is held against another truth than ours says so.
fn point(line: &Line, against: &str) -> Option<MethodPoint> {
    let (rmse, coverage) = (line.measures.rmse?, line.measures.coverage?);
    let own = line.truth != against;
    let name = if own { format!("{} ({})", line.method, line.truth) } else { line.method.clone() };
    Some(MethodPoint { name, rmse, coverage, width: line.measures.width?, ours: line.ours })
}

fn method(scores: &Scores) -> String {
    let first = scores.estimators.first().map(String::as_str).unwrap_or_default();
    format!(
        "Estimators: {}; budget: {}. Bias, RMSE and width are in units of the standard deviation of the observed outcome of \
         each dataset, as in the published table. Differences are the RMSE of {first} minus that of the method on the \
         datasets that both have, with its standard error by the delta method over datasets. A method that gave no estimate \
         for a dataset is scored on the others; `failed` counts them. {NETFLIX} is the agent that published its answers on \
         these datasets; its ATE is held against the mean of mu1 − mu0 and, in a line of its own, against the truth that was \
         published with it.",
        scores.estimators.join(", "),
        scores.budget
    )
}

const CARRIERS: &str = "The datasets that carry the mean squared error of our first estimator:";

const RULES: &str = "Our rubric is that of every run: see docs/verdict.md. The peer's rule is its own: not_satisfactory if the \
    largest weighted |SMD| of its priority covariates is above 0.2; caveats if more than 10 % of the units have a propensity \
    outside (0.1, 0.9) or its placebo has p < 0.05; else fully; held against the diagnostics that it published. `accepted` \
    is fully and caveats together.";

fn markdown(blocks: &[Block]) -> String {
    let mut out = format!("# {TITLE}\n");
    for block in blocks {
        out.push('\n');
        out.push_str(&match block {
            Block::Heading(words) => format!("## {}\n", escape::markdown(words)),
            Block::Prose(words) => format!("{}\n", escape::markdown(words)),
            Block::Table(table) => table.to_markdown(),
            Block::Figure(figure) => {
                format!("![{}]({}.svg)\n", escape::markdown_alternative(&figure.title), figure.stem())
            }
        });
    }
    out
}

fn page(blocks: &[Block]) -> String {
    let mut out = format!("<h1>{TITLE}</h1>\n");
    for block in blocks {
        out.push_str(&match block {
            Block::Heading(words) => format!("<h2>{}</h2>\n", escape::html(words)),
            Block::Prose(words) => format!("<p>{}</p>\n", escape::html_prose(words)),
            Block::Table(table) => table.to_html(),
            Block::Figure(figure) => format!("<figure>{}</figure>\n", String::from_utf8_lossy(&figure.svg)),
        });
    }
    html::page(TITLE, &out)
}
