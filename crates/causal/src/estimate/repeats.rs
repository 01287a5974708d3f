//! One effect from repeated cross-fitting (Chernozhukov et al. 2018, doi:10.1111/ectj.12097, section 3.4).
//!
//! ```text
//! τ̂ = median_r τ̂_r,    se² = median_r [se_r² + (τ̂_r − τ̂)²]
//! ```
//!
//! so that the answer does not hang on one division into folds, and what hangs on it is in the standard error. Arm means,
//! effective sizes, the influence-function standard error and the disagreement are those of the repeat in the middle, or
//! the mean of the two in the middle. Clipped predictions are those of the repeat with the most; every note of any repeat
//! is kept, once.

use crate::effect::{Effect, Note};

/// The median of the effects of all repeats, with intervals of `critical` standard errors; `None` without any.
pub(crate) fn median(mut effects: Vec<Effect>, critical: f64) -> Option<Effect> {
    if effects.len() < 2 {
        // A single effect keeps its own standard error and notes.
        return effects.pop();
    }
    effects.sort_by(|a, b| a.estimate.total_cmp(&b.estimate));
    let (low, high) = (effects.get((effects.len() - 1) / 2)?, effects.get(effects.len() / 2)?);
    let estimate = f64::midpoint(low.estimate, high.estimate);
    // About the median of all repeats: a division far from it counts with its distance.
    let mut squares: Vec<f64> = effects.iter().map(|e| e.std_error.powi(2) + (e.estimate - estimate).powi(2)).collect();
    squares.sort_by(f64::total_cmp);
    let middle =
        |values: &[f64]| Some(f64::midpoint(*values.get((values.len() - 1) / 2)?, *values.get(values.len() / 2)?));
    let std_error = middle(&squares)?.sqrt();
    let both = |of: &dyn Fn(&Effect) -> Option<f64>| Some(f64::midpoint(of(low)?, of(high)?));
    // Repeats tend to say the same thing; it is said once.
    let mut notes: Vec<Note> = Vec::new();
    for note in effects.iter().flat_map(|e| &e.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    Some(Effect {
        estimate,
        std_error,
        se_influence: both(&|e| e.se_influence),
        ci_lower: estimate - critical * std_error,
        ci_upper: estimate + critical * std_error,
        mean_treated: both(&|e| e.mean_treated),
        mean_control: both(&|e| e.mean_control),
        ess_treated: f64::midpoint(low.ess_treated, high.ess_treated),
        ess_control: f64::midpoint(low.ess_control, high.ess_control),
        disagreement: both(&|e| e.disagreement),
        clipped: effects.iter().map(|e| e.clipped).max().unwrap_or(0),
        repeats: effects.len(),
        notes,
        ..high.clone()
    })
}

/// The mean of the influence values of all repeats, row by row; `None` without any.
pub(crate) fn mean_influence(mut repeats: impl Iterator<Item = Vec<f64>>) -> Option<Vec<f64>> {
    let mut total = repeats.next()?;
    let mut count = 1.0;
    for phi in repeats {
        total.iter_mut().zip(phi).for_each(|(t, p)| *t += p);
        count += 1.0;
    }
    if count > 1.0 {
        total.iter_mut().for_each(|t| *t /= count);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use crate::estimand::{OutcomeKind, Target};
    use crate::estimate::repeats::*;
    use crate::estimate::test_data::{Arrays, params};
    use crate::estimator::EstimatorKind;
    use crate::numerics::distributions::Z_975;

    fn effects(numbers: &[(f64, f64)]) -> Vec<Effect> {
        let a = Arrays::draw(40, OutcomeKind::Continuous);
        let p = params(OutcomeKind::Continuous);
        let one = crate::estimate::estimate(&a.sample(None), EstimatorKind::Naive, Target::Ate, &p).unwrap();
        let with =
            |(estimate, std_error): &(f64, f64)| Effect { estimate: *estimate, std_error: *std_error, ..one.clone() };
        numbers.iter().map(with).collect()
    }

    #[test]
    fn the_middle_one_and_the_middle_of_squares() {
        let e = median(effects(&[(5.0, 1.0), (1.0, 2.0), (2.0, 1.0)]), Z_975).unwrap();
        // Squares about 2: 1 + 9, 4 + 1, 1 + 0.
        assert_eq!((e.estimate, e.std_error), (2.0, 5.0_f64.sqrt()));
        let e = median(effects(&[(1.0, 1.0), (3.0, 1.0)]), Z_975).unwrap();
        assert_eq!((e.estimate, e.std_error), (2.0, 2.0_f64.sqrt()));
        assert_eq!(median(effects(&[(4.0, 0.5)]), Z_975).unwrap().std_error, 0.5);
        assert!(median(Vec::new(), Z_975).is_none());
    }

    #[test]
    fn the_interval_is_about_the_median_and_every_note_is_kept_once() {
        let mut three = effects(&[(5.0, 1.0), (1.0, 2.0), (2.0, 1.0)]);
        let (known, widened) = (Note::PropensityKnown, Note::Widened { factor: 1.2 });
        three[0].notes = vec![known.clone()];
        three[1].notes = vec![known.clone(), widened.clone()];
        (three[0].clipped, three[1].clipped) = (4, 7);
        let e = median(three, 3.0).unwrap();
        let reach = 3.0 * 5.0_f64.sqrt();
        assert_eq!((e.ci_lower, e.ci_upper), (2.0 - reach, 2.0 + reach));
        assert_eq!((e.clipped, e.repeats), (7, 3));
        assert!(e.notes == [known.clone(), widened.clone()] || e.notes == [widened, known], "{:?}", e.notes);
    }
}
