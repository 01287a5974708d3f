//! The rows of one fit, gathered: codes column after column, and what is sparse row after row.
//!
//! A column in which one code holds most rows is stored as the list of its other entries; the sums of the common code
//! are what is missing from the sums of the node. Indicators of a factor with many levels cost next to nothing so.

use crate::numerics::binned::BinnedMatrix;

/// A column is stored sparsely if more than this share of the rows has its commonest code.
const SPARSE_SHARE: f64 = 0.7;

/// The way in which the sums of a column are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Constant among the rows: never split.
    Constant,
    /// Every row is visited.
    Dense,
    /// Rows of this code are not visited.
    Sparse(u8),
}

/// n gathered rows of p columns.
#[derive(Debug)]
pub struct GatheredRows {
    n: usize,
    codes: Vec<u8>,
    storage: Vec<Storage>,
    /// p + 1 places: the bins of column j are `offsets[j]..offsets[j + 1]` of a histogram.
    offsets: Vec<usize>,
    /// Row i has the sparse entries `entries[starts[i]..starts[i + 1]]`: places in a histogram.
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl GatheredRows {
    /// Gathers `rows` of `binned`.
    pub fn new(binned: &BinnedMatrix, rows: &[u32]) -> Self {
        let (n, p) = (rows.len(), binned.p());
        let mut codes = Vec::with_capacity(n * p);
        let mut offsets = vec![0];
        let mut storage = Vec::with_capacity(p);
        for j in 0..p {
            let column = binned.column(j);
            // Gathered once: the rounds read codes of these rows in this order, many times over.
            codes.extend(rows.iter().map(|i| column[*i as usize]));
            storage.push(storage_of(&codes[j * n..]));
            offsets.push(offsets[j] + binned.bins(j));
        }
        let mut gathered = Self { n, codes, storage, offsets, starts: vec![0], entries: Vec::new() };
        gathered.gather_entries();
        gathered
    }

    fn gather_entries(&mut self) {
        let sparse: Vec<(&[u8], usize, u8)> = (0..self.storage.len())
            .filter_map(|j| match self.storage[j] {
                Storage::Sparse(common) => Some((&self.codes[j * self.n..(j + 1) * self.n], self.offsets[j], common)),
                _ => None,
            })
            .collect();
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for i in 0..self.n {
            for (codes, offset, common) in &sparse {
                if codes[i] != *common {
                    entries.push((offset + usize::from(codes[i])) as u32);
                }
            }
            starts.push(entries.len() as u32);
        }
        (self.starts, self.entries) = (starts, entries);
    }

    /// Number of columns p.
    pub fn p(&self) -> usize {
        self.storage.len()
    }

    /// n codes of column `j`.
    pub fn column(&self, j: usize) -> &[u8] {
        &self.codes[j * self.n..(j + 1) * self.n]
    }

    /// The storage of column `j`.
    pub fn storage(&self, j: usize) -> Storage {
        self.storage[j]
    }

    /// The places of the bins of column `j` in a histogram.
    pub fn bins(&self, j: usize) -> std::ops::Range<usize> {
        self.offsets[j]..self.offsets[j + 1]
    }

    /// Length of a histogram.
    pub fn total_bins(&self) -> usize {
        self.offsets[self.storage.len()]
    }

    /// Places in a histogram of the sparse entries of row `i`.
    pub fn entries(&self, i: usize) -> &[u32] {
        &self.entries[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
}

fn storage_of(codes: &[u8]) -> Storage {
    let mut counts = [0_usize; 256];
    for code in codes {
        counts[usize::from(*code)] += 1;
    }
    // Above one half at most one code qualifies, so it does not matter which of two equals would be named.
    let (common, count) = (0_u8..=255).zip(counts).max_by_key(|(_, count)| *count).unwrap_or((0, 0));
    if count == codes.len() {
        Storage::Constant
    } else if count as f64 > SPARSE_SHARE * codes.len() as f64 {
        Storage::Sparse(common)
    } else {
        Storage::Dense
    }
}
