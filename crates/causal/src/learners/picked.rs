//! One of several learners, picked by its loss on rows held out. Picked, not blended: a convex combination of learners fits
//! the rows it was weighted on, and intervals around it are too short.

use crate::learner_kind::Family;
use crate::learners::data::Counted;
use crate::learners::learner::{Learner, LearnerError, Model, Seed, Training};
use crate::numerics::sums;
use ndarray::Axis;

const NAME: &str = "boosted trees or ridge regression";
/// One row in so many is held out.
const HELD_OUT: usize = 4;

/// The better of several learners.
#[derive(Debug)]
pub(super) struct Picked {
    /// In order of preference where losses are equal; at least one.
    pub(super) candidates: Vec<Box<dyn Learner>>,
}

/// Mean loss of `predictions`: squared errors for numbers, −ln P(what happened) for zeros and ones.
pub(crate) fn loss(family: Family, predictions: &[f64], y: &[f64], w: &[f64]) -> f64 {
    let one = |predicted: f64, y: f64| match family {
        Family::Gaussian => (y - predicted).powi(2),
        Family::Bernoulli if y == 1.0 => -predicted.ln(),
        Family::Bernoulli => -(-predicted).ln_1p(),
    };
    let counted = || (0..w.len()).filter(|i| w[*i] > 0.0);
    sums::sum(counted().map(|i| w[i] * one(predictions[i], y[i]))) / sums::sum(counted().map(|i| w[i]))
}

impl Learner for Picked {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let data = Counted::new(NAME, training, family)?;
        // Every fourth row: the learners draw their own random numbers, and a sorted file must not hold out one end of itself.
        let held_out = |i: usize| i.is_multiple_of(HELD_OUT);
        let rest: Vec<f64> = (0..data.n()).map(|i| if held_out(i) { 0.0 } else { data.w[i] }).collect();
        let rows: Vec<usize> = (0..data.n()).filter(|i| held_out(*i)).collect();
        let [y, w] = [&data.y, &data.w].map(|from| rows.iter().map(|i| from[*i]).collect::<Vec<f64>>());
        let part = Training { x: data.x.view(), names: training.names, y: &data.y, weights: &rest };
        let seen = data.x.select(Axis(0), &rows);
        let mut best: Option<(f64, &dyn Learner)> = None;
        for candidate in &self.candidates {
            // A failure is an error: which learner answers must not depend on one that nobody reads.
            let model = candidate.fit(&part, family, &seed.child("pick"))?;
            let loss = loss(family, &model.predict(seen.view()), &y, &w);
            if best.is_none_or(|(least, _)| loss < least) {
                best = Some((loss, candidate.as_ref()));
            }
        }
        let picked = best.map(|(_, picked)| picked);
        let none = || LearnerError::Params { learner: NAME, problem: "there must be a candidate".to_owned() };
        picked.ok_or_else(none)?.fit(training, family, seed)
    }
}

#[cfg(test)]
mod tests {
    use crate::learner_kind::{Effort, LearnerKind};
    use crate::learners::conformance::conformance;
    use crate::learners::factory;
    use crate::learners::picked::*;

    #[test]
    fn conforms() {
        conformance(factory::by_kind(LearnerKind::BoostingOrRidge, Effort::Fast).as_ref());
    }

    #[test]
    fn the_loss_is_that_of_the_family() {
        assert_eq!(loss(Family::Gaussian, &[1.0, 5.0], &[3.0, 0.0], &[1.0, 0.0]), 4.0);
        let binary = loss(Family::Bernoulli, &[0.25, 0.5], &[0.0, 1.0], &[3.0, 1.0]);
        assert!((binary - (-3.0 * 0.75_f64.ln() - 0.5_f64.ln()) / 4.0).abs() < 1e-15);
    }
}
