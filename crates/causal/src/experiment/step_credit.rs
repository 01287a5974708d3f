//! Which of an agent's steps deserves the credit: steps that a coin switched on or off, decision by decision.
//!
//! # Estimand and estimating equation
//!
//! Step s of decision i was on (dᵢₛ = 1) with the logged chance pᵢₛ, in (0, 1). Its credit is E[r(s on) − r(s off)], the other
//! steps as they were logged. For a set T of steps and a setting c of them, with Pᵢ(c) = Π_{s∈T} pᵢₛ or 1 − pᵢₛ,
//!
//! ```text
//! ψᵢ(c) = q_c(xᵢ) + 1{dᵢ = c}(rᵢ − q_c(xᵢ))/Pᵢ(c)
//! credit of s         ψ(1) − ψ(0),                          T = {s}
//! s and t together    ψ(1,1) − ψ(1,0) − ψ(0,1) + ψ(0,0),    T = {s, t}
//! all on, all off     ψ(1,…,1) − ψ(0,…,0),                  T = all steps
//! left over           that, minus the sum of the credits: what the steps do together and none does alone
//! ```
//!
//! Each row is the mean of one score with its standard error by units, so that differences have their own errors. q is that of
//! [`super::logged`].
//!
//! # Assumptions
//!
//! Each step was switched by a coin of its own with the logged chance given xᵢ; coins of different steps are independent given xᵢ, where T
//! has more than one. A reward depends on the steps of its own decision. A coin that was tossed once for several decisions of a
//! unit is covered by the sums over units.
//!
//! # References
//!
//! Robins, Rotnitzky & Zhao 1994, doi:10.1080/01621459.1994.10476818. Dasgupta, Pillai & Rubin 2015, doi:10.1111/rssb.12085 (factorial
//! effects as causal ones). Egami & Imai 2019, doi:10.1080/01621459.2018.1476246 (interactions that do not depend on a baseline).

use crate::experiment::linear_model::Estimated;
use crate::experiment::logged::{Decisions, LoggedError, MomentTest, effective_units, unit_mean, with_covariates};

/// A step over n decisions.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Whether it was on.
    pub on: &'a [bool],
    /// P(on), in (0, 1).
    pub chance: &'a [f64],
}

/// n decisions with S steps.
#[derive(Debug, Clone, Copy)]
pub struct LoggedSteps<'a> {
    /// Rewards, units, covariates and folds.
    pub decisions: Decisions<'a>,
    /// The steps.
    pub steps: &'a [Step<'a>],
}

/// A step on and off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepCredit {
    /// Value with the step on.
    pub on: Estimated,
    /// Value with it off.
    pub off: Estimated,
    /// The difference.
    pub credit: Estimated,
}

/// All steps on against all off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllSteps {
    /// Decisions with every step on, and with every step off.
    pub rows: [usize; 2],
    /// Value of all on minus that of all off.
    pub effect: Estimated,
    /// That, minus the sum of the credits.
    pub left_over: Estimated,
}

/// How well the chances of a step describe the log. No reward is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct CoinCheck {
    /// Decisions with the step on.
    pub on: usize,
    /// The effective number of units under the weights dᵢ/pᵢ and (1 − dᵢ)/(1 − pᵢ), the smaller of the two.
    pub effective_units: f64,
    /// Mean of dᵢ − pᵢ, which should be 0.
    pub surplus: Estimated,
    /// The same and its products with the covariates; or why there is no such test.
    pub joint: Result<MomentTest, LoggedError>,
}

impl LoggedSteps<'_> {
    /// Lengths, numbers and chances.
    ///
    /// # Errors
    /// [`LoggedError`].
    pub fn check(&self) -> Result<(), LoggedError> {
        self.decisions.check()?;
        let n = self.decisions.n();
        for step in self.steps {
            for (what, found) in [("a step", step.on.len()), ("the chances of a step", step.chance.len())] {
                if found != n {
                    return Err(LoggedError::Shape { what, found, expected: n });
                }
            }
            if let Some(at) = step.chance.iter().position(|chance| !(*chance > 0.0 && *chance < 1.0)) {
                return Err(LoggedError::Chance { row: at + 1, value: step.chance[at] });
            }
        }
        Ok(())
    }

    /// dᵢₛ − pᵢₛ.
    fn residual(&self, step: usize) -> Vec<f64> {
        let Step { on, chance } = self.steps[step];
        on.iter().zip(chance).map(|(on, chance)| f64::from(u8::from(*on)) - chance).collect()
    }

    fn effective_units(&self, step: usize) -> f64 {
        let Step { on, chance } = self.steps[step];
        let of = |wanted: bool| {
            let weight = |(on, chance): (&bool, &f64)| {
                let chance = if wanted { *chance } else { 1.0 - chance };
                if *on == wanted { 1.0 / chance } else { 0.0 }
            };
            effective_units(&on.iter().zip(chance).map(weight).collect::<Vec<f64>>(), self.decisions.units)
        };
        of(true).min(of(false))
    }

    /// Holds the chances of each step against the log.
    ///
    /// # Errors
    /// [`LoggedError`] for decisions that do not fit together.
    pub fn coins(&self) -> Result<Vec<CoinCheck>, LoggedError> {
        self.check()?;
        let (scaled, units) = (self.decisions.scaled(), self.decisions.units);
        let of_step = |step: usize| {
            let residual = self.residual(step);
            CoinCheck {
                on: self.steps[step].on.iter().filter(|on| **on).count(),
                effective_units: self.effective_units(step),
                surplus: unit_mean(&residual, units),
                joint: MomentTest::new(&with_covariates(&residual, &scaled), units),
            }
        };
        Ok((0..self.steps.len()).map(of_step).collect())
    }

    /// Whether the coins of different steps are independent: (dᵢₛ − pᵢₛ)(dᵢₜ − pᵢₜ) has the mean 0 for all pairs together.
    ///
    /// # Errors
    /// [`LoggedError`] for fewer than two steps, or too few units.
    pub fn independence(&self) -> Result<MomentTest, LoggedError> {
        self.check()?;
        let residuals: Vec<Vec<f64>> = (0..self.steps.len()).map(|step| self.residual(step)).collect();
        let product = |[s, t]: [usize; 2]| residuals[s].iter().zip(&residuals[t]).map(|(a, b)| a * b).collect();
        let moments: Vec<Vec<f64>> = self.pairs().into_iter().map(product).collect();
        MomentTest::new(&moments, self.decisions.units)
    }

    /// Every pair of steps, in order.
    #[must_use]
    pub fn pairs(&self) -> Vec<[usize; 2]> {
        let count = self.steps.len();
        (0..count).flat_map(|s| (s + 1..count).map(move |t| [s, t])).collect()
    }

    /// Decisions in which some steps have a setting.
    fn rows(&self, steps: &[usize], setting: &[bool]) -> usize {
        (0..self.decisions.n()).filter(|i| self.is_set(*i, steps, setting)).count()
    }

    fn is_set(&self, i: usize, steps: &[usize], setting: &[bool]) -> bool {
        steps.iter().zip(setting).all(|(step, on)| self.steps[*step].on[i] == *on)
    }

    /// ψᵢ(c) of the setting c of some steps.
    fn scores(&self, scaled: &[Vec<f64>], steps: &[usize], setting: &[bool]) -> Result<Vec<f64>, LoggedError> {
        let cell = steps.iter().zip(setting).fold(0, |cell, (step, on)| cell | (usize::from(*on) << step));
        let mut scores = self.decisions.outcome_means(scaled, cell, |i| self.is_set(i, steps, setting))?;
        for (i, score) in scores.iter_mut().enumerate().filter(|(i, _)| self.is_set(*i, steps, setting)) {
            let of_step = |(step, on): (&usize, &bool)| {
                let chance = self.steps[*step].chance[i];
                if *on { chance } else { 1.0 - chance }
            };
            let chance: f64 = steps.iter().zip(setting).map(of_step).product();
            *score += (self.decisions.reward[i] - *score) / chance;
        }
        Ok(scores)
    }

    /// ψ(1) and ψ(0) of one step.
    fn on_and_off(&self, scaled: &[Vec<f64>], step: usize) -> Result<[Vec<f64>; 2], LoggedError> {
        Ok([self.scores(scaled, &[step], &[true])?, self.scores(scaled, &[step], &[false])?])
    }

    /// The credit of each step.
    ///
    /// # Errors
    /// [`LoggedError::EmptyCell`] for a step that too few units had on, or off.
    pub fn credits(&self) -> Result<Vec<StepCredit>, LoggedError> {
        self.check()?;
        let (scaled, units) = (self.decisions.scaled(), self.decisions.units);
        let of_step = |step: usize| {
            let [on, off] = self.on_and_off(&scaled, step)?;
            Ok(StepCredit {
                on: unit_mean(&on, units),
                off: unit_mean(&off, units),
                credit: unit_mean(&minus(&on, &off), units),
            })
        };
        (0..self.steps.len()).map(of_step).collect()
    }

    /// How much more two steps do together than each where the other is off.
    ///
    /// # Errors
    /// [`LoggedError::EmptyCell`] for a setting that too few units had.
    pub fn together(&self, pair: [usize; 2]) -> Result<Estimated, LoggedError> {
        self.check()?;
        let scaled = self.decisions.scaled();
        let scores = |setting: [bool; 2]| self.scores(&scaled, &pair, &setting);
        let with = minus(&scores([true, true])?, &scores([false, true])?);
        let without = minus(&scores([true, false])?, &scores([false, false])?);
        Ok(unit_mean(&minus(&with, &without), self.decisions.units))
    }

    /// All steps on against all off, and what the credits leave over.
    ///
    /// # Errors
    /// [`LoggedError::EmptyCell`] if too few units had all on, or all off.
    pub fn all_steps(&self) -> Result<AllSteps, LoggedError> {
        self.check()?;
        let (scaled, units) = (self.decisions.scaled(), self.decisions.units);
        let all: Vec<usize> = (0..self.steps.len()).collect();
        let settings = [true, false].map(|on| vec![on; all.len()]);
        let effect = minus(&self.scores(&scaled, &all, &settings[0])?, &self.scores(&scaled, &all, &settings[1])?);
        let mut left = effect.clone();
        for step in 0..self.steps.len() {
            let [on, off] = self.on_and_off(&scaled, step)?;
            left = minus(&left, &minus(&on, &off));
        }
        Ok(AllSteps {
            rows: settings.map(|setting| self.rows(&all, &setting)),
            effect: unit_mean(&effect, units),
            left_over: unit_mean(&left, units),
        })
    }
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::logged::unit_folds;

    /// Every setting of two steps six times, with the reward 1 + 2s + 3t + 4st and no noise.
    fn settings() -> (Vec<bool>, Vec<bool>, Vec<f64>, Vec<u32>) {
        let (mut s, mut t, mut reward) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..24_u32 {
            let (a, b) = (i % 2 == 1, i / 2 % 2 == 1);
            let of = |on: bool| f64::from(u8::from(on));
            s.push(a);
            t.push(b);
            reward.push(1.0 + 2.0 * of(a) + 3.0 * of(b) + 4.0 * of(a) * of(b));
        }
        (s, t, reward, (0..24).collect())
    }

    #[test]
    fn a_saturated_reward_is_taken_apart_exactly() {
        let (s, t, reward, units) = settings();
        let (chance, folds) = (vec![0.5; 24], (0..24).map(|i| i / 8).collect::<Vec<usize>>());
        let steps = [Step { on: &s, chance: &chance }, Step { on: &t, chance: &chance }];
        let decisions = Decisions { reward: &reward, units: &units, covariates: &[], folds: &folds };
        let log = LoggedSteps { decisions, steps: &steps };
        let credits = log.credits().unwrap();
        // The other step is on in half of the decisions.
        for (found, expected) in credits.iter().zip([4.0, 5.0]) {
            assert!((found.credit.estimate - expected).abs() < 1e-12, "{found:?}");
        }
        assert!((log.together([0, 1]).unwrap().estimate - 4.0).abs() < 1e-12);
        let all = log.all_steps().unwrap();
        assert_eq!(all.rows, [6, 6]);
        assert!((all.effect.estimate - 9.0).abs() < 1e-12 && all.left_over.estimate.abs() < 1e-12);
        assert!(
            log.coins()
                .unwrap()
                .iter()
                .all(|coin| coin.on == 12 && coin.surplus.estimate == 0.0 && coin.effective_units == 12.0)
        );
    }

    #[test]
    fn turning_a_step_round_turns_its_credit_round() {
        let (s, t, reward, units) = settings();
        let (chance, folds) = (vec![0.3; 24], unit_folds(&units, 7));
        let other: Vec<bool> = s.iter().map(|on| !on).collect();
        let other_chance = vec![0.7; 24];
        let decisions = Decisions { reward: &reward, units: &units, covariates: &[], folds: &folds };
        let [a, b] = [(&s, &chance), (&other, &other_chance)].map(|(on, chance)| {
            let steps = [Step { on, chance }, Step { on: &t, chance: &[0.5; 24] }];
            LoggedSteps { decisions, steps: &steps }.credits().unwrap()
        });
        assert!((a[0].credit.estimate + b[0].credit.estimate).abs() < 1e-12);
        assert!((a[0].credit.std_error - b[0].credit.std_error).abs() < 1e-12);
    }

    #[test]
    fn a_step_that_was_always_on_has_no_coin() {
        let (s, _, reward, units) = settings();
        let folds = unit_folds(&units, 7);
        let decisions = Decisions { reward: &reward, units: &units, covariates: &[], folds: &folds };
        let always = vec![1.0; 24];
        let steps = [Step { on: &s, chance: &always }];
        assert!(matches!(LoggedSteps { decisions, steps: &steps }.credits(), Err(LoggedError::Chance { row: 1, .. })));
        let (on, half) = (vec![true; 24], vec![0.5; 24]);
        let steps = [Step { on: &on, chance: &half }];
        assert_eq!(LoggedSteps { decisions, steps: &steps }.credits(), Err(LoggedError::EmptyCell { cell: 0 }));
    }
}
