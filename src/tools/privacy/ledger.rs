//! The populations that were described to a model, as one partition of the rows.
//!
//! Whoever knows a total in each of several populations can add and subtract. Whatever comes of that is constant on the
//! cells of the partition that the populations generate: two rows are in one cell if every population has both or
//! neither. So if no cell of either arm is smaller than `min_cell`, no sum of answers, however many there are, is about fewer
//! units than that; and a population that differs from an earlier one by fewer units of an arm splits such a cell off.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A record of the populations of one session. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// The cell of each row.
    cells: Arc<Mutex<Vec<usize>>>,
    /// The unit of each row, where units have several.
    units: Option<Arc<[u32]>>,
}

/// A population that would set fewer units apart than may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooClose;

impl Ledger {
    /// Nothing was described but everyone, by arm.
    pub(super) fn new(treated: &[bool]) -> Ledger {
        Ledger::of_arms(treated.iter().map(|treated| usize::from(*treated)), None)
    }

    /// The same with any number of arms, and with units that may have several rows: units are counted then.
    pub(super) fn of_arms(arms: impl Iterator<Item = usize>, units: Option<&[u32]>) -> Ledger {
        Ledger { cells: Arc::new(Mutex::new(arms.collect())), units: units.map(Arc::from) }
    }

    /// Notes a population, given by its rows, unless it would split off fewer than `least` units of a cell.
    pub(super) fn admit(&self, rows: &[usize], least: usize) -> Result<(), TooClose> {
        // Nobody can leave it half changed: it is replaced at once.
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = membership(rows, cells.len());
        let mut sizes: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        let mut seen = HashSet::new();
        for (row, (cell, inside)) in cells.iter().zip(&inside).enumerate() {
            let [left, kept] = sizes.entry(*cell).or_default();
            let unit = self.units.as_ref().and_then(|units| units.get(row));
            if unit.is_none_or(|unit| seen.insert((*cell, *inside, *unit))) {
                *(if *inside { kept } else { left }) += 1;
            }
        }
        let small = |n: usize| n < least;
        if sizes.values().any(|[left, kept]| *left > 0 && *kept > 0 && (small(*left) || small(*kept))) {
            return Err(TooClose);
        }
        *cells = refined(&cells, &inside);
        Ok(())
    }

    /// Notes a population that is on record, and so was described whatever it is.
    pub(super) fn note(&self, rows: &[usize]) {
        // With 1 as the smallest cell nothing is refused.
        let _ = self.admit(rows, 1);
    }
}

fn membership(rows: &[usize], n: usize) -> Vec<bool> {
    let mut inside = vec![false; n];
    for row in rows {
        if let Some(place) = inside.get_mut(*row) {
            *place = true;
        }
    }
    inside
}

/// The partition by old cell and by membership, its cells numbered as they come.
fn refined(cells: &[usize], inside: &[bool]) -> Vec<usize> {
    let mut numbers: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    let number = |key: (usize, bool)| {
        let next = numbers.len();
        *numbers.entry(key).or_insert(next)
    };
    cells.iter().copied().zip(inside.iter().copied()).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arms(n: usize) -> Vec<bool> {
        (0..n).map(|row| row % 2 == 0).collect()
    }

    fn all_but(n: usize, out: &[usize]) -> Vec<usize> {
        (0..n).filter(|row| !out.contains(row)).collect()
    }

    #[test]
    fn ten_of_an_arm_may_be_set_apart_and_nine_may_not() {
        let n = 100;
        let treated = |k: usize| (0..k).map(|i| 2 * i).collect::<Vec<_>>();
        assert_eq!(Ledger::new(&arms(n)).admit(&all_but(n, &treated(10)), 10), Ok(()));
        assert_eq!(Ledger::new(&arms(n)).admit(&all_but(n, &treated(9)), 10), Err(TooClose));
        assert_eq!(
            Ledger::new(&arms(n)).admit(&treated(9), 10),
            Err(TooClose),
            "nine of an arm, and nobody of the other"
        );
        assert_eq!(Ledger::new(&arms(n)).admit(&all_but(n, &[]), 10), Ok(()), "everyone");
    }

    #[test]
    fn a_population_is_held_against_every_earlier_one_and_against_what_they_come_to_together() {
        let n = 200;
        let ledger = Ledger::new(&arms(n));
        let out = |from: usize, to: usize| all_but(n, &(from..to).collect::<Vec<_>>());
        assert_eq!(ledger.admit(&out(0, 40), 10), Ok(()));
        assert_eq!(ledger.admit(&out(0, 42), 10), Err(TooClose), "one unit of each arm more");
        assert_eq!(ledger.admit(&out(0, 40), 10), Ok(()), "the same again");
        assert_eq!(ledger.admit(&out(20, 60), 10), Ok(()), "ten of each arm in every cell");
        // Ten of each arm away from the first, and with the other it would tell of two.
        assert_eq!(ledger.admit(&out(16, 40), 10), Err(TooClose));
    }

    #[test]
    fn rows_of_one_unit_are_one() {
        // Thirty units of one arm, each with three rows in turn.
        let units: Vec<u32> = (0..90).map(|row| row / 3).collect();
        let ledger = || Ledger::of_arms(std::iter::repeat_n(0, 90), Some(&units));
        assert_eq!(ledger().admit(&(0..27).collect::<Vec<_>>(), 10), Err(TooClose), "27 rows of nine units");
        assert_eq!(ledger().admit(&(0..30).collect::<Vec<_>>(), 10), Ok(()), "30 rows of ten");
        assert_eq!(ledger().admit(&all_but(90, &[0, 1, 2]), 10), Err(TooClose), "everyone but one unit");
        assert_eq!(ledger().admit(&(0..30).map(|i| 3 * i).collect::<Vec<_>>(), 10), Ok(()), "a row of each unit");
    }

    #[test]
    fn what_is_on_record_is_noted_whatever_it_is() {
        let ledger = Ledger::new(&arms(100));
        ledger.note(&all_but(100, &[0]));
        assert_eq!(ledger.admit(&all_but(100, &[0]), 10), Ok(()), "it was told already");
        assert_eq!(ledger.admit(&all_but(100, &[2]), 10), Err(TooClose));
    }

    /// The rank of a matrix of zeros and ones, and whether `target` lies in the span of its rows, by elimination.
    fn spans(populations: &[Vec<bool>], target: &[f64]) -> bool {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let reduce = |basis: &[Vec<f64>], mut vector: Vec<f64>| {
            for row in basis {
                let pivot = row.iter().position(|x| x.abs() > 1e-9).expect("a pivot");
                let factor = vector[pivot] / row[pivot];
                vector.iter_mut().zip(row).for_each(|(v, r)| *v -= factor * r);
            }
            vector
        };
        for population in populations {
            let vector = reduce(&basis, population.iter().map(|inside| f64::from(u8::from(*inside))).collect());
            if vector.iter().any(|x| x.abs() > 1e-9) {
                basis.push(vector);
            }
        }
        reduce(&basis, target.to_vec()).iter().all(|x| x.abs() < 1e-9)
    }

    proptest! {
        /// An attacker who knows every population that is answered and every total in it exactly: no sum of totals is about
        /// fewer than `least` units of an arm. Without the ledger there is one in most of these sequences.
        #[test]
        fn no_sum_of_answers_is_about_few(
            cuts in prop::collection::vec((0usize..60, 0usize..60), 1..12), few in prop::collection::btree_set(0usize..60, 1..4)
        ) {
            let (n, least) = (60, 4);
            let everyone = vec![true; n];
            let ledger = Ledger::new(&everyone);
            let mut answered = vec![everyone];
            for (from, to) in cuts {
                let inside: Vec<bool> = (0..n).map(|row| (from.min(to)..from.max(to)).contains(&row)).collect();
                let rows: Vec<usize> = (0..n).filter(|row| inside[*row]).collect();
                if !rows.is_empty() && ledger.admit(&rows, least) == Ok(()) {
                    answered.push(inside);
                }
            }
            let target: Vec<f64> = (0..n).map(|row| f64::from(u8::from(few.contains(&row)))).collect();
            prop_assert!(!spans(&answered, &target));
        }
    }
}
