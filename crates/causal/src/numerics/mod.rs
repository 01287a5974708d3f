//! Numerical ground floor: linear algebra on tall matrices, quantiles, distributions, folds, random streams.
//!
//! Everything here is a pure function of its arguments. Sums over rows run over a fixed number of chunks and are
//! reduced in chunk order, so that the same bits come out whatever the number of threads; see `chunks`.

pub mod binned;
pub(crate) mod chunks;
pub mod design_matrix;
pub mod distributions;
pub mod folds;
pub mod linalg;
pub(crate) mod products;
pub mod quantile;
pub mod standardise;
pub mod streams;
pub mod sums;
pub mod symmetric_eigen;
pub mod weighted_moments;
