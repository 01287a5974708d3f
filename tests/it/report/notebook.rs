//! The notebook: valid nbformat 4.5 by structure, outputs inside, deterministic. It was also validated and executed with
//! Python's nbformat and nbconvert when it was written.

use super::cases::lalonde;
use super::documents::{figures, placed};
use oci_agent::report::notebook::{NotebookInput, Recorded, commands, render};
use serde_json::Value;

fn notebook() -> Vec<u8> {
    let case = lalonde();
    let figures = figures(&case);
    let placed = placed(&figures);
    let recorded: Vec<Recorded> = commands(&case.results)
        .into_iter()
        .map(|arguments| Recorded { stdout: format!("{{\"of\": \"{arguments}\"}}\nsecond line\n"), arguments })
        .collect();
    render(&NotebookInput { results: &case.results, plan: &case.plan, figures: &placed, recorded: &recorded })
        .expect("rendered")
}

#[allow(clippy::disallowed_methods, reason = "only this helper looks at the environment, to show documents to people")]
fn show(bytes: &[u8]) {
    if let Some(dir) = std::env::var_os("OCI_PLOT_DIR") {
        std::fs::write(std::path::Path::new(&dir).join("analysis.ipynb"), bytes).expect("write");
    }
}

fn joined(lines: &Value) -> String {
    lines.as_array().expect("lines").iter().map(|line| line.as_str().expect("text")).collect()
}

#[test]
fn it_is_a_notebook_by_the_format_s_own_rules() {
    let bytes = notebook();
    show(&bytes);
    let notebook: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!((&notebook["nbformat"], &notebook["nbformat_minor"]), (&4.into(), &5.into()));
    assert_eq!(notebook["metadata"]["kernelspec"]["name"], "python3");
    let cells = notebook["cells"].as_array().expect("cells");
    let mut ids = std::collections::BTreeSet::new();
    let mut executed = 0;
    for cell in cells {
        let id = cell["id"].as_str().expect("an id");
        assert!(ids.insert(id) && id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        assert!(cell["metadata"].is_object());
        let source = joined(&cell["source"]);
        assert!(!source.is_empty() && !source.ends_with('\n'));
        match cell["cell_type"].as_str() {
            Some("markdown") => assert!(cell.get("outputs").is_none()),
            Some("code") => {
                executed += 1;
                assert_eq!(cell["execution_count"], executed);
                let output = &cell["outputs"][0];
                assert_eq!((&output["output_type"], &output["name"]), (&"stream".into(), &"stdout".into()));
                assert!(joined(&output["text"]).ends_with('\n'));
            }
            other => panic!("a cell of type {other:?}"),
        }
    }
    assert_eq!(executed, 4, "the finder, the check and two estimates: the ATC has none");
}

#[test]
fn its_code_calls_the_program_and_its_prose_tells_the_story() {
    let notebook: Value = serde_json::from_slice(&notebook()).expect("JSON");
    let cells = notebook["cells"].as_array().expect("cells");
    let code: Vec<String> = cells.iter().filter(|c| c["cell_type"] == "code").map(|c| joined(&c["source"])).collect();
    assert!(
        code[0].contains("OCI = os.environ.get(\"OCI_AGENT\", \"oci-agent\")") && code[0].contains("shutil.which(OCI)")
    );
    let stops = "assert _exit_code == 0";
    assert!(code[1].starts_with("!\"{OCI}\" check plan.yaml {DATA}\n") && code[1].contains(stops), "{}", code[1]);
    let call = "!\"{OCI}\" estimate plan.yaml --spec spec.yaml --estimand ate --estimator aipw {DATA}\n";
    assert!(code[2].starts_with(call) && code[2].contains(stops), "{}", code[2]);
    let prose: String = cells.iter().filter(|c| c["cell_type"] == "markdown").map(|c| joined(&c["source"])).collect();
    for said in [
        "trimmed ATE",
        "1,565 [−117, 3,247] (1978 US dollars)",
        "](plots/love_ate.svg)",
        "Robustness value",
        "Every spec that was tried",
        "The 452 people",
    ] {
        assert!(prose.contains(said), "lacks {said}");
    }
}

#[test]
fn the_same_run_gives_the_same_notebook() {
    assert_eq!(notebook(), notebook());
}
