//! `oci-agent estimate`.

use super::errors::{self, CliError};
use super::estimate_args::EstimateArgs;
use super::sources::DataSources;
use super::{files, output};
use crate::input_file;
use crate::pipeline::estimate::{self, DataRequest, EstimateDocument, EstimateFailure};
use crate::pipeline::prepare::{self, Prepared};
use crate::pipeline::units;
use crate::spec::AnalysisSpec;
use crate::term::Term;
use crate::text::terminal::TerminalText;
use causal::contrast::Contrast;
use causal::estimand::{Population, TrimRule};
use causal::estimator::EstimatorKind;
use causal::estimator::NuisanceModels;
use causal::learner_kind::LearnerKind;
use causal::learners::logistic::LogisticParams;
use std::path::Path;
use std::process::ExitCode;

/// Prints one estimate as JSON.
pub fn estimate(args: &EstimateArgs) -> Result<ExitCode, CliError> {
    let is_plan = args.input.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let document = if is_plan { from_plan(args)? } else { from_data(args)? };
    let bytes = crate::record::json::to_bytes(&document).map_err(|error| CliError::bug(error.to_string()))?;
    output::stdout(TerminalText::json(&String::from_utf8_lossy(&bytes)))?;
    Ok(ExitCode::SUCCESS)
}

fn from_plan(args: &EstimateArgs) -> Result<EstimateDocument, CliError> {
    let named = [
        ("--treatment", args.treatment.is_some()),
        ("--outcome", args.outcome.is_some()),
        ("--terms", !args.terms.is_empty()),
        ("--trim", args.trim.is_some()),
        ("--weights", args.weights.is_some()),
        ("--propensity", args.propensity.is_some()),
        ("--outcome-model", args.outcome_model.is_some()),
        ("--repeats", args.repeats.is_some()),
        ("--effort", args.effort.is_some()),
        ("--inference", args.inference.is_some()),
        ("--clusters", args.clusters.is_some()),
        ("--known-propensity", args.known_propensity.is_some()),
    ];
    if let Some((flag, _)) = named.iter().find(|(_, given)| *given) {
        return Err(CliError::user(
            format!("{flag} goes with a data file; with a plan, the plan and its spec decide"),
            "Leave it out, or give the data file instead of the plan.",
        ));
    }
    let bytes = files::read_plan(&args.input)?;
    let sources = files::data_sources(&args.input, &args.data)?;
    let prepared = prepare::prepare(&bytes, &sources)
        .map_err(|error| errors::from_prepare(error, &args.input, output::TerminalStyle::of_stderr()))?;
    if let Some(message) = files::data_elsewhere(&args.input, &args.data, sources.root(), &prepared.plan.data.source) {
        output::stderr(message);
    }
    let spec = match &args.spec {
        None => prepared.draft.clone(),
        Some(path) => read_spec(path)?,
    };
    for (what, in_spec, here) in
        [("plan", &spec.plan_sha256, &prepared.plan_sha256), ("data", &spec.data_sha256, &prepared.document.sha256)]
    {
        if in_spec != here {
            return Err(CliError::user(
                format!("this spec was made for another {what}: it says {in_spec}, and this {what} is {here}"),
                "Use the plan.yaml and the data of the run that the spec comes from.",
            ));
        }
    }
    let document = estimate::from_plan(&prepared, &spec, args.estimand, args.estimator).map_err(failed)?;
    if let Some(path) = &args.units {
        write_units(path, &prepared, &spec, args)?;
    }
    Ok(document)
}

/// Writes the table of units of the analysis that was estimated.
fn write_units(path: &Path, prepared: &Prepared, spec: &AnalysisSpec, args: &EstimateArgs) -> Result<(), CliError> {
    let analysis = spec.analyses.iter().find(|analysis| analysis.requested == args.estimand).ok_or_else(|| {
        CliError::user(
            format!("the spec has no analysis of the {}", args.estimand.acronym()),
            "Ask for an estimand of the plan with --estimand.",
        )
    })?;
    let bytes = units::of_analysis(prepared, spec, analysis).map_err(|error| errors::from_dataset(&error))?;
    files::write_new(path, &bytes)
}

fn read_spec(path: &Path) -> Result<AnalysisSpec, CliError> {
    let text = input_file::read_text(path, input_file::MOST_OF_A_TEXT)
        .map_err(|error| errors::from_input(path, "read the spec", &error))?;
    AnalysisSpec::from_yaml(&text).map_err(|error| {
        CliError::user(
            format!("{}: {error}", path.display()),
            "Specs are written by `oci-agent run`; use one as it is.",
        )
    })
}

fn from_data(args: &EstimateArgs) -> Result<EstimateDocument, CliError> {
    let missing = |flag: &str, what: &str| {
        CliError::user(
            format!("{flag} is missing: which column of the data is the {what}?"),
            "See `oci-agent estimate --help`.",
        )
    };
    let treatment = args.treatment.clone().ok_or_else(|| missing("--treatment", "treatment"))?;
    let outcome = args.outcome.clone().ok_or_else(|| missing("--outcome", "outcome"))?;
    if args.units.is_some() {
        return Err(CliError::user(
            "--units goes with a plan, not with a data file",
            "Write a plan with `oci-agent init`, and give that instead of the data.",
        ));
    }
    if args.spec.is_some() {
        return Err(CliError::user(
            "--spec goes with a plan, not with a data file",
            "Give the plan instead of the data.",
        ));
    }
    let terms: Result<Vec<Term>, _> = args.terms.iter().map(|text| Term::parse(text)).collect();
    let terms =
        terms.map_err(|error| CliError::user(error.to_string(), "A term looks like `age`, `age^2` or `re74 == 0`."))?;
    let estimator = args.estimator.unwrap_or_default();
    refuse_unused(args, estimator)?;
    let made_for = NuisanceModels::for_estimator(estimator, args.effort.unwrap_or_default());
    let models = NuisanceModels {
        propensity: args.propensity.unwrap_or(made_for.propensity),
        outcome: args.outcome_model.unwrap_or(made_for.outcome),
        repeats: args.repeats.map_or(made_for.repeats, usize::from),
        effort: made_for.effort,
    };
    let request = DataRequest {
        treatment,
        contrast: Contrast { treated: args.treated.clone(), control: args.control.clone() },
        outcome: (outcome, args.outcome_kind),
        terms,
        weights: args.weights.clone(),
        target: args.estimand,
        estimator,
        models,
        inference: args.inference.unwrap_or_default(),
        clusters: args.clusters.clone(),
        known_propensity: args.known_propensity.clone(),
        population: population(args.trim.as_deref())?,
        folds: (usize::from(args.folds), args.seed),
        logistic: LogisticParams { engine: args.logistic, ..LogisticParams::default() },
    };
    let sources = DataSources::of_arguments(args.data.data_root.as_deref());
    estimate::from_data(&args.input.to_string_lossy(), &sources, &request).map_err(|error| match error {
        EstimateFailure::Request(_) => CliError::user(error.to_string(), a_plan_can_say_more(args, &request)),
        other => failed(other),
    })
}

/// The command that writes a plan for the same question.
fn a_plan_can_say_more(args: &EstimateArgs, request: &DataRequest) -> String {
    let word = |text: &str| output::shell_word(Path::new(text));
    format!(
        "A plan can say more about the data, missing values and events among it; this writes one: oci-agent init {} \
         --treatment {} --outcome {}",
        output::shell_word(&args.input),
        word(&request.treatment),
        word(&request.outcome.0)
    )
}

/// A learner or a repeat that the estimator would not look at is refused, not ignored.
fn refuse_unused(args: &EstimateArgs, estimator: EstimatorKind) -> Result<(), CliError> {
    let own = estimator.brings_outcome_models();
    let problems = [
        (args.propensity.is_some_and(|p| p != LearnerKind::Linear) && !estimator.takes_learners(), "--propensity"),
        (args.outcome_model.is_some() && own, "--outcome-model"),
        (
            args.outcome_model.is_some_and(|m| m != LearnerKind::Linear) && !estimator.takes_learners(),
            "--outcome-model",
        ),
        (args.repeats.is_some_and(|n| n > 1) && !estimator.is_crossfitted(), "--repeats"),
    ];
    match problems.iter().find(|(unused, _)| *unused) {
        None => Ok(()),
        Some((_, flag)) => Err(CliError::user(
            format!("{flag} has no effect on `{}`", estimator.key()),
            "Leave it out, or use aipw_crossfit or tmle_crossfit, which take any learner.",
        )),
    }
}

fn population(trim: Option<&str>) -> Result<Population, CliError> {
    let Some(text) = trim else { return Ok(Population::All) };
    let rule = match text.parse::<f64>() {
        _ if text == "crump" => TrimRule::CrumpOptimal,
        Ok(alpha) if (0.0..0.5).contains(&alpha) => TrimRule::Fixed { alpha },
        _ => {
            let hint = "Use a bound from 0 up to (not including) 0.5, such as 0.1, or `crump`.";
            return Err(CliError::user(format!("`{text}` is not a trimming rule"), hint));
        }
    };
    Ok(Population::Trimmed { trim: rule })
}

fn failed(error: EstimateFailure) -> CliError {
    let hint = match &error {
        EstimateFailure::Dataset(inner) => return errors::from_dataset(inner),
        EstimateFailure::Spec(_) => "`oci-agent estimate --help` lists what can be asked for.",
        EstimateFailure::Request(_) => "Each line names the column and the fix.",
        EstimateFailure::Failed(_) => "Adjust for fewer terms, or trim with --trim where the arms do not overlap.",
    };
    CliError::user(error.to_string(), hint)
}
