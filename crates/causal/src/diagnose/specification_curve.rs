//! A specification curve: many declared analyses of one question, judged together (Simonsohn, Simmons & Nelson 2020,
//! doi:10.1038/s41562-020-0912-z).
//!
//! K analyses of the same units give estimates τ̂ₖ with standard errors sₖ. Three statistics of the whole curve are held against what
//! they would be if no analysis had an effect:
//!
//! ```text
//! M = median τ̂ₖ        D = share of the more frequent sign        S = share with |τ̂ₖ/sₖ| > 1.96 and that sign
//! ```
//!
//! The analyses share their units, so that their null distribution is joint. Simonsohn, Simmons & Nelson take the effect out of the
//! outcome, resample the units and fit everything again. Here the influence functions φₖ of the estimates stand in for the fits, which
//! is the limit of that bootstrap (Chernozhukov, Chetverikov & Kato 2013, doi:10.1214/13-AOS1161): for draw b, with one sign
//! ξ = ±1 for each unit, or cluster of units, the same in all analyses,
//!
//! ```text
//! t*ₖ = Σᵢ ξᵢ wᵢ φₖᵢ / √(Σᵢ (wᵢ φₖᵢ)²),    τ*ₖ = sₖ t*ₖ
//! ```
//!
//! and M*, D*, S* are those statistics of the draws. p = (1 + #{statistic of a draw at least as large})/(1 + B), of |M| for the
//! median. The largest |t*| of each draw gives p-values of the single analyses that hold for all at once (Westfall & Young 1993:
//! single step): p̃ₖ = (1 + #{max_j |t*_j| ≥ |τ̂ₖ/sₖ|})/(1 + B).
//!
//! The **m-value** (Miao, Pritchard & Zou 2026, arXiv:2607.01507) is "the probability that an analysis path would produce a claim
//! at least as extreme as the reported one". It says how far out in the garden the reported analysis stands, and nothing of
//! sampling error. Their paths are sampled with language models; here they are the declared analyses, each as likely as any other. The
//! summary of the paper does not say how claims are ordered; here a claim is as extreme as the reported one if it goes in the same
//! direction and at least as far from zero, as an estimate ([`m_value`] of estimates) or as a test (of τ̂/s). The reported
//! analysis is one path of the garden, so that m ≥ 1/K:
//!
//! ```text
//! m = (1 + #{other paths k: sign(τ̂₀) τ̂ₖ ≥ |τ̂₀|}) / (1 + #{other paths})
//! ```
//!
//! | symbol | here | shape |
//! |---|---|---|
//! | τ̂ₖ, sₖ | [`CurvePath`] | |
//! | wᵢ φₖᵢ | `contributions` of [`Multipliers::t_statistics`] | units, or clusters; 0 outside the population of analysis k |
//! | t*ₖ | [`CurvePath::null`] | B |
//!
//! Nothing here says that the declared analyses are right, or that they are all there are.

use crate::numerics::distributions::Z_975;
use crate::numerics::{quantile, streams, sums};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Signs in a word.
const WORD: usize = 64;

/// One sign for each unit and draw: the same for all analyses.
#[derive(Debug, Clone, PartialEq)]
pub struct Multipliers {
    draws: usize,
    /// Words of one unit after those of the other.
    signs: Vec<u64>,
    words: usize,
}

impl Multipliers {
    /// Signs of `units` units in `draws` draws, from the stream `specification_curve` of the seed.
    #[must_use]
    pub fn draw(units: usize, draws: usize, seed: u64) -> Multipliers {
        let words = draws.div_ceil(WORD);
        let mut stream = streams::stream(seed, "specification_curve");
        Multipliers { draws, signs: (0..units * words).map(|_| stream.next_u64()).collect(), words }
    }

    /// t* of every draw, for the contributions wᵢφᵢ of all units, or their sums within clusters; `None` if they are all zero, not
    /// finite, or not as many as the units.
    #[must_use]
    pub fn t_statistics(&self, contributions: &[f64]) -> Option<Vec<f64>> {
        let norm = sums::sum(contributions.iter().map(|c| c * c)).sqrt();
        if contributions.len() * self.words != self.signs.len() || norm <= 0.0 || !norm.is_finite() {
            return None;
        }
        let mut totals = vec![0.0; self.words * WORD];
        for (contribution, signs) in contributions.iter().zip(self.signs.chunks_exact(self.words.max(1))) {
            // A unit outside the population of this analysis.
            if *contribution == 0.0 {
                continue;
            }
            let bits = (contribution / norm).to_bits();
            for (word, block) in signs.iter().zip(totals.chunks_exact_mut(WORD)) {
                for (k, total) in block.iter_mut().enumerate() {
                    // The sign of a float is its first bit.
                    *total += f64::from_bits(bits ^ ((word >> k) << 63));
                }
            }
        }
        totals.truncate(self.draws);
        Some(totals)
    }
}

/// One analysis of the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePath<'a> {
    /// τ̂, in units that all analyses share.
    pub estimate: f64,
    /// s, above zero.
    pub std_error: f64,
    /// t* of every draw.
    pub null: &'a [f64],
}

/// The curve as a whole against no effect in any analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurveInference {
    /// Analyses.
    pub paths: usize,
    /// Draws.
    pub draws: usize,
    /// M.
    pub median: f64,
    /// Its p-value, two-sided.
    pub median_p: f64,
    /// True if more estimates are above zero than below.
    pub positive: bool,
    /// D.
    pub dominant: f64,
    /// Its p-value.
    pub dominant_p: f64,
    /// S.
    pub significant: f64,
    /// Its p-value.
    pub significant_p: f64,
    /// |t| that the largest of all analyses exceeds in 5 % of the draws.
    pub critical: f64,
    /// The smallest p-value that holds for all analyses at once.
    pub smallest_adjusted_p: f64,
    /// That p-value of each analysis.
    #[serde(skip)]
    pub adjusted_p: Vec<f64>,
}

/// The three statistics of one curve.
#[derive(Debug, Clone, Copy)]
struct Statistics {
    median: f64,
    positive: bool,
    dominant: f64,
    significant: f64,
}

/// Of estimates and their t.
fn statistics(estimates: &mut [f64], t: &[f64]) -> Option<Statistics> {
    let count = t.len() as f64;
    let above = t.iter().filter(|t| **t > 0.0).count() as f64;
    let below = t.iter().filter(|t| **t < 0.0).count() as f64;
    let positive = above >= below;
    let significant = t.iter().filter(|t| if positive { **t > Z_975 } else { **t < -Z_975 }).count() as f64;
    estimates.sort_unstable_by(f64::total_cmp);
    let median = quantile::of_sorted(estimates, 0.5)?;
    Some(Statistics { median, positive, dominant: above.max(below) / count, significant: significant / count })
}

/// Judges a curve; `None` without analyses or draws, for unequal numbers of draws, or a standard error that is not above zero.
#[must_use]
pub fn joint(paths: &[CurvePath<'_>]) -> Option<CurveInference> {
    let draws = paths.first()?.null.len();
    let usable = |path: &CurvePath<'_>| {
        path.null.len() == draws && path.estimate.is_finite() && path.std_error.is_finite() && path.std_error > 0.0
    };
    if draws == 0 || !paths.iter().all(usable) {
        return None;
    }
    let mut estimates: Vec<f64> = paths.iter().map(|path| path.estimate).collect();
    let mut t: Vec<f64> = paths.iter().map(|path| path.estimate / path.std_error).collect();
    let observed_t = t.clone();
    let observed = statistics(&mut estimates, &t)?;
    let mut largest = Vec::with_capacity(draws);
    let mut as_large = [0_usize; 3];
    for draw in 0..draws {
        for (k, path) in paths.iter().enumerate() {
            t[k] = path.null[draw];
            estimates[k] = path.std_error * path.null[draw];
        }
        let null = statistics(&mut estimates, &t)?;
        largest.push(t.iter().fold(0.0_f64, |most, t| most.max(t.abs())));
        // Shares are counts over the same K, so that equal ones are equal to the bit.
        for (count, more) in as_large.iter_mut().zip([
            null.median.abs() >= observed.median.abs(),
            null.dominant >= observed.dominant,
            null.significant >= observed.significant,
        ]) {
            *count += usize::from(more);
        }
    }
    largest.sort_unstable_by(f64::total_cmp);
    let p = |count: usize| (1 + count) as f64 / (1 + draws) as f64;
    let adjusted: Vec<f64> =
        observed_t.iter().map(|t| p(draws - largest.partition_point(|most| *most < t.abs()))).collect();
    let [median_p, dominant_p, significant_p] = as_large.map(p);
    Some(CurveInference {
        paths: paths.len(),
        draws,
        median: observed.median,
        median_p,
        positive: observed.positive,
        dominant: observed.dominant,
        dominant_p,
        significant: observed.significant,
        significant_p,
        critical: quantile::of_sorted(&largest, 0.95)?,
        smallest_adjusted_p: adjusted.iter().copied().fold(1.0, f64::min),
        adjusted_p: adjusted,
    })
}

/// The m-value of a reported claim among the claims of the other declared paths; see the module page. `None` if a claim is not
/// finite, or the reported one is exactly zero and has no direction.
#[must_use]
pub fn m_value(reported: f64, others: &[f64]) -> Option<f64> {
    if !reported.is_finite() || reported == 0.0 || !others.iter().all(|claim| claim.is_finite()) {
        return None;
    }
    let as_extreme = others.iter().filter(|claim| reported.signum() * **claim >= reported.abs()).count();
    Some((1 + as_extreme) as f64 / (1 + others.len()) as f64)
}

#[cfg(test)]
mod tests;
