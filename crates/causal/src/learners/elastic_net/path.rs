//! The coefficients along a path of penalties, each solved from the one before it.
//!
//! A working set of columns holds whatever was ever active and what the sequential strong rule does not discard
//! (Tibshirani et al. 2012, doi:10.1111/j.1467-9868.2011.01004.x). On it, the loss is replaced by its second-order
//! expansion, which [`crate::learners::elastic_net::quadratic`] minimises; for squared error that is the loss itself. The curvature of the
//! logistic loss is kept from step to step while steps stay effective, and measured anew when they do not. A point is
//! accepted when the optimality conditions of *every* column hold in gradients computed from the data.

use crate::learner_kind::Family;
use crate::learners::elastic_net::columns::Columns;
use crate::learners::elastic_net::quadratic::{Quadratic, violation};

/// Most expansions of the loss at one penalty.
const MAX_EXPANSIONS: usize = 60;
/// Most rounds of coordinate descent on one expansion.
const MAX_ROUNDS: usize = 200;
/// Curvature is measured anew when an expansion does not reduce the violation at least this many times.
const EFFECTIVE: f64 = 4.0;

/// A penalised loss on n rows.
pub(super) struct Problem<'a> {
    pub(super) columns: &'a Columns,
    pub(super) y: &'a [f64],
    /// n weights that add up to one, zero for rows held out.
    pub(super) w: Vec<f64>,
    pub(super) family: Family,
    /// α, the share of the absolute penalty.
    pub(super) mix: f64,
    /// Optimality tolerance relative to the largest gradient of the null model.
    pub(super) tolerance: f64,
}

/// One solution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) intercept: f64,
    /// Kept column and coefficient on its standardised scale; zeros are left out.
    pub(super) beta: Vec<(usize, f64)>,
    /// Mean loss over the rows of positive weight: half the squared error, or minus the log-likelihood.
    pub(super) loss: f64,
}

/// The state in which a path ended before its last penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stalled {
    /// Largest violation of the optimality conditions, relative to the largest gradient of the null model.
    pub(super) violation: f64,
}

/// Mean loss of one row.
pub(super) fn loss(family: Family, y: f64, eta: f64) -> f64 {
    match family {
        Family::Gaussian => 0.5 * (y - eta).powi(2),
        Family::Bernoulli => {
            // log(1 + exp(−signed)) without overflow.
            let signed = (2.0 * y - 1.0) * eta;
            (-signed.abs()).exp().ln_1p() + (-signed).max(0.0)
        }
    }
}

/// A walk down the path.
pub(super) struct Walker<'a> {
    problem: &'a Problem<'a>,
    /// Standard deviation of each column under the problem's weights: penalties are on that scale.
    scale: Vec<f64>,
    intercept: f64,
    beta: Vec<f64>,
    /// n linear predictors, for every row, held out or not.
    pub(super) eta: Vec<f64>,
    /// w times the derivative of minus the loss in η, per row.
    residual: Vec<f64>,
    /// w times the second derivative of the loss in η, per row.
    second: Vec<f64>,
    /// Mean loss.
    loss: f64,
    /// Minus the gradient of the loss, per column.
    gradient: Vec<f64>,
    gradient_intercept: f64,
    set: Vec<usize>,
    gram: Vec<Vec<f64>>,
    curvature: Vec<f64>,
    unit: f64,
    /// Expansions so far.
    pub(super) steps: usize,
}

impl<'a> Walker<'a> {
    /// Starts at the null model.
    pub(super) fn new(problem: &'a Problem<'a>) -> Self {
        let (n, p) = (problem.columns.n(), problem.columns.len());
        let mean: f64 = problem.w.iter().zip(problem.y).map(|(w, y)| w * y).sum();
        let intercept = match problem.family {
            Family::Gaussian => mean,
            // Folds are even by class, and a class has two rows or more: the mean is neither 0 nor 1.
            Family::Bernoulli => (mean / (1.0 - mean)).ln(),
        };
        let mut walker = Self {
            problem,
            scale: problem.columns.scales(&problem.w),
            intercept,
            beta: vec![0.0; p],
            eta: vec![intercept; n],
            residual: vec![0.0; n],
            second: vec![0.0; n],
            loss: 0.0,
            gradient: vec![0.0; p],
            gradient_intercept: 0.0,
            set: Vec::new(),
            gram: Vec::new(),
            curvature: Vec::new(),
            unit: 1.0,
            steps: 0,
        };
        walker.evaluate();
        walker.measure_gradient();
        let largest = (0..p).map(|j| walker.scaled_gradient(j)).fold(0.0, f64::max);
        // With no gradient at all the null model is the solution, and any unit will do.
        walker.unit = if largest > 0.0 { largest } else { 1.0 };
        walker
    }

    /// max |gradient| of the null model per standardised column: the smallest λ with α = 1 that keeps everything out.
    pub(super) fn largest_gradient(&self) -> f64 {
        (0..self.beta.len()).map(|j| self.scaled_gradient(j)).fold(0.0, f64::max)
    }

    fn scaled_gradient(&self, j: usize) -> f64 {
        if self.scale[j] > 0.0 { self.gradient[j].abs() / self.scale[j] } else { 0.0 }
    }

    /// Minimises at `lambda`, coming from the larger penalty `before`.
    pub(super) fn solve(&mut self, lambda: f64, before: f64) -> Result<Point, Stalled> {
        // The sequential strong rule, which takes it that a gradient changes no faster than λ.
        let strong = self.problem.mix * (2.0 * lambda - before);
        let columns = 0..self.beta.len();
        let add: Vec<usize> =
            columns.clone().filter(|j| self.is_out(*j) && self.scaled_gradient(*j) >= strong).collect();
        self.grow(add);
        // The rule may discard a column wrongly, so all of them are looked at before a point is accepted.
        loop {
            self.solve_on_set(lambda)?;
            self.measure_gradient();
            let limit = lambda * self.problem.mix + self.problem.tolerance * self.unit;
            let missed: Vec<usize> =
                columns.clone().filter(|j| self.is_out(*j) && self.scaled_gradient(*j) > limit).collect();
            if missed.is_empty() {
                let beta = self.nonzero();
                return Ok(Point { intercept: self.intercept, beta, loss: self.loss });
            }
            self.grow(missed);
        }
    }

    fn is_out(&self, j: usize) -> bool {
        // A column that is constant outside this fold has no scale, and never enters.
        self.scale[j] > 0.0 && !self.set.contains(&j)
    }

    fn grow(&mut self, add: Vec<usize>) {
        self.set.extend(add);
        if self.curvature.is_empty() {
            self.curvature = self.present_curvature();
        }
        // Only rows of the triangle that are new; the others keep the curvature they were made with.
        self.problem.columns.extend_gram(&mut self.gram, &self.set, &self.curvature);
    }

    fn refresh(&mut self) {
        self.curvature = self.present_curvature();
        self.gram.clear();
        self.problem.columns.extend_gram(&mut self.gram, &self.set, &self.curvature);
    }

    fn present_curvature(&self) -> Vec<f64> {
        let w = &self.problem.w;
        // A floor on the curvature of rows that are all but certain: it shortens steps, never moves the solution.
        self.second.iter().zip(w).map(|(v, w)| v.max(1e-5 * w)).collect()
    }

    /// Loss and its derivatives in η at the present η; one exponential a row.
    fn evaluate(&mut self) {
        let p = self.problem;
        self.loss = 0.0;
        for i in 0..p.w.len() {
            let (w, y, eta) = (p.w[i], p.y[i], self.eta[i]);
            // A row that is held out may have a predictor so large that 0 · ∞ would be no number.
            if w == 0.0 {
                continue;
            }
            let (loss, residual, second) = match p.family {
                Family::Gaussian => (0.5 * (y - eta).powi(2), y - eta, 1.0),
                Family::Bernoulli => {
                    let side = 2.0 * y - 1.0;
                    let margin = side * eta;
                    // Of −|margin|, so that it cannot overflow; loss, residual and curvature all follow from it.
                    let a = (-margin.abs()).exp();
                    let miss = if margin >= 0.0 { a / (1.0 + a) } else { 1.0 / (1.0 + a) };
                    (a.ln_1p() + (-margin).max(0.0), side * miss, a / (1.0 + a).powi(2))
                }
            };
            self.loss += w * loss;
            self.residual[i] = w * residual;
            self.second[i] = w * second;
        }
    }

    fn measure_gradient(&mut self) {
        let all: Vec<usize> = (0..self.beta.len()).collect();
        self.gradient = self.problem.columns.products(&all, &self.residual);
        // Minus the gradient of the intercept, which has no penalty: zero at the optimum.
        self.gradient_intercept = self.residual.iter().sum();
    }

    fn measure_gradient_on_set(&mut self) {
        let on_set = self.problem.columns.products(&self.set, &self.residual);
        self.set.iter().zip(on_set).for_each(|(j, g)| self.gradient[*j] = g);
        self.gradient_intercept = self.residual.iter().sum();
    }

    fn nonzero(&self) -> Vec<(usize, f64)> {
        let mut all: Vec<(usize, f64)> =
            self.set.iter().map(|j| (*j, self.beta[*j])).filter(|(_, b)| *b != 0.0).collect();
        // In column order: sums over coefficients must not depend on the order in which columns came in.
        all.sort_by_key(|(j, _)| *j);
        all
    }

    /// Loss plus penalty.
    fn objective(&self, lambda: f64) -> f64 {
        let penalty = |(j, b): (usize, f64)| {
            let b = b * self.scale[j];
            lambda * (self.problem.mix * b.abs() + 0.5 * (1.0 - self.problem.mix) * b * b)
        };
        self.loss + self.nonzero().into_iter().map(penalty).sum::<f64>()
    }

    /// Absolute and quadratic penalties of (intercept, set).
    fn penalties(&self, lambda: f64) -> (Vec<f64>, Vec<f64>) {
        let scale = || std::iter::once(0.0).chain(self.set.iter().map(|j| self.scale[*j]));
        let mix = self.problem.mix;
        (scale().map(|s| lambda * mix * s).collect(), scale().map(|s| lambda * (1.0 - mix) * s * s).collect())
    }

    /// Largest violation on the set and the intercept, per standardised column, relative to the null gradient.
    fn violation(&self, lambda: f64) -> f64 {
        let (l1, l2) = self.penalties(lambda);
        let on_set = self.set.iter().zip(l1.iter().zip(&l2).skip(1));
        let columns =
            on_set.map(|(j, (l1, l2))| violation(self.gradient[*j], self.beta[*j], *l1, *l2) / self.scale[*j]);
        columns.fold(self.gradient_intercept.abs(), f64::max) / self.unit
    }

    fn solve_on_set(&mut self, lambda: f64) -> Result<(), Stalled> {
        self.measure_gradient_on_set();
        let mut here = self.violation(lambda);
        // The curvature of squared error is exact and never stale.
        let mut fresh = self.problem.family == Family::Gaussian;
        for _ in 0..MAX_EXPANSIONS {
            if here <= self.problem.tolerance {
                return Ok(());
            }
            let improved = self.expand(lambda, here);
            self.measure_gradient_on_set();
            let now = self.violation(lambda);
            if !improved || now * EFFECTIVE > here {
                // With curvature measured here and still no step that helps, nothing is left to try.
                if fresh && !improved {
                    break;
                }
                if self.problem.family == Family::Bernoulli {
                    self.refresh();
                    fresh = true;
                }
            } else {
                fresh = self.problem.family == Family::Gaussian;
            }
            here = now;
        }
        if here <= self.problem.tolerance { Ok(()) } else { Err(Stalled { violation: here }) }
    }

    /// One expansion, with the step halved while the objective rises. False if no step helped.
    fn expand(&mut self, lambda: f64, violation: f64) -> bool {
        self.steps += 1;
        let start: Vec<f64> = std::iter::once(self.intercept).chain(self.set.iter().map(|j| self.beta[*j])).collect();
        let r: Vec<f64> =
            std::iter::once(self.gradient_intercept).chain(self.set.iter().map(|j| self.gradient[*j])).collect();
        let (l1, l2) = self.penalties(lambda);
        let quadratic = Quadratic { h: &self.gram, start: &start, r: &r, l1: &l1, l2: &l2 };
        // No more digits than the expansion itself is good for.
        let share =
            if self.problem.family == Family::Gaussian { 1e-3 * self.problem.tolerance } else { 0.02 * violation };
        // Violations are per standard deviation of a column; the quadratic is in its own units, so the smallest
        // decides.
        let smallest = self.set.iter().map(|j| self.scale[*j]).fold(1.0, f64::min);
        let target = quadratic.minimise(share * self.unit * smallest, MAX_ROUNDS);
        let before = self.objective(lambda);
        // At the optimum a step changes the objective by rounding only, in either direction.
        let slack = 1e-13 * before.abs();
        let mut share = 1.0;
        while share > 1e-4 {
            // The whole step goes to the target itself: start + (target − start) would be rounded.
            let at = start.iter().zip(&target).map(|(a, b)| if share == 1.0 { *b } else { a + share * (b - a) });
            self.move_to(&at.collect::<Vec<_>>());
            if self.objective(lambda) <= before + slack {
                return true;
            }
            share *= 0.5;
        }
        // The expansion has moved η and the loss: they go back with the coefficients.
        self.move_to(&start);
        false
    }

    fn move_to(&mut self, b: &[f64]) {
        self.intercept = b.first().copied().unwrap_or(self.intercept);
        self.set.iter().zip(b.iter().skip(1)).for_each(|(j, b)| self.beta[*j] = *b);
        let beta = self.nonzero();
        self.problem.columns.predict(self.intercept, &beta, &mut self.eta);
        self.evaluate();
    }
}
