//! Matrix products whose sums run in one order on every processor.
//!
//! A matrix library picks its kernel by the processor, with or without fused multiply-add, and the last digits of the sums
//! with it. Here each sum is written out: tiles of 4 × 4 sums stay in registers while the rows go by, and the compiler
//! makes vector instructions of them that change no bit.

use ndarray::{Array2, ArrayView2};

/// Sums along one side of a tile.
const TILE: usize = 4;

/// Adds the lower triangle of ZᵀZ to `gram` (k × k, row-major); z is row-major with k columns. Entries above the diagonal
/// may be written too, and mean nothing.
pub(crate) fn add_gram(z: &[f64], k: usize, gram: &mut [f64]) {
    add_lower_cross(z, z, k, gram);
}

/// As [`add_gram`] for LᵀR, both row-major with k columns.
pub(crate) fn add_lower_cross(left: &[f64], right: &[f64], k: usize, sums: &mut [f64]) {
    for i in (0..k).step_by(TILE) {
        for j in (0..=i).step_by(TILE) {
            if i + TILE <= k {
                add_tile([left, right], k, [i, j], sums);
            } else {
                add_edge([left, right], k, [i, j], sums);
            }
        }
    }
}

/// The sums of columns i … i + 3 of the first with columns j … j + 3 of the second.
fn add_tile(rows: [&[f64]; 2], k: usize, at: [usize; 2], gram: &mut [f64]) {
    let mut sums = [[0.0; TILE]; TILE];
    for (left, right) in rows[0].chunks_exact(k).zip(rows[1].chunks_exact(k)) {
        let (left, right) = (four(&left[at[0]..]), four(&right[at[1]..]));
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum += left * right;
            }
        }
    }
    for (a, sums) in sums.iter().enumerate() {
        let start = (at[0] + a) * k + at[1];
        gram[start..start + TILE].iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
}

/// As [`add_tile`] for the last columns, fewer than a tile.
fn add_edge(rows: [&[f64]; 2], k: usize, at: [usize; 2], gram: &mut [f64]) {
    for i in at[0]..k {
        for j in at[1]..(at[1] + TILE).min(i + 1) {
            let pairs = rows[0].chunks_exact(k).zip(rows[1].chunks_exact(k));
            gram[i * k + j] += pairs.map(|(left, right)| left[i] * right[j]).sum::<f64>();
        }
    }
}

/// Writes ZA to `out` (n × k, row-major), for z n × k and a k × k, both row-major.
pub(crate) fn rows_times(z: &[f64], a: &[f64], k: usize, out: &mut [f64]) {
    out.fill(0.0);
    for (z, out) in z.chunks_exact(k).zip(out.chunks_exact_mut(k)) {
        let (z_blocks, a_blocks) = (z.chunks_exact(TILE), a.chunks_exact(TILE * k));
        let rest = z_blocks.remainder().iter().zip(a_blocks.remainder().chunks_exact(k));
        // Four rows of A in one pass over the sums, which saves three of four loads and stores.
        for (z, a) in z_blocks.zip(a_blocks) {
            let (first, second) = a.split_at(2 * k);
            let ((a0, a1), (a2, a3)) = (first.split_at(k), second.split_at(k));
            for ((((out, a0), a1), a2), a3) in out.iter_mut().zip(a0).zip(a1).zip(a2).zip(a3) {
                *out += (z[0] * a0 + z[1] * a1) + (z[2] * a2 + z[3] * a3);
            }
        }
        for (z, a) in rest {
            out.iter_mut().zip(a).for_each(|(out, a)| *out += z * a);
        }
    }
}

/// ZᵀZ, k × k and symmetric.
pub(crate) fn gram(z: &Array2<f64>) -> Array2<f64> {
    let k = z.ncols();
    let mut sums = vec![0.0; k * k];
    // Row by row, whatever the layout of `z`.
    let rows: Vec<f64> = z.rows().into_iter().flatten().copied().collect();
    if k > 0 {
        add_gram(&rows, k, &mut sums);
    }
    Array2::from_shape_fn((k, k), |(i, j)| sums[i.max(j) * k + i.min(j)])
}

/// AB for small matrices.
pub(crate) fn multiply(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| a.row(i).iter().zip(b.column(j)).map(|(x, y)| x * y).sum())
}

fn four(values: &[f64]) -> [f64; TILE] {
    let mut out = [0.0; TILE];
    out.copy_from_slice(&values[..TILE]);
    out
}

#[cfg(test)]
mod tests {
    use crate::numerics::products::*;
    use proptest::prelude::*;

    /// Small integers, so that every sum is exact in any order and the products can be compared to the bit.
    fn integers(n: usize, k: usize) -> impl Strategy<Value = Array2<f64>> {
        proptest::collection::vec((-9_i8..=9).prop_map(f64::from), n * k)
            .prop_map(move |cells| Array2::from_shape_vec((n, k), cells).unwrap())
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_definition(
            (z, a) in (0_usize..30, 1_usize..14).prop_flat_map(|(n, k)| (integers(n, k), integers(k, k)))
        ) {
            let (n, k) = z.dim();
            let rows = z.as_slice().unwrap();
            let mut gram = vec![1.0; k * k];
            add_gram(rows, k, &mut gram);
            let expected = z.t().dot(&z);
            for i in 0..k {
                for j in 0..=i {
                    prop_assert_eq!(gram[i * k + j], 1.0 + expected[[i, j]]);
                }
            }
            prop_assert_eq!(super::gram(&z), expected.clone());
            prop_assert_eq!(super::gram(&z.t().as_standard_layout().t().to_owned()), expected);
            let mut za = vec![f64::NAN; n * k];
            rows_times(rows, a.as_slice().unwrap(), k, &mut za);
            prop_assert_eq!(za, z.dot(&a).into_raw_vec_and_offset().0);
            prop_assert_eq!(multiply(z.view(), a.view()), z.dot(&a));
        }
    }
}
