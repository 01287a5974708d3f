//! The plan that `oci-agent init` writes: it parses as it is, and its comments say what to think about.

use super::proposal::{Observed, Proposal, ProposedOverride, TwoValues};
use super::quote::{yaml_text, yaml_value};
use super::reader::shown;
use super::reading_words::conversion_text;
use super::{ColumnType, Merge, MissingPolicy};
use crate::schema::Conversion;
use crate::text::escape::one_line;
use crate::text::numbers::count;
use std::fmt::Write;

/// The longest line of a comment.
const LINE: usize = 118;

/// Of a graph with more confounders than this nobody reads the comment.
const MOST_DRAWN: usize = 30;

/// The input of a template.
#[derive(Debug, Clone, Copy)]
pub struct TemplateInput<'a> {
    /// The data file, relative to where the plan will be.
    pub source: &'a str,
    /// Treatment, outcome and columns.
    pub observed: Observed<'a>,
    /// What the plan says of them.
    pub proposal: &'a Proposal,
    /// The policy for missing values.
    pub missing: MissingPolicy,
    /// What was done to values while the file was read.
    pub conversions: &'a [Conversion],
    /// A draft follows whose judgements are to be accepted: columns are listed by their roles.
    pub drafted: bool,
}

/// A commented plan to start from. It passes [`super::parse()`] as it is if the data have at least one column that could
/// be a confounder; what is left out is named in a comment with the reason.
#[must_use]
pub fn template(input: &TemplateInput<'_>) -> String {
    let (treatment, outcome) = (input.observed.treatment, input.observed.outcome);
    let mut out = String::from(SCHEMA);
    out.push_str(if input.drafted { DRAFT_HEADER } else { HEADER });
    line(&mut out, "title", &format!("Effect of {} on {}", shown(treatment), shown(outcome)));
    out.push_str(QUESTION);
    line(&mut out, "question", &format!("What is the average effect of {} on {}?", shown(treatment), shown(outcome)));
    out.push_str(TARGET_TRIAL);
    data(&mut out, input);
    treatment_section(&mut out, input);
    outcome_section(&mut out, input);
    graph(&mut out, input);
    out.push_str(if input.drafted { DRAFTED_CONFOUNDERS } else { CONFOUNDERS });
    confounders(&mut out, input.proposal);
    out.push_str(PLACEBOS);
    earlier_outcomes(&mut out, &input.proposal.earlier_outcomes);
    out.push_str("placebo_outcomes: []\nnegative_controls: []\n");
    out.push_str(REST);
    clusters(&mut out, input.proposal);
    out.push_str(END);
    out
}

pub(super) fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key}: {}", yaml_text(value));
}

/// A comment on as many lines as it takes.
pub(super) fn comment(out: &mut String, indent: &str, text: &str) {
    let mut written = format!("{indent}#");
    for word in one_line(text).split(' ') {
        if written.chars().count() + 1 + word.chars().count() > LINE && !written.ends_with('#') {
            let _ = writeln!(out, "{written}");
            written = format!("{indent}# ");
        }
        written.push(' ');
        written.push_str(word);
    }
    let _ = writeln!(out, "{written}");
}

fn data(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(DATA);
    line(out, "  source", input.source);
    let id = input.proposal.unit_id.as_deref().map_or_else(|| "id".to_owned(), yaml_text);
    let _ = writeln!(out, "  # unit_id: {id}      # names the unit; must be unique");
    out.push_str(COLUMNS);
    overrides(out, &input.proposal.overrides);
    for done in input.conversions {
        comment(out, "  ", &format!("As it was read: {}.", conversion_text(done)));
    }
    missing(out, input);
}

fn overrides(out: &mut String, proposed: &[ProposedOverride]) {
    if proposed.is_empty() {
        return;
    }
    out.push_str("  columns:\n");
    let mut names: Vec<&str> = proposed.iter().map(|one| one.column.as_str()).collect();
    names.dedup();
    for name in names {
        let own = || proposed.iter().filter(|one| one.column == name);
        let because: Vec<String> = own().map(|one| one_line(&one.because)).collect();
        let said: Vec<String> = own().flat_map(statements).collect();
        comment(out, "    ", &because.join("; "));
        let _ = writeln!(out, "    {}: {{{}}}", yaml_text(name), said.join(", "));
    }
}

fn statements(proposed: &ProposedOverride) -> Vec<String> {
    let said = &proposed.said;
    let kind = said.kind.map(|kind| match kind {
        ColumnType::Number => "type: number".to_owned(),
        ColumnType::Category => "type: category".to_owned(),
        ColumnType::Boolean => "type: boolean".to_owned(),
    });
    let merge = said.merge.map(|merge| match merge {
        Merge::Blanks => "merge: blanks".to_owned(),
        Merge::Case => "merge: case".to_owned(),
    });
    let missing = said.missing_values.as_ref().map(|values| {
        let values: Vec<String> = values.iter().map(|value| yaml_value(value)).collect();
        format!("missing_values: [{}]", values.join(", "))
    });
    [kind, merge, missing].into_iter().flatten().collect()
}

fn missing(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(MISSING);
    let columns = input.observed.columns.iter();
    let missing: Vec<String> = columns
        .filter(|column| column.missing > 0)
        .map(|column| format!("{} ({})", shown(&column.name), count(column.missing)))
        .collect();
    if !missing.is_empty() {
        comment(out, "  ", &format!("Missing values in this file: {}.", missing.join(", ")));
    }
    out.push_str(match input.missing {
        MissingPolicy::Error => "  missing: error\n",
        MissingPolicy::Drop => "  missing: drop  # a guess, so that the plan can be checked: is it right here?\n",
        MissingPolicy::Indicator => {
            "  missing: indicator  # a guess, so that the plan can be checked: is it right here?\n"
        }
    });
}

fn treatment_section(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(TREATMENT);
    line(out, "  column", input.observed.treatment);
    let Some(TwoValues { yes, no, certain, of }) = &input.proposal.treatment else {
        out.push_str("  treated: 1\n  control: 0\n");
        out.push_str("  # The column has too many values to name two of them: add one to the file that says 1 or 0.\n");
        return;
    };
    let _ = writeln!(out, "  treated: {}", yaml_value(yes));
    let _ = writeln!(out, "  control: {}", yaml_value(no));
    if !certain {
        out.push_str("  # A guess: which of the two is the treatment? If it is the other, swap them; the sign of the effect depends on it.\n");
    }
    if *of > 2 {
        let text = format!(
            "The column has {of} values, and a plan compares two. Take the rows with any other out of the file first."
        );
        comment(out, "  ", &text);
    }
}

fn outcome_section(out: &mut String, input: &TemplateInput<'_>) {
    let outcome = input.observed.outcome;
    out.push_str(OUTCOME);
    line(out, "  column", outcome);
    line(out, "  units", &format!("units of {}", shown(outcome)));
    if let Some(TwoValues { yes, no, certain, .. }) = &input.proposal.event {
        out.push_str("  kind: binary\n");
        let _ = writeln!(out, "  event: {}", yaml_value(yes));
        let guess = if *certain { "" } else { "A guess: " };
        comment(out, "  ", &format!("{guess}what is counted; the other value is {}.", shown(no)));
        return;
    }
    out.push_str(if input.proposal.binary {
        "  kind: binary      # or continuous\n"
    } else {
        "  kind: continuous  # write `binary` if it is 0 or 1\n"
    });
}

fn confounders(out: &mut String, proposal: &Proposal) {
    out.push_str(if proposal.confounders.is_empty() { "  priority: []\n" } else { "  priority:\n" });
    for (name, remark) in &proposal.confounders {
        let remark = if remark.is_empty() { String::new() } else { format!("  # {}", one_line(remark)) };
        let _ = writeln!(out, "    - {}{remark}", yaml_text(name));
    }
    out.push_str("  other: []\n");
    for (name, reason) in &proposal.left_out {
        let _ = writeln!(out, "  # left out: {} ({})", shown(name), one_line(reason));
    }
    out.push_str(TERMS);
}

/// A graph to begin with, as a comment: every proposed confounder causes both. Nothing where a name has other than letters,
/// digits, `_` and `.`: how to quote it is in the documents.
fn graph(out: &mut String, input: &TemplateInput<'_>) {
    out.push_str(GRAPH);
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let (treatment, outcome) = (input.observed.treatment, input.observed.outcome);
    let kept: Vec<&str> = input.proposal.confounders.iter().map(|(name, _)| name.as_str()).collect();
    if kept.is_empty() || kept.len() > MOST_DRAWN || !kept.iter().chain(&[treatment, outcome]).all(|name| plain(name)) {
        return;
    }
    out.push_str("# graph: |\n#   digraph {\n");
    for cause in kept {
        let _ = writeln!(out, "#     \"{cause}\" -> {{\"{treatment}\" \"{outcome}\"}}");
    }
    let _ = writeln!(out, "#     \"{treatment}\" -> \"{outcome}\"\n#   }}");
}

fn earlier_outcomes(out: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
    let text = format!(
        "Candidates, by their names the outcome at an earlier time: {}. To use one as a placebo, move it here from the confounders.",
        names.join(", ")
    );
    comment(out, "", &text);
}

fn clusters(out: &mut String, proposal: &Proposal) {
    let Some((name, rows)) = &proposal.clusters else {
        out.push_str("analysis: {}\n");
        return;
    };
    out.push_str("analysis:\n");
    let text = format!(
        "{} names units with {rows} rows each on average. Rows of one unit are alike, and standard errors that take them for \
         independent are too small; with this line they are not, and no unit is split between folds.",
        shown(name)
    );
    comment(out, "  ", &text);
    line(out, "  clusters", name);
}

const SCHEMA: &str = "\
# yaml-language-server: $schema=https://raw.githubusercontent.com/oci-agent/oci-agent/main/docs/plan.schema.json
#
";

const DRAFT_HEADER: &str = "\
# A draft of an analysis plan for oci-agent: each judgement in it stands under `draft:`, at the end, with its reason, and
# waits for you. What is undecided there, only you can say.
#
#   oci-agent plan accept plan.yaml   goes through the judgements
#   oci-agent check plan.yaml         reads the plan against the data and says what does not fit
#   oci-agent run plan.yaml           does the analysis, once every judgement is accepted
#
# Accept it before you look at outcomes by treatment. Every change you make later is in the git history.

";

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
  #   score: {missing_values: [-99]}
  # Columns to compute, and whom the question is about, if not everyone in the file (docs/data.md has the language):
  # derive: {heavy: cigs >= 20, log_income: log(income + 1), age_band: 'cut(age, [25, 45, 65])'}
  # filter: age >= 18 and region != north
";

const MISSING: &str = "  # Missing values: `error` counts them and stops; `drop` removes the rows; `indicator` fills covariates in and adds an
  # indicator; `{default: indicator, income: drop}` says it by column. Whatever is done is counted in the results.
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
# Confounders: what drives both who is treated and how they fare. Please go through the list below, which is every other
# column of the file that could be one, and ask of each:
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

const DRAFTED_CONFOUNDERS: &str = "
# Confounders: what drives both who is treated and how they fare, settled before treatment. Columns come here by their roles
# (`draft:`), those that only predict the outcome under `other`.
confounders:
";

const TERMS: &str =
    "  # Curves, thresholds and interactions that you know of beforehand: [age^2, earnings == 0, education * earnings]
  terms: []
";

const PLACEBOS: &str = "
# Checks with a known answer. A placebo outcome was measured before treatment, so treatment cannot have changed it; a
# negative control was measured after, but treatment cannot plausibly matter for it. An `effect` on either means that the
# arms differ in ways the confounders do not explain. Do not name anything that is also a confounder: that test would
# fire about half the time on data in perfect order. None at all is allowed, and caps the verdict.
";

const REST: &str = "
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
";

const END: &str = "\
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
