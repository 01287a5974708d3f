//! A language model's critique: what it owes, how it is held under the computed one, and what is kept of it.
//!
//! The duties are fields of [`Opinion`]; [`Opinion::lacks`] names those that are missing, so that a critique can be sent
//! back with a list. The computed tier is a cap ([`super::verdict::cap`]): a grade above it is recorded as a disagreement
//! and changes nothing, a grade below it with a reason becomes the verdict.

use crate::critique::Critique;
use crate::finding::Tier;
use causal::estimand::Target;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shortest reason or assessment that says something, characters.
const SHORTEST: usize = 12;
/// The longest single text that is kept, characters.
pub const LONGEST: usize = 2_000;
/// The most items of one list.
pub const MOST_ITEMS: usize = 20;

/// A model's grade of one requested estimand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpinionGrade {
    /// The estimand as the plan requests it: `ate`, `att`, `atc` or `ato`.
    pub requested: String,
    /// How credible it is after seeing the diagnostics: `fully_satisfactory`, `satisfactory_with_caveats` or
    /// `not_satisfactory`. The computed tier is a cap: a higher one changes nothing.
    pub credibility: String,
    /// Why, from the diagnostics, in a sentence or two.
    pub reason: String,
    /// If and how what is estimated departs from the average treatment effect in everyone (the ATE), and for whom it holds.
    pub departs_from_ate: String,
}

/// A model's critique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Blind spots of the plan, at least one: confounders that it does not mention, choices that it does not explain.
    pub blind_spots: Vec<String>,
    /// Whether plan, spec and executed analysis agree, and where they do not.
    pub alignment: String,
    /// One for each requested estimand, each exactly once.
    pub grades: Vec<OpinionGrade>,
    /// How this analysis differs from the ideal target trial.
    pub trial_contrast: String,
    /// At least one other way to learn the answer, such as an encouragement design.
    pub alternatives: Vec<String>,
    /// The remediations taken so far, by the names of their playbooks; empty only if none was taken.
    pub remediations: Vec<String>,
}

impl Opinion {
    /// The duties that are not fulfilled, each as a sentence that says what to add. Empty if the critique is complete.
    #[must_use]
    pub fn lacks(&self, computed: &Critique) -> Vec<String> {
        let mut lacking = Vec::new();
        let mut need = |holds: bool, sentence: String| {
            if !holds {
                lacking.push(sentence);
            }
        };
        need(
            any_prose(&self.blind_spots),
            "`blind_spots` is empty: name at least one thing the plan does not mention, such as an unmeasured confounder".to_owned(),
        );
        need(
            says_something(&self.alignment),
            "`alignment` is empty: say whether plan, spec and executed analysis agree".to_owned(),
        );
        need(
            says_something(&self.trial_contrast),
            "`trial_contrast` is empty: say how this analysis differs from the ideal target trial".to_owned(),
        );
        need(
            any_prose(&self.alternatives),
            "`alternatives` is empty: give at least one other way to measure the effect".to_owned(),
        );
        for graded in &computed.analyses {
            let key = graded.requested.key();
            let mine: Vec<&OpinionGrade> =
                self.grades.iter().filter(|grade| target_of(grade) == Some(graded.requested)).collect();
            match mine.as_slice() {
                [one] => {
                    need(
                        Tier::parse(&one.credibility).is_some(),
                        format!(
                            "`credibility` of `{key}` is `{}`; it must be one of {}",
                            short(&one.credibility),
                            tiers()
                        ),
                    );
                    need(
                        says_something(&one.reason),
                        format!("the grade of `{key}` has no `reason`: say which diagnostics it rests on"),
                    );
                    need(
                        says_something(&one.departs_from_ate),
                        format!("the grade of `{key}` does not say if and how it `departs_from_ate`"),
                    );
                }
                [] => need(false, format!("there is no grade for `{key}`; give each requested estimand one")),
                _ => need(false, format!("`{key}` is graded more than once; give each requested estimand one grade")),
            }
        }
        for grade in &self.grades {
            let asked = target_of(grade).is_some_and(|target| computed.analyses.iter().any(|a| a.requested == target));
            need(asked, format!("`{}` is not an estimand that the plan requests", short(&grade.requested)));
        }
        let said = self.remediations.join("\n").to_lowercase();
        for name in applied(computed) {
            need(
                said.contains(&name.to_lowercase()),
                format!("`remediations` does not name `{name}`, which was applied"),
            );
        }
        need(
            within_bounds(self),
            format!("a text is longer than {LONGEST} characters, or a list longer than {MOST_ITEMS}; say it shorter"),
        );
        lacking
    }

    /// Every line of prose with the place it stands at: `blind_spots[0]`, `grades.ate.reason`.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, &str)> {
        let mut lines: Vec<(String, &str)> = Vec::new();
        let lists = [
            ("blind_spots", &self.blind_spots),
            ("alternatives", &self.alternatives),
            ("remediations", &self.remediations),
        ];
        lines.push(("alignment".to_owned(), &self.alignment));
        lines.push(("trial_contrast".to_owned(), &self.trial_contrast));
        for (key, list) in lists {
            lines.extend(list.iter().enumerate().map(|(i, text)| (format!("{key}[{i}]"), text.as_str())));
        }
        for grade in &self.grades {
            lines.push((format!("grades.{}.reason", grade.requested), &grade.reason));
            lines.push((format!("grades.{}.departs_from_ate", grade.requested), &grade.departs_from_ate));
        }
        lines
    }
}

/// Both grades of one estimand where they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// What the rubric computed.
    pub computed: Tier,
    /// What the model said.
    pub model: Tier,
    /// What stands: the lower of the two.
    pub verdict: Tier,
    /// The model's reason.
    pub reason: String,
}

/// A number in a model's prose that is not in `results.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlaggedFigure {
    /// Where the line stands: `grades.ate.reason`.
    pub place: String,
    /// The line.
    pub line: String,
    /// The figure as written.
    pub figure: String,
}

/// What is kept of a model's critique, beside the computed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Provider and model.
    pub by: String,
    /// What it said; `None` if it gave no valid critique.
    pub opinion: Option<Opinion>,
    /// Why there is none, as a clause.
    pub missing: Option<String>,
    /// Where its grade and the computed one differ.
    pub disagreements: Vec<Disagreement>,
    /// Figures in its prose that are not in `results.json`; filled in once there is one.
    pub flagged: Vec<FlaggedFigure>,
}

/// Puts an opinion beside a computed critique: the verdict of each analysis becomes the lower of the two grades, and each
/// difference is kept. The opinion must be complete ([`Opinion::lacks`]); a grade that cannot be read changes nothing.
#[must_use]
pub fn hold(mut computed: Critique, by: &str, opinion: Opinion) -> Critique {
    let disagreements = lower(&mut computed, &opinion);
    let by = by.to_owned();
    computed.reviewed =
        Some(Reviewed { by, opinion: Some(opinion), missing: None, disagreements, flagged: Vec::new() });
    computed
}

/// A computed critique for which the model gave none, for the reason `why`, a clause. What it said before of the same run,
/// `last`, still lowers the verdict.
#[must_use]
pub fn without(mut computed: Critique, by: &str, why: &str, last: Option<&Opinion>) -> Critique {
    let mut disagreements = last.map(|opinion| lower(&mut computed, opinion)).unwrap_or_default();
    disagreements.retain(|disagreement| disagreement.model < disagreement.computed);
    let (by, missing) = (by.to_owned(), Some(why.to_owned()));
    computed.reviewed = Some(Reviewed { by, opinion: None, missing, disagreements, flagged: Vec::new() });
    computed
}

fn lower(computed: &mut Critique, opinion: &Opinion) -> Vec<Disagreement> {
    let mut disagreements = Vec::new();
    for graded in &mut computed.analyses {
        let mine = opinion.grades.iter().find(|grade| target_of(grade) == Some(graded.requested));
        let Some((mine, model)) = mine.and_then(|mine| Some((mine, Tier::parse(&mine.credibility)?))) else { continue };
        let rubric = graded.computed();
        let verdict = super::verdict::cap(rubric, model);
        graded.rubric_tier = Some(rubric);
        graded.tier = verdict;
        if model != rubric {
            let reason = mine.reason.clone();
            disagreements.push(Disagreement { requested: graded.requested, computed: rubric, model, verdict, reason });
        }
    }
    disagreements
}

fn target_of(grade: &OpinionGrade) -> Option<Target> {
    let asked = grade.requested.trim().to_lowercase();
    Target::ALL.into_iter().find(|target| target.key() == asked)
}

/// Names of the playbooks in the computed list of remediations that were not undone.
fn applied(computed: &Critique) -> Vec<String> {
    // A remediation reads `iteration 2, ATE, trim-crump (because …): …`; one that was undone says `, undone`.
    let name = |line: &String| {
        let head = line.split(" (because ").next()?;
        let name = head.splitn(3, ", ").nth(2)?;
        (!name.ends_with(", undone")).then(|| name.to_owned())
    };
    computed.remediations.iter().filter_map(name).collect()
}

fn says_something(text: &str) -> bool {
    text.trim().chars().count() >= SHORTEST
}

fn any_prose(list: &[String]) -> bool {
    list.iter().any(|text| says_something(text))
}

fn within_bounds(opinion: &Opinion) -> bool {
    let lists =
        [opinion.blind_spots.len(), opinion.alternatives.len(), opinion.remediations.len(), opinion.grades.len()];
    opinion.lines().iter().all(|(_, text)| text.chars().count() <= LONGEST) && lists.iter().all(|n| *n <= MOST_ITEMS)
}

fn tiers() -> String {
    let keys = [Tier::FullySatisfactory, Tier::SatisfactoryWithCaveats, Tier::NotSatisfactory]
        .map(|t| format!("`{}`", t.key()));
    keys.join(", ")
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
