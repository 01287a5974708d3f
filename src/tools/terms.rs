//! Terms of a model's own: over the plan's confounders, and about enough units.

use super::Context;
use super::arguments::QUOTED;
use super::columns::{self, Role};
use super::privacy::one_line;
use crate::plan::closest;
use crate::schema::ColumnKind;
use crate::spec::{Analysis, canonical};
use crate::term::{Factor, Term};
use std::collections::BTreeSet;

/// The most terms of one change.
pub const MOST_NEW_TERMS: usize = 20;
/// The most factors of one term.
const MOST_FACTORS: usize = 4;
/// The longest text of one term, characters.
const LONGEST_TERM: usize = 300;

/// The terms that `texts` write, or every problem with them.
pub(super) fn read(texts: &[String], analysis: &Analysis, context: &Context<'_>) -> Result<Vec<Term>, Vec<String>> {
    let mut problems = Vec::new();
    if texts.is_empty() {
        problems.push("`add_terms` is empty: name at least one term, or leave the change out".to_owned());
    }
    if texts.len() > MOST_NEW_TERMS {
        let (n, most) = (texts.len(), MOST_NEW_TERMS);
        problems.push(format!(
            "`add_terms` has {n} terms, more than the {most} of one change: choose those that matter most"
        ));
    }
    let checks = Checks::new(context);
    let mut terms: Vec<Term> = Vec::new();
    // Those beyond have been refused as a whole.
    for text in texts.iter().take(MOST_NEW_TERMS) {
        match checks.term(text) {
            Ok(term) => terms.push(term),
            Err(found) => problems.extend(found),
        }
    }
    let mut seen: BTreeSet<Term> = analysis.terms.iter().map(|term| checks.same_column(term)).collect();
    terms.retain(|term| seen.insert(checks.same_column(term)));
    let (p, n) = (analysis.terms.len() + terms.len(), context.prepared.arms().0);
    if problems.is_empty() && p >= n {
        problems.push(format!("with these there would be {p} terms for {n} rows, more unknowns than units: add fewer"));
    }
    if problems.is_empty() { Ok(terms) } else { Err(problems) }
}

/// The terms as they are written in a spec, as far as they can be read.
pub(super) fn tidy(texts: &[String], context: &Context<'_>) -> Vec<String> {
    let checks = Checks::new(context);
    let tidy = |text: &String| checks.parse(text).map_or_else(|_| text.clone(), |term| term.to_string());
    texts.iter().map(tidy).collect()
}

struct Checks<'a> {
    context: &'a Context<'a>,
    columns: Vec<(String, Role)>,
}

impl<'a> Checks<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        Self { context, columns: columns::named(&context.prepared.plan) }
    }

    fn term(&self, text: &str) -> Result<Term, Vec<String>> {
        let seen = one_line(text, QUOTED);
        if text.chars().count() > LONGEST_TERM {
            return Err(vec![format!(
                "`{seen}…` is longer than {LONGEST_TERM} characters: a term is short, as in `a^2` or `a * b`"
            )]);
        }
        let term = self.parse(text)?;
        if term.factors.len() > MOST_FACTORS {
            return Err(vec![format!(
                "`{seen}` has more than {MOST_FACTORS} factors: products of two or three say enough"
            )]);
        }
        let mut problems: Vec<String> =
            term.columns().iter().filter_map(|column| self.not_a_confounder(column)).collect();
        if problems.is_empty() {
            problems.extend(term.factors.iter().filter_map(|factor| self.power_of_category(factor)));
        }
        if problems.is_empty() {
            problems.extend(self.too_few(&term, &seen));
        }
        if problems.is_empty() { Ok(term) } else { Err(problems) }
    }

    /// A term as it is written, or with the unusual names of confounders put into backticks.
    fn parse(&self, text: &str) -> Result<Term, Vec<String>> {
        let error = match Term::parse(text) {
            Ok(term) if term.columns().iter().all(|column| self.role(column).is_some()) => return Ok(term),
            Ok(term) => Ok(term),
            Err(error) => Err(vec![format!(
                "{}; write `a^2`, `a * b` or `c == level`, with the names of the plan's confounders",
                one_line(&error.to_string(), 3 * QUOTED)
            )]),
        };
        // Models write names with spaces or dots in them without backticks; they are meant all the same.
        let mut quoted = text.to_owned();
        for (name, _) in self.columns.iter().filter(|(_, role)| self.is_confounder(*role)) {
            let written = Term::column(name).to_string();
            if written != *name && quoted.contains(name.as_str()) && !quoted.contains(&written) {
                quoted = quoted.replace(name.as_str(), &written);
            }
        }
        match Term::parse(&quoted) {
            Ok(term) if term.columns().iter().all(|column| self.role(column).is_some()) => Ok(term),
            _ => error,
        }
    }

    fn role(&self, column: &str) -> Option<Role> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, role)| *role)
    }

    fn is_confounder(&self, role: Role) -> bool {
        matches!(role, Role::Priority | Role::Other)
    }

    fn not_a_confounder(&self, column: &str) -> Option<String> {
        let name = one_line(column, QUOTED);
        let why = match self.role(column) {
            Some(Role::Priority | Role::Other) => return None,
            Some(Role::Treatment) => "is the treatment: a term on it would take away what is to be measured",
            Some(Role::Outcome) => "is the outcome: the design is made without it",
            Some(Role::PlaceboOutcome) => {
                "is a placebo outcome: adjusting for it would silence the test that it is for"
            }
            Some(Role::NegativeControl) => {
                "is a negative control: adjusting for it would silence the test that it is for"
            }
            Some(Role::UnitId) => "names the unit: it says who a row is, not why it was treated",
            Some(Role::Weights) => "holds the observation weights, which are used already",
            Some(Role::Clusters) => "names the cluster: it is for the standard errors, not for adjustment",
            Some(Role::KnownPropensity) => "is the known propensity, which is used already",
            None => return Some(self.stranger(&name)),
        };
        Some(format!("`{name}` {why}; use the plan's confounders only"))
    }

    fn stranger(&self, name: &str) -> String {
        let confounders =
            || self.columns.iter().filter(|(_, role)| self.is_confounder(*role)).map(|(name, _)| name.as_str());
        match closest(name, confounders()) {
            Some(near) => format!("`{name}` is not among the plan's confounders; did you mean `{near}`?"),
            None => {
                let some: Vec<String> = confounders().take(12).map(|name| format!("`{name}`")).collect();
                format!("`{name}` is not among the plan's confounders, such as {}", some.join(", "))
            }
        }
    }

    fn power_of_category(&self, factor: &Factor) -> Option<String> {
        let Factor::Power { column, .. } = factor else { return None };
        let info = self.context.prepared.document.columns.iter().find(|info| info.name == *column)?;
        (info.kind == ColumnKind::Category).then(|| {
            format!(
                "`{column}` is a category, which has no powers; write a term for a level, as in `{column} == level`"
            )
        })
    }

    /// A term that says something of a few units only, or nothing at all.
    fn too_few(&self, term: &Term, seen: &str) -> Option<String> {
        let privacy = self.context.privacy;
        let least = privacy.min_cell();
        let indicator = term.factors.iter().any(|factor| matches!(factor, Factor::Equals { .. }));
        if indicator && privacy.has_rare_level(term) {
            return Some(format!("`{seen}` names a value that fewer than {least} units have: name a more common one"));
        }
        let n = self.context.prepared.arms().0;
        match self.context.prepared.nonzero(term) {
            None => Some(format!("`{seen}` cannot be computed: its numbers would be too large; use a lower power")),
            // From both sides: all units but a few are as telling as the few.
            Some(rows) if indicator && (rows < least || n - rows < least) => Some(format!(
                "`{seen}` sets fewer than {least} units apart, which says too little; combine more common values"
            )),
            Some(_)
                if term.factors.len() > 1
                    && privacy.protects()
                    && privacy.is_about_few(term, self.context.prepared) =>
            {
                Some(format!(
                    "`{seen}` tells groups apart of which one has fewer than {least} units in an arm, or none; combine more \
                     common values"
                ))
            }
            Some(0) => Some(format!("`{seen}` is 0 for every unit, so it says nothing")),
            Some(_) => None,
        }
    }

    /// One form for all terms that are the same column of the design: a two-valued column is its own square.
    fn same_column(&self, term: &Term) -> Term {
        let mut term = canonical(term);
        for factor in &mut term.factors {
            if let Factor::Power { column, exponent } = factor
                && self.context.privacy.is_two_valued(column)
            {
                *exponent = 1;
            }
        }
        term
    }
}
