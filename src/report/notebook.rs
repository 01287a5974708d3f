//! `analysis.ipynb`: nbformat 4.5 with its outputs inside. Its code cells call the `oci-agent` program, so Jupyter can run
//! it again without any Python package.

use super::view::{PlacedFigure, ReportInput, front_figure};
use crate::plan::Plan;
use crate::record::documents::{Answer, ResultsDocument};
use crate::record::{ReportError, json};
use crate::report::plots::FigureKind;
use crate::report::{markdown, sentences};
use crate::text::{escape, numbers};
use serde::Serialize;
use serde_json::{Value, json as value};

impl<'a> NotebookInput<'a> {
    fn view(&self) -> ReportInput<'a> {
        ReportInput { results: self.results, plan: self.plan, figures: self.figures }
    }
}

/// A command of the notebook, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The arguments after `oci-agent`, e.g. `check plan.yaml`; one of [`commands`].
    pub arguments: String,
    /// Its standard output.
    pub stdout: String,
}

/// The content of the notebook.
#[derive(Debug, Clone, Copy)]
pub struct NotebookInput<'a> {
    /// The results.
    pub results: &'a ResultsDocument,
    /// The plan, for its prose.
    pub plan: &'a Plan,
    /// Figures with their paths relative to the notebook.
    pub figures: &'a [PlacedFigure<'a>],
    /// The commands with their outputs, in the order of [`commands`].
    pub recorded: &'a [Recorded],
}

/// The arguments of every `oci-agent` call of the notebook: a check of the plan, then the primary estimate of every
/// answer that has one. The caller runs them (in process) and hands the outputs back in [`NotebookInput::recorded`].
#[must_use]
pub fn commands(results: &ResultsDocument) -> Vec<String> {
    let printed = results.answers.iter().filter(|answer| sentences::same_answer(results, answer).is_none());
    std::iter::once("check plan.yaml".to_owned()).chain(printed.filter_map(estimate_command)).collect()
}

fn estimate_command(answer: &Answer) -> Option<String> {
    let effect = answer.effect.as_ref()?;
    Some(format!(
        "estimate plan.yaml --spec spec.yaml --estimand {} --estimator {}",
        answer.requested.key(),
        effect.estimator.key()
    ))
}

const FIND: &str = "import os
import shutil

OCI = os.environ.get(\"OCI_AGENT\", \"oci-agent\")
# In a clone on another machine: DATA = \"--data-root /where/the/plan/and/its/data/are\"
DATA = os.environ.get(\"OCI_AGENT_DATA\", \"\")
if shutil.which(OCI) is None:
    raise SystemExit(
        f\"{OCI} was not found. Please put the program on your PATH, or set the environment variable OCI_AGENT\"
        \" to where it is (for example target/release/oci-agent), and start again from this cell.\"
    )
print(\"oci-agent was found.\")
";

/// The notebook's bytes: canonical JSON.
///
/// # Errors
/// None in practice; [`ReportError`] if the notebook cannot be written as JSON.
pub fn render(input: &NotebookInput<'_>) -> Result<Vec<u8>, ReportError> {
    let mut cells = Cells::default();
    introduction(&mut cells, input)?;
    for answer in &input.results.answers {
        if sentences::same_answer(input.results, answer).is_none() {
            answer_cells(&mut cells, input, answer);
        }
    }
    cells.markdown(&[sentences::SENSITIVITY.to_owned()]);
    closing(&mut cells, input);
    for said in markdown::voices(input.results)? {
        cells.markdown(&[said.trim_end().to_owned()]);
    }
    let notebook = Notebook {
        nbformat: 4,
        nbformat_minor: 5,
        metadata: value!({
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }),
        cells: cells.cells,
    };
    json::to_bytes(&notebook)
}

#[derive(Serialize)]
struct Notebook {
    nbformat: u32,
    nbformat_minor: u32,
    metadata: Value,
    cells: Vec<Value>,
}

#[derive(Default)]
struct Cells {
    cells: Vec<Value>,
    executed: usize,
}

impl Cells {
    /// Cell ids are their places: the same notebook has the same ids.
    fn id(&self) -> String {
        format!("cell-{:03}", self.cells.len() + 1)
    }

    fn markdown(&mut self, paragraphs: &[String]) {
        let source = source_lines(&paragraphs.join("\n\n"));
        self.cells.push(value!({"cell_type": "markdown", "id": self.id(), "metadata": {}, "source": source}));
    }

    fn code(&mut self, source: &str, stdout: &str) {
        self.executed += 1;
        let outputs = if stdout.is_empty() {
            Vec::new()
        } else {
            vec![value!({"output_type": "stream", "name": "stdout", "text": source_lines(stdout)})]
        };
        self.cells.push(value!({
            "cell_type": "code", "id": self.id(), "metadata": {}, "execution_count": self.executed,
            "source": source_lines(source.trim_end()), "outputs": outputs,
        }));
    }

    /// A call of the program, with what it printed then.
    fn command(&mut self, input: &NotebookInput<'_>, arguments: &str) {
        let recorded = input.recorded.iter().find(|r| r.arguments == arguments);
        let call = format!(
            "!\"{{OCI}}\" {arguments} {{DATA}}\nassert _exit_code == 0, \"oci-agent stopped; its message is above\""
        );
        self.code(&call, recorded.map_or("", |r| r.stdout.as_str()));
    }
}

/// The lines of a text, each but the last with its line break, as nbformat wants them.
fn source_lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

fn introduction(cells: &mut Cells, input: &NotebookInput<'_>) -> Result<(), ReportError> {
    let title = format!("# {}", escape::markdown(&input.results.title));
    let question = format!("**Question:** {}", escape::markdown(&input.plan.question));
    let page = markdown::first_page(&input.view())?;
    cells.markdown(&[title, question, page.trim().to_owned()]);
    let how = "The estimates come from the commands in the code cells: run them again in this folder, and the numbers must be \
               the same. Figures and sensitivity are those of the run, which `oci-agent run` makes again. In a clone on \
               another machine, say in the next cell where the data are.";
    cells.markdown(&[how.to_owned()]);
    cells.code(FIND, "oci-agent was found.\n");
    cells.markdown(&["## The plan".to_owned(), "Is the plan complete, and does it fit the data?".to_owned()]);
    cells.command(input, "check plan.yaml");
    let forest = pictures(input, |kind| kind == FigureKind::Forest);
    if !forest.is_empty() {
        cells.markdown(&forest);
    }
    Ok(())
}

fn answer_cells(cells: &mut Cells, input: &NotebookInput<'_>, answer: &Answer) {
    let mut paragraphs = vec![format!("## {}", escape::markdown(&sentences::asked_and_answered(answer)))];
    let wanted = [FigureKind::Love(answer.requested), FigureKind::Overlap(answer.requested)];
    let front = front_figure(&input.view());
    paragraphs.extend(pictures(input, |kind| wanted.contains(&kind) && Some(kind) != front));
    cells.markdown(&paragraphs);
    if let Some(arguments) = estimate_command(answer) {
        cells.command(input, &arguments);
    }
    let said = match &answer.sensitivity {
        Some(report) => sentences::sensitivity(report, &input.results.units),
        None => Vec::new(),
    };
    let mut paragraphs: Vec<String> = said.iter().map(|line| format!("- {}", escape::markdown(line))).collect();
    paragraphs = vec![paragraphs.join("\n")];
    paragraphs.extend(pictures(input, |kind| kind == FigureKind::Sensitivity(answer.requested)));
    paragraphs.retain(|p| !p.is_empty());
    if !paragraphs.is_empty() {
        cells.markdown(&paragraphs);
    }
}

fn closing(cells: &mut Cells, input: &NotebookInput<'_>) {
    let tried = input.results.specs_tried.iter().map(|spec| {
        let changes: Vec<String> = spec.revisions.iter().map(|r| escape::markdown(&r.change)).collect();
        let changes = if changes.is_empty() { "draft from the plan".to_owned() } else { changes.join(" ") };
        format!("- Iteration {}, `{}`: {changes}", spec.iteration, numbers::short_hash(&spec.spec_sha256))
    });
    let tried = tried.collect::<Vec<_>>().join("\n");
    let blind = if input.plan.loop_.blind && !input.results.unblinded_before.is_empty() {
        "Which spec came next was decided from diagnostics alone; but an earlier run had shown an effect on this outcome before this plan was written."
    } else if input.plan.loop_.blind {
        "Which spec came next was decided from diagnostics alone; no effect was known before the loop had settled."
    } else {
        "The loop was not blind, which caps every verdict."
    };
    cells.markdown(&["## Every spec that was tried".to_owned(), blind.to_owned(), tried]);
}

fn pictures(input: &NotebookInput<'_>, wanted: impl Fn(FigureKind) -> bool) -> Vec<String> {
    let shown = input.figures.iter().filter(|placed| wanted(placed.figure.kind));
    shown.map(|placed| format!("![{}]({})", escape::markdown_alternative(&placed.figure.title), placed.path)).collect()
}
