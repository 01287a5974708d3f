//! Regions of a covariate where one arm is missing, or all but missing, and not by chance.
//!
//! A region S is a level of a category, the missing values, a value that many units share, everything but the most frequent
//! level or value, or a tail of a number. With q the share of the arm that is missing there and m the number of regions looked at, S of n units,
//! k of them in that arm, is reported when
//!
//! ```text
//! k = 0:  (1 − q/3)ⁿ ≤ α/m                    absent, although even an arm three times rarer here would have shown up
//! k > 0:  P(Bin(n, q/25) ≤ k) ≤ α/m           25 times rarer than in the whole sample, with confidence 1 − α/m
//! ```
//!
//! α = 0.05, and m counts the regions that are large enough to be reported at all (Tarone 1990, doi:10.2307/2531456). Where
//! treatment does not depend on the covariates the first happens with probability (α/m)^2.6 or less, so a rare level whose
//! units happen to be in one arm, a coin that favours one arm, and a roll-out to 3 % are not reported. A number needs more:
//! the tail of a strong but smooth confounder is pure as well. The propensity is fitted to the units *outside* S by logistic
//! regressions, straight and with a square, on x and on asinh(x), and S is reported only if none of them expects what is
//! seen:
//!
//! ```text
//! max over models of Π_{i in S} P(Tᵢ | xᵢ) ≤ α/(50 m)
//! ```
//!
//! The rates of false alarms, and how often a real fault is seen, are in `docs/verdict.md`, from the tests below.
//! References: Petersen et al. (2012), doi:10.1177/0962280210386207 (structural and practical violations of positivity).

use crate::arm::Arm;
use serde::{Deserialize, Serialize};

/// The chance of any false report, over all regions, where the arm is no rarer than allowed for.
pub const ALPHA: f64 = 0.05;
/// An arm that is not seen at all may be so many times rarer in the region than everywhere.
pub const RARER_ABSENT: f64 = 3.0;
/// An arm that is seen is all but missing where it is so many times rarer.
pub const RARER_SEEN: f64 = 25.0;
/// Values of a number that so large a share of the units have are levels of their own.
const SPIKE: f64 = 0.01;
/// Rows looked at to find such values.
const LOOKED_AT: usize = 4_000;
/// The most of them.
const MOST_SPIKES: usize = 40;
/// Shares of the sorted units at which a tail begins.
const CUTS: [f64; 9] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
/// Rows that the smooth models are fitted to.
const FITTED_TO: usize = 20_000;
/// A smooth model is the rule rather than the exception, so it must be surprised so many times more.
const SURPRISE: f64 = 50.0;
/// Newton steps of a smooth model.
const STEPS: usize = 30;
/// Ridge on its coefficients but the intercept, as a share of the rows: a separated fit stays finite.
const RIDGE: f64 = 1e-3;

/// A covariate as it is looked at; n values.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Numbers; NaN is missing.
    Numbers(&'a [f64]),
    /// Indices of levels; anything from `levels` on is missing.
    Codes {
        /// The n indices.
        codes: &'a [u32],
        /// The number of levels.
        levels: usize,
    },
}

/// A part of a covariate's range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// A level of a category, by its index.
    Level(usize),
    /// Every other level.
    NotLevel(usize),
    /// The missing values.
    Missing,
    /// One value.
    Value(f64),
    /// Every other value.
    NotValue(f64),
    /// This and larger.
    AtLeast(f64),
    /// This and smaller.
    AtMost(f64),
}

/// A region that all but determines treatment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OneArm {
    /// Where.
    pub region: Region,
    /// The arm that is there.
    pub arm: Arm,
    /// Units in the region.
    pub units: usize,
    /// Units of the other arm among them.
    pub others: usize,
}

/// The screened regions of one covariate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    counted: Vec<Counted>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Counted {
    region: Region,
    /// True for a tail that begins at a fixed share of the units: it is asked about exceptions only.
    cut: bool,
    /// Units by arm: controls, treated.
    units: [usize; 2],
}

impl Candidates {
    /// The units of each region that is asked for an absent arm.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.counted.iter().filter(|c| !c.cut).map(|c| c.units[0] + c.units[1])
    }
}

/// Counts the arms in every region of a covariate worth looking at. `treatment` has n arms.
#[must_use]
pub fn candidates(values: Values<'_>, treatment: &[Arm]) -> Candidates {
    let counted = match values {
        Values::Codes { codes, levels } => of_levels(codes, levels, treatment),
        Values::Numbers(x) => of_numbers(x, treatment),
    };
    // Whoever is everywhere is no region, and neither is one of a unit or two.
    let n = treatment.len();
    let worth = |c: &Counted| (3..n).contains(&(c.units[0] + c.units[1]));
    Candidates { counted: counted.into_iter().filter(worth).collect() }
}

/// α/m for the candidates of all covariates together, with m the number of regions and arms that could reach it.
#[must_use]
pub fn level(all: &[Candidates], treatment: &[Arm]) -> f64 {
    let treated = treatment.iter().filter(|arm| arm.is_treated()).count() as f64 / treatment.len() as f64;
    let smallest = |units: usize, q: f64| units as f64 * (-q / RARER_ABSENT).ln_1p();
    let shares = [treated, 1.0 - treated];
    let mut reachable: Vec<f64> =
        all.iter().flat_map(Candidates::sizes).flat_map(|units| shares.map(|q| smallest(units, q))).collect();
    reachable.sort_by(f64::total_cmp);
    // The m-th smallest p-value that is possible must be no larger than α/m.
    let m = (1..=reachable.len()).take_while(|m| reachable[m - 1] <= (ALPHA / *m as f64).ln()).count();
    ALPHA / m.max(1) as f64
}

/// The regions among the candidates of one covariate that hold one arm, or all but one, and not by chance at the given
/// [`level`]. The largest comes first; one that lies within another of the same arm,
/// or has as many units, is left out.
#[must_use]
pub fn one_arm(values: Values<'_>, treatment: &[Arm], candidates: &Candidates, level: f64) -> Vec<OneArm> {
    let n = treatment.len() as f64;
    let treated = treatment.iter().filter(|arm| arm.is_treated()).count() as f64;
    let mut found: Vec<OneArm> = Vec::new();
    for Counted { region, cut, units: [controls, treated_here] } in &candidates.counted {
        for (arm, others, q) in
            [(Arm::Treated, *controls, 1.0 - treated / n), (Arm::Control, *treated_here, treated / n)]
        {
            let units = controls + treated_here;
            if (!*cut || others > 0)
                && all_but_missing(units, others, q, level)
                && unexpected(values, treatment, *region, others, level)
            {
                found.push(OneArm { region: *region, arm, units, others });
            }
        }
    }
    found.sort_by_key(|one| (one.others > 0, std::cmp::Reverse(one.units)));
    let mut kept: Vec<OneArm> = Vec::new();
    for one in found {
        let told = |other: &OneArm| {
            let same_units = (other.units, other.others) == (one.units, one.others);
            other.arm == one.arm && (same_units || within(one.region, other.region))
        };
        if !kept.iter().any(told) {
            kept.push(one);
        }
    }
    kept
}

/// What was found among some of the rows, counted among all; `None` if it does not hold there.
#[must_use]
pub fn recount(values: Values<'_>, treatment: &[Arm], found: &OneArm, level: f64) -> Option<OneArm> {
    let units = match (values, found.region) {
        (Values::Numbers(x), region) => count(x, treatment, region, false).units,
        (Values::Codes { codes, levels }, region) => {
            let all = of_levels(codes, levels, treatment);
            all.into_iter().find(|counted| counted.region == region)?.units
        }
    };
    let share = treatment.iter().filter(|arm| **arm != found.arm).count() as f64 / treatment.len() as f64;
    let (units, others) = (units[0] + units[1], units[found.arm.other().index()]);
    all_but_missing(units, others, share, level).then_some(OneArm { units, others, ..*found })
}

/// True if region `a` lies in region `b`, as far as their kinds tell.
fn within(a: Region, b: Region) -> bool {
    match (a, b) {
        (Region::AtLeast(x) | Region::Value(x), Region::AtLeast(y)) => x >= y,
        (Region::AtMost(x) | Region::Value(x), Region::AtMost(y)) => x <= y,
        (Region::AtLeast(x), Region::NotValue(y)) => x > y,
        (Region::AtMost(x), Region::NotValue(y)) => x < y,
        (Region::Value(x), Region::NotValue(y)) => x != y,
        (Region::Level(x), Region::NotLevel(y)) => x != y,
        _ => a == b,
    }
}

/// The two rules of the module page.
fn all_but_missing(units: usize, others: usize, q: f64, level: f64) -> bool {
    if others == 0 {
        return units as f64 * (-q / RARER_ABSENT).ln_1p() <= level.ln();
    }
    let rare = q / RARER_SEEN;
    others as f64 <= rare * units as f64 && binomial_at_most(others, units, rare) <= level
}

/// P(X ≤ k), X ~ Binomial(n, p), by its terms.
pub(super) fn binomial_at_most(k: usize, n: usize, p: f64) -> f64 {
    let (n, log_odds) = (n as f64, p.ln() - (-p).ln_1p());
    let mut log_term = n * (-p).ln_1p();
    let mut sum = log_term.exp();
    for i in 0..k {
        log_term += ((n - i as f64) / (i as f64 + 1.0)).ln() + log_odds;
        sum += log_term.exp();
    }
    sum.min(1.0)
}

fn of_levels(codes: &[u32], levels: usize, treatment: &[Arm]) -> Vec<Counted> {
    let mut counts = vec![[0_usize; 2]; levels + 1];
    for (code, arm) in codes.iter().zip(treatment) {
        counts[(*code as usize).min(levels)][arm.index()] += 1;
    }
    let region = |level: usize| if level == levels { Region::Missing } else { Region::Level(level) };
    let most = (0..levels).max_by_key(|level| (counts[*level][0] + counts[*level][1], std::cmp::Reverse(*level)));
    let rest = most.map(|most| {
        let others = counts.iter().enumerate().filter(|(level, _)| *level != most && *level != levels);
        let units = others.fold([0, 0], |sum, (_, units)| [sum[0] + units[0], sum[1] + units[1]]);
        Counted { region: Region::NotLevel(most), cut: false, units }
    });
    let each =
        counts.into_iter().enumerate().map(|(level, units)| Counted { region: region(level), cut: false, units });
    each.chain(rest).collect()
}

fn of_numbers(x: &[f64], treatment: &[Arm]) -> Vec<Counted> {
    let mut regions = vec![Region::Missing];
    let spikes = spikes(x);
    regions.extend(spikes.iter().map(|v| Region::Value(*v)));
    regions.extend(spikes.first().map(|v| Region::NotValue(*v)));
    regions.extend(pure_tails(x, treatment));
    let whole = regions.into_iter().map(|region| (region, false));
    let all = whole.chain(cuts(x).into_iter().map(|region| (region, true)));
    all.map(|(region, cut)| count(x, treatment, region, cut)).collect()
}

fn count(x: &[f64], treatment: &[Arm], region: Region, cut: bool) -> Counted {
    let mut units = [0; 2];
    for (x, arm) in x.iter().zip(treatment) {
        if contains(region, *x) {
            units[arm.index()] += 1;
        }
    }
    Counted { region, cut, units }
}

pub(super) fn contains(region: Region, x: f64) -> bool {
    match region {
        Region::Level(_) | Region::NotLevel(_) => false,
        Region::Missing => x.is_nan(),
        Region::Value(v) => x == v,
        Region::NotValue(v) => !x.is_nan() && x != v,
        Region::AtLeast(v) => x >= v,
        Region::AtMost(v) => x <= v,
    }
}

/// Every k-th of n, so that about `most` are left.
fn strided(n: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(n.div_ceil(most).max(1))
}

/// Values that many units share, the most frequent first.
fn spikes(x: &[f64]) -> Vec<f64> {
    let mut seen: Vec<f64> = strided(x.len(), LOOKED_AT).map(|i| x[i]).filter(|x| !x.is_nan()).collect();
    seen.sort_by(f64::total_cmp);
    let least = (SPIKE * seen.len() as f64).max(3.0);
    let runs = seen.chunk_by(|a, b| a == b);
    let mut spikes: Vec<(usize, f64)> =
        runs.filter(|run| run.len() as f64 >= least).map(|run| (run.len(), run[0])).collect();
    spikes.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    spikes.into_iter().take(MOST_SPIKES).map(|(_, value)| value).collect()
}

/// The pure tails, which begin where the other arm ends.
fn pure_tails(x: &[f64], treatment: &[Arm]) -> Vec<Region> {
    let mut regions = Vec::new();
    for arm in [Arm::Treated, Arm::Control] {
        let of =
            |wanted: Arm| x.iter().zip(treatment).filter(move |(x, t)| **t == wanted && !x.is_nan()).map(|(x, _)| *x);
        let highest = of(arm.other()).fold(f64::NEG_INFINITY, f64::max);
        let lowest = of(arm.other()).fold(f64::INFINITY, f64::min);
        let above = of(arm).filter(|x| *x > highest).fold(f64::INFINITY, f64::min);
        let below = of(arm).filter(|x| *x < lowest).fold(f64::NEG_INFINITY, f64::max);
        regions.extend(above.is_finite().then_some(Region::AtLeast(above)));
        regions.extend(below.is_finite().then_some(Region::AtMost(below)));
    }
    regions
}

/// Tails that begin at fixed shares of the units.
fn cuts(x: &[f64]) -> Vec<Region> {
    let mut sorted: Vec<f64> = strided(x.len(), LOOKED_AT).map(|i| x[i]).filter(|x| !x.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied();
    let above = CUTS.iter().filter_map(|share| at(1.0 - share)).map(Region::AtLeast);
    let mut regions: Vec<Region> =
        above.chain(CUTS.iter().filter_map(|share| at(*share)).map(Region::AtMost)).collect();
    regions.dedup();
    regions
}

/// False if a smooth model of the propensity outside the region expects to see one arm only inside it. Only a value and a
/// pure tail of a number are asked; a tail with a few of the other arm has 25 times fewer of them than everybody, which is
/// no matter of chance.
fn unexpected(values: Values<'_>, treatment: &[Arm], region: Region, others: usize, level: f64) -> bool {
    let Values::Numbers(x) = values else { return true };
    if others > 0 || matches!(region, Region::Missing | Region::NotValue(_)) {
        return true;
    }
    let inside = |i: &usize| contains(region, x[*i]);
    let outside: Vec<usize> = (0..x.len()).filter(|i| !x[*i].is_nan() && !inside(i)).collect();
    let rows: Vec<usize> = strided(outside.len(), FITTED_TO).map(|i| outside[i]).collect();
    let within: Vec<usize> = (0..x.len()).filter(inside).collect();
    let largest = Smooth::ALL
        .iter()
        .map(|shape| log_chance(x, treatment, *shape, &rows, &within))
        .fold(f64::NEG_INFINITY, f64::max);
    largest <= (level / SURPRISE).ln()
}

/// The shape of a smooth model.
#[derive(Clone, Copy)]
struct Smooth {
    asinh: bool,
    square: bool,
}

impl Smooth {
    const ALL: [Smooth; 4] = [
        Smooth { asinh: false, square: false },
        Smooth { asinh: true, square: false },
        Smooth { asinh: false, square: true },
        Smooth { asinh: true, square: true },
    ];
}

/// ln Π P(Tᵢ | xᵢ) over the rows `within`, by a logistic regression on `rows`.
fn log_chance(x: &[f64], treatment: &[Arm], shape: Smooth, rows: &[usize], within: &[usize]) -> f64 {
    let n = rows.len() as f64;
    if rows.is_empty() {
        return f64::NEG_INFINITY;
    }
    let mean = rows.iter().map(|i| x[*i]).sum::<f64>() / n;
    let sd = (rows.iter().map(|i| (x[*i] - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scaled = |i: usize| if sd > 0.0 { (x[i] - mean) / sd } else { 0.0 };
    let features = |i: usize| {
        let z = if shape.asinh { (3.0 * scaled(i)).asinh() } else { scaled(i) };
        [1.0, z, if shape.square { z * z } else { 0.0 }]
    };
    let beta = logistic(rows, treatment, features);
    let log_probability = |i: &usize| {
        let f = features(*i);
        let u = f[0] * beta[0] + f[1] * beta[1] + f[2] * beta[2];
        let u = if treatment[*i].is_treated() { u } else { -u };
        // ln expit(u), in both tails.
        if u > 0.0 { -(-u).exp().ln_1p() } else { u - u.exp().ln_1p() }
    };
    within.iter().map(log_probability).sum()
}

/// Ridge logistic regression on three features by Newton's method.
fn logistic(rows: &[usize], treatment: &[Arm], features: impl Fn(usize) -> [f64; 3]) -> [f64; 3] {
    let ridge = RIDGE * rows.len() as f64;
    let mut beta = [0.0_f64; 3];
    for _ in 0..STEPS {
        let mut gradient = [0.0, -ridge * beta[1], -ridge * beta[2]];
        let mut hessian = [[1e-9, 0.0, 0.0], [0.0, ridge, 0.0], [0.0, 0.0, ridge]];
        for i in rows {
            let f = features(*i);
            let p = crate::learners::logistic::expit(f[0] * beta[0] + f[1] * beta[1] + f[2] * beta[2]);
            let residual = treatment[*i].encode() - p;
            for a in 0..3 {
                gradient[a] += residual * f[a];
                for b in 0..3 {
                    hessian[a][b] += p * (1.0 - p) * f[a] * f[b];
                }
            }
        }
        let step = solve(hessian, gradient);
        let size = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
        // A long step overshoots where the probabilities are flat.
        let shrink = if size > 4.0 { 4.0 / size } else { 1.0 };
        beta.iter_mut().zip(step).for_each(|(b, s)| *b += shrink * s);
        if size < 1e-8 {
            break;
        }
    }
    beta
}

/// Cramer's rule for a symmetric positive definite 3 × 3 system.
fn solve(a: [[f64; 3]; 3], b: [f64; 3]) -> [f64; 3] {
    let determinant = |m: &[[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let whole = determinant(&a);
    let mut solution = [0.0; 3];
    for (column, value) in solution.iter_mut().enumerate() {
        let mut replaced = a;
        for row in 0..3 {
            replaced[row][column] = b[row];
        }
        let ratio = determinant(&replaced) / whole;
        *value = if ratio.is_finite() { ratio } else { 0.0 };
    }
    solution
}

#[cfg(test)]
mod tests;
