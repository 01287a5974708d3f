//! A language model's critique: what it owes, and how it is held under the computed one.
//!
//! The duties are fields of [`ModelReview`]; [`missing_duties`] names those that are missing, so that a critique can be
//! sent back with a list. The computed tier is a cap ([`super::verdict::cap`]): a grade above it is recorded as a disagreement
//! and changes nothing, a grade below it with a reason becomes the verdict.

use crate::finding::Tier;
use crate::record::critique::Critique;
use crate::record::model_review::{GradeDisagreement, ModelGrade, ModelReview, ReviewRecord};
use causal::estimand::Target;

/// The shortest reason or assessment that says something, characters.
const SHORTEST: usize = 12;
/// The longest single text that is kept, characters.
pub const LONGEST: usize = 2_000;
/// The most items of one list.
pub const MOST_ITEMS: usize = 20;

/// The duties that a review does not fulfil, each as a sentence that says what to add. Empty if it is complete. `applied`
/// are the playbooks that it has to name ([`super::applied`]).
#[must_use]
pub fn missing_duties(review: &ModelReview, computed: &Critique, applied: &[String]) -> Vec<String> {
    let mut missing = Missing::default();
    missing.unless(
        any_prose(&review.blind_spots),
        "`blind_spots` is empty: name at least one thing the plan does not mention, such as an unmeasured confounder",
    );
    missing.unless(
        says_something(&review.alignment),
        "`alignment` is empty: say whether plan, spec and executed analysis agree",
    );
    missing.unless(
        says_something(&review.trial_contrast),
        "`trial_contrast` is empty: say how this analysis differs from the ideal target trial",
    );
    missing.unless(
        any_prose(&review.alternatives),
        "`alternatives` is empty: give at least one other way to measure the effect",
    );
    for graded in &computed.analyses {
        missing.in_grade(review, graded.requested);
    }
    // A misspelt estimand would be passed over without a word.
    for grade in &review.grades {
        let asked = target_of(grade).is_some_and(|target| computed.analyses.iter().any(|a| a.requested == target));
        missing.unless(asked, format!("`{}` is not an estimand that the plan requests", short(&grade.requested)));
    }
    // The model may write the name in any sentence and in any case.
    let named = review.remediations.join("\n").to_lowercase();
    for name in applied {
        missing.unless(
            named.contains(&name.to_lowercase()),
            format!("`remediations` does not name `{name}`, which was applied"),
        );
    }
    missing.unless(
        within_bounds(review),
        format!("a text is longer than {LONGEST} characters, or a list longer than {MOST_ITEMS}; say it shorter"),
    );
    missing.sentences
}

/// Duties that are not fulfilled, as they are found.
#[derive(Default)]
struct Missing {
    sentences: Vec<String>,
}

impl Missing {
    fn unless(&mut self, fulfilled: bool, sentence: impl Into<String>) {
        if !fulfilled {
            self.sentences.push(sentence.into());
        }
    }

    /// Exactly one grade of `requested`, with a tier, a reason and the comparison with the ATE.
    fn in_grade(&mut self, review: &ModelReview, requested: Target) {
        let key = requested.key();
        let grades: Vec<&ModelGrade> =
            review.grades.iter().filter(|grade| target_of(grade) == Some(requested)).collect();
        match grades.as_slice() {
            [grade] => {
                let tier = &grade.credibility;
                self.unless(
                    Tier::parse(tier).is_some(),
                    format!("`credibility` of `{key}` is `{}`; it must be one of {}", short(tier), tiers()),
                );
                self.unless(
                    says_something(&grade.reason),
                    format!("the grade of `{key}` has no `reason`: say which diagnostics it rests on"),
                );
                self.unless(
                    says_something(&grade.departs_from_ate),
                    format!("the grade of `{key}` does not say if and how it `departs_from_ate`"),
                );
            }
            [] => self.unless(false, format!("there is no grade for `{key}`; give each requested estimand one")),
            // Of two grades the order of the list would choose the verdict.
            _ => {
                self.unless(false, format!("`{key}` is graded more than once; give each requested estimand one grade"))
            }
        }
    }
}

/// Puts a review beside a computed critique: the verdict of each analysis becomes the lower of the two grades, and each
/// difference is kept. The review must be complete ([`missing_duties`]); a grade that cannot be read changes nothing.
#[must_use]
pub fn hold(mut computed: Critique, by: &str, review: ModelReview) -> Critique {
    let disagreements = lower(&mut computed, &review);
    let by = by.to_owned();
    computed.reviewed =
        Some(ReviewRecord { by, opinion: Some(review), missing: None, disagreements, flagged: Vec::new() });
    computed
}

/// A computed critique for which the model gave none, for the reason `why`, a clause. What it said before of the same run,
/// `last`, still lowers the verdict.
#[must_use]
pub fn without(mut computed: Critique, by: &str, why: &str, last: Option<&ModelReview>) -> Critique {
    let mut disagreements = last.map(|review| lower(&mut computed, review)).unwrap_or_default();
    // It was said of the design; of the final grade it says something only where it is lower.
    disagreements.retain(|disagreement| disagreement.model < disagreement.computed);
    let (by, missing) = (by.to_owned(), Some(why.to_owned()));
    computed.reviewed = Some(ReviewRecord { by, opinion: None, missing, disagreements, flagged: Vec::new() });
    computed
}

fn lower(computed: &mut Critique, review: &ModelReview) -> Vec<GradeDisagreement> {
    let mut disagreements = Vec::new();
    for graded in &mut computed.analyses {
        let mine = review.grades.iter().find(|grade| target_of(grade) == Some(graded.requested));
        let Some((mine, model)) = mine.and_then(|mine| Some((mine, Tier::parse(&mine.credibility)?))) else { continue };
        // Not `tier`, which an earlier review may have lowered.
        let rubric = graded.computed();
        let verdict = super::verdict::cap(rubric, model);
        graded.rubric_tier = Some(rubric);
        graded.tier = verdict;
        if model != rubric {
            let reason = mine.reason.clone();
            disagreements.push(GradeDisagreement {
                requested: graded.requested,
                computed: rubric,
                model,
                verdict,
                reason,
            });
        }
    }
    disagreements
}

fn target_of(grade: &ModelGrade) -> Option<Target> {
    let asked = grade.requested.trim().to_lowercase();
    Target::ALL.into_iter().find(|target| target.key() == asked)
}

fn says_something(text: &str) -> bool {
    text.trim().chars().count() >= SHORTEST
}

fn any_prose(list: &[String]) -> bool {
    list.iter().any(|text| says_something(text))
}

fn within_bounds(review: &ModelReview) -> bool {
    let lists = [review.blind_spots.len(), review.alternatives.len(), review.remediations.len(), review.grades.len()];
    review.lines().iter().all(|(_, text)| text.chars().count() <= LONGEST) && lists.iter().all(|n| *n <= MOST_ITEMS)
}

fn tiers() -> String {
    let keys = [Tier::FullySatisfactory, Tier::SatisfactoryWithCaveats, Tier::NotSatisfactory]
        .map(|t| format!("`{}`", t.key()));
    keys.join(", ")
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
