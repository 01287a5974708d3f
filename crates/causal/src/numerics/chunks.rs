//! Row chunks: how work is divided among threads without the division showing in the result.
//!
//! Floating-point addition is not associative, so a sum split differently is a different number. The split here
//! depends on the number of rows only, and partial results come back in chunk order for the caller to add up.

use rayon::prelude::*;
use std::ops::Range;

/// Largest number of chunks; enough to keep any reasonable machine busy.
const MAX_CHUNKS: usize = 64;
/// Fewest rows worth a task of their own.
const MIN_ROWS: usize = 2048;
/// Rows of a working block: 256 × 60 doubles are 120 kB, which stay in the second-level cache.
pub const BLOCK_ROWS: usize = 256;

/// Rows per chunk for `n` rows; a function of `n` alone.
#[must_use]
pub fn chunk_rows(n: usize) -> usize {
    n.div_ceil(MAX_CHUNKS).max(MIN_ROWS)
}

/// The chunks of `0..n`, in order.
#[must_use]
pub fn ranges(n: usize) -> Vec<Range<usize>> {
    let size = chunk_rows(n);
    (0..n).step_by(size).map(|start| start..(start + size).min(n)).collect()
}

/// Applies `f` to every chunk, in parallel, and returns the results in chunk order.
pub fn map<T: Send>(n: usize, f: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    ranges(n).into_par_iter().map(f).collect()
}

/// Cuts a chunk into blocks of at most [`BLOCK_ROWS`] rows.
pub fn blocks(chunk: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = chunk.end;
    chunk.step_by(BLOCK_ROWS).map(move |start| start..(start + BLOCK_ROWS).min(end))
}

/// Adds `part` to `total`, element by element.
pub fn add_into(total: &mut [f64], part: &[f64]) {
    for (t, p) in total.iter_mut().zip(part) {
        *t += p;
    }
}

#[cfg(test)]
mod tests {
    use crate::numerics::chunks::*;

    #[test]
    fn chunks_and_blocks_cover_every_row_once_and_in_order() {
        for n in [0, 1, 255, 2048, 2049, 131_073, 1_000_003] {
            let rows: Vec<usize> = ranges(n).into_iter().flat_map(blocks).flatten().collect();
            assert!(rows.iter().copied().eq(0..n), "n = {n}");
            assert!(ranges(n).len() <= MAX_CHUNKS);
        }
    }
}
