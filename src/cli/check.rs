//! `oci-agent check plan.yaml`.

use super::args::{CheckArgs, Global};
use super::errors::{self, CliError};
use super::trust::{self, Trust};
use super::{files, output, plan_draft, run_experiment};
use crate::critique::plan_review::{self, PlanFinding};
use crate::input_file::{self, MOST_OF_A_TEXT};
use crate::pipeline::identification::PlanIdentification;
use crate::pipeline::{self, Prepared};
use crate::plan::draft::DraftSection;
use crate::plan::{self, GraphSource};
use std::path::Path;
use std::process::ExitCode;

/// Holds the plan against its data and says what would be analysed.
pub fn check(args: &CheckArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = files::read_plan_with(&args.plan, &args.settings)?;
    if crate::plan::experiment::is_experiment(&bytes) {
        return run_experiment::check(args, &bytes, global);
    }
    let sources = files::data_sources(&args.plan, &args.data)?;
    let (findings, draft) = reviewed(&bytes, sources.root());
    let prepared = pipeline::prepare::prepare(&bytes, &sources).map_err(|error| {
        // A draft is not ready yet; what there is to think about meanwhile is told all the same.
        let told = if global.json || global.quiet > 0 {
            String::new()
        } else {
            plan_draft::asked_first(&findings, draft.as_ref())
        };
        let error = errors::from_prepare(error, &args.plan, output::TerminalStyle::of_stderr());
        output::stdout(told).err().unwrap_or(error)
    })?;
    if let Some(message) = files::data_elsewhere(&args.plan, &args.data, sources.root(), &prepared.plan.data.source) {
        output::stderr(message);
    }
    let outward = outward(args, &prepared)?;
    if global.json {
        output::json_line(&json(&prepared, &outward, &findings))?;
    } else if global.quiet == 0 {
        output::stdout(pipeline::checked::checked(&prepared))?;
        output::stdout(plan_draft::asked_first(&findings, draft.as_ref()))?;
        outward.iter().for_each(|line| output::stderr(format!("note {line}")));
    }
    if prepared.structure().is_clean() {
        return Ok(ExitCode::SUCCESS);
    }
    output::stderr("Not accepted: confounders have structural faults; take them out of the plan, or correct the data.");
    Ok(ExitCode::from(1))
}

/// What a run of the plan would send, where to, and the consent that is wanting.
pub(super) fn outward(args: &CheckArgs, prepared: &Prepared) -> Result<Vec<String>, CliError> {
    let trust = Trust::gather(&args.consent.trust)?;
    let plan = &prepared.plan;
    let mut lines = Vec::new();
    for (role, section) in [("actor", &plan.actor), ("critic", &plan.critic)] {
        lines.extend(trust::told(section, role, &trust)?);
        lines.extend(super::models::known(section, role)?);
    }
    if !lines.is_empty() {
        let outside = trust::data_outside(&args.plan, &args.data, plan)?;
        let wanting = trust::check_outside(&outside, &trust).err();
        lines.extend(wanting.map(|wanting| [vec![wanting.message], wanting.hints].concat().join(". ")));
    }
    Ok(lines)
}

/// What a colleague would ask of the plan, whether or not its data can answer. It raises nothing.
pub(super) fn reviewed(bytes: &[u8], root: &Path) -> (Vec<PlanFinding>, Option<DraftSection>) {
    let (Some(plan), _) = plan::read_bytes(bytes) else { return (Vec::new(), None) };
    // That a file cannot be read is among the problems of the plan.
    let of_file = match &plan.graph {
        Some(GraphSource::File(name)) => input_file::read_text(&root.join(name), MOST_OF_A_TEXT).ok(),
        _ => None,
    };
    let findings = plan_review::review(&plan, plan_review::inline_graph(&plan).or(of_file.as_deref()));
    (findings, plan.draft)
}

/// What is told of a plan that holds.
pub(super) fn json(prepared: &Prepared, outward: &[String], findings: &[PlanFinding]) -> serde_json::Value {
    serde_json::json!({
        "event": "checked",
        "plan_sha256": prepared.plan_sha256,
        "data_sha256": prepared.document.sha256,
        "spec_sha256": prepared.draft.sha256(),
        "counters": prepared.counters(),
        "structure": prepared.structure(),
        "outward": outward,
        "plan_findings": findings,
        "identification": prepared.identification.as_ref().map(PlanIdentification::answer_document),
    })
}
