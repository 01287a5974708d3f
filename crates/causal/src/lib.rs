//! Numerics of causal inference.
//!
//! | layer | modules |
//! |---|---|
//! | vocabulary | [`sample`], [`estimand`], [`estimator`], [`effect`], [`fit_note`], [`learner_kind`], [`params`], [`error`] |
//! | numerics | [`numerics`], [`learners`], [`design`], [`nuisance`], [`estimate`], [`diagnose`], [`simulate`] |

#![forbid(unsafe_code)]

pub mod arm;
pub mod contrast;
pub mod design;
pub mod diagnose;
pub mod effect;
pub mod error;
pub mod estimand;
pub mod estimate;
pub mod estimator;
pub mod fit_note;
pub mod learner_kind;
pub mod learners;
pub mod nuisance;
pub mod numerics;
pub mod params;
pub mod sample;
pub mod simulate;
mod weighted_rows;
