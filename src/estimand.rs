//! What is claimed, for whom, and in which units.
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

use crate::nuisance::Inference;
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

    /// Who the answer is about, as a noun phrase.
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

/// How units are removed before anything is estimated.
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

/// Which units the estimand is about, before weighting.
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

/// The estimators this program has. The key is what plans, specs and the command line say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorKind {
    /// Difference of arm means, no adjustment. A benchmark to argue against, never an answer.
    Naive,
    /// Inverse-propensity weighting with normalised weights (Hájek).
    IpwHajek,
    /// Inverse-propensity weighting, Horvitz–Thompson.
    IpwHt,
    /// Outcome regression in each arm, standardised over the target population (g-formula).
    Gformula,
    /// Coefficient of treatment in one linear regression: the one-shot analyst's answer, a benchmark only.
    Regression,
    /// Augmented inverse-propensity weighting (doubly robust), nuisances fitted on all rows.
    Aipw,
    /// The same with K-fold cross-fitted nuisances, by any learner.
    AipwCrossfit,
    /// Targeted maximum likelihood (doubly robust, substitution), nuisances fitted on all rows.
    Tmle,
    /// The same with K-fold cross-fitted nuisances, by any learner.
    TmleCrossfit,
    /// Bayesian additive regression trees, standardised over the target population: posterior mean and interval.
    Bart,
    /// AIPW with one BART for both arms, fitted on all rows, and a cross-fitted propensity.
    AipwBart,
    /// The mean of two AIPW estimates that fail differently, cross-fitted boosting and BART; their disagreement is in
    /// the interval.
    DrAverage,
}

impl EstimatorKind {
    /// All estimators, in reporting order.
    pub const ALL: [EstimatorKind; 12] = [
        EstimatorKind::Naive,
        EstimatorKind::Regression,
        EstimatorKind::Gformula,
        EstimatorKind::IpwHt,
        EstimatorKind::IpwHajek,
        EstimatorKind::Aipw,
        EstimatorKind::AipwCrossfit,
        EstimatorKind::Tmle,
        EstimatorKind::TmleCrossfit,
        EstimatorKind::Bart,
        EstimatorKind::AipwBart,
        EstimatorKind::DrAverage,
    ];

    /// The estimators that every analysis gets unless it asks for others: quick, and without tuning.
    pub const STANDARD: [EstimatorKind; 7] = [
        EstimatorKind::Naive,
        EstimatorKind::Regression,
        EstimatorKind::Gformula,
        EstimatorKind::IpwHt,
        EstimatorKind::IpwHajek,
        EstimatorKind::Aipw,
        EstimatorKind::AipwCrossfit,
    ];

    /// The key used in plans, specs and on the command line.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            EstimatorKind::Naive => "naive",
            EstimatorKind::Regression => "regression",
            EstimatorKind::Gformula => "gformula",
            EstimatorKind::IpwHt => "ipw_ht",
            EstimatorKind::IpwHajek => "ipw_hajek",
            EstimatorKind::Aipw => "aipw",
            EstimatorKind::AipwCrossfit => "aipw_crossfit",
            EstimatorKind::Tmle => "tmle",
            EstimatorKind::TmleCrossfit => "tmle_crossfit",
            EstimatorKind::Bart => "bart",
            EstimatorKind::AipwBart => "aipw_bart",
            EstimatorKind::DrAverage => "dr_average",
        }
    }

    /// The name for a table or a plot.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            EstimatorKind::Naive => "difference in means",
            EstimatorKind::Regression => "linear regression",
            EstimatorKind::Gformula => "g-formula",
            EstimatorKind::IpwHt => "IPW (Horvitz–Thompson)",
            EstimatorKind::IpwHajek => "IPW (Hájek)",
            EstimatorKind::Aipw => "AIPW",
            EstimatorKind::AipwCrossfit => "AIPW, cross-fitted",
            EstimatorKind::Tmle => "TMLE",
            EstimatorKind::TmleCrossfit => "TMLE, cross-fitted",
            EstimatorKind::Bart => "BART",
            EstimatorKind::AipwBart => "AIPW with BART",
            EstimatorKind::DrAverage => "doubly robust average",
        }
    }

    /// Parses a [`EstimatorKind::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<EstimatorKind> {
        EstimatorKind::ALL.into_iter().find(|k| k.key() == text.trim())
    }

    /// True for the two unadjusted-or-one-shot benchmarks that are never an answer.
    #[must_use]
    pub fn is_benchmark(self) -> bool {
        matches!(self, EstimatorKind::Naive | EstimatorKind::Regression)
    }

    /// Whether its propensity may come from any learner. The others take their standard error from the regressions
    /// that they stack.
    #[must_use]
    pub fn takes_learners(self) -> bool {
        self.is_crossfitted() || self == EstimatorKind::Bart
    }

    /// Whether a nuisance of it is cross-fitted, so that repeats with other folds say something.
    #[must_use]
    pub fn is_crossfitted(self) -> bool {
        matches!(
            self,
            EstimatorKind::AipwCrossfit
                | EstimatorKind::TmleCrossfit
                | EstimatorKind::AipwBart
                | EstimatorKind::DrAverage
        )
    }

    /// Whether its outcome models are part of what it is, rather than a choice.
    #[must_use]
    pub fn brings_outcome_models(self) -> bool {
        matches!(self, EstimatorKind::Bart | EstimatorKind::AipwBart | EstimatorKind::DrAverage)
    }
}

/// What kind of number the outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// A number: arm-wise linear outcome models.
    Continuous,
    /// 0/1: arm-wise logistic outcome models; effects are risk differences.
    Binary,
}

/// How a standard error was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeMethod {
    /// Influence function with nuisances treated as known (or cross-fitted, where that is valid to first order).
    InfluenceFunction,
    /// Stacked estimating equations: nuisance estimation is propagated (M-estimation sandwich).
    StackedEquations,
    /// Classical homoskedastic ordinary least squares.
    Classical,
    /// Unequal-variance two-sample (Welch).
    Welch,
    /// Influence function summed within clusters before it is squared.
    Clustered,
    /// Variance given the covariates and treatments of this sample: only unseen outcomes and nuisances count.
    Conditional,
    /// Standard deviation of posterior draws.
    Posterior,
    /// Variance of one member of an average of estimators and their disagreement, widened by a calibrated factor.
    Disagreement,
}

/// How the note of a nuisance fit begins that did not end where it should.
pub const NOT_CONVERGED: &str = "not converged: ";

/// One estimate, self-contained: what, for whom, how large, how uncertain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Target and population.
    pub estimand: Estimand,
    /// The estimator used.
    pub estimator: EstimatorKind,
    /// Point estimate, outcome units.
    pub estimate: f64,
    /// Headline standard error, outcome units; see `se_method`.
    pub std_error: f64,
    /// How the headline standard error was made.
    pub se_method: SeMethod,
    /// Influence-function standard error with nuisances treated as known, where defined.
    pub se_influence: Option<f64>,
    /// Stacked estimating-equation standard error, where defined.
    pub se_stacked: Option<f64>,
    /// Lower end of the 95 % interval, `estimate − 1.959963984540054·std_error`.
    pub ci_lower: f64,
    /// Upper end of the 95 % interval.
    pub ci_upper: f64,
    /// Mean potential outcome under treatment in the target population, where the estimator defines it.
    pub mean_treated: Option<f64>,
    /// Mean potential outcome under control in the target population, where the estimator defines it.
    pub mean_control: Option<f64>,
    /// Rows used.
    pub n: usize,
    /// Treated rows used.
    pub n_treated: usize,
    /// Kish effective sample size of the treated arm under the weights used.
    pub ess_treated: f64,
    /// Kish effective sample size of the control arm under the weights used.
    pub ess_control: f64,
    /// Whose average effect the interval is about.
    #[serde(default)]
    pub inference: Inference,
    /// |A − B| of the two members of an average of estimators, outcome units; `None` for a single estimator.
    #[serde(default)]
    pub disagreement: Option<f64>,
    /// Nuisance predictions that were moved into their allowed range before use: propensities, and outcome predictions.
    #[serde(default)]
    pub clipped: usize,
    /// What a reader must know of the nuisance fits and of the interval, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Effect {
    /// The nuisance fits that did not end where they should, one sentence each.
    pub fn not_converged(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().filter_map(|note| note.strip_prefix(NOT_CONVERGED))
    }
}
