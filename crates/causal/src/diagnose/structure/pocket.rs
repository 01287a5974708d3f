//! Pockets: subgroups by up to three covariates where one arm is all but missing, so that their effect is extrapolated from
//! everybody else's.
//!
//! A pocket S is a conjunction of c ≤ 3 conditions (a tail of a number, a level, missing values). With q the share in the
//! sample of the arm that is missing there, n units in S and k of them in that arm, S is reported when
//!
//! ```text
//! k/n ≤ q/15                          it is fifteen times rarer than in the whole sample
//! P(Bin(n, q/4) ≤ k) ≤ α/m            and not by chance, even if it were only four times rarer
//! k < 30                              and those few cannot say what the effect is there
//! n ≥ max(20, 2 % of the units of the arm that is there)
//! ```
//!
//! with α = 0.05 and m = 24·8^(c − 1). The search is a beam: of all conjunctions of c conditions, the eight in which the
//! arm is rarest, by the deviance n·KL(k/n ‖ q), are refined further; it ends at the first c with a pocket, and of several the
//! largest is told. It looks at more than m conjunctions. That is paid by the distance from q/4 to q: where treatment does not
//! depend on the covariates, a conjunction is reported with a probability of about (α/m)⁴.
//!
//! Nothing but covariates and treatment is read, and observation weights are not: a pocket is about units that were seen. The
//! constants were chosen on the simulated families of seed 3; rates of false alarms and of pockets found are in
//! `docs/verdict.md`, from tests with other seeds.
//! References: Petersen et al. (2012), doi:10.1177/0962280210386207; for the search Friedman & Fisher (1999), Bump hunting
//! in high-dimensional data, doi:10.1023/A:1008894516817.

use super::one_arm::{Region, Values, binomial_at_most, contains};
use crate::arm::Arm;

/// The most conditions.
const DEPTH: u32 = 3;
/// The fewest units of a pocket.
pub const FEWEST: usize = 20;
/// The smallest share of a target population that is told.
pub const SMALLEST_SHARE: f64 = 0.02;
/// An arm is all but missing where it is so many times rarer than in the whole sample.
const RARER: f64 = 15.0;
/// Chance is asked about an arm so many times rarer.
const RARER_BY_CHANCE: f64 = 4.0;
/// α.
const ALPHA: f64 = 0.05;
/// m for one condition; each further condition multiplies it by the width of the beam.
const LEAVES: usize = 24;
/// From so many units on the missing arm speaks for itself.
const ENOUGH: usize = 30;
/// Tails of a number begin at so many places.
const CUTS: usize = 128;
/// Rows looked at to place them.
const LOOKED_AT: usize = 20_000;
/// Conjunctions refined at each depth.
const BEAM: usize = 8;

/// One condition of a pocket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// The index of the covariate.
    pub column: usize,
    /// Where in its range.
    pub region: Region,
}

/// A subgroup where one arm is all but missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Pocket {
    /// Units that meet all of these, at most three, by the index of the covariate.
    pub conditions: Vec<Condition>,
    /// The arm that is there.
    pub arm: Arm,
    /// Units in it.
    pub units: usize,
    /// Units of the other arm among them.
    pub others: usize,
}

/// The pockets of a sample: at most one without controls and one without treated. `treatment` has n arms, as has each column.
#[must_use]
pub fn pockets(columns: &[Values<'_>], treatment: &[Arm]) -> Vec<Pocket> {
    let binned: Vec<Binned> = columns.iter().map(|values| Binned::new(*values)).collect();
    Arm::BOTH.iter().filter_map(|missing| Search::new(&binned, treatment, *missing)?.run()).collect()
}

/// A pocket that was found among some of the rows, counted among all; `None` if the missing arm has units enough there.
#[must_use]
pub fn recount(columns: &[Values<'_>], treatment: &[Arm], found: &Pocket) -> Option<Pocket> {
    let meets = |i: usize| {
        found.conditions.iter().all(|condition| match (columns.get(condition.column), condition.region) {
            (Some(Values::Numbers(x)), region) => x.get(i).is_some_and(|x| contains(region, *x)),
            (Some(Values::Codes { codes, .. }), Region::Level(level)) => {
                codes.get(i).is_some_and(|c| *c as usize == level)
            }
            (Some(Values::Codes { codes, levels }), Region::Missing) => {
                codes.get(i).is_some_and(|c| *c as usize >= *levels)
            }
            _ => false,
        })
    };
    let inside: Vec<Arm> = treatment.iter().enumerate().filter(|(i, _)| meets(*i)).map(|(_, arm)| *arm).collect();
    let others = inside.iter().filter(|arm| **arm != found.arm).count();
    (others < ENOUGH).then(|| Pocket { units: inside.len(), others, ..found.clone() })
}

/// A covariate cut into bins, in the order of its values.
struct Binned {
    /// n numbers of bins.
    bins: Vec<u16>,
    bounds: Bounds,
}

/// The values that the bins stand for.
enum Bounds {
    /// Of bin b: its smallest value and its largest. The last bin holds the missing values.
    Numbers(Vec<(f64, f64)>),
    /// The number of levels; the last bin holds the missing values.
    Levels(usize),
}

impl Binned {
    fn new(values: Values<'_>) -> Binned {
        match values {
            Values::Numbers(x) => Self::of_numbers(x),
            // A level beyond these is rarer than any pocket could be found with.
            Values::Codes { codes, levels } => {
                let levels = levels.min(usize::from(u16::MAX) - 1);
                let bins = codes.iter().map(|code| (*code as usize).min(levels) as u16).collect();
                Binned { bins, bounds: Bounds::Levels(levels) }
            }
        }
    }

    fn of_numbers(x: &[f64]) -> Binned {
        let step = x.len().div_ceil(LOOKED_AT).max(1);
        let mut seen: Vec<f64> = x.iter().step_by(step).copied().filter(|v| !v.is_nan()).collect();
        seen.sort_by(f64::total_cmp);
        let mut starts: Vec<f64> = (0..CUTS).filter_map(|c| seen.get(c * seen.len() / CUTS).copied()).collect();
        starts.dedup();
        let missing = starts.len();
        let bin = |v: f64| if v.is_nan() { missing } else { starts.partition_point(|s| *s <= v).saturating_sub(1) };
        let bins: Vec<u16> = x.iter().map(|v| bin(*v) as u16).collect();
        let mut bounds = vec![(f64::INFINITY, f64::NEG_INFINITY); missing];
        for (v, b) in x.iter().zip(&bins) {
            if let Some(bound) = bounds.get_mut(usize::from(*b)) {
                *bound = (bound.0.min(*v), bound.1.max(*v));
            }
        }
        Binned { bins, bounds: Bounds::Numbers(bounds) }
    }

    fn len(&self) -> usize {
        1 + match &self.bounds {
            Bounds::Numbers(bounds) => bounds.len(),
            Bounds::Levels(levels) => *levels,
        }
    }

    /// The ranges of bins that a condition may be, and what it says.
    fn ranges(&self) -> Vec<(std::ops::Range<usize>, Region)> {
        let missing = self.len() - 1;
        let mut ranges = vec![(missing..missing + 1, Region::Missing)];
        match &self.bounds {
            Bounds::Levels(levels) => ranges.extend((0..*levels).map(|l| (l..l + 1, Region::Level(l)))),
            Bounds::Numbers(bounds) => {
                for (b, bound) in bounds.iter().enumerate() {
                    ranges.push((b..missing, Region::AtLeast(bound.0)));
                    ranges.push((0..b + 1, Region::AtMost(bound.1)));
                }
            }
        }
        ranges
    }
}

/// Units, and those of the missing arm among them.
type Counts = [usize; 2];

/// A conjunction as it is searched.
#[derive(Clone)]
struct Node {
    conditions: Vec<(usize, std::ops::Range<usize>, Region)>,
    rows: Vec<u32>,
    counts: Counts,
}

/// A refinement that has been counted and not been made.
struct Candidate {
    parent: usize,
    condition: (usize, std::ops::Range<usize>, Region),
    counts: Counts,
    deviance: f64,
}

/// The search for the pockets of one arm.
struct Search<'a> {
    columns: &'a [Binned],
    ranges: Vec<Vec<(std::ops::Range<usize>, Region)>>,
    missing: Arm,
    is_missing: Vec<bool>,
    share: f64,
    fewest: usize,
}

impl<'a> Search<'a> {
    fn new(columns: &'a [Binned], treatment: &[Arm], missing: Arm) -> Option<Search<'a>> {
        let is_missing: Vec<bool> = treatment.iter().map(|arm| *arm == missing).collect();
        let k = is_missing.iter().filter(|is| **is).count();
        let there = treatment.len() - k;
        let fewest = FEWEST.max((SMALLEST_SHARE * there as f64).ceil() as usize);
        let ranges = columns.iter().map(Binned::ranges).collect();
        let share = k as f64 / treatment.len() as f64;
        (k > 0 && there > 0).then_some(Search { columns, ranges, missing, is_missing, share, fewest })
    }

    fn run(&self) -> Option<Pocket> {
        let rows: Vec<u32> = (0..self.is_missing.len() as u32).collect();
        let counts = [rows.len(), self.is_missing.iter().filter(|is| **is).count()];
        let mut beam = vec![Node { conditions: Vec::new(), rows, counts }];
        for conditions in 1..=DEPTH {
            let candidates: Vec<Candidate> =
                beam.iter().enumerate().flat_map(|(parent, node)| self.refinements(parent, node)).collect();
            let found = candidates.iter().filter(|candidate| self.is_pocket(conditions, candidate.counts));
            if let Some(largest) = found.max_by(|a, b| {
                let order = a.counts[0].cmp(&b.counts[0]).then(b.counts[1].cmp(&a.counts[1]));
                // Of equals the first.
                order.then(std::cmp::Ordering::Greater)
            }) {
                return Some(self.pocket(&beam, largest));
            }
            beam = self.next(&beam, candidates);
        }
        None
    }

    /// The rule of the module page, for a conjunction of `conditions` of them.
    fn is_pocket(&self, conditions: u32, [units, others]: Counts) -> bool {
        let rare = others as f64 * RARER <= self.share * units as f64;
        let level = ALPHA / (LEAVES * BEAM.pow(conditions - 1)) as f64;
        rare && others < ENOUGH && binomial_at_most(others, units, self.share / RARER_BY_CHANCE) <= level
    }

    /// Every way to put one more condition on a conjunction that leaves units enough.
    fn refinements(&self, parent: usize, node: &Node) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (column, (binned, ranges)) in self.columns.iter().zip(&self.ranges).enumerate() {
            let sums = self.cumulative(binned, &node.rows);
            for (range, region) in ranges {
                let counts = [0, 1].map(|of| sums[range.end][of] - sums[range.start][of]);
                // One that leaves nobody out says nothing.
                if counts[0] < self.fewest || counts[0] == node.counts[0] {
                    continue;
                }
                let deviance = self.deviance(counts);
                if deviance > 0.0 {
                    let condition = (column, range.clone(), *region);
                    candidates.push(Candidate { parent, condition, counts, deviance });
                }
            }
        }
        candidates
    }

    /// Counts in the bins before each.
    fn cumulative(&self, binned: &Binned, rows: &[u32]) -> Vec<Counts> {
        let mut sums = vec![[0; 2]; binned.len() + 1];
        for row in rows {
            let row = *row as usize;
            let here = &mut sums[usize::from(binned.bins[row]) + 1];
            here[0] += 1;
            here[1] += usize::from(self.is_missing[row]);
        }
        for b in 1..sums.len() {
            let before = sums[b - 1];
            sums[b].iter_mut().zip(before).for_each(|(now, before)| *now += before);
        }
        sums
    }

    /// n·KL(k/n ‖ q), where the arm is rarer than in the sample; else 0.
    fn deviance(&self, [units, others]: Counts) -> f64 {
        let (n, r, q) = (units as f64, others as f64 / units as f64, self.share);
        if r >= q {
            return 0.0;
        }
        let part = |r: f64, q: f64| if r > 0.0 { r * (r / q).ln() } else { 0.0 };
        n * (part(r, q) + part(1.0 - r, 1.0 - q))
    }

    /// The conjunctions to refine further: the best of each column and direction of each parent, and of those the best.
    fn next(&self, beam: &[Node], mut candidates: Vec<Candidate>) -> Vec<Node> {
        // Stable, so that equals stay in the order of the columns.
        candidates.sort_by(|a, b| b.deviance.total_cmp(&a.deviance));
        let mut kept: Vec<&Candidate> = Vec::new();
        for candidate in &candidates {
            let alike = |other: &&Candidate| {
                let (a, b) = (&candidate.condition, &other.condition);
                let direction = std::mem::discriminant(&a.2) == std::mem::discriminant(&b.2);
                let same_part = other.parent == candidate.parent && a.0 == b.0 && direction;
                // The same units by another order of conditions.
                same_part || other.counts == candidate.counts
            };
            if !kept.iter().any(alike) {
                kept.push(candidate);
            }
            if kept.len() == BEAM {
                break;
            }
        }
        kept.into_iter().map(|candidate| self.made(&beam[candidate.parent], candidate)).collect()
    }

    fn made(&self, parent: &Node, candidate: &Candidate) -> Node {
        let (column, range, _) = &candidate.condition;
        let bins = &self.columns[*column].bins;
        let inside = |row: &&u32| range.contains(&usize::from(bins[**row as usize]));
        let mut conditions = parent.conditions.clone();
        conditions.push(candidate.condition.clone());
        Node { conditions, rows: parent.rows.iter().filter(inside).copied().collect(), counts: candidate.counts }
    }

    fn pocket(&self, beam: &[Node], candidate: &Candidate) -> Pocket {
        let before = beam[candidate.parent].conditions.iter();
        let all = before.chain(std::iter::once(&candidate.condition));
        let mut conditions: Vec<Condition> =
            all.map(|(column, _, region)| Condition { column: *column, region: *region }).collect();
        conditions.sort_by_key(|condition| condition.column);
        let [units, others] = candidate.counts;
        Pocket { conditions, arm: self.missing.other(), units, others }
    }
}

#[cfg(test)]
mod tests;
