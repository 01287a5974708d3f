//! Loops over rows: everything that costs time.
//!
//! A *label* is the index of a node; one byte per row and tree says which leaf the row is in. A proposal is written as
//! *cells*, the coarsest labelling that knows both the leaves as they are and the leaves as proposed, before any
//! residual is read. One pass over the residual then does the work of two trees: it applies the change in leaf values
//! of the last tree and adds up the result by the cells of the next.
//!
//! Byte loops run on blocks of 16 so that the compiler turns them into vector instructions of any x86-64. Sums run in
//! eight interleaved accumulators per cell, always in the same order.

/// Bytes per block.
const LANES: usize = 16;
/// Blocks after which byte counters are emptied: a counter gains at most 1 per block.
const BLOCKS: usize = 255;
/// Interleaved accumulators, so that two rows of the same leaf in a row need not wait for each other.
const BANKS: usize = 8;
/// Length of a bank: at least 256 labels, and not a divisor of 4096 bytes, where stores would be mistaken for each
/// other by the processor.
const BANK: usize = 264;

/// A value for every label.
pub type ByLabel = [f64; 256];

/// Residual sums and weight sums by cell.
#[derive(Debug, Clone)]
pub struct Sums {
    residual: Box<[[f64; BANK]; BANKS]>,
    weight: Box<[[f64; BANK]; BANKS]>,
}

impl Sums {
    /// Zero everywhere.
    #[must_use]
    pub fn new() -> Self {
        Self { residual: Box::new([[0.0; BANK]; BANKS]), weight: Box::new([[0.0; BANK]; BANKS]) }
    }

    /// Σ w·r of a cell, and zero from here on.
    pub fn take_residual(&mut self, label: u8) -> f64 {
        take(&mut self.residual, label)
    }

    /// Σ w of a cell, and zero from here on.
    pub fn take_weight(&mut self, label: u8) -> f64 {
        take(&mut self.weight, label)
    }
}

fn take(banks: &mut [[f64; BANK]; BANKS], label: u8) -> f64 {
    let mut total = 0.0;
    for bank in banks {
        // Always in the order of the banks, and each is left ready for the next tree.
        total += std::mem::take(&mut bank[usize::from(label)]);
    }
    total
}

/// A change of one tree: each row leaves the cell it was in, and is counted in the cell that is proposed.
#[derive(Debug, Clone, Copy)]
pub struct CellStep<'a> {
    /// The cell of each row so far.
    pub previous: &'a [u8],
    /// The change of the fit in each of those cells.
    pub step: &'a ByLabel,
    /// The cell of each row in the proposal.
    pub next: &'a [u8],
}

/// r ← r − step[previous cell], then sums of r by the next cells.
pub fn step_and_sum(r: &mut [f64], cells: CellStep<'_>, sums: &mut Sums) {
    step_and_sum_into(r, cells.previous, cells.step, cells.next, &mut sums.residual);
}

/// With every slice as a parameter of its own, which tells the compiler that a sum that is written is no label and no step
/// that is still to be read; out of a struct it reads them again after each write, and the loop takes a third longer.
fn step_and_sum_into(r: &mut [f64], previous: &[u8], step: &ByLabel, next: &[u8], banks: &mut [[f64; BANK]; BANKS]) {
    let start = r.len() - r.len() % BANKS;
    let (head, tail) = r.split_at_mut(start);
    let blocks = head.chunks_exact_mut(BANKS).zip(previous.chunks_exact(BANKS)).zip(next.chunks_exact(BANKS));
    for ((r, previous), next) in blocks {
        for k in 0..BANKS {
            let value = r[k] - step[usize::from(previous[k])];
            r[k] = value;
            banks[k][usize::from(next[k])] += value;
        }
    }
    // The remainder goes to the first bank, on every pass.
    for ((r, previous), next) in tail.iter_mut().zip(&previous[start..]).zip(&next[start..]) {
        *r -= step[usize::from(*previous)];
        banks[0][usize::from(*next)] += *r;
    }
}

/// The same with observation weights: sums of w·r and of w.
pub fn step_and_sum_weighted(r: &mut [f64], w: &[f64], cells: CellStep<'_>, sums: &mut Sums) {
    let CellStep { previous, step, next } = cells;
    // Banks take turns, so that an addition need not wait for the one before; the turns are part of the bits.
    for (i, (((r, w), previous), next)) in r.iter_mut().zip(w).zip(previous).zip(next).enumerate() {
        *r -= step[usize::from(*previous)];
        sums.residual[i % BANKS][usize::from(*next)] += w * *r;
        sums.weight[i % BANKS][usize::from(*next)] += w;
    }
}

/// `r ← r − step[cell]`.
pub fn apply_step(r: &mut [f64], cells: &[u8], step: &ByLabel) {
    for (r, cell) in r.iter_mut().zip(cells) {
        *r -= step[usize::from(*cell)];
    }
}

/// `f ← f + value[label]`.
pub fn add_values(f: &mut [f64], labels: &[u8], values: &ByLabel) {
    for (f, label) in f.iter_mut().zip(labels) {
        *f += values[usize::from(*label)];
    }
}

/// Σ w r², with w = 1 if there are no weights.
#[must_use]
pub fn sum_of_squares(r: &[f64], weights: Option<&[f64]>) -> f64 {
    let mut banks = [0.0; BANKS];
    match weights {
        None => {
            let blocks = r.chunks_exact(BANKS);
            let rest: f64 = blocks.remainder().iter().map(|r| r * r).sum();
            for block in blocks {
                for (bank, r) in banks.iter_mut().zip(block) {
                    *bank += r * r;
                }
            }
            banks.iter().sum::<f64>() + rest
        }
        Some(weights) => {
            for (i, (r, w)) in r.iter().zip(weights).enumerate() {
                banks[i % BANKS] += w * r * r;
            }
            banks.iter().sum()
        }
    }
}

/// Byte-wise choice: `yes` where `mask` is 255, `no` where it is 0.
fn choose(mask: u8, yes: u8, no: u8) -> u8 {
    // Without a branch: the loops below become vector instructions.
    no ^ (mask & (yes ^ no))
}

fn mask(condition: bool) -> u8 {
    u8::from(condition).wrapping_neg()
}

/// Splits a leaf: `out` is `labels` with rows of `leaf` sent to `left` where code <= cut and to `right` otherwise.
/// Returns how many went left.
pub fn split(labels: &[u8], codes: &[u8], rule: Split, out: &mut [u8]) -> usize {
    let Split { leaf, cut, left, right } = rule;
    count_blocks(labels, codes, out, |label, code| {
        let here = mask(label == leaf);
        let goes_left = mask(code <= cut);
        (choose(here, choose(goes_left, left, right), label), [here & goes_left & 1, 0])
    })[0]
}

/// A leaf and the rule that splits it.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// Label of the leaf.
    pub leaf: u8,
    /// Last code that goes left.
    pub cut: u8,
    /// Label of the rows that go left.
    pub left: u8,
    /// Label of the rows that go right.
    pub right: u8,
}

/// Crosses the two leaves `left` and `right` with a new rule: cells `base` (was left, goes left), `base + 1` (was
/// right, goes left), `base + 2` (was left, goes right), `base + 3` (was right, goes right). Returns the counts of the
/// first two.
pub fn cross(labels: &[u8], codes: &[u8], rule: Split, base: u8, out: &mut [u8]) -> [usize; 2] {
    let Split { cut, left, right, .. } = rule;
    count_blocks(labels, codes, out, |label, code| {
        let (was_left, was_right) = (mask(label == left), mask(label == right));
        let goes_left = mask(code <= cut);
        // `goes_left` is 255 or 0, so its complement contributes 2 to the rows that go right.
        let cell = base + (was_right & 1) + (!goes_left & 2);
        (choose(was_left | was_right, cell, label), [was_left & goes_left & 1, was_right & goes_left & 1])
    })
}

/// Rewrites labels in place: rows of `from` or of `from + 1` become `to`.
pub fn merge(labels: &mut [u8], from: u8, to: u8) {
    for label in labels {
        // `from` is a left child, at most 250, so its sibling is still a byte.
        *label = choose(mask(*label == from) | mask(*label == from + 1), to, *label);
    }
}

/// Rewrites labels in place after an accepted change: rows of either leaf go where the new rule says.
pub fn resplit(labels: &mut [u8], codes: &[u8], rule: Split) {
    let Split { cut, left, right, .. } = rule;
    for (label, code) in labels.iter_mut().zip(codes) {
        let here = mask(*label == left) | mask(*label == right);
        *label = choose(here, choose(mask(*code <= cut), left, right), *label);
    }
}

/// Rewrites labels in place after an accepted grow.
pub fn split_in_place(labels: &mut [u8], codes: &[u8], rule: Split) {
    let Split { leaf, cut, left, right } = rule;
    for (label, code) in labels.iter_mut().zip(codes) {
        *label = choose(mask(*label == leaf), choose(mask(*code <= cut), left, right), *label);
    }
}

/// Maps (label, code) to a cell and two zero-or-one marks, and counts the marks: in bytes within a run of blocks, then
/// in full width.
fn count_blocks(labels: &[u8], codes: &[u8], out: &mut [u8], f: impl Fn(u8, u8) -> (u8, [u8; 2])) -> [usize; 2] {
    let mut totals = [0; 2];
    let run = LANES * BLOCKS;
    for ((labels, codes), out) in labels.chunks(run).zip(codes.chunks(run)).zip(out.chunks_mut(run)) {
        let mut counts = [[0_u8; LANES]; 2];
        let whole = labels.len() - labels.len() % LANES;
        let blocks = labels.chunks_exact(LANES).zip(codes.chunks_exact(LANES)).zip(out.chunks_exact_mut(LANES));
        for ((labels, codes), out) in blocks {
            // Marks are counted by lane; a byte is full after 255 blocks, which is where the run ends.
            for k in 0..LANES {
                let (cell, marks) = f(labels[k], codes[k]);
                out[k] = cell;
                counts[0][k] += marks[0];
                counts[1][k] += marks[1];
            }
        }
        // Only the last run has a remainder, since runs are a whole number of blocks.
        for ((label, code), out) in labels[whole..].iter().zip(&codes[whole..]).zip(&mut out[whole..]) {
            let (cell, marks) = f(*label, *code);
            *out = cell;
            totals[0] += usize::from(marks[0]);
            totals[1] += usize::from(marks[1]);
        }
        for (total, counts) in totals.iter_mut().zip(counts) {
            *total += counts.iter().map(|c| usize::from(*c)).sum::<usize>();
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::rows::*;

    fn example(n: usize) -> (Vec<u8>, Vec<u8>) {
        let labels = (0..n).map(|i| [3, 4, 7, 3][(i * i + i / 7) % 4]).collect();
        let codes = (0..n).map(|i| ((i * 7919) % 251) as u8).collect();
        (labels, codes)
    }

    #[test]
    fn cells_and_counts_are_what_the_rule_says() {
        for n in [0, 5, 16, 4080, 4081, 9001] {
            let (labels, codes) = example(n);
            let mut out = vec![0; n];
            let rule = Split { leaf: 3, cut: 100, left: 9, right: 10 };
            let count = split(&labels, &codes, rule, &mut out);
            let mut expected = 0;
            for i in 0..n {
                let goes_left = codes[i] <= 100;
                expected += usize::from(labels[i] == 3 && goes_left);
                assert_eq!(
                    out[i],
                    if labels[i] != 3 {
                        labels[i]
                    } else if goes_left {
                        9
                    } else {
                        10
                    }
                );
            }
            assert_eq!(count, expected);
            let mut in_place = labels.clone();
            split_in_place(&mut in_place, &codes, rule);
            assert_eq!(in_place, out);
            merge(&mut in_place, 9, 3);
            assert_eq!(in_place, labels);

            let rule = Split { leaf: 0, cut: 60, left: 3, right: 4 };
            let counts = cross(&labels, &codes, rule, 252, &mut out);
            let cell = |i: usize| match (labels[i], codes[i] <= 60) {
                (3, true) => 252,
                (4, true) => 253,
                (3, false) => 254,
                (4, false) => 255,
                (label, _) => label,
            };
            assert!((0..n).all(|i| out[i] == cell(i)));
            assert_eq!(counts, [252, 253].map(|c| out.iter().filter(|o| **o == c).count()));
            let mut changed = labels.clone();
            resplit(&mut changed, &codes, rule);
            assert!((0..n).all(|i| changed[i]
                == match out[i] {
                    252 | 253 => 3,
                    254 | 255 => 4,
                    other => other,
                }));
        }
    }

    #[test]
    fn the_fused_pass_is_a_step_and_a_sum() {
        let n = 1003;
        let (previous, codes) = example(n);
        let next: Vec<u8> = codes.iter().map(|c| c % 3).collect();
        let mut step = [0.0; 256];
        (step[3], step[4], step[7]) = (0.5, -0.25, 2.0);
        let start: Vec<f64> = (0..n).map(|i| (i % 17) as f64).collect();
        let weights: Vec<f64> = (0..n).map(|i| (i % 3) as f64 + 1.0).collect();
        let (mut r, mut weighted, mut applied) = (start.clone(), start.clone(), start.clone());
        let mut sums = Sums::new();
        let cells = CellStep { previous: &previous, step: &step, next: &next };
        step_and_sum(&mut r, cells, &mut sums);
        // All values are small multiples of 1/4, so that sums are exact in any order.
        let total = |label: u8, w: &dyn Fn(usize) -> f64| -> f64 {
            (0..n).filter(|i| next[*i] == label).map(|i| w(i) * (start[i] - step[usize::from(previous[i])])).sum()
        };
        for label in 0..3 {
            assert_eq!(sums.take_residual(label), total(label, &|_| 1.0));
            assert_eq!(sums.take_residual(label), 0.0);
        }
        step_and_sum_weighted(&mut weighted, &weights, cells, &mut sums);
        for label in 0..3 {
            assert_eq!(sums.take_residual(label), total(label, &|i| weights[i]));
            assert_eq!(sums.take_weight(label), (0..n).filter(|i| next[*i] == label).map(|i| weights[i]).sum::<f64>());
        }
        apply_step(&mut applied, &previous, &step);
        assert_eq!((&r, &weighted), (&applied, &applied));
        assert_eq!(sum_of_squares(&r, None), r.iter().map(|r| r * r).sum::<f64>());
        assert_eq!(sum_of_squares(&r, Some(&weights)), r.iter().zip(&weights).map(|(r, w)| w * r * r).sum::<f64>());
        let mut f = vec![1.0; n];
        add_values(&mut f, &previous, &step);
        assert!((0..n).all(|i| f[i] == 1.0 + step[usize::from(previous[i])]));
    }
}
