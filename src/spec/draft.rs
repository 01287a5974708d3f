//! From a plan and the schema of its data to the first spec.

use super::choose::{SampleSizes, choose};
use super::levels::{MISSING_LEVEL, own_spelling};
use super::{AnalysisSpec, Placebo, PlaceboRole, SPEC_VERSION, TermGroup, canonical};
use crate::plan::{
    MissingPolicy, Plan, Problem, Tool, closest, in_order, listed, most_levels, shown, yaml_text, yaml_value,
};
use crate::schema::{ColumnInfo, ColumnKind, DatasetDocument};
use crate::term::{Factor, Term};
use causal::estimand::OutcomeKind;
use std::collections::{BTreeMap, BTreeSet};

/// Folds for cross-fitting.
const FOLDS: usize = 5;
/// The first spec as far as the plan and the columns of its data decide it. The number of rows, and with that which estimator
/// answers, is known when the data have been read: [`Drafted::settle`].
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted<'a> {
    plan: &'a Plan,
    terms: Vec<Term>,
    /// Complete but for the analyses.
    spec: AnalysisSpec,
}

impl Drafted<'_> {
    /// Every term that design and balance will ask for, each once.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        for term in self.spec.confounders.iter().flat_map(|group| &group.terms).chain(&self.terms) {
            if !terms.contains(term) {
                terms.push(term.clone());
            }
        }
        terms
    }

    /// The first spec: every dummy, every estimator and every default written out.
    #[must_use]
    pub fn settle(self, sizes: impl Into<SampleSizes>) -> AnalysisSpec {
        let choice = choose(self.plan, self.terms.len(), sizes.into());
        let analyses = choice
            .iter()
            .flat_map(|choice| self.plan.estimands.iter().map(|target| choice.analysis(*target, &self.terms)))
            .collect();
        AnalysisSpec { analyses, ..self.spec }
    }
}

/// Holds a plan against the schema of its data. Categories and booleans become one indicator per level but the reference;
/// under the policy `indicator` a covariate with missing values gets the term `column == (missing)` as well.
///
/// `plan_sha256` is the hash of the plan's bytes, `dataset` the schema of its data.
///
/// # Errors
/// Everything in the plan that does not fit the columns of the data, with places in the plan. Values (an empty arm, a
/// constant column) are checked where the data are read.
pub fn draft<'a>(plan: &'a Plan, plan_sha256: &str, dataset: &DatasetDocument) -> Result<Drafted<'a>, Vec<Problem>> {
    let columns = dataset.columns.iter().map(|column| (column.name.as_str(), column)).collect();
    let most_levels = most_levels(dataset.rows);
    let mut draft = Draft { plan, columns, most_levels, problems: Vec::new() };
    draft.overrides();
    draft.treatment();
    draft.outcome();
    draft.bookkeeping();
    let confounders = draft.confounders();
    let extra = draft.terms();
    let placebos = draft.placebos();
    let terms = without_repeats(confounders.iter().flat_map(|group| &group.terms).chain(&extra));
    draft.somebody_answers();
    if !draft.problems.is_empty() {
        return Err(in_order(draft.problems));
    }
    let spec = AnalysisSpec {
        spec_version: SPEC_VERSION,
        iteration: 1,
        title: plan.title.clone(),
        plan_sha256: plan_sha256.to_owned(),
        data_sha256: dataset.sha256.clone(),
        treatment: plan.treatment.column.clone(),
        treated: plan.treatment.treated.clone(),
        control: plan.treatment.control.clone(),
        outcome: plan.outcome.column.clone(),
        units: plan.outcome.units.clone(),
        outcome_kind: plan.outcome.kind,
        event: plan.outcome.event.clone(),
        weights: plan.data.weights.clone(),
        clusters: plan.analysis.clusters.clone(),
        known_propensity: plan.analysis.known_propensity.clone(),
        accept: plan.accept.clone(),
        thresholds: plan.thresholds.clone(),
        design: plan.design,
        share: plan.share,
        missing: plan.data.missing,
        missing_for: plan.data.missing_for.clone(),
        derived: plan.data.derive.iter().map(|(name, written)| (name.clone(), written.text.clone())).collect(),
        filter: plan.data.filter.iter().map(|written| written.text.clone()).collect(),
        confounders,
        placebos,
        tools: plan.tools.clone(),
        analyses: Vec::new(),
        revisions: Vec::new(),
        inference: plan.analysis.inference.unwrap_or_default(),
        folds: plan.analysis.folds.unwrap_or(FOLDS),
        seed: plan.seed,
        blind: plan.loop_.blind,
    };
    Ok(Drafted { plan, terms, spec })
}

/// The terms in order, each design column once.
fn without_repeats<'a>(terms: impl Iterator<Item = &'a Term>) -> Vec<Term> {
    // `a * b` and `b * a` are one column, and no model can be fitted to a column twice.
    let mut seen = BTreeSet::new();
    terms.filter(|term| seen.insert(canonical(term))).cloned().collect()
}

struct Draft<'a> {
    plan: &'a Plan,
    columns: BTreeMap<&'a str, &'a ColumnInfo>,
    most_levels: usize,
    problems: Vec<Problem>,
}

impl<'a> Draft<'a> {
    fn note(&mut self, path: &str, message: String, hint: impl Into<String>) {
        let place = self.plan.at(path);
        self.problems.push(Problem { place, path: path.to_owned(), message, hint: hint.into() });
    }

    /// The column that `path` names.
    fn column(&mut self, name: &str, path: &str) -> Option<&'a ColumnInfo> {
        let found = self.columns.get(name).copied();
        if found.is_none() {
            let hint = match closest(name, self.columns.keys().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("The columns are {}.", some(self.columns.keys().copied())),
            };
            self.note(path, format!("the data have no column `{}`", shown(name)), hint);
        }
        found
    }

    fn overrides(&mut self) {
        for name in self.plan.data.columns.keys() {
            self.column(name, &format!("data.columns.{name}"));
        }
        for name in self.plan.data.missing_for.keys() {
            self.column(name, &format!("data.missing.{name}"));
        }
    }

    fn treatment(&mut self) {
        let section = &self.plan.treatment;
        let Some(column) = self.column(&section.column, "treatment.column") else { return };
        if !matches!(column.kind, ColumnKind::Number | ColumnKind::Category | ColumnKind::Boolean) {
            let hint =
                format!("The treatment must be a number, a category or true/false; {}", how_to_read(&column.name));
            self.note("treatment.column", format!("the treatment `{}` is {}", column.name, noun(column)), hint);
            return;
        }
        for (path, value) in [("treatment.treated", &section.treated), ("treatment.control", &section.control)] {
            if own_spelling(column, value).is_none() {
                let (message, hint) = no_such_value(column, value);
                self.note(path, message, hint);
            }
        }
    }

    fn outcome(&mut self) {
        let section = &self.plan.outcome;
        let Some(column) = self.column(&section.column, "outcome.column") else { return };
        let message = format!("the outcome `{}` is {}", column.name, noun(column));
        if let (Some(event), ColumnKind::Number | ColumnKind::Boolean | ColumnKind::Category) =
            (&section.event, column.kind)
        {
            if own_spelling(column, event).is_none() {
                let (message, hint) = no_such_value(column, event);
                self.note("outcome.event", message, hint);
            }
            return;
        }
        match (column.kind, section.kind) {
            (ColumnKind::Number, _) | (ColumnKind::Boolean, OutcomeKind::Binary) => {}
            (ColumnKind::Boolean, OutcomeKind::Continuous) => {
                self.note(
                    "outcome.kind",
                    message,
                    "Write `kind: binary` under `outcome:`; effects are then risk differences.",
                );
            }
            _ => {
                let hint = match column.levels.as_slice() {
                    [first, second] => format!(
                        "Write `event: {}` (or `event: {}`) under `outcome:`, the value that is to be counted; effects are then \
                         risk differences.",
                        yaml_value(second),
                        yaml_value(first)
                    ),
                    _ => format!(
                        "An outcome is a number, or has two values, one of which `event:` names; {}",
                        how_to_read(&column.name)
                    ),
                };
                self.note("outcome.column", message, hint);
            }
        }
    }

    fn bookkeeping(&mut self) {
        if let Some(name) = &self.plan.data.unit_id {
            self.column(name, "data.unit_id");
        }
        if let Some(name) = &self.plan.analysis.clusters {
            self.column(name, "analysis.clusters");
        }
        if let Some(name) = &self.plan.analysis.known_propensity
            && let Some(column) = self.column(name, "analysis.known_propensity")
            && column.kind != ColumnKind::Number
        {
            let message = format!("the known propensity `{name}` is {}", noun(column));
            self.note("analysis.known_propensity", message, "Name a column of probabilities, each between 0 and 1.");
        }
        let Some(name) = &self.plan.data.weights else { return };
        let Some(column) = self.column(name, "data.weights") else { return };
        if column.kind != ColumnKind::Number {
            let message = format!("the column of weights `{name}` is {}", noun(column));
            self.note("data.weights", message, "Weights are numbers, zero or larger.");
        }
    }

    fn confounders(&mut self) -> Vec<TermGroup> {
        let section = &self.plan.confounders;
        let mut groups = Vec::new();
        for (list, names, priority) in [("priority", &section.priority, true), ("other", &section.other, false)] {
            for (i, name) in names.iter().enumerate() {
                let path = format!("confounders.{list}[{i}]");
                let Some(terms) = self.column(name, &path).and_then(|column| self.expand(column, &path)) else {
                    continue;
                };
                groups.push(TermGroup { confounder: name.clone(), priority, terms });
            }
        }
        groups
    }

    /// The terms that stand for a confounder.
    fn expand(&mut self, column: &ColumnInfo, path: &str) -> Option<Vec<Term>> {
        let name = &column.name;
        let (levels, most) = (column.levels.len(), self.most_levels);
        let refusal = match column.kind {
            ColumnKind::Number => None,
            ColumnKind::Category | ColumnKind::Boolean if levels < 2 => Some((
                format!("`{name}` has one level only"),
                "A constant cannot confound anything; leave it out.".to_owned(),
            )),
            ColumnKind::Category if levels > most => Some((
                format!("`{name}` is a category with {levels} levels"),
                format!(
                    "Write `rare_levels: {{keep: {most}, into: other}}` under `data:` to keep the {} most frequent \
                     levels and make the rest one; or, if its values are numbers, read it as one with `columns: {{{}: \
                     number}}`.",
                    most - 1,
                    yaml_text(name)
                ),
            )),
            ColumnKind::Category | ColumnKind::Boolean => None,
            _ => Some((format!("the confounder `{name}` is {}", noun(column)), how_to_use(column))),
        };
        if let Some((message, hint)) = refusal {
            self.note(path, message, hint);
            return None;
        }
        let mut terms: Vec<Term> = match column.kind {
            ColumnKind::Number => vec![Term::column(name)],
            _ => column.levels.iter().skip(1).map(|level| Term::level(name, level)).collect(),
        };
        if self.fills_in(column) {
            terms.push(Term::level(name, MISSING_LEVEL));
        }
        Some(terms)
    }

    fn fills_in(&self, column: &ColumnInfo) -> bool {
        let data = &self.plan.data;
        let policy = data.missing_for.get(&column.name).copied().unwrap_or(data.missing);
        policy == MissingPolicy::Indicator && column.missing > 0
    }

    fn terms(&mut self) -> Vec<Term> {
        let mut terms = Vec::new();
        for (i, term) in self.plan.confounders.terms.iter().enumerate() {
            let path = format!("confounders.terms[{i}]");
            let factors: Vec<Option<Factor>> = term.factors.iter().map(|factor| self.factor(factor, &path)).collect();
            terms.extend(factors.into_iter().collect::<Option<Vec<Factor>>>().map(|factors| Term { factors }));
        }
        terms
    }

    /// A factor in the column's own spelling: a boolean is the indicator of its second level.
    fn factor(&mut self, factor: &Factor, path: &str) -> Option<Factor> {
        let (Factor::Power { column: name, .. } | Factor::Equals { column: name, .. }) = factor;
        let column = self.column(name, path)?;
        match (factor, column.kind) {
            (Factor::Power { .. }, ColumnKind::Number) => Some(factor.clone()),
            (Factor::Power { .. }, ColumnKind::Boolean) if column.levels.len() == 2 => {
                let value = column.levels.last()?.clone();
                Some(Factor::Equals { column: name.clone(), value })
            }
            (Factor::Power { .. }, ColumnKind::Category) => {
                let level = column.levels.last().map_or("level", String::as_str);
                let hint = format!("Use one of its levels: `{}`.", Term::level(name, level));
                self.note(path, format!("a term needs numbers, and `{name}` is a category"), hint);
                None
            }
            (Factor::Equals { value, .. }, ColumnKind::Number | ColumnKind::Category | ColumnKind::Boolean) => {
                self.level(column, value, path)
            }
            _ => {
                self.note(path, format!("`{name}` is {}", noun(column)), how_to_use(column));
                None
            }
        }
    }

    fn level(&mut self, column: &ColumnInfo, value: &str, path: &str) -> Option<Factor> {
        let missing = (value == MISSING_LEVEL && self.fills_in(column)).then(|| value.to_owned());
        let spelling = own_spelling(column, value).or(missing);
        if spelling.is_none() {
            let (message, hint) = no_such_value(column, value);
            self.note(path, message, hint);
        }
        spelling.map(|value| Factor::Equals { column: column.name.clone(), value })
    }

    fn placebos(&mut self) -> Vec<Placebo> {
        let lists = [
            ("placebo_outcomes", &self.plan.placebo_outcomes, PlaceboRole::PlaceboOutcome),
            ("negative_controls", &self.plan.negative_controls, PlaceboRole::NegativeControl),
        ];
        let mut placebos = Vec::new();
        for (list, names, role) in lists {
            for (i, name) in names.iter().enumerate() {
                self.placebo(name, &format!("{list}[{i}]"));
                placebos.push(Placebo { column: name.clone(), role });
            }
        }
        placebos
    }

    fn placebo(&mut self, name: &str, path: &str) {
        let Some(column) = self.column(name, path) else { return };
        if !matches!(column.kind, ColumnKind::Number | ColumnKind::Boolean) {
            let hint = format!("A placebo is compared like an outcome: a number or true/false; {}", how_to_read(name));
            self.note(path, format!("the placebo `{name}` is {}", noun(column)), hint);
        }
    }

    fn somebody_answers(&mut self) {
        if self.plan.analysis.estimator.is_none() && !Tool::ESTIMATORS.iter().any(|t| self.plan.tools.contains(t)) {
            let hint = format!("Add at least one of {}.", listed(Tool::ESTIMATORS.map(Tool::key)));
            self.note("tools", "`tools` allows no estimator, so no estimand could be answered".to_owned(), hint);
        }
    }
}

/// The kind of a column, in words for a message.
fn noun(column: &ColumnInfo) -> String {
    match column.kind {
        ColumnKind::Number => "a number".to_owned(),
        ColumnKind::Category => format!("a category with {} levels", column.levels.len()),
        ColumnKind::Boolean => "true/false".to_owned(),
        ColumnKind::Date => "a date".to_owned(),
        _ => format!("of a type that cannot be analysed ({})", shown(&column.stored_as)),
    }
}

fn how_to_read(name: &str) -> String {
    format!(
        "`columns: {{{}: …}}` under `data:` says how to read it, if the file's own type is not what is meant.",
        yaml_text(&shown(name))
    )
}

fn how_to_use(column: &ColumnInfo) -> String {
    if column.kind == ColumnKind::Date {
        let name = yaml_text(&format!("days_{}", column.name));
        let call = format!("days({})", Term::column(&column.name));
        format!(
            "Make a number of it: write `derive: {{{name}: {call}}}` under `data:` and list `{name}`, or leave it out."
        )
    } else {
        how_to_read(&column.name)
    }
}

fn no_such_value(column: &ColumnInfo, value: &str) -> (String, String) {
    let value = shown(value);
    let message = format!("`{}` is {}, and `{value}` is not a value of it", column.name, noun(column));
    let hint = match closest(&value, column.levels.iter().map(String::as_str)) {
        _ if column.levels.is_empty() => "Write a number.".to_owned(),
        Some(near) => format!("Did you mean `{}`?", shown(near)),
        None => format!("Its values are {}.", some(column.levels.iter().map(String::as_str))),
    };
    (message, hint)
}

/// The first dozen of a list, and how many more there are.
fn some<'a>(words: impl Iterator<Item = &'a str> + Clone) -> String {
    const SHOWN: usize = 12;
    let more = words.clone().count().saturating_sub(SHOWN);
    if more == 0 { listed(words) } else { format!("{} … and {more} more", listed(words.take(SHOWN))) }
}
