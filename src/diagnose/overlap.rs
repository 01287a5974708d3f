//! Overlap: can both arms be found at every covariate value of the target population?

use serde::{Deserialize, Serialize};

/// Overlap of one target population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverlapReport {
    /// Share of the target population (units weighted by h(e) and observation weight; the treated for the ATT, the
    /// controls for the ATC) with e < 0.1 or e > 0.9.
    pub share_outside: f64,
    /// The same share among all analysed units, whatever the target.
    pub share_outside_all: f64,
    /// Units with e < 0.1.
    pub n_below: usize,
    /// Units with e > 0.9.
    pub n_above: usize,
    /// Smallest fitted propensity.
    pub e_min: f64,
    /// Largest fitted propensity.
    pub e_max: f64,
    /// Kish effective sample size of the treated under the estimand's weights.
    pub ess_treated: f64,
    /// Kish effective sample size of the controls.
    pub ess_control: f64,
    /// Largest weight as a share of its arm's total.
    pub max_weight_share: f64,
    /// Counts of e in 40 equal bins of [0, 1], treated.
    pub histogram_treated: Vec<f64>,
    /// Counts of e in 40 equal bins of [0, 1], controls.
    pub histogram_control: Vec<f64>,
}
