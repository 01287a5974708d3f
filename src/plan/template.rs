//! The plan that `oci-agent init` writes: it parses as it is, and its comments say what to think about.

use super::quote::yaml_text;
use super::reader::shown;
use crate::schema::{ColumnInfo, ColumnKind};
use crate::text::escape::one_line;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Categories with more levels than this are left out of the draft, as `spec::draft` refuses them.
const MOST_LEVELS: usize = 50;

/// Of a graph with more confounders than this nobody reads the comment.
const MOST_DRAWN: usize = 30;

/// The input of a template.
#[derive(Debug, Clone, Copy)]
pub struct TemplateInput<'a> {
    /// The data file, relative to where the plan will be.
    pub source: &'a str,
    /// Treatment column.
    pub treatment: &'a str,
    /// Outcome column.
    pub outcome: &'a str,
    /// The columns of the data.
    pub columns: &'a [ColumnInfo],
    /// Columns that cannot be confounders, with the reason as a sentence.
    pub faults: &'a BTreeMap<String, String>,
}

/// A commented plan to start from. It passes [`super::parse()`] as it is if the data have at least one column that could
/// be a confounder: every column but treatment and outcome, without dates, ids, constants and very fine categories,
/// which are named in a comment with the reason.
#[must_use]
pub fn template(input: &TemplateInput<'_>) -> String {
    let (treatment, outcome) = (input.treatment, input.outcome);
    let mut out = String::from(HEADER);
    line(&mut out, "title", &format!("Effect of {} on {}", shown(treatment), shown(outcome)));
    out.push_str(QUESTION);
    line(&mut out, "question", &format!("What is the average effect of {} on {}?", shown(treatment), shown(outcome)));
    out.push_str(TARGET_TRIAL);
    data(&mut out, input);
    treatment_section(&mut out, input);
    outcome_section(&mut out, input);
    graph(&mut out, input);
    confounders(&mut out, input);
    out.push_str(REST);
    out
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key}: {}", yaml_text(value));
}

fn column<'a>(input: &TemplateInput<'a>, name: &str) -> Option<&'a ColumnInfo> {
    input.columns.iter().find(|column| column.name == name)
}

fn data(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(DATA);
    line(out, "  source", input.source);
    match input.columns.iter().find(|column| looks_like_id(&column.name)) {
        Some(id) => drop(writeln!(out, "  # unit_id: {}      # names the unit; must be unique", yaml_text(&id.name))),
        None => out.push_str("  # unit_id: id      # names the unit; must be unique\n"),
    }
    out.push_str(COLUMNS);
    let missing: Vec<String> = input
        .columns
        .iter()
        .filter(|column| column.missing > 0)
        .map(|column| format!("{} ({})", shown(&column.name), column.missing))
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(
            out,
            "  # Missing values in this file: {}. With `error` the run stops and names them.",
            missing.join(", ")
        );
    }
    out.push_str("  missing: error\n");
}

fn treatment_section(out: &mut String, input: &TemplateInput<'_>) {
    let levels = column(input, input.treatment).map_or(&[][..], |column| &column.levels);
    let (treated, control) = levels_of(levels);
    out.push_str(TREATMENT);
    line(out, "  column", input.treatment);
    let _ = writeln!(out, "  treated: {}", level_text(treated));
    let _ = writeln!(out, "  control: {}", level_text(control));
    if !speaks_for_itself(control, treated) {
        out.push_str(
            "  # A guess, in alphabetical order: which of the two is the treatment? If it is the other, swap them.\n",
        );
    }
    if levels.len() > 2 {
        let all: Vec<String> = levels.iter().map(|level| shown(level)).collect();
        let _ = writeln!(
            out,
            "  # The column has more than two levels: {}. Take the rows with any other out of the file first.",
            all.join(", ")
        );
    }
}

/// The treated and the control level that a template proposes for the treatment among `columns`.
#[must_use]
pub fn template_levels<'a>(columns: &'a [ColumnInfo], treatment: &str) -> (&'a str, &'a str) {
    levels_of(columns.iter().find(|column| column.name == treatment).map_or(&[][..], |column| &column.levels))
}

fn levels_of(levels: &[String]) -> (&str, &str) {
    match levels {
        [control, treated, ..] => (treated, control),
        _ => ("1", "0"),
    }
}

/// True if two levels say by themselves which one is the control.
fn speaks_for_itself(control: &str, treated: &str) -> bool {
    let known =
        [("0", "1"), ("no", "yes"), ("false", "true"), ("control", "treated"), ("control", "treatment"), ("n", "y")];
    known.contains(&(control.to_lowercase().as_str(), treated.to_lowercase().as_str()))
}

/// Digits read better without quotes, and the reader takes them as text.
fn level_text(level: &str) -> String {
    let digits = !level.is_empty() && level.len() <= 9 && level.chars().all(|c| c.is_ascii_digit());
    if digits { level.to_owned() } else { yaml_text(level) }
}

fn outcome_section(out: &mut String, input: &TemplateInput<'_>) {
    let binary = column(input, input.outcome).is_some_and(|column| column.kind == ColumnKind::Boolean);
    out.push_str(OUTCOME);
    line(out, "  column", input.outcome);
    line(out, "  units", &format!("units of {}", shown(input.outcome)));
    out.push_str(if binary {
        "  kind: binary      # or continuous\n"
    } else {
        "  kind: continuous  # write `binary` if it is 0 or 1\n"
    });
}

fn confounders(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(CONFOUNDERS);
    let kept = kept(input);
    if kept.is_empty() {
        out.push_str("  priority: []\n");
    } else {
        out.push_str("  priority:\n");
    }
    for column in kept {
        let note = if column.kind == ColumnKind::Category {
            format!("  # category, {} levels", column.levels.len())
        } else {
            String::new()
        };
        let _ = writeln!(out, "    - {}{note}", yaml_text(&column.name));
    }
    out.push_str("  other: []\n");
    for (column, reason) in others(input).filter_map(|column| Some((column, why_not(input, column)?))) {
        let _ = writeln!(out, "  # left out: {} ({})", shown(&column.name), one_line(&reason));
    }
    out.push_str(TERMS);
}

fn others<'a>(input: &TemplateInput<'a>) -> impl Iterator<Item = &'a ColumnInfo> {
    let (treatment, outcome) = (input.treatment, input.outcome);
    input.columns.iter().filter(move |column| column.name != treatment && column.name != outcome)
}

fn kept<'a>(input: &TemplateInput<'a>) -> Vec<&'a ColumnInfo> {
    others(input).filter(|column| why_not(input, column).is_none()).collect()
}

fn why_not(input: &TemplateInput<'_>, column: &ColumnInfo) -> Option<String> {
    left_out(column).or_else(|| Some(input.faults.get(&column.name)?.clone()))
}

/// A graph to begin with, as a comment: every proposed confounder causes both. Nothing where a name has other than letters,
/// digits, `_` and `.`: how to quote it is in the documents.
fn graph(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(GRAPH);
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let kept = kept(input);
    let names = || kept.iter().map(|column| column.name.as_str()).chain([input.treatment, input.outcome]);
    if kept.is_empty() || kept.len() > MOST_DRAWN || !names().all(plain) {
        return;
    }
    let causes: Vec<String> = kept.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let (treatment, outcome) = (input.treatment, input.outcome);
    out.push_str("# graph: |\n#   digraph {\n");
    for cause in causes {
        let _ = writeln!(out, "#     {cause} -> {{\"{treatment}\" \"{outcome}\"}}");
    }
    let _ = writeln!(out, "#     \"{treatment}\" -> \"{outcome}\"\n#   }}");
}

/// Why a column is not proposed as a confounder.
fn left_out(column: &ColumnInfo) -> Option<String> {
    let levels = column.levels.len();
    match column.kind {
        _ if column.name.trim().is_empty() => Some("it has no name".to_owned()),
        _ if looks_like_id(&column.name) => Some("it looks like a unit id".to_owned()),
        ColumnKind::Date => Some("a date; turn it into a number first, e.g. days since enrolment".to_owned()),
        ColumnKind::Category if levels > MOST_LEVELS => {
            Some(format!("{levels} levels; group them into {MOST_LEVELS} or fewer"))
        }
        ColumnKind::Category | ColumnKind::Boolean if levels < 2 => Some("one value only".to_owned()),
        ColumnKind::Number | ColumnKind::Category | ColumnKind::Boolean => None,
        _ => Some("its type cannot be used as a covariate".to_owned()),
    }
}

fn looks_like_id(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "id" | "uuid" | "uid") || name.ends_with("_id")
}

const HEADER: &str = "\
# An analysis plan for oci-agent, to be edited. It is complete as it stands, but only you know whether it is true.
#
#   oci-agent check plan.yaml     reads it against the data and says what does not fit
#   oci-agent run plan.yaml       does the analysis; effects are computed after the design has settled
#
# Write it before you look at outcomes by treatment. Every change you make later is in the git history, which is
# nothing to be ashamed of: readers trust an analysis more when they can see how it came to be.

";

const QUESTION: &str = "
# Ask it as an experiment would: who, this treatment against which other, which outcome, how much later.
";

const TARGET_TRIAL: &str = "
# Was treatment assigned by chance? Then say so, with the chance of treatment; the allocation is audited.
# design: randomised
# share: 0.5

# The randomised trial you would run if you could (Hernan & Robins 2016). Filling it in is the best hour you can spend
# on an observational study: most biases turn out to be a difference between this trial and the data at hand. What stays
# empty is not an error; the critique will list it as a blind spot.
target_trial:
  eligibility:            # who could enrol, judged by what is known at time zero only
  treatment_strategies:   # what exactly each arm does
  assignment:             # randomised, perhaps within strata; blinded or not
  time_zero:              # the moment when eligibility holds, treatment is assigned and follow-up starts
  follow_up:              # from time zero until when; what ends it early
  outcome:                # what is measured, when, by whom
  causal_contrast:        # effect of being assigned (intention to treat), or of adhering (per protocol)
  analysis_plan:          # how the trial would have been analysed

";

const DATA: &str = "\
data:
  # A CSV or Parquet file or a glob of them, relative to this plan.
";

const COLUMNS: &str = "  # weights: w     # observation weights, e.g. of a survey; leave out if every row counts once
  # How to read a column, where the file's own type is not what is meant (codes that look like numbers, say):
  # columns:
  #   education: category
  #   region: {type: category, reference: north}
  #   smoker: boolean
  #   visits: {measured: after}   # after treatment: it may not be a confounder
  # Missing values: `error` counts them and stops; `drop` removes the rows; `indicator` fills covariates in and adds an
  # indicator. Whatever is done is counted in the results.
";

const TREATMENT: &str = "
# What is done, and against what. Both must be something a person could have been assigned to.
treatment:
";

const OUTCOME: &str = "
# Measured after treatment. `units` is for axes and sentences: kg, dollars, sessions per week.
outcome:
";

const GRAPH: &str = "
# Why would the comparison be causal? Say that a coin decided (`design: randomised` and `share: 0.5`, its chance), or draw
# what causes what: then the graph is held against the data, and with `confounders:` left out the program chooses them.
# Without either it is assumed, and the verdict says so. docs/identification.md has the language and examples. To begin
# with, every confounder below causes both; take arrows out, and add `u [latent=true]` for what nobody measured.
";

const CONFOUNDERS: &str = "
# Confounders: what drives both who is treated and how they fare. Please go through the list below, which is simply
# every other column of the file, and ask of each:
#
#   Was it measured, or settled, before treatment?  If not, take it out. Never list a variable that treatment may have
#     changed (a mediator, a symptom at follow-up, a later purchase): adjusting for it hides part of the effect or
#     creates an association where there is none.
#   Does it influence both treatment and outcome?   Then it belongs under `priority`: these must balance, and the
#     verdict depends on them.
#   Does it only predict the outcome?               Then `other` is a good place; it buys precision.
#   Does it only predict treatment?                 An instrument: leave it out, it costs overlap and adds no protection.
#   Is something missing from the file altogether?  Say so under `threats`; the sensitivity analysis is about just that.
confounders:
";

const TERMS: &str =
    "  # Curves, thresholds and interactions that you know of beforehand: [age^2, earnings == 0, education * earnings]
  terms: []
";

const REST: &str = "
# Checks with a known answer. A placebo outcome was measured before treatment, so treatment cannot have changed it; a
# negative control was measured after, but treatment cannot plausibly matter for it. An `effect` on either means that the
# arms differ in ways the confounders do not explain. Do not name anything that is also a confounder: that test would
# fire about half the time on data in perfect order. None at all is allowed, and caps the verdict.
placebo_outcomes: []
negative_controls: []

# What could be wrong all the same, one sentence each: a cause of both that nobody measured, people who know the outcome
# before they choose, drop-out that depends on treatment, units that influence each other.
threats: []

# Whose average effect, the most important first:
#   ate   everyone                     needs overlap everywhere: each kind of unit must be seen in both arms
#   att   those who were treated       needs controls that look like every treated unit
#   atc   those who were not           the mirror image
#   ato   those who could have gone    always the best overlap, weighted towards units whose treatment was a close call
#         either way
# If overlap fails, the honest answer is often about fewer people, and that is another question: say here, before anything is
# known, what you would accept instead. Without it the estimand is refused, and the run exits with 1.
#   - {ask: ate, accept: [trimmed_ate, ato]}
estimands: [ate, att]

# What the actor may use. A tool that is not listed is never used; a check that is not made is never a pass.
tools: [propensity, balance, overlap, placebo, sensitivity, trim, ipw, outcome_regression, aipw, aipw_crossfit, tmle,
        bart, dr_average]

# How the answer is computed. With everything left out, the doubly robust average answers if there are rows enough (200,
# 20 in each arm), else AIPW; the spec says which and why. A difference of means and a one-shot regression are
# computed in any case, to argue against.
analysis: {}
  # estimator: dr_average     # two doubly robust estimates that fail differently, boosting or ridge out of fold and BART; or
  #                           #   aipw, tmle        regressions for treatment and outcome, standard errors that stack them
  #                           #   aipw_crossfit, tmle_crossfit    the same with any learner, out of fold
  #                           #   aipw_bart, bart   Bayesian trees, corrected by weighting or alone
  #                           #   ipw_hajek, ipw_ht, gformula     one model only
  # also: [aipw, ipw_hajek]   # what runs beside it
  # propensity: boosting      # linear, ridge, elastic_net, elastic_net_basis, boosting, boosting_linear, boosting_or_ridge,
  #                           #   bart or stack; balance and
  #                           #   overlap are judged by it. Learners named without an estimator go to aipw_crossfit
  # outcome_model: linear     # the same words, with aipw_crossfit and tmle_crossfit
  # repeats: 1                # cross-fitting again with other folds, the median is reported; 5 if thorough
  # effort: fast              # or thorough: more sweeps, chains and repeats, about six times the time
  # inference: population     # or sample: the effect in these very units, whose own differences then do not count (of the
  #                           #   ATE that is an upper bound, and not always shorter)
  # folds: 5
  # clusters: school          # units that share their luck; standard errors and folds respect them
  # known_propensity: p       # a column of probabilities, if treatment was assigned by a known rule

# The loop revises the design by its diagnostics alone. `blind: true` keeps effects hidden until it has settled.
loop:
  max_iterations: 5
  stop_when: no_playbook_applies   # or satisfactory
  blind: true

# Who revises the design, and who grades it beside the rubric. `playbook` is the deterministic engine: no key, no network. A
# language model needs `{provider: anthropic, model: …}` or `{provider: openai, model: …}` and a key in the environment
# (ANTHROPIC_API_KEY, OPENAI_API_KEY); `base_url` names another server that speaks the protocol. It sees aggregates only,
# and may lower a verdict, never raise it.
actor: {provider: playbook}
critic: {provider: playbook}
# budget: {turns: 80, tokens: 1000000, wall_minutes: 60, cost_usd: 2}   # reaching one ends the run with what it has
# privacy: {min_cell: 10, redact_names: false}                          # what may be said to a language model
seed: 20261121
";
