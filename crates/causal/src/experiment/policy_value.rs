//! The value of a policy from decisions that another one made: off-policy evaluation.
//!
//! # Estimand and estimating equations
//!
//! Decision i has covariates xᵢ, the action aᵢ that was drawn with the logged chance μ(aᵢ|xᵢ), and the reward rᵢ. A policy π has chances
//! π(a|x), often 0 or 1. Its value V(π) = E[Σ_a π(a|x) r(a)] is the mean reward, had each decision followed π and everything else
//! been as it was. With wᵢ = π(aᵢ|xᵢ)/μ(aᵢ|xᵢ),
//!
//! ```text
//! Horvitz–Thompson  V = Σ wᵢrᵢ / n                                  ψᵢ = wᵢrᵢ
//! Hájek             V = Σ wᵢrᵢ / Σ wᵢ                               ψᵢ = V + n wᵢ(rᵢ − V)/Σw
//! doubly robust     V = Σ ψᵢ / n       ψᵢ = Σ_a π(a|xᵢ) q_a(xᵢ) + wᵢ(rᵢ − q_{aᵢ}(xᵢ))
//! gain over the log V − r̄              ψᵢ − rᵢ, of the doubly robust ψ: one influence function, not two intervals
//! ```
//!
//! Standard errors are by units ([`super::logged`]), which also has q, cross-fitted over whole units.
//!
//! # Does the log hold what it says?
//!
//! If the chances are right and every action has some in each decision, E[1{aᵢ = a}/μᵢ − 1 | xᵢ] = 0 for every a. Those residuals, and
//! their products with the covariates, are tested together. A log in which hard tasks went to one action, and whose chances
//! do not say so, fails it. For a policy the same is asked where it acts: π(a|xᵢ)(1{aᵢ = a}/μᵢ − 1).
//!
//! # Assumptions
//!
//! The action was drawn with the logged chance given xᵢ, whatever would have come of it; a reward depends on the action of its own
//! decision alone; π(a|x) > 0 only where μ(a|x) > 0. For several decisions of a unit it is the value of one decision, the others
//! as logged, and not that of a whole conversation under π.
//!
//! # References
//!
//! Horvitz & Thompson 1952, doi:10.1080/01621459.1952.10483446. Hájek 1971. Dudík, Langford & Li 2011, arXiv:1103.4601 (doubly robust).
//! Swaminathan & Joachims 2015, NeurIPS 28 (self-normalised). Imai & Ratkovic 2014, doi:10.1111/rssb.12027 (the moments of the check).

use crate::experiment::linear_model::Estimated;
use crate::experiment::logged::{Decisions, LoggedError, MomentTest, effective_units, unit_mean, with_covariates};
use crate::numerics::sums;

/// n decisions, with one of A actions each.
#[derive(Debug, Clone, Copy)]
pub struct LoggedActions<'a> {
    /// Rewards, units, covariates and folds.
    pub decisions: Decisions<'a>,
    /// A, the number of actions.
    pub actions: usize,
    /// The action of each decision, from 0.
    pub action: &'a [u16],
    /// μ(aᵢ|xᵢ), in (0, 1].
    pub chance: &'a [f64],
}

/// π(a|x) of n decisions.
#[derive(Debug, Clone, Copy)]
pub enum Policy<'a> {
    /// One action in every decision.
    Always(u16),
    /// An action for each decision.
    Chosen(&'a [u16]),
    /// Chances, decision by decision: n × A, each decision's summing to 1.
    Drawn(&'a [f64]),
}

/// How a policy meets the log. None of it needs a reward.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyOverlap {
    /// Decisions in which the log did what the policy may do.
    pub matched: usize,
    /// (Σ_g W_g)²/Σ_g W_g² with W_g the weights of a unit: as many units of equal weight say as much. 0 without a match.
    pub effective_units: f64,
    /// The largest weight.
    pub largest_weight: f64,
    /// The mean weight, which should be 1.
    pub mean_weight: Estimated,
    /// The actions that the policy takes.
    pub actions: Vec<ActionOverlap>,
}

/// One action of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActionOverlap {
    /// The action.
    pub action: usize,
    /// Σπ(a|xᵢ): decisions in which the policy takes it.
    pub wanted: f64,
    /// Those of them in which the log took it. With none, the log says nothing on the policy.
    pub matched: usize,
    /// Σπ(a|xᵢ)1{aᵢ = a}/μᵢ / Σπ(a|xᵢ), which should be 1, with its standard error.
    pub mean_weight: Estimated,
}

impl ActionOverlap {
    /// Two-sided p-value of a mean weight of 1.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        Estimated { estimate: self.mean_weight.estimate - 1.0, ..self.mean_weight }.p_value()
    }
}

/// The value of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyValue {
    /// Doubly robust: the answer.
    pub doubly_robust: Estimated,
    /// Doubly robust, minus the mean reward of the log.
    pub gain: Estimated,
    /// Inverse weighting.
    pub horvitz_thompson: Estimated,
    /// Self-normalised inverse weighting.
    pub hajek: Estimated,
}

/// How well the logged chances describe the log.
#[derive(Debug, Clone, PartialEq)]
pub struct ChanceCheck {
    /// For each action, Σ1{aᵢ = a}/μᵢ / n, which should be 1.
    pub actions: Vec<Estimated>,
    /// All residuals and their products with the covariates; or why there is no such test.
    pub joint: Result<MomentTest, LoggedError>,
}

impl Policy<'_> {
    fn chance(&self, i: usize, action: usize, actions: usize) -> f64 {
        match self {
            Policy::Always(always) => f64::from(u8::from(usize::from(*always) == action)),
            Policy::Chosen(chosen) => f64::from(u8::from(usize::from(chosen[i]) == action)),
            Policy::Drawn(chances) => chances[i * actions + action],
        }
    }
}

impl LoggedActions<'_> {
    /// Lengths, numbers, actions and chances.
    ///
    /// # Errors
    /// [`LoggedError`].
    pub fn check(&self) -> Result<(), LoggedError> {
        self.decisions.check()?;
        let n = self.decisions.n();
        let lengths = [("the actions", self.action.len()), ("the chances", self.chance.len())];
        if let Some((what, found)) = lengths.into_iter().find(|(_, found)| *found != n) {
            return Err(LoggedError::Shape { what, found, expected: n });
        }
        if let Some(action) = self.action.iter().find(|action| usize::from(**action) >= self.actions) {
            return Err(LoggedError::Shape { what: "an action", found: (*action).into(), expected: self.actions });
        }
        match self.chance.iter().position(|chance| !(*chance > 0.0 && *chance <= 1.0)) {
            Some(at) => Err(LoggedError::Chance { row: at + 1, value: self.chance[at] }),
            None => Ok(()),
        }
    }

    /// 1{aᵢ = a}/μᵢ − 1.
    fn residual(&self, action: usize) -> Vec<f64> {
        let one = |(taken, chance): (&u16, &f64)| if usize::from(*taken) == action { 1.0 / chance - 1.0 } else { -1.0 };
        self.action.iter().zip(self.chance).map(one).collect()
    }

    /// Holds the logged chances against the log. No reward is looked at.
    ///
    /// # Errors
    /// [`LoggedError`] for decisions that do not fit together.
    pub fn chances(&self) -> Result<ChanceCheck, LoggedError> {
        self.check()?;
        let units = self.decisions.units;
        let residuals: Vec<Vec<f64>> = (0..self.actions).map(|action| self.residual(action)).collect();
        let means = residuals.iter().map(|residual| {
            let off = unit_mean(residual, units);
            Estimated { estimate: off.estimate + 1.0, ..off }
        });
        let scaled = self.decisions.scaled();
        let moments: Vec<Vec<f64>> = residuals.iter().flat_map(|residual| with_covariates(residual, &scaled)).collect();
        Ok(ChanceCheck { actions: means.collect(), joint: MomentTest::new(&moments, units) })
    }

    fn weights(&self, policy: &Policy<'_>) -> Vec<f64> {
        let pairs = self.action.iter().zip(self.chance).enumerate();
        pairs.map(|(i, (action, chance))| policy.chance(i, (*action).into(), self.actions) / chance).collect()
    }

    /// How a policy meets the log. No reward is looked at.
    ///
    /// # Errors
    /// [`LoggedError`] for decisions that do not fit together.
    pub fn overlap(&self, policy: &Policy<'_>) -> Result<PolicyOverlap, LoggedError> {
        self.check()?;
        let (n, units) = (self.decisions.n(), self.decisions.units);
        let weights = self.weights(policy);
        let of_action = |action: usize| {
            let wanted: Vec<f64> = (0..n).map(|i| policy.chance(i, action, self.actions)).collect();
            let total = sums::sum(wanted.iter().copied());
            let off: Vec<f64> =
                self.residual(action).iter().zip(&wanted).map(|(residual, chance)| residual * chance).collect();
            let found = unit_mean(&off, units);
            let scale = n as f64 / total;
            (total > 0.0).then(|| ActionOverlap {
                action,
                wanted: total,
                matched: (0..n).filter(|i| wanted[*i] > 0.0 && usize::from(self.action[*i]) == action).count(),
                mean_weight: Estimated {
                    estimate: 1.0 + found.estimate * scale,
                    std_error: found.std_error * scale,
                    df: found.df,
                },
            })
        };
        Ok(PolicyOverlap {
            matched: weights.iter().filter(|weight| **weight > 0.0).count(),
            effective_units: effective_units(&weights, units),
            largest_weight: weights.iter().copied().fold(0.0, f64::max),
            mean_weight: unit_mean(&weights, units),
            actions: (0..self.actions).filter_map(of_action).collect(),
        })
    }

    /// The mean reward of the log.
    ///
    /// # Errors
    /// [`LoggedError`] for decisions that do not fit together.
    pub fn logged_value(&self) -> Result<Estimated, LoggedError> {
        self.check()?;
        Ok(unit_mean(self.decisions.reward, self.decisions.units))
    }

    /// The value of a policy.
    ///
    /// # Errors
    /// [`LoggedError::EmptyCell`] for an action of the policy that the log does not have in enough units.
    pub fn value(&self, policy: &Policy<'_>) -> Result<PolicyValue, LoggedError> {
        self.check()?;
        let Decisions { reward, units, .. } = self.decisions;
        let n = self.decisions.n();
        let weights = self.weights(policy);
        let weighted: Vec<f64> = weights.iter().zip(reward).map(|(w, r)| w * r).collect();
        let total = sums::sum(weights.iter().copied());
        let hajek = sums::sum(weighted.iter().copied()) / total;
        let normalised: Vec<f64> =
            weights.iter().zip(reward).map(|(w, r)| hajek + n as f64 * w * (r - hajek) / total).collect();
        let scaled = self.decisions.scaled();
        let mut scores = weighted.clone();
        for action in 0..self.actions {
            let chances: Vec<f64> = (0..n).map(|i| policy.chance(i, action, self.actions)).collect();
            if chances.iter().all(|chance| *chance == 0.0) {
                continue;
            }
            let taken = |i: usize| usize::from(self.action[i]) == action;
            let means = self.decisions.outcome_means(&scaled, action, taken)?;
            for i in 0..n {
                let weight = if taken(i) { weights[i] } else { 0.0 };
                scores[i] += (chances[i] - weight) * means[i];
            }
        }
        let gains: Vec<f64> = scores.iter().zip(reward).map(|(score, r)| score - r).collect();
        Ok(PolicyValue {
            doubly_robust: unit_mean(&scores, units),
            gain: unit_mean(&gains, units),
            horvitz_thompson: unit_mean(&weighted, units),
            hajek: unit_mean(&normalised, units),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six decisions of two actions by a coin, a unit each.
    const ACTION: [u16; 6] = [0, 1, 0, 1, 1, 0];
    const REWARD: [f64; 6] = [1.0, 3.0, 2.0, 5.0, 4.0, 0.0];
    const UNITS: [u32; 6] = [0, 1, 2, 3, 4, 5];
    const FOLD: [usize; 6] = [0, 0, 1, 1, 2, 2];

    fn log<'a>(chance: &'a [f64], units: &'a [u32]) -> LoggedActions<'a> {
        let decisions = Decisions { reward: &REWARD, units, covariates: &[], folds: &FOLD };
        LoggedActions { decisions, actions: 2, action: &ACTION, chance }
    }

    #[test]
    fn by_a_fair_coin_an_arm_is_its_mean() {
        let (half, units) = ([0.5; 6], UNITS);
        let found = log(&half, &units).value(&Policy::Always(1)).unwrap();
        assert!((found.horvitz_thompson.estimate - 4.0).abs() < 1e-14 && (found.hajek.estimate - 4.0).abs() < 1e-14);
        // Means of the other folds: 4.5, 3.5, 4 for the action; ψ = q + 2(r − q) where it was taken, q elsewhere.
        let by_hand = (4.5 + (4.5 - 3.0) + 3.5 + (3.5 + 3.0) + (4.0 + 0.0) + 4.0) / 6.0;
        assert!((found.doubly_robust.estimate - by_hand).abs() < 1e-14);
        assert!((found.gain.estimate - (by_hand - 2.5)).abs() < 1e-14);
        let overlap = log(&half, &units).overlap(&Policy::Always(1)).unwrap();
        assert_eq!((overlap.matched, overlap.effective_units, overlap.largest_weight), (3, 3.0, 2.0));
        assert_eq!(overlap.mean_weight.estimate, 1.0);
    }

    #[test]
    fn the_policy_that_was_logged_has_the_value_of_the_log() {
        let (half, units) = ([0.5; 6], UNITS);
        let found = log(&half, &units).value(&Policy::Drawn(&[0.5; 12])).unwrap();
        assert!((found.horvitz_thompson.estimate - 2.5).abs() < 1e-14 && (found.hajek.estimate - 2.5).abs() < 1e-14);
        // Every weight is 1, so the score is the reward but for q, whose part has the mean 0 only on average.
        assert!(found.gain.estimate.abs() < 1.0);
    }

    #[test]
    fn labels_of_actions_and_scales_of_rewards_do_not_matter() {
        let (half, units) = ([0.4, 0.6, 0.4, 0.6, 0.6, 0.4], UNITS);
        let plain = log(&half, &units);
        let swapped: Vec<u16> = ACTION.iter().map(|a| 1 - a).collect();
        let reward: Vec<f64> = REWARD.iter().map(|r| 10.0 * r - 3.0).collect();
        let other =
            LoggedActions { action: &swapped, decisions: Decisions { reward: &reward, ..plain.decisions }, ..plain };
        let [a, b] = [plain.value(&Policy::Always(1)).unwrap(), other.value(&Policy::Always(0)).unwrap()];
        assert!((b.hajek.estimate - (10.0 * a.hajek.estimate - 3.0)).abs() < 1e-12);
        assert!((b.doubly_robust.estimate - (10.0 * a.doubly_robust.estimate - 3.0)).abs() < 1e-12);
        assert!((b.gain.std_error - 10.0 * a.gain.std_error).abs() < 1e-12);
    }

    #[test]
    fn decisions_of_a_unit_are_not_independent() {
        let (half, units) = ([0.5; 6], UNITS);
        let pairs = [0, 1, 0, 1, 1, 0];
        let [apart, together] =
            [&units, &pairs].map(|units| log(&half, units).value(&Policy::Always(1)).unwrap().horvitz_thompson);
        assert!(together.std_error > apart.std_error && together.df == 1.0);
    }

    #[test]
    fn an_action_without_support_has_no_value() {
        let (half, units) = ([0.5; 6], UNITS);
        let plain = log(&half, &units);
        let more = LoggedActions { actions: 3, ..plain };
        let overlap = more.overlap(&Policy::Always(2)).unwrap();
        assert_eq!((overlap.matched, overlap.actions[0].matched, overlap.effective_units), (0, 0, 0.0));
        assert_eq!(more.value(&Policy::Always(2)), Err(LoggedError::EmptyCell { cell: 2 }));
        let chosen = [0, 0, 1, 1, 1, 1];
        let overlap = plain.overlap(&Policy::Chosen(&chosen)).unwrap();
        assert_eq!(overlap.actions.iter().map(|a| (a.wanted, a.matched)).collect::<Vec<_>>(), [(2.0, 1), (4.0, 2)]);
    }

    #[test]
    fn chances_that_are_none_are_refused() {
        let units = UNITS;
        for bad in [0.0, 1.1, f64::NAN] {
            let mut chance = [0.5; 6];
            chance[3] = bad;
            assert!(matches!(log(&chance, &units).chances(), Err(LoggedError::Chance { row: 4, .. })));
        }
    }
}
