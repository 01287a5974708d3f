//! A language model's review of an analysis as it is kept beside the computed critique.

use crate::finding::Tier;
use causal::estimand::Target;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model's grade of one requested estimand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelGrade {
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
pub struct ModelReview {
    /// Blind spots of the plan, at least one: confounders that it does not mention, choices that it does not explain.
    pub blind_spots: Vec<String>,
    /// Whether plan, spec and executed analysis agree, and where they do not.
    pub alignment: String,
    /// One for each requested estimand, each exactly once.
    pub grades: Vec<ModelGrade>,
    /// How this analysis differs from the ideal target trial.
    pub trial_contrast: String,
    /// At least one other way to learn the answer, such as an encouragement design.
    pub alternatives: Vec<String>,
    /// The remediations taken so far, by the names of their playbooks; empty only if none was taken.
    pub remediations: Vec<String>,
}

impl ModelReview {
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
pub struct GradeDisagreement {
    /// The estimand the plan asked for.
    pub requested: Target,
    /// The tier that the rubric computed.
    pub computed: Tier,
    /// The tier that the model gave.
    pub model: Tier,
    /// The verdict that stands: the lower of the two.
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

/// The record of a model's critique, kept beside the computed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRecord {
    /// Provider and model.
    pub by: String,
    /// The model's review; `None` if it gave no valid one.
    pub opinion: Option<ModelReview>,
    /// The reason for a missing review, as a clause.
    pub missing: Option<String>,
    /// Where its grade and the computed one differ.
    pub disagreements: Vec<GradeDisagreement>,
    /// Figures in its prose that are not in `results.json`; filled in once there is one.
    pub flagged: Vec<FlaggedFigure>,
}
