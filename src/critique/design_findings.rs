//! Reads the numbers of one design and holds each against its [`Rule`](super::rubric::Rule). One function for each rule;
//! the thresholds are in [`super::rubric`].

use crate::critique::rubric::{Rule, SensitivityState, rule};
use crate::finding::{Code, Finding, Severity};
use crate::plan::{StudyDesign, Tool};
use crate::record::documents::AnalysisDesign;
use crate::spec::{Analysis, AnalysisSpec};
use causal::diagnose::balance::{BalanceRow, BalanceTable};
use causal::diagnose::overlap::OverlapReport;
use causal::diagnose::placebo::{PlaceboEffect, PlaceboReport};
use causal::diagnose::sensitivity::{Benchmark, SensitivityReport};
use causal::estimand::Target;

/// Two weighted means of a term that is constant within each arm agree up to this, relative to their size: rounding of
/// a sum of n equal numbers, with room to spare.
const SAME_CONSTANT: f64 = 1e-9;

/// The reason for a missing diagnostic.
fn absent(design: &AnalysisDesign, spec: &AnalysisSpec, tool: Tool) -> String {
    if !spec.tools.contains(&tool) {
        format!("Not checked: the plan does not list `{}` among its tools.", tool.key())
    } else if design.failed.is_some() {
        "Not checked: there is no design to check.".to_owned()
    } else {
        format!("Not checked: the design holds no result of `{}`.", tool.key())
    }
}

pub(super) fn design(design: &AnalysisDesign, analysis: &Analysis) -> Finding {
    let rule = rule(Code::DesignFailed);
    let name = analysis.estimand().name();
    match &design.failed {
        Some(reason) => rule.finding(Severity::Fail, format!("There is no design for the {name}: {reason}")),
        None => rule.finding(Severity::Pass, format!("The design of the {name} could be made.")),
    }
}

/// A check that has no meaning where chance decided who is treated.
pub(super) fn randomised(code: Code, spec: &AnalysisSpec) -> Option<Finding> {
    let why = match code {
        Code::BalancePriority => {
            "what the arms differ by is chance, which the interval counts; whether it is more than chance is under `identification`"
        }
        Code::OverlapOutside => "every unit had the declared chance of either arm, however small",
        Code::PlaceboEffect => {
            "the covariates together are the placebo, under `identification`, and the plan declares no other"
        }
        Code::EstimateStandardError => "the propensity is known, so its model is no part of the uncertainty",
        Code::SensitivityRobustness => "what was not measured did not decide who is treated",
        _ => return None,
    };
    (spec.design == StudyDesign::Randomised)
        .then(|| rule(code).finding(Severity::NotGraded, format!("Treatment was randomised: {why}.")))
}

pub(super) fn balance(design: &AnalysisDesign, spec: &AnalysisSpec) -> Finding {
    if let Some(finding) = randomised(Code::BalancePriority, spec) {
        return finding;
    }
    let rule = rule(Code::BalancePriority);
    let Some(table) = design.balance.as_ref().filter(|_| spec.tools.contains(&Tool::Balance)) else {
        return rule.finding(Severity::NotApplicable, absent(design, spec, Tool::Balance));
    };
    // Before the largest SMD: such a term has none, and would be passed over.
    if let Some(row) = table.rows.iter().find(|row| separated(row)) {
        let message = format!(
            "`{}` has one value among the treated and another among the controls, so no weighting can balance it.",
            row.term
        );
        return Finding { subject: Some(row.term.clone()), ..rule.finding(Severity::Fail, message) };
    }
    match table.max_priority_after {
        Some(value) => measured_balance(rule, table, design.overlap.as_ref(), value),
        None => rule.finding(Severity::NotApplicable, no_priority_balance(table)),
    }
}

fn separated(row: &BalanceRow) -> bool {
    let (treated, control) = (row.mean_treated_after, row.mean_control_after);
    let scale = treated.abs().max(control.abs());
    row.priority && row.smd_after.is_none() && (treated - control).abs() > SAME_CONSTANT * scale
}

fn no_priority_balance(table: &BalanceTable) -> String {
    if table.rows.iter().any(|row| row.priority) {
        "Not checked: every priority confounder is constant in this population.".to_owned()
    } else {
        "Not checked: the plan gives no confounder priority.".to_owned()
    }
}

fn measured_balance(rule: &Rule, table: &BalanceTable, overlap: Option<&OverlapReport>, value: f64) -> Finding {
    let severity = rule.severity(value);
    let worst = table.worst_priority.as_deref().unwrap_or("a priority confounder");
    let before = table.worst_priority_before().map_or_else(String::new, |b| format!(" (before, {:.3})", b.abs()));
    let shape = (severity == Severity::Pass).then(|| unlike(table, overlap)).flatten();
    let severity = if shape.is_some() { Severity::Warn } else { severity };
    let message = match severity {
        Severity::NotApplicable => format!("Not checked: the |SMD| of `{worst}` is not a finite number."),
        Severity::Fail => format!(
            "`{worst}` is still {value:.3} standard deviations apart after weighting{before}: the arms are not comparable."
        ),
        Severity::Warn => shape.unwrap_or_else(|| {
            format!(
                "`{worst}` is still {value:.3} standard deviations apart after weighting{before}: more than negligible."
            )
        }),
        _ => format!(
            "After weighting no priority confounder differs by more than {value:.3} standard deviations: that is `{worst}`{before}."
        ),
    };
    Finding { subject: table.worst_priority.clone(), value: finite(value), ..rule.finding(severity, message) }
}

/// A Kolmogorov-Smirnov distance up to this is negligible.
const KS: f64 = 0.1;
/// And up to so many times √(1/n₁ + 1/n₀), effective sizes, it is chance: the 0.1 % point of its distribution.
const KS_CHANCE: f64 = 1.95;
/// The logarithm of a variance ratio of 2, or ½.
const LOG_VARIANCE_RATIO: f64 = std::f64::consts::LN_2;
/// And up to so many of its standard errors √(2/n₁ + 2/n₀) it is chance.
const VARIANCE_CHANCE: f64 = 3.3;

/// The priority term whose spread or shape differs between the arms although its mean does not.
fn unlike(table: &BalanceTable, overlap: Option<&OverlapReport>) -> Option<String> {
    let overlap = overlap?;
    let sizes = 1.0 / overlap.ess_treated + 1.0 / overlap.ess_control;
    let ks_line = KS.max(KS_CHANCE * sizes.sqrt());
    let ratio_line = LOG_VARIANCE_RATIO.max(VARIANCE_CHANCE * (2.0 * sizes).sqrt());
    // Of an indicator the share says everything, and its mean is graded.
    let indicator = |row: &BalanceRow| {
        let apart = (row.mean_treated_after - row.mean_control_after).abs();
        (row.ks_after - apart).abs() <= SAME_CONSTANT
    };
    let rows = || table.rows.iter().filter(|row| row.priority && !indicator(row));
    let ratio = |row: &BalanceRow| row.variance_ratio_after.filter(|v| *v > 0.0).map_or(0.0, |v| v.ln().abs());
    let spread = rows().max_by(|a, b| ratio(a).total_cmp(&ratio(b))).filter(|row| ratio(row) > ratio_line);
    if let Some(row) = spread {
        return Some(format!(
            "The means agree, and the spread of `{}` does not: its variance among the treated is {:.2} times that among the controls after weighting.",
            row.term,
            row.variance_ratio_after.unwrap_or_default()
        ));
    }
    let shape = rows().max_by(|a, b| a.ks_after.total_cmp(&b.ks_after)).filter(|row| row.ks_after > ks_line)?;
    Some(format!(
        "The means agree, and the distribution of `{}` does not: the arms are {:.3} apart after weighting (Kolmogorov–Smirnov).",
        shape.term, shape.ks_after
    ))
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(super) fn overlap(design: &AnalysisDesign, spec: &AnalysisSpec) -> Finding {
    if let Some(finding) = randomised(Code::OverlapOutside, spec) {
        return finding;
    }
    let rule = rule(Code::OverlapOutside);
    match design.overlap.as_ref().filter(|_| spec.tools.contains(&Tool::Overlap)) {
        Some(report) => measured_overlap(rule, report, design.estimand.target),
        None => rule.finding(Severity::NotApplicable, absent(design, spec, Tool::Overlap)),
    }
}

/// Below this share of the units that an arm stands for, its effective sample size says that a few weights decide.
pub(super) const CONCENTRATED: f64 = 0.5;

fn measured_overlap(rule: &Rule, report: &OverlapReport, target: Target) -> Finding {
    let share = report.share_beyond;
    // A rare treatment has small propensities and even weights: nothing is wrong with that.
    let severity = match rule.severity(share) {
        Severity::Warn | Severity::Fail if report.carried >= CONCENTRATED => Severity::Pass,
        severity => severity,
    };
    let ess = format!(
        "The effective sample size is {:.0} treated and {:.0} controls.",
        report.ess_treated, report.ess_control
    );
    let (who, counterpart) = match target {
        Target::Ate => ("of everyone have a propensity outside (0.1, 0.9)", "anyone"),
        Target::Att => ("of the treated have a propensity above 0.9", "a control"),
        Target::Atc => ("of the controls have a propensity below 0.1", "a treated unit"),
        Target::Ato => ("of the overlap population lie where its weights have not faded", "anyone"),
    };
    let share_told = 100.0 * share;
    let message = match severity {
        Severity::NotApplicable => "Not checked: the share outside is not a finite number.".to_owned(),
        Severity::Fail => format!(
            "{share_told:.1} % {who}: for most of them there is hardly {counterpart} to compare with, so their effect is extrapolation, and with it the {}. {ess}",
            target.acronym()
        ),
        Severity::Warn => {
            format!("{share_told:.1} % {who}, where there is hardly {counterpart} to compare with. {ess}")
        }
        _ if share > 0.1 => format!("{share_told:.1} % {who}, and the weights are even all the same. {ess}"),
        _ => format!("{share_told:.1} % {who}. {ess}"),
    };
    Finding { value: finite(share), ..rule.finding(severity, message) }
}

pub(super) fn effective_size(design: &AnalysisDesign, spec: &AnalysisSpec) -> Finding {
    let rule = rule(Code::OverlapEffectiveSize);
    let Some(report) = design.overlap.as_ref().filter(|_| spec.tools.contains(&Tool::Overlap)) else {
        return rule.finding(Severity::NotApplicable, absent(design, spec, Tool::Overlap));
    };
    let (arm, n) = if report.ess_treated <= report.ess_control {
        ("treated", report.ess_treated)
    } else {
        ("control", report.ess_control)
    };
    let severity = rule.severity(n);
    let message = match severity {
        Severity::NotApplicable => "Not checked: the effective sample size is not a finite number.".to_owned(),
        Severity::Warn => format!(
            "Under the weights of the estimand the {arm} arm counts for {n:.0} units: a few of them decide the answer."
        ),
        Severity::Fail => format!(
            "Under the weights of the estimand the {arm} arm counts for {n:.1} units: too few to know the spread of their mean, so no interval holds."
        ),
        _ => format!("Under the weights of the estimand the {arm} arm, the smaller one, counts for {n:.0} units."),
    };
    Finding { subject: Some(arm.to_owned()), value: finite(n), ..rule.finding(severity, message) }
}

pub(super) fn placebo(design: &AnalysisDesign, spec: &AnalysisSpec) -> Finding {
    let rule = rule(Code::PlaceboEffect);
    if spec.placebos.is_empty() {
        if let Some(finding) = randomised(Code::PlaceboEffect, spec) {
            return finding;
        }
        let message = "Not checked: the plan declares no placebo outcome and no negative control.";
        return rule.finding(Severity::NotApplicable, message);
    }
    match design.placebo.as_ref().filter(|_| spec.tools.contains(&Tool::Placebo)) {
        Some(report) => measured_placebo(rule, report, spec.placebos.len()),
        None => rule.finding(Severity::NotApplicable, absent(design, spec, Tool::Placebo)),
    }
}

/// The least that the whole 95 % interval of a placebo's effect must be away from zero for the comparison to fail, in standard deviations:
/// a placebo outcome is a covariate that was not adjusted for, and this is the usual limit of negligible imbalance (Austin 2009).
const NEGLIGIBLE: f64 = 0.1;
/// The Holm-adjusted p-value from which on it is no accident.
const NO_ACCIDENT: f64 = 0.001;

/// The same for small studies, whose intervals are wide: an effect of a size at which arms are not comparable (Stuart 2010), and its p-value.
/// Both p-values are conventions, not calibrated.
const LARGE: f64 = 0.25;
const HARDLY_AN_ACCIDENT: f64 = 0.01;

/// True if a placebo certainly moved, and by more than what is negligible.
fn certainly_moved(effect: &PlaceboEffect) -> bool {
    const Z: f64 = 1.959_963_984_540_054;
    let sd = (effect.estimate / effect.standardised).abs();
    let nearest = effect.standardised.abs() - Z * effect.std_error / sd;
    // Nothing that is no number is on this side.
    let surely = effect.p_holm < NO_ACCIDENT && nearest >= NEGLIGIBLE;
    surely || (effect.p_holm < HARDLY_AN_ACCIDENT && effect.standardised.abs() >= LARGE)
}

/// A significant placebo warns even if others could not be tested, and a large one fails; a clean one passes only if all were.
fn measured_placebo(rule: &Rule, report: &PlaceboReport, declared: usize) -> Finding {
    let tested: Vec<_> = report.effects.iter().filter(|effect| effect.p_holm.is_finite()).collect();
    let Some(worst) = tested.iter().min_by(|a, b| a.p_holm.total_cmp(&b.p_holm)) else {
        let reason = report.not_applicable.as_deref().unwrap_or("no declared placebo could be tested");
        return rule.finding(Severity::NotApplicable, format!("Not checked: {}.", clause(reason)));
    };
    let untested = declared.saturating_sub(tested.len());
    let moved = tested.iter().find(|effect| certainly_moved(effect));
    let worst = moved.unwrap_or(worst);
    let severity = match rule.severity(worst.p_holm) {
        _ if moved.is_some() => Severity::Fail,
        Severity::Pass if untested > 0 => Severity::NotApplicable,
        severity => severity,
    };
    // Four digits as in the rule's tables; a p-value is never zero.
    let p = if worst.p_holm < 0.000_05 { "p < 0.0001".to_owned() } else { format!("p = {:.4}", worst.p_holm) };
    let seen =
        format!("the effect on `{}` is {:.3} of its standard deviations (Holm {p})", worst.column, worst.standardised);
    let message = match severity {
        Severity::Fail if moved.is_some() => {
            format!("Treatment changes what it cannot have changed, and by more than is negligible: {seen}.")
        }
        Severity::Warn | Severity::Fail => format!("Treatment seems to change what it cannot have changed: {seen}."),
        Severity::NotApplicable => {
            format!("{untested} of {declared} declared placebos could not be tested; among the others {seen}.")
        }
        _ => format!("No declared placebo moves: at the most, {seen}."),
    };
    Finding { subject: Some(worst.column.clone()), value: Some(worst.p_holm), ..rule.finding(severity, message) }
}

/// A reason without its full stop, so that it can stand inside a sentence.
pub(super) fn clause(reason: &str) -> &str {
    reason.trim().trim_end_matches('.')
}

pub(super) fn sensitivity(design: &AnalysisDesign, spec: &AnalysisSpec, state: SensitivityState<'_>) -> Finding {
    if let Some(finding) = randomised(Code::SensitivityRobustness, spec) {
        return finding;
    }
    let rule = rule(Code::SensitivityRobustness);
    if !spec.tools.contains(&Tool::Sensitivity) {
        return rule.finding(Severity::NotApplicable, absent(design, spec, Tool::Sensitivity));
    }
    match state {
        SensitivityState::Withheld => rule.finding(
            Severity::Withheld,
            "Not measured yet: it needs the effect, which is hidden while the loop is blind.",
        ),
        SensitivityState::NotComputable { reason } => {
            rule.finding(Severity::NotApplicable, format!("Not checked: {}.", clause(&reason.to_string())))
        }
        SensitivityState::Measured(report) => measured_sensitivity(rule, report),
    }
}

fn measured_sensitivity(rule: &Rule, report: &SensitivityReport) -> Finding {
    // A NaN lies on neither side of a threshold, and would pass.
    if !graded(report).is_finite() {
        return rule.finding(Severity::NotApplicable, "Not checked: the robustness value is not a finite number.");
    }
    let numbers = report.benchmarks.iter().all(|benchmark| benchmark.equivalent_rv.is_finite());
    let strongest = report.benchmarks.iter().max_by(|a, b| a.equivalent_rv.total_cmp(&b.equivalent_rv));
    match strongest {
        Some(strongest) if !numbers => {
            let message = format!("Not checked: the benchmark of `{}` is not a finite number.", strongest.confounder);
            rule.finding(Severity::NotApplicable, message)
        }
        Some(strongest) if graded(report) <= strongest.equivalent_rv => against(rule, report, strongest, true),
        // A confounder beyond any R² is stronger than every benchmark that has one, so a pass is only for plans without
        // such a confounder.
        _ if !report.benchmarks_unattainable.is_empty() => unattainable(rule, report),
        Some(strongest) => against(rule, report, strongest, false),
        None => {
            let message = "Not checked: no priority confounder can serve as a benchmark.";
            Finding { value: Some(graded(report)), ..rule.finding(Severity::NotApplicable, message) }
        }
    }
}

/// The smaller of the two robustness values. The unweighted regression may be robust about a number that is not the
/// answer; the one weighted to the target is about the answer, but has no benchmarks of its own, since weighting has
/// taken the priority confounders' relation to treatment away.
fn graded(report: &SensitivityReport) -> f64 {
    // `min` would pass over a NaN.
    if report.target_rv_q1.is_nan() { f64::NAN } else { report.rv_q1.min(report.target_rv_q1) }
}

fn against(rule: &Rule, report: &SensitivityReport, strongest: &Benchmark, explained_away: bool) -> Finding {
    let (rv, benchmark) = (graded(report), strongest.equivalent_rv);
    let which = if report.target_rv_q1 < report.rv_q1 {
        format!(" (in the regression weighted to the target; {:.3} unweighted)", report.rv_q1)
    } else {
        String::new()
    };
    let name = &strongest.confounder;
    let also = if report.benchmarks_unattainable.is_empty() {
        String::new()
    } else {
        let names = report.benchmarks_unattainable.join("`, `");
        format!(" Stronger still are `{names}`: a hidden one like them would need an R² of one or more.")
    };
    let message = if explained_away {
        format!(
            "A hidden confounder as strong as `{name}` would explain the effect away: the robustness value is {rv:.3}{which}, and `{name}` amounts to {benchmark:.3}.{also}"
        )
    } else {
        format!(
            "A hidden confounder would have to be stronger than any priority confounder: the robustness value is {rv:.3}{which}, and the strongest of them, `{name}`, amounts to {benchmark:.3}."
        )
    };
    Finding {
        subject: Some(name.clone()),
        value: Some(rv),
        threshold: Some(benchmark),
        ..rule.finding(Severity::NotGraded, message)
    }
}

fn unattainable(rule: &Rule, report: &SensitivityReport) -> Finding {
    let names = report.benchmarks_unattainable.join("`, `");
    let message = format!(
        "`{names}`: so strong a confounder that a hidden one like it would need an R² of one or more, so the robustness value of {:.3} cannot be held against it.",
        graded(report)
    );
    Finding {
        subject: report.benchmarks_unattainable.first().cloned(),
        value: Some(graded(report)),
        ..rule.finding(Severity::NotGraded, message)
    }
}

pub(super) fn blindness(spec: &AnalysisSpec) -> Finding {
    let rule = rule(Code::Blindness);
    if spec.blind {
        rule.finding(Severity::Pass, "Effects stay hidden until the loop has settled.")
    } else {
        let message =
            "The plan asks for a loop that is not blind, so effects could be seen while revisions were chosen.";
        rule.finding(Severity::Warn, message)
    }
}
