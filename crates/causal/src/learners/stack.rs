//! Stacking: a non-negative combination of learners, weighted by their out-of-fold predictions (the super learner of
//! van der Laan, Polley & Hubbard 2007, doi:10.2202/1544-6115.1309).
//!
//! ```text
//! Pᵢₘ   prediction of row i by learner m fitted without i's fold
//! a      = argmin over a ≥ 0 of Σᵢ wᵢ (yᵢ − Σₘ aₘ Pᵢₘ)²;   weights aₘ / Σ a, so that they add up to one
//! μ(x)   = Σₘ weightₘ · (learner m fitted to all rows)(x)
//! ```
//!
//! Weights that add up to one keep probabilities inside (0, 1) and make the stack of a single learner that learner. Both
//! families use squared error (the Brier score for probabilities), which is proper for both. A learner that cannot be
//! fitted, in a fold or to all rows, leaves the library, and the notes say which and why; that all leave is an error.

use crate::learner_kind::Family;
use crate::learners::data::{Counted, grouped};
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::learners::nnls::non_negative_least_squares;
use crate::learners::resample;
use ndarray::{ArrayView2, Axis};

const NAME: &str = "stack";

/// A non-negative combination of the learners of a library.
#[derive(Debug)]
pub struct Stack {
    /// The library, at least one learner.
    pub library: Vec<Box<dyn Learner>>,
    /// Folds, at least 2.
    pub folds: usize,
}

/// A learner fitted to all rows, and its predictions out of fold.
struct Member {
    name: &'static str,
    out_of_fold: Vec<f64>,
    model: Box<dyn Model>,
}

impl Learner for Stack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let params = |problem: &str| LearnerError::Params { learner: NAME, problem: problem.to_owned() };
        if self.library.is_empty() {
            return Err(params("the library is empty"));
        }
        if self.folds < 2 {
            return Err(params("`folds` must be at least 2"));
        }
        let data = Counted::new(NAME, training, family)?;
        if data.n() < 2 * self.folds {
            let problem = format!("{} rows are too few for {} folds of two rows", data.n(), self.folds);
            return Err(LearnerError::Data { learner: NAME, problem });
        }
        let fitting = Fitting { data: &data, names: training.names, family, seed };
        let fold = resample::folds(&data.y, self.folds, &seed.child("folds"));
        let (mut members, mut notes, mut last) = (Vec::new(), Vec::new(), None);
        for (m, learner) in self.library.iter().enumerate() {
            match fitting.member(learner.as_ref(), m, &fold, self.folds) {
                Ok(member) => members.push(member),
                Err(error) => {
                    notes.push(format!("{} is not in the stack: {error}", learner.name()));
                    last = Some(error);
                }
            }
        }
        // As long as one member is left there is a stack; the last error speaks for all only if none is.
        match last {
            Some(error) if members.is_empty() => Err(error),
            _ => Ok(Box::new(combine(members, &data, notes))),
        }
    }
}

/// The data that the members of a stack are fitted to.
struct Fitting<'a> {
    data: &'a Counted,
    names: &'a [String],
    family: Family,
    seed: &'a Seed,
}

impl Fitting<'_> {
    fn member(
        &self,
        learner: &dyn Learner,
        position: usize,
        fold: &[usize],
        folds: usize,
    ) -> Result<Member, LearnerError> {
        // By position as well: a library may hold a learner twice.
        let seed = self.seed.child(format!("{position} {}", learner.name()));
        let mut out_of_fold = vec![0.0; self.data.n()];
        for held_out in 0..folds {
            let inside: Vec<usize> = (0..fold.len()).filter(|i| fold[*i] != held_out).collect();
            let outside: Vec<usize> = (0..fold.len()).filter(|i| fold[*i] == held_out).collect();
            let model = self.fit_rows(learner, &inside, &seed.child(format!("fold {held_out}")))?;
            let predicted = model.predict(self.data.x.select(Axis(0), &outside).view());
            outside.into_iter().zip(predicted).for_each(|(i, v)| out_of_fold[i] = v);
        }
        let all: Vec<usize> = (0..self.data.n()).collect();
        let model = self.fit_rows(learner, &all, &seed.child("all"))?;
        Ok(Member { name: learner.name(), out_of_fold, model })
    }

    fn fit_rows(&self, learner: &dyn Learner, rows: &[usize], seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let x = self.data.x.select(Axis(0), rows);
        let pick = |values: &[f64]| rows.iter().map(|i| values[*i]).collect::<Vec<f64>>();
        let (y, weights) = (pick(&self.data.y), pick(&self.data.w));
        learner.fit(&Training { x: x.view(), names: self.names, y: &y, weights: &weights }, self.family, seed)
    }
}

/// Weights the members and forgets those of weight zero.
fn combine(members: Vec<Member>, data: &Counted, mut notes: Vec<String>) -> StackModel {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(&data.w).map(|((a, b), w)| w * a * b).sum::<f64>();
    // Uncentred and without an intercept: the combination is of predictions on the scale of y.
    let g: Vec<Vec<f64>> =
        members.iter().map(|a| members.iter().map(|b| product(&a.out_of_fold, &b.out_of_fold)).collect()).collect();
    let c: Vec<f64> = members.iter().map(|m| product(&m.out_of_fold, &data.y)).collect();
    // All zeros would have no shares.
    let weights = non_negative_least_squares(&g, &c).filter(|a| a.iter().sum::<f64>() > 0.0);
    let weights = weights.unwrap_or_else(|| {
        notes.push("no non-negative combination fits out of fold; the learner with the least loss stands alone".into());
        alone(&members, data)
    });
    let total: f64 = weights.iter().sum();
    let (mut parts, mut converged, mut iterations) = (Vec::new(), true, 0);
    for (member, weight) in members.into_iter().zip(weights) {
        let share = weight / total;
        notes.push(format!("weight {share:.3}: {}", member.name));
        // A member of weight zero has no say, so neither do its notes and its convergence.
        if share > 0.0 {
            let info = member.model.info();
            iterations += info.iterations;
            converged &= info.converged;
            notes.extend(info.notes.iter().map(|note| format!("{}: {note}", member.name)));
            parts.push((share, member.model));
        }
    }
    notes.push(format!("weights from out-of-fold predictions of {} rows", grouped(data.n())));
    StackModel { parts, info: FitInfo { iterations, converged, notes } }
}

/// All weight on the first member with the smallest out-of-fold squared error.
fn alone(members: &[Member], data: &Counted) -> Vec<f64> {
    let loss = |m: &Member| {
        let rows = m.out_of_fold.iter().zip(&data.y).zip(&data.w);
        rows.map(|((p, y), w)| w * (y - p).powi(2)).sum::<f64>()
    };
    let losses: Vec<f64> = members.iter().map(loss).collect();
    let best = (0..losses.len()).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap_or(0);
    (0..losses.len()).map(|m| if m == best { 1.0 } else { 0.0 }).collect()
}

struct StackModel {
    /// Weight and model.
    parts: Vec<(f64, Box<dyn Model>)>,
    info: FitInfo,
}

impl Model for StackModel {
    fn predict(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        let mut sum = vec![0.0; x.nrows()];
        // Alone, a member predicts with its own bits, not with those of 0 + 1 · v.
        if let [(_, model)] = self.parts.as_slice() {
            return model.predict(x);
        }
        for (weight, model) in &self.parts {
            sum.iter_mut().zip(model.predict(x)).for_each(|(sum, v)| *sum += weight * v);
        }
        sum
    }

    fn info(&self) -> &FitInfo {
        &self.info
    }
}

#[cfg(test)]
mod tests {
    use crate::learners::conformance::{Simulated, conformance};
    use crate::learners::elastic_net::{ElasticNet, ElasticNetParams};
    use crate::learners::elastic_net_basis::ElasticNetBasis;
    use crate::learners::regression::Regression;
    use crate::learners::stack::*;

    fn library() -> Stack {
        let params = ElasticNetParams { folds: 3, points: 20, tolerance: 1e-5, ..ElasticNetParams::default() };
        let library: Vec<Box<dyn Learner>> = vec![
            Box::new(Regression::default()),
            Box::new(ElasticNet { params: params.clone() }),
            Box::new(ElasticNetBasis { params, ..ElasticNetBasis::default() }),
        ];
        Stack { library, folds: 3 }
    }

    /// Fails whenever asked.
    #[derive(Debug)]
    struct Broken;

    impl Learner for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn fit(&self, _: &Training<'_>, family: Family, _: &Seed) -> Result<Box<dyn Model>, LearnerError> {
            Err(LearnerError::Family { learner: "broken", family })
        }
    }

    #[test]
    fn conforms() {
        conformance(&library());
    }

    #[test]
    fn a_stack_of_one_learner_is_that_learner() {
        let data = Simulated::new(Family::Gaussian, 120, 2);
        let seed = Seed::new(1, "t");
        let stack = Stack { library: vec![Box::new(Regression::default())], folds: 4 };
        let stacked = stack.fit(&data.training(), Family::Gaussian, &seed).unwrap().predict(data.x.view());
        let alone = Regression::default().fit(&data.training(), Family::Gaussian, &seed).unwrap();
        for (a, b) in stacked.iter().zip(alone.predict(data.x.view())) {
            assert!((a - b).abs() < 1e-10);
        }
    }

    #[test]
    fn the_flexible_learner_gets_the_weight_where_the_truth_bends() {
        let mut data = Simulated::new(Family::Gaussian, 400, 3);
        data.y = data.x.outer_iter().zip(&data.y).map(|(r, e)| (2.0 * r[0]).sin() * 3.0 + 0.1 * e).collect();
        let model = library().fit(&data.training(), Family::Gaussian, &Seed::new(1, "t")).unwrap();
        let note = model.info().notes.iter().find(|n| n.contains("splines") && n.starts_with("weight")).unwrap();
        let weight: f64 = note["weight ".len().."weight ".len() + 5].parse().unwrap();
        assert!(weight > 0.8, "{note}");
    }

    #[test]
    fn a_learner_that_fails_is_named_and_an_empty_library_refused() {
        let data = Simulated::new(Family::Gaussian, 120, 2);
        let stack = Stack { library: vec![Box::new(Broken), Box::new(Regression::default())], folds: 4 };
        let model = stack.fit(&data.training(), Family::Gaussian, &Seed::new(1, "t")).unwrap();
        assert!(model.info().notes[0].starts_with("broken is not in the stack"), "{:?}", model.info());
        let fit = |stack: Stack| stack.fit(&data.training(), Family::Gaussian, &Seed::new(1, "t")).err().unwrap();
        assert!(matches!(fit(Stack { library: vec![Box::new(Broken)], folds: 4 }), LearnerError::Family { .. }));
        assert!(matches!(fit(Stack { library: vec![], folds: 4 }), LearnerError::Params { .. }));
    }
}
