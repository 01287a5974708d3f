//! Pockets in simulated families: how often one that is there is found, and how often one is found that is not there.

use causal::arm::Arm;
use causal::diagnose::structure::one_arm::Values;
use causal::diagnose::structure::pocket::{Pocket, pockets};
use causal::simulate::Setup;

fn found(setup: Setup, n: usize, replicate: usize) -> Vec<Pocket> {
    let draw = setup.draw(n, 11, replicate).expect("a draw");
    let covariates = draw.sample.covariates();
    let columns: Vec<Vec<f64>> = covariates.x().columns().into_iter().map(|x| x.to_vec()).collect();
    let values: Vec<Values<'_>> = columns.iter().map(|x| Values::Numbers(x)).collect();
    pockets(&values, covariates.treatment())
}

/// Families in which nearly all propensities are within [0.1, 0.9]: at most one dataset in twenty is reported.
#[test]
fn well_overlapping_confounding_has_no_pocket() {
    for setup in [Setup::Linear, Setup::RareTreatment, Setup::Wide, Setup::Xor, Setup::HillA, Setup::NieWagerD] {
        for n in [1_000, 2_000] {
            let reported = (0..40).filter(|r| !found(setup, n, *r).is_empty()).count();
            assert!(reported <= 2, "{setup:?} n {n}: {reported} of 40");
        }
    }
}

/// Eight in a hundred units with e = 0.995: at least nine datasets in ten are reported, by the column that makes it.
#[test]
fn the_pocket_is_found() {
    for (n, sets, least) in [(1_000, 200, 180), (2_000, 50, 49), (5_000, 20, 20)] {
        let by_column = |r: &usize| {
            let all = found(Setup::Pocket, n, *r);
            all.iter().any(|pocket| pocket.arm == Arm::Treated && pocket.conditions.iter().any(|c| c.column == 0))
        };
        let reported = (0..sets).filter(by_column).count();
        assert!(reported >= least, "n {n}: {reported} of {sets}");
    }
}
