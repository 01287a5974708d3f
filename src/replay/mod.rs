//! The entry of this program to the ACIC 2016 competition, whose data, runs and scores are the crate [`acic`].
//!
//! | module | does |
//! |---|---|
//! | [`data`] | opens the data: the pack is a Parquet file, which only [`crate::dataset`] reads |
//! | [`plan`], [`families`] | writes the plan of every dataset, here and in simulated families |
//! | [`analyse`] | takes one dataset through the whole pipeline |
//! | [`tables`], [`report`], [`calibration_page`] | shows scores and calibrations to people |
//!
//! The analysis has no way to the scorer: a test holds that. The truth is a type that this crate cannot name at all.

pub mod analyse;
pub mod calibration_page;
pub mod data;
pub mod families;
pub mod plan;
pub mod report;
pub mod tables;
