//! Agreement between chains: split-R̂ (Gelman, Carlin, Stern, Dunson, Vehtari & Rubin 2013, Bayesian Data Analysis,
//! section 11.4).
//!
//! Every chain is cut in halves of N draws each. With B = N var(means) and W = mean(variances) over the halves,
//! R̂ = ((N − 1)/N + B/(N W))^½: 1 when halves and chains agree, more when a chain is still moving or chains differ.

/// Split-R̂ of equally long series, one for each chain. 1 for a constant; not a number with fewer than four draws.
#[must_use]
pub fn split_rhat(chains: &[&[f64]]) -> f64 {
    let half = chains.iter().map(|chain| chain.len()).min().unwrap_or(0) / 2;
    if half < 2 {
        return f64::NAN;
    }
    // An odd draw in the middle belongs to neither half.
    let halves: Vec<&[f64]> = chains.iter().flat_map(|chain| [&chain[..half], &chain[chain.len() - half..]]).collect();
    let moments: Vec<(f64, f64)> = halves.iter().map(|half| moments(half.iter().copied())).collect();
    let within = moments.iter().map(|(_, v)| v).sum::<f64>() / moments.len() as f64;
    let (_, between) = crate::learners::bart::rhat::moments(moments.iter().map(|(m, _)| *m));
    // Also where nothing varies at all, which would be 0/0.
    if between == 0.0 {
        return 1.0;
    }
    let n = half as f64;
    ((n - 1.0) / n + between / within).sqrt()
}

/// Mean and variance (denominator n − 1).
fn moments(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use crate::learners::bart::rhat::*;

    #[test]
    fn it_is_the_formula_on_a_case_done_by_hand() {
        // Halves (0, 2) and (4, 6): means 1 and 5, variances 2 and 2, between 8; R² = 1/2 + 8/2 = 4.5.
        assert!((split_rhat(&[&[0.0, 2.0, 4.0, 6.0]]) - 4.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!(split_rhat(&[&[3.0; 8], &[3.0; 8]]), 1.0);
        assert!(split_rhat(&[&[1.0, 2.0]]).is_nan());
    }
}
