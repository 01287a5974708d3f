//! Linear and logistic regression with an elastic-net penalty, by coordinate descent (Friedman, Hastie & Tibshirani
//! 2010, doi:10.18637/jss.v033.i01).
//!
//! ```text
//! minimise over β₀, β   Σᵢ wᵢ ℓ(yᵢ, β₀ + xᵢᵀβ)/Σᵢ wᵢ + λ Σⱼ (α sⱼ|βⱼ| + ½(1 − α) sⱼ² βⱼ²)
//! Gaussian              ℓ(y, η) = ½(y − η)²
//! Bernoulli             ℓ(y, η) = log(1 + exp η) − yη
//! optimality            gⱼ = λ(1 − α)sⱼ²βⱼ + λα sⱼ sign βⱼ where βⱼ ≠ 0;  |gⱼ| ≤ λα sⱼ where βⱼ = 0
//!                       gⱼ = −∂loss/∂βⱼ;  the gradient of the intercept is zero
//! ```
//!
//! | symbol | here | meaning |
//! |---|---|---|
//! | λ | `penalty` | strength; a geometric path down from the smallest λ that keeps every column out |
//! | α | `mix` | 1: lasso, 0: ridge |
//! | sⱼ | | standard deviation of column j under the weights: the penalty is on standardised columns |
//!
//! λ (and α, where several are given) minimises the K-fold cross-validated loss, or is the largest λ within one standard
//! error of that minimum. Folds are seeded and stratified by class. Convergence means that the optimality conditions hold
//! in gradients computed from the data, to a stated tolerance; a path that stalls ends there, and says so.

pub(super) mod columns;
mod cv;
mod path;
pub(super) mod quadratic;

use crate::learner_kind::Family;
use crate::learners::data::{Counted, grouped};
use crate::learners::elastic_net::columns::Columns;
use crate::learners::elastic_net::cv::{Choice, CrossValidation};
use crate::learners::elastic_net::path::{Point, Problem, Stalled, Walker};
use crate::learners::learner::{FitInfo, Learner, LearnerError, Model, Seed, Training};
use crate::learners::regression::LinearModel;

const NAME: &str = "elastic net";
/// Stop a path when the model explains this share of the null deviance …
const EXPLAINED: f64 = 0.999;
/// … or when a step of the path raises that share by less than this share of it.
const WORTHWHILE: f64 = 1e-5;
/// Fewest points before a path stops for want of progress.
const FEWEST_POINTS: usize = 5;
/// α in the definition of the first λ of a ridge path, where no λ is large enough to keep every column out.
const RIDGE_START: f64 = 1e-3;

/// The rule that chooses the penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PenaltyRule {
    /// The smallest cross-validated loss.
    Min,
    /// The largest penalty within one standard error of it.
    OneSe,
    /// Given, not chosen.
    Fixed(f64),
}

/// Penalties, mixtures, folds and tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct ElasticNetParams {
    /// α, each in [0, 1]: 1 is the lasso, 0 is ridge. Several are compared by cross-validation; at least one.
    pub mixes: Vec<f64>,
    /// The rule that chooses λ.
    pub rule: PenaltyRule,
    /// Folds, at least 2 (at least 3 for [`PenaltyRule::OneSe`]).
    pub folds: usize,
    /// Points of the λ path, at least 2.
    pub points: usize,
    /// The last λ as a share of the first, in (0, 1).
    pub smallest: f64,
    /// Largest violation of the optimality conditions, relative to the largest gradient of the null model; in
    /// [1e-12, 1e-3].
    pub tolerance: f64,
}

impl Default for ElasticNetParams {
    /// Half lasso, half ridge; five folds, sixty penalties over four decades.
    fn default() -> Self {
        Self { mixes: vec![0.5], rule: PenaltyRule::Min, folds: 5, points: 60, smallest: 1e-4, tolerance: 1e-7 }
    }
}

impl ElasticNetParams {
    /// Three mixtures, ten folds, a hundred penalties.
    #[must_use]
    pub fn thorough() -> Self {
        Self { mixes: vec![0.1, 0.5, 1.0], folds: 10, points: 100, ..Self::default() }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`LearnerError::Params`] naming the field.
    pub fn check(&self) -> Result<(), LearnerError> {
        let fail = |problem: &str| Err(LearnerError::Params { learner: NAME, problem: problem.to_owned() });
        if self.mixes.is_empty() || self.mixes.iter().any(|m| !(0.0..=1.0).contains(m)) {
            return fail("`mixes` must hold at least one number between 0 (ridge) and 1 (lasso)");
        }
        if matches!(self.rule, PenaltyRule::Fixed(p) if !(p > 0.0 && p.is_finite())) {
            return fail("a fixed penalty must be positive");
        }
        if matches!(self.rule, PenaltyRule::Fixed(_)) && self.mixes.len() > 1 {
            return fail("a fixed penalty needs exactly one of `mixes`");
        }
        if self.folds < if self.rule == PenaltyRule::OneSe { 3 } else { 2 } {
            return fail("`folds` must be at least 2, and at least 3 for the one-standard-error rule");
        }
        if self.points < 2 {
            return fail("`points` must be at least 2");
        }
        if !(self.smallest > 0.0 && self.smallest < 1.0) {
            return fail("`smallest` must be between 0 and 1");
        }
        if !(1e-12..=1e-3).contains(&self.tolerance) {
            return fail("`tolerance` must be between 1e-12 and 1e-3");
        }
        Ok(())
    }
}

/// Elastic-net regression on the columns as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElasticNet {
    /// Penalties, mixtures, folds and tolerance.
    pub params: ElasticNetParams,
}

impl Learner for ElasticNet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fit(&self, training: &Training<'_>, family: Family, seed: &Seed) -> Result<Box<dyn Model>, LearnerError> {
        let data = Counted::new(NAME, training, family)?;
        Ok(Box::new(fit_counted(NAME, &data, family, &self.params, seed)?))
    }
}

/// The penalised regression on the columns of `data`, in the name of `learner`.
pub(super) fn fit_counted(
    learner: &'static str,
    data: &Counted,
    family: Family,
    params: &ElasticNetParams,
    seed: &Seed,
) -> Result<LinearModel, LearnerError> {
    params.check()?;
    enough_rows(learner, data, family, params)?;
    let columns = Columns::new(&data.x, &data.w);
    let n = data.n() as f64;
    // Their mean is one, so they now add up to one.
    let w: Vec<f64> = data.w.iter().map(|w| w / n).collect();
    let problem =
        |mix: f64, w: Vec<f64>| Problem { columns: &columns, y: &data.y, w, family, mix, tolerance: params.tolerance };
    let mut paths = Vec::new();
    for mix in &params.mixes {
        paths.push(Path::walk(&problem(*mix, w.clone()), params));
    }
    let choice = match params.rule {
        PenaltyRule::Fixed(_) => {
            // `lambdas` ends at the given penalty.
            Choice { path: 0, point: paths[0].points.len().saturating_sub(1), capped: false, chosen: false }
        }
        rule => CrossValidation::new(&problem, data, &w, params.folds, seed).choose(&paths, rule),
    };
    let path = &paths[choice.path];
    // A given penalty is met or refused: the last point before a stall is another one.
    let stalled = matches!(params.rule, PenaltyRule::Fixed(_)) && path.stalled.is_some();
    match path.points.get(choice.point).filter(|_| !stalled) {
        None => Err(no_convergence(learner, path)),
        Some(point) => Ok(model(&columns, point, family, info(data, &columns, path, &choice))),
    }
}

fn enough_rows(
    learner: &'static str,
    data: &Counted,
    family: Family,
    params: &ElasticNetParams,
) -> Result<(), LearnerError> {
    let error = |problem: String| Err(LearnerError::Data { learner, problem });
    let folds = if matches!(params.rule, PenaltyRule::Fixed(_)) { 1 } else { params.folds };
    if data.n() < 2 * folds {
        return error(format!("{} rows are too few for {folds} folds of two rows; use fewer folds", data.n()));
    }
    if family == Family::Bernoulli && data.rarer_class() < 2 {
        // With two rows of each class, folds that are even by class leave one of each outside any fold.
        return error("a class has a single row; a fold without it could not be fitted".to_owned());
    }
    Ok(())
}

fn no_convergence(learner: &'static str, path: &Path) -> LearnerError {
    let off = path.stalled.map_or(0.0, |s| s.violation);
    let problem = format!(
        "the optimality conditions are violated by {off:.1e} of the null gradient after {} steps; columns may be nearly collinear or of extreme scale",
        path.steps
    );
    LearnerError::NoConvergence { learner, problem }
}

/// The end of the fit, with remarks on the penalty.
fn info(data: &Counted, columns: &Columns, path: &Path, choice: &Choice) -> FitInfo {
    let point = &path.points[choice.point];
    let mut notes = vec![format!(
        "penalty {:.3e} with mixture {}: {} of {} columns have a coefficient",
        path.lambdas[choice.point],
        path.mix,
        grouped(point.beta.len()),
        grouped(data.x.ncols()),
    )];
    let constant = data.x.ncols() - columns.len();
    if constant > 0 {
        notes.push(format!("{} constant column(s) left out", grouped(constant)));
    }
    let at_end = choice.point + 1 == path.points.len();
    let mut converged = true;
    // A stall beyond the chosen point is no matter: a larger penalty was the best in any case.
    if let (Some(stalled), true) = (path.stalled, at_end) {
        converged = false;
        notes.push(format!(
            "the path stalled after penalty {:.3e} (violation {:.1e}), and the last penalty before was the best: a smaller one may be better",
            path.lambdas[choice.point], stalled.violation
        ));
    }
    if choice.chosen && at_end && path.points.len() == path.lambdas.len() && path.lambdas.len() > 1 {
        notes.push("the smallest penalty tried is the chosen one: a smaller one may be better".into());
    }
    if choice.capped {
        converged = false;
        notes.push(
            "a fold's path stalled, and the last penalty before was the best: a smaller one may be better".into(),
        );
    }
    FitInfo { iterations: path.steps.max(1), converged, notes }
}

fn model(columns: &Columns, point: &Point, family: Family, info: FitInfo) -> LinearModel {
    let mut intercept = point.intercept;
    let mut coefficients = Vec::with_capacity(point.beta.len());
    for (j, b) in &point.beta {
        let (column, mean, sd) = columns.kept()[*j];
        coefficients.push((column, b / sd));
        // z = (x − mean)/sd, so every slope takes its share of the mean off the intercept.
        intercept -= b / sd * mean;
    }
    LinearModel { intercept, coefficients, family, info }
}

/// Solutions along the λ path of one mixture.
struct Path {
    mix: f64,
    lambdas: Vec<f64>,
    points: Vec<Point>,
    stalled: Option<Stalled>,
    steps: usize,
}

impl Path {
    fn walk(problem: &Problem<'_>, params: &ElasticNetParams) -> Self {
        let mut walker = Walker::new(problem);
        // With α = 0 no λ keeps every column out; a small α gives the path a start.
        let first = walker.largest_gradient() / problem.mix.max(RIDGE_START);
        let lambdas = lambdas(first, params);
        let mut path = Self { mix: problem.mix, lambdas, points: Vec::new(), stalled: None, steps: 0 };
        let fixed = matches!(params.rule, PenaltyRule::Fixed(_));
        let null = null_loss(problem);
        for k in 0..path.lambdas.len() {
            let before = if k == 0 { first } else { path.lambdas[k - 1] };
            match walker.solve(path.lambdas[k], before) {
                Ok(point) => path.points.push(point),
                Err(stalled) => {
                    path.stalled = Some(stalled);
                    break;
                }
            }
            // A given penalty is walked to, however little is gained on the way.
            if !fixed && path.explains_enough(null) {
                break;
            }
        }
        path.steps = walker.steps;
        path
    }

    /// True if smaller penalties would be a waste of time.
    fn explains_enough(&self, null: f64) -> bool {
        let explained = |p: &Point| 1.0 - p.loss / null;
        match self.points.as_slice() {
            [.., before, last] if self.points.len() >= FEWEST_POINTS => {
                let (before, last) = (explained(before), explained(last));
                last > EXPLAINED || last - before < WORTHWHILE * last
            }
            // Too early to say, unless there is nothing to explain.
            _ => null <= 0.0,
        }
    }
}

/// Loss of the model with an intercept only.
fn null_loss(problem: &Problem<'_>) -> f64 {
    let walker = Walker::new(problem);
    let rows = problem.w.iter().zip(problem.y).zip(&walker.eta);
    rows.map(|((w, y), eta)| w * path::loss(problem.family, *y, *eta)).sum()
}

/// The path down from `first`; down to the fixed penalty where it is given.
fn lambdas(first: f64, params: &ElasticNetParams) -> Vec<f64> {
    let (start, end) = match params.rule {
        // At or beyond the start of the path: it is the whole path.
        PenaltyRule::Fixed(p) if p >= first => return vec![p],
        PenaltyRule::Fixed(p) => (first, p),
        // Nothing to explain: any penalty gives the null model.
        _ if first <= 0.0 => return vec![1.0],
        _ => (first, first * params.smallest),
    };
    let last = (params.points - 1) as f64;
    let ratio = (end / start).ln();
    let mut all: Vec<f64> = (0..params.points).map(|k| start * (ratio * k as f64 / last).exp()).collect();
    // The end is met to the bit, which the exponential of a logarithm would miss.
    if let Some(l) = all.last_mut() {
        *l = end;
    }
    all
}

#[cfg(test)]
mod tests;
