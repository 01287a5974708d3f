//! The tables of an experiment.

mod table;

pub use table::{MetricColumn, MetricValues, UnitTable};
