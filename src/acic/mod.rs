//! The replay of the ACIC 2016 competition: 77 settings of simulated treatments and outcomes on the covariates of a real
//! study, on which 24 methods and one agent have published their answers (Dorie, Hill, Shalit, Scott & Cervone 2019,
//! doi:10.1214/18-STS667).
//!
//! | module | does |
//! |---|---|
//! | [`settings`] | which settings, which share of the work |
//! | [`source`], [`pack`], [`response`], [`covariates`] | data in either layout: the analysis gets [`observed::Observed`] and nothing else |
//! | [`plan`], [`analyse`] | one dataset through the whole pipeline |
//! | [`run`], [`out`], [`identity`], [`record`], [`rows`] | all of them, resumably, into a folder |
//! | [`cells`] | CSV files held to the cell |
//! | [`score`], [`report`] | estimates against the truth and against the other methods |
//! | [`export`] | datasets as plans of their own, with the right answers beside them |
//! | [`calibrate`] | what each diagnostic tells of the error, here and in simulated families |
//!
//! The truth of a dataset is the type [`response::truth::Truth`], and only [`score`] may name it: a test holds that. What is
//! analysed has no way to [`score`] or [`export`].

pub mod analyse;
pub mod calibrate;
pub mod cells;
pub mod covariates;
pub mod error;
pub mod export;
mod folders;
pub mod identity;
pub mod observed;
pub mod out;
pub mod pack;
pub mod plan;
pub mod record;
pub mod report;
pub mod response;
pub mod rows;
pub mod run;
pub mod score;
pub mod settings;
pub mod source;

pub use error::AcicError;
