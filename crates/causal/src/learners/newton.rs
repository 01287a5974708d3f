//! Newton's method for the logistic likelihood, one pass over the rows per step.
//!
//! The symbols are those of [`crate::learners::logistic`]. A step that lowers the log-likelihood is halved. A problem that has not
//! converged after a few steps is tested for separation along the direction in which it runs away; see
//! [`crate::learners::separation`].

use crate::learners::logistic::{Data, LogisticError, LogisticParams, expit};
use crate::learners::separation::{self, Recession};
use crate::numerics::chunks;
use crate::numerics::design_matrix::{DesignMatrix, axpy, dot, reduce, scale_rows, symmetric};
use crate::numerics::linalg::Cholesky;
use crate::numerics::products::add_gram;
use ndarray::{Array1, Array2};

/// Log-likelihood, score, information and smallest margin (2y − 1)zᵀγ at one γ, from a single pass over the rows.
pub(super) struct Pass {
    pub(super) log_likelihood: f64,
    pub(super) score: Array1<f64>,
    pub(super) information: Array2<f64>,
    margin: f64,
}

/// One pass over the rows at `gamma`.
pub(super) fn pass(design: &DesignMatrix<'_>, data: &Data<'_>, gamma: &Array1<f64>) -> Pass {
    let k = design.k();
    let coefficients = gamma.to_vec();
    let parts = chunks::map(design.n(), |chunk| {
        // Layout: information k², score k, log-likelihood, margin.
        let mut part = vec![0.0; k * k + k + 1];
        let (mut margin, mut curvature) = (f64::INFINITY, Vec::with_capacity(chunks::BLOCK_ROWS));
        design.for_blocks(chunk, |rows, z| {
            curvature.clear();
            let (gram, rest) = part.split_at_mut(k * k);
            for (i, zi) in rows.zip(z.chunks_exact(k)) {
                let (y, w) = (data.y[i], data.weights[i]);
                if w == 0.0 {
                    // A place for every row: `scale_rows` pairs curvatures with rows by position.
                    curvature.push(0.0);
                    continue;
                }
                // In terms of the margin both classes have one formula, and no 1 − p is ever taken of a p near one.
                let signed = (2.0 * y - 1.0) * dot(zi, &coefficients);
                let miss = expit(-signed); // |y − p|
                curvature.push(w * miss * (1.0 - miss));
                axpy(w * (2.0 * y - 1.0) * miss, zi, &mut rest[..k]);
                rest[k] -= w * ((-signed.abs()).exp().ln_1p() + (-signed).max(0.0));
                margin = margin.min(signed);
            }
            // √(p(1 − p)) in both factors of the Gram matrix; z is not needed any more.
            scale_rows(z, k, &curvature);
            add_gram(z, k, gram);
        });
        (part, margin)
    });
    // A minimum does not depend on its order.
    let margin = parts.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let parts: Vec<Vec<f64>> = parts.into_iter().map(|p| p.0).collect();
    let total = reduce(k * k + k + 1, &parts);
    Pass {
        log_likelihood: total[k * k + k],
        score: total[k * k..k * k + k].iter().copied().collect(),
        information: symmetric(k, &total),
        margin,
    }
}

/// A step in the linear predictor above which Newton is not yet converging, so that separation is worth testing.
const RUNAWAY_STEP: f64 = 0.1;
/// Newton steps before separation is tested: regular problems are done by then.
const PATIENCE: usize = 8;

/// The reason why Newton's method ends without a maximum.
pub(super) enum Stop {
    /// The classes are separated along a direction.
    Separated(Recession, LogisticError),
    /// Anything else.
    Other(LogisticError),
}

/// Maximises the likelihood: γ, the pass at γ and the number of steps.
pub(super) fn newton(
    design: &DesignMatrix<'_>,
    data: &Data<'_>,
    params: &LogisticParams,
) -> Result<(Array1<f64>, Pass, usize), LogisticError> {
    newton_beside(design, data, params, &[]).map_err(|stop| match stop {
        Stop::Separated(_, error) | Stop::Other(error) => error,
    })
}

/// The same beside directions along which no row of positive weight moves: they are made regular in the information.
pub(super) fn newton_beside(
    design: &DesignMatrix<'_>,
    data: &Data<'_>,
    params: &LogisticParams,
    beside: &[Array1<f64>],
) -> Result<(Array1<f64>, Pass, usize), Stop> {
    let stop = |direction: &Array1<f64>| {
        Stop::Separated(Recession::found(design, direction, data.weights), separated(design, direction))
    };
    let passed = |gamma: &Array1<f64>| regular(pass(design, data, gamma), beside);
    let mut gamma = Array1::zeros(design.k());
    // The maximum of the model with an intercept only.
    gamma[0] = (data.rate / (1.0 - data.rate)).ln();
    let mut here = passed(&gamma);
    let mut last_step = f64::INFINITY;
    let mut direction = Array1::zeros(design.k());
    for iteration in 1..=params.max_iterations {
        // Every row is on its own side of γ: complete separation, and γ itself is the certificate.
        if here.margin > 0.0 {
            return Err(stop(&gamma));
        }
        let step = Cholesky::new(&here.information).and_then(|f| f.solve(&here.score));
        let Ok(step) = step else {
            // A singular information matrix is often separation seen late, as every p runs to 0 or 1.
            let separation = separation::certifies(design, &direction, data.y, data.weights);
            return Err(if separation {
                stop(&direction)
            } else {
                Stop::Other(LogisticError::Singular { iterations: iteration - 1 })
            });
        };
        direction = step;
        let size = direction.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        // Regular problems take small steps by now; the pass of the certificate is spent on the others.
        if iteration > PATIENCE
            && size > RUNAWAY_STEP
            && separation::certifies(design, &direction, data.y, data.weights)
        {
            return Err(stop(&direction));
        }
        let (next, at_next) = climb(&passed, &gamma, &here, &direction);
        last_step = relative_change(&gamma, &next);
        (gamma, here) = (next, at_next);
        if last_step <= params.tolerance {
            return Ok((gamma, here, iteration));
        }
    }
    if separation::certifies(design, &direction, data.y, data.weights) {
        return Err(stop(&direction));
    }
    Err(Stop::Other(LogisticError::NoConvergence { iterations: params.max_iterations, last_step }))
}

/// The information with d dᵀ added for every direction in which it is zero, on its own scale.
fn regular(mut at: Pass, beside: &[Array1<f64>]) -> Pass {
    let k = at.information.nrows();
    let size = at.information.diag().sum() / k as f64;
    for direction in beside {
        let scale = size / direction.dot(direction);
        for a in 0..k {
            for b in 0..k {
                at.information[[a, b]] += scale * direction[a] * direction[b];
            }
        }
    }
    at
}

/// γ + λ·direction with the first λ = 1, ½, ¼, … that does not lower the log-likelihood by more than rounding.
fn climb(
    passed: &impl Fn(&Array1<f64>) -> Pass,
    gamma: &Array1<f64>,
    here: &Pass,
    direction: &Array1<f64>,
) -> (Array1<f64>, Pass) {
    // A sum of n terms is rounded: near the maximum a good step may seem to lose a little.
    let floor = here.log_likelihood - 1e-12 * here.log_likelihood.abs();
    let mut lambda = 1.0;
    loop {
        let next = gamma + &(direction * lambda);
        // The pass gives score and information too, so an accepted step costs nothing more.
        let at_next = passed(&next);
        // A millionth of the step changes nothing that the caller's tolerance would see, so it ends there.
        if at_next.log_likelihood >= floor || lambda < 1e-6 {
            return (next, at_next);
        }
        lambda *= 0.5;
    }
}

fn relative_change(old: &Array1<f64>, new: &Array1<f64>) -> f64 {
    old.iter().zip(new).fold(0.0_f64, |m, (a, b)| m.max((b - a).abs() / (1.0 + b.abs())))
}

fn separated(design: &DesignMatrix<'_>, direction: &Array1<f64>) -> LogisticError {
    match separation::terms_in(design, direction).as_slice() {
        [term] => LogisticError::SeparatingTerm { term: term.clone() },
        terms => LogisticError::Separation { terms: terms.to_vec() },
    }
}
