//! The diagnostics that the plan allows were run, or say why not.

use super::checks::Checked;
use super::facts::AuditFinding as Finding;
use super::history::{Document, History};
use super::reported::list;
use super::tools::held;
use super::{AlignmentSubject, Outside, experiment};
use crate::finding::{Code, Severity};
use crate::plan::Tool;
use crate::record::critique::Critique;
use crate::record::documents::AnalysisDesign;
use serde_json::Value;

/// What every critique of a design that could be made has a finding for.
const GRADED: [Code; 11] = [
    Code::Identification,
    Code::StructureOneArm,
    Code::StructurePocket,
    Code::StructureOutcome,
    Code::BalancePriority,
    Code::OverlapOutside,
    Code::OverlapEffectiveSize,
    Code::PlaceboEffect,
    Code::SensitivityRobustness,
    Code::Alignment,
    Code::Blindness,
];

/// Designs, critiques and answers.
pub(super) fn diagnostics(history: &History<'_>, outside: &Outside) -> Checked {
    let Some(plan) = history.observational() else { return experiment::diagnostics(history) };
    if history.designs.is_empty() {
        return Checked::waits_for("design.json");
    }
    let mut check = Checked::default();
    held(&mut check, history, outside, AlignmentSubject::Placebos);
    let listed = |tool: Tool| plan.tools.contains(&tool);
    for (iteration, design) in &history.designs {
        let placebos = history.specs.get(iteration).and_then(|it| it.read()).is_some_and(|it| !it.placebos.is_empty());
        for analysis in design.read().into_iter().flat_map(|it| &it.analyses).filter(|it| it.failed.is_none()) {
            for (tool, there) in run(analysis) {
                let expected = listed(tool) && (tool != Tool::Placebo || placebos);
                if expected && !there {
                    let (of, diagnostic) = (analysis.name.clone(), tool.key().to_owned());
                    let finding = Finding::DiagnosticMissing { iteration: Some(*iteration), of, diagnostic };
                    check.add(finding, design.filed.at(None));
                }
            }
        }
    }
    for (iteration, critique) in &history.critiques {
        graded(&mut check, Some(*iteration), critique);
    }
    if let Some(last) = &history.last_critique {
        graded(&mut check, None, last);
    }
    if listed(Tool::Sensitivity) {
        let answers: Vec<Value> = list(history, "answers");
        for (at, answer) in answers.iter().enumerate() {
            let there = |key: &str| answer.get(key).is_some_and(|value| !value.is_null());
            let excused = answer.get("missing").and_then(Value::as_array).is_some_and(|why| !why.is_empty());
            if let Some(place) = history.in_results(&format!("answers[{at}]"))
                && there("effect")
                && !there("sensitivity")
                && !excused
            {
                let of = answer.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let diagnostic = Tool::Sensitivity.key().to_owned();
                check.add(Finding::DiagnosticMissing { iteration: None, of, diagnostic }, place);
            }
        }
    }
    check
}

fn run(design: &AnalysisDesign) -> [(Tool, bool); 4] {
    [
        (Tool::Propensity, design.propensity.is_some()),
        (Tool::Balance, design.balance.is_some()),
        (Tool::Overlap, design.overlap.is_some()),
        (Tool::Placebo, design.placebo.is_some()),
    ]
}

/// Each analysis of a critique has a finding for everything that is graded.
fn graded(check: &mut Checked, iteration: Option<u32>, critique: &Document<'_, Critique>) {
    let Some(read) = critique.read() else { return };
    let mut findings = 0;
    for analysis in &read.analyses {
        findings += analysis.findings.len();
        let failed = |code: Code| {
            analysis.findings.iter().any(|finding| finding.code == code && finding.severity == Severity::Fail)
        };
        if failed(Code::DesignFailed) {
            continue;
        }
        for code in GRADED.into_iter().filter(|code| !analysis.findings.iter().any(|it| it.code == *code)) {
            let (of, diagnostic) = (analysis.estimand.clone(), code.key().to_owned());
            check.add(Finding::DiagnosticMissing { iteration, of, diagnostic }, critique.filed.at(None));
        }
    }
    check.add(Finding::DiagnosticsRun { iteration, findings }, critique.filed.at(None));
}
