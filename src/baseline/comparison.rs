//! Three ways of asking the same plan, side by side.

use crate::agent::driver::Outcome;
use crate::record::documents::{Conduct, RoleUsage};
use crate::report::table::{Column, Table};
use crate::text::{escape, numbers};
use causal::estimand::Target;
use serde::Serialize;

const UNDIAGNOSED: &str = "none: nothing was diagnosed";

/// An answer to one estimand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The estimand that was asked for.
    pub requested: Target,
    /// The honest name of what was answered.
    pub name: String,
    /// The estimate, if there is one.
    pub estimate: Option<f64>,
    /// Lower bound of the 95 % interval.
    pub lower: Option<f64>,
    /// Upper bound.
    pub upper: Option<f64>,
    /// The computed verdict; what stands in its place where nothing was diagnosed.
    pub verdict: String,
    /// Estimate less the truth of what was asked for, where that is known.
    pub error: Option<f64>,
    /// Why, or why not: a model's words, or a reason of this program.
    pub note: String,
}

/// One way of asking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// `no tools`, `one iteration`, `full loop`.
    pub name: String,
    /// One for each requested estimand.
    pub answers: Vec<Line>,
    /// Answers of models.
    pub calls: u32,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// US dollars, if the models have a price.
    pub cost_usd: Option<f64>,
    /// Seconds; `None` for a replay.
    pub seconds: Option<f64>,
    /// Omissions and shortfalls, a sentence each.
    pub notes: Vec<String>,
}

/// `baseline.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Of the plan.
    pub title: String,
    /// Units of the outcome.
    pub units: String,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// SHA-256 fingerprint of the data.
    pub data_sha256: String,
    /// Program version.
    pub tool_version: String,
    /// The model that was asked.
    pub model: String,
    /// In the order of the table.
    pub variants: Vec<Variant>,
}

impl Line {
    /// No answer, for this reason.
    #[must_use]
    pub fn none(requested: Target, note: String) -> Line {
        let (name, verdict) = (requested.acronym().to_owned(), UNDIAGNOSED.to_owned());
        Line { requested, name, estimate: None, lower: None, upper: None, verdict, error: None, note }
    }
}

impl Variant {
    /// A way of asking, before anything was used up.
    #[must_use]
    pub fn named(name: &str, answers: Vec<Line>) -> Variant {
        Variant {
            name: name.to_owned(),
            answers,
            calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: None,
            seconds: None,
            notes: Vec::new(),
        }
    }

    /// A run of the loop.
    #[must_use]
    pub fn of_run(name: &str, outcome: &Outcome) -> Variant {
        let line = |answer: &crate::record::documents::Answer| Line {
            requested: answer.requested,
            name: answer.name.clone(),
            estimate: answer.effect.as_ref().map(|effect| effect.estimate),
            lower: answer.effect.as_ref().map(|effect| effect.ci_lower),
            upper: answer.effect.as_ref().map(|effect| effect.ci_upper),
            verdict: answer.tier.key().to_owned(),
            error: None,
            note: answer.missing.join("; "),
        };
        let mut variant = Variant::named(name, outcome.results.answers.iter().map(line).collect());
        if let Some(conduct) = &outcome.results.conduct {
            variant.conducted(conduct);
        }
        variant
    }

    fn conducted(&mut self, conduct: &Conduct) {
        self.count(&conduct.actor_usage, &conduct.critic_usage);
        self.cost_usd = conduct.cost_usd;
        self.notes.extend(conduct.stopped.iter().cloned().chain(conduct.shortfalls.iter().cloned()));
    }

    /// Keeps what models used up.
    pub fn count(&mut self, actor: &RoleUsage, critic: &RoleUsage) {
        self.calls = actor.calls + critic.calls;
        self.input_tokens = actor.input_tokens + critic.input_tokens;
        self.output_tokens = actor.output_tokens + critic.output_tokens;
    }

    /// Holds the answers against the truth, where it is known.
    pub fn hold_against(&mut self, truth: &[(Target, f64)]) {
        for line in &mut self.answers {
            let known = truth.iter().find(|(target, _)| *target == line.requested);
            line.error = known.zip(line.estimate).map(|((_, truth), estimate)| estimate - truth);
        }
    }
}

impl Comparison {
    /// `baseline.md`: the table, and what there is to know beside it.
    #[must_use]
    pub fn markdown(&self) -> String {
        let known = self.lines().any(|line| line.error.is_some());
        let plain = escape::markdown_inline;
        let (title, model, units) = (plain(&self.title), plain(&self.model), plain(&self.units));
        let mut out = format!("# Baseline: {title}\n\nModel: {model}. Estimates in {units}.\n\n");
        out.push_str(&self.table());
        if known {
            out.push_str(
                "\nThe error is the estimate less the truth of the estimand that was asked for; a * marks an answer about \
                 another population, whose truth is another number.\n",
            );
        }
        let notes = self
            .variants
            .iter()
            .flat_map(|v| v.notes.iter().map(move |note| format!("- {}: {}\n", v.name, plain(note))));
        let reasons = self.variants.iter().flat_map(|v| {
            let told = v.answers.iter().filter(|line| !line.note.is_empty());
            told.map(move |line| format!("- {}, {}: {}\n", v.name, line.requested.acronym(), plain(&line.note)))
        });
        let all: String = notes.chain(reasons).collect();
        if !all.is_empty() {
            out.push_str(&format!("\n{all}"));
        }
        out
    }

    /// The table alone.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            ("variant", Column::Words),
            ("answers", Column::Words),
            ("estimate", Column::Number),
            ("95 % interval", Column::Number),
            ("computed verdict", Column::Words),
            ("error", Column::Number),
            ("calls", Column::Number),
            ("tokens in/out", Column::Number),
            ("US dollars", Column::Number),
            ("seconds", Column::Number),
        ]);
        self.variants.iter().flat_map(Variant::rows).for_each(|row| table.push(row));
        table.to_markdown()
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.variants.iter().flat_map(|variant| &variant.answers)
    }
}

impl Variant {
    /// Its rows; what it used up stands in the first.
    fn rows(&self) -> Vec<Vec<String>> {
        let used = [
            self.calls.to_string(),
            format!("{}/{}", self.input_tokens, self.output_tokens),
            self.cost_usd.map_or("unknown".to_owned(), |cost| format!("{cost:.4}")),
            self.seconds.map_or(String::new(), |seconds| format!("{seconds:.1}")),
        ];
        let row = |(at, line): (usize, &Line)| {
            let mut row = line.cells(&self.name);
            row.extend(used.iter().map(|cell| if at == 0 { cell.clone() } else { String::new() }));
            row
        };
        self.answers.iter().enumerate().map(row).collect()
    }
}

impl Line {
    fn cells(&self, variant: &str) -> Vec<String> {
        // An interval of 3.9 standard errors says how many digits mean something.
        let digits = match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => numbers::decimals((upper - lower) / 3.92),
            _ => 3,
        };
        let fixed = |value: f64| numbers::fixed(value, digits);
        let elsewhere = if self.name == self.requested.acronym() { "" } else { "*" };
        vec![
            variant.to_owned(),
            self.name.clone(),
            self.estimate.map_or("none".to_owned(), fixed),
            self.lower.zip(self.upper).map_or(String::new(), |(a, b)| format!("{} to {}", fixed(a), fixed(b))),
            self.verdict.clone(),
            self.error.map_or(String::new(), |error| format!("{}{elsewhere}", fixed(error))),
        ]
    }
}
