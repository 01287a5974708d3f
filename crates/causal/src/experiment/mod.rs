//! Randomised experiments: A/B tests, encouragement designs, cluster-randomised and adaptive tests as one model.
//!
//! # Estimand and estimating equation
//!
//! Rows i = 1 … n have an assigned arm aᵢ (0 is control), a treatment taken up dᵢ, covariate terms xᵢ, metrics yᵢ, weights wᵢ
//! and, where units were randomised together, a cluster g(i). With W = [1, 1{d = ·}, x, 1{d = ·}·x] and
//! Z = [1, 1{a = ·}, x, 1{a = ·}·x],
//!
//! ```text
//! Π = (ZᵀΩZ)⁻¹ZᵀΩW      H = ΠᵀZᵀΩZΠ      β = H⁻¹ΠᵀZᵀΩy      Ω = diag(w)
//! u = y − Wβ            sᵢ = wᵢ Πᵀzᵢ uᵢ     V = c·H⁻¹ M H⁻¹,  M = Σ_g (Σ_{i∈g} sᵢ)(Σ_{i∈g} sᵢ)ᵀ
//! ```
//!
//! With d = a it is (weighted) least squares, without clusters each row is its own, so one path of code serves every design.
//! u uses W as observed, never the fitted first stage. An effect is a contrast: a vector δ with estimate δᵀβ and variance δᵀVδ;
//! for arm a and a segment S, δ = 1_a + Σ_j mean_S(x_j) 1_{a:j} ([`linear_model::Fit::effect_at`]).
//!
//! # How it is computed
//!
//! A row of W and of Z is a fixed selection from (1, x), given the *cell* (aᵢ, dᵢ). So the sums of w·(1, x, y)(1, x, y)ᵀ in each
//! cell give β for every metric, and the sums of w²u²·(1, x)(1, x)ᵀ give every heteroskedasticity-robust variance; the
//! matrices W and Z are never built. Sums run over chunks that depend on n alone and are added in order: the same bits at any
//! number of threads.
//!
//! # Assumptions
//!
//! Assignment independent of potential outcomes given what the chances depend on; no interference between clusters (or rows);
//! for effects of the treatment taken up also exclusion and monotonicity (Angrist, Imbens & Rubin 1996,
//! doi:10.1080/01621459.1996.10476902).
//!
//! # References
//!
//! Lin 2013, doi:10.1214/12-AOAS583 (interacted adjustment). MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7 (HC1 to
//! HC3). Bell & McCaffrey 2002 and Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004 (CR2). Wong et al. 2021,
//! arXiv:2102.11297 (compression). Deng et al. 2013, doi:10.1145/2433396.2433413 (CUPED). Lindon et al. 2022,
//! arXiv:2210.08589 (anytime-valid).

pub mod anytime;
mod cells;
mod clusters;
pub mod first_stage;
pub mod linear_model;
pub mod logged;
pub mod multiplicity;
pub mod policy_value;
pub mod power;
pub mod quantile;
pub mod ratio;
pub mod relative;
pub mod rows;
pub mod sample_ratio;
pub mod saved;
pub mod step_credit;
pub mod two_sample;
pub mod variance;

pub use linear_model::{Fit, Model};
pub use rows::{ExperimentError, ExperimentRows, TermValues};
pub use variance::VarianceKind;
