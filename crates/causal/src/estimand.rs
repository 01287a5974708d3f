//! Estimands: the claim, the population it is about, and its units.
//!
//! Every estimand here is a weighted average of the conditional effect τ(x) = E[Y(1) − Y(0) | X = x],
//! with a tilting function h of the propensity e(x) (Li, Morgan & Zaslavsky 2018,
//! doi:10.1080/01621459.2016.1260466):
//!
//! ```text
//! τ_h = E[h(e(X)) τ(X)] / E[h(e(X))]
//! ```
//!
//! | target | h(e) | population |
//! |---|---|---|
//! | ATE | 1 | everyone |
//! | ATT | e | the treated |
//! | ATC | 1 − e | the controls |
//! | ATO | e(1 − e) | the overlap population: units whose treatment could have gone either way |

use serde::{Deserialize, Serialize};

/// The tilting function h: whose average effect is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Average treatment effect, h = 1.
    Ate,
    /// Average treatment effect on the treated, h = e.
    Att,
    /// Average treatment effect on the controls, h = 1 − e.
    Atc,
    /// Average treatment effect in the overlap population, h = e(1 − e).
    Ato,
}

impl Target {
    /// All targets, in the order in which they are reported.
    pub const ALL: [Target; 4] = [Target::Ate, Target::Att, Target::Atc, Target::Ato];

    /// The lower-case key used in plans, specs and file names.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Target::Ate => "ate",
            Target::Att => "att",
            Target::Atc => "atc",
            Target::Ato => "ato",
        }
    }

    /// The name a reader knows, without any trimming.
    #[must_use]
    pub fn acronym(self) -> &'static str {
        match self {
            Target::Ate => "ATE",
            Target::Att => "ATT",
            Target::Atc => "ATC",
            Target::Ato => "ATO",
        }
    }

    /// Parses a [`Target::key`], whatever its case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|t| t.key().eq_ignore_ascii_case(text.trim()))
    }

    /// h(e), the tilting function at propensity `e`.
    #[must_use]
    pub fn tilt(self, e: f64) -> f64 {
        match self {
            Target::Ate => 1.0,
            Target::Att => e,
            Target::Atc => 1.0 - e,
            Target::Ato => e * (1.0 - e),
        }
    }

    /// h′(e), the derivative of [`Target::tilt`].
    #[must_use]
    pub fn tilt_slope(self, e: f64) -> f64 {
        match self {
            Target::Ate => 0.0,
            Target::Att => 1.0,
            Target::Atc => -1.0,
            Target::Ato => 1.0 - 2.0 * e,
        }
    }

    /// The units that the answer is about, as a noun phrase.
    #[must_use]
    pub fn population(self) -> &'static str {
        match self {
            Target::Ate => "everyone in the sample",
            Target::Att => "the treated",
            Target::Atc => "the controls",
            Target::Ato => "the overlap population, weighted towards units whose treatment could have gone either way",
        }
    }
}

/// A rule that removes units before anything is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum TrimRule {
    /// Keep `alpha <= e <= 1 - alpha`. Crump et al. (2009) recommend 0.1 as a rule of thumb.
    Fixed {
        /// The smallest propensity kept.
        alpha: f64,
    },
    /// Keep `alpha* <= e <= 1 - alpha*` with the variance-minimising alpha* of Crump, Hotz, Imbens & Mitnik
    /// (2009), doi:10.1093/biomet/asn055.
    CrumpOptimal,
}

/// The units that the estimand is about, before weighting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Population {
    /// Every analysed row.
    All,
    /// Rows whose propensity, fitted on every analysed row, passes the rule. Nuisances are then refitted on the kept rows.
    Trimmed {
        /// The rule that decides who is kept.
        trim: TrimRule,
    },
}

/// A target in a population: the honest name of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimand {
    /// Whose average effect.
    pub target: Target,
    /// Among which units.
    pub population: Population,
}

impl Estimand {
    /// `ATE`, `trimmed ATT`: short enough for a table. What trimming did is in the population report.
    #[must_use]
    pub fn name(&self) -> String {
        match self.population {
            Population::All => self.target.acronym().to_owned(),
            Population::Trimmed { .. } => format!("trimmed {}", self.target.acronym()),
        }
    }
}

/// The kind of number that the outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// A number: arm-wise linear outcome models.
    Continuous,
    /// 0/1: arm-wise logistic outcome models; effects are risk differences.
    Binary,
}

keyed_enum! {
    /// Whose average effect an interval is about.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum Inference {
        /// The population that the units were drawn from: the units' own effects vary from draw to draw, and that counts.
        #[default]
        Population = "population",
        /// These units and no others (SATE, SATT): only what was not observed of them is uncertain.
        Sample = "sample",
    }
}
