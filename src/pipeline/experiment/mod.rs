//! A randomised experiment from its plan to its decision.
//!
//! ```text
//! prepare: plan bytes + tables        -> Experiment       (every problem of plan and data)
//! model:   plan, table                -> Modelling        (which fit, which variance)
//! health:  plan, table                -> HealthDocument   (no metric after the start is looked at)
//! logged_actions: plan, table         -> LoggedAudit      (no reward is looked at), LoggedAnswers
//! effects, segments, days             -> Vec<EffectRow>   (only after the health is on record)
//! results: everything                 -> ExperimentResults
//! ```

mod anytime;
pub mod asked;
mod days;
mod effects;
pub mod fit;
mod health;
mod identification;
mod instrument;
pub mod logged_actions;
mod metric_rows;
mod modelling;
pub mod power;
pub mod prepare;
pub mod results;
mod segment_arms;
mod segments;
pub mod steps;
pub mod validate;

pub use health::health;
pub use modelling::Experiment;
