//! The replay of the ACIC 2016 competition: 77 settings of simulated treatments and outcomes on the covariates of a real
//! study, on which 24 methods and one agent have published their answers (Dorie, Hill, Shalit, Scott & Cervone 2019,
//! doi:10.1214/18-STS667).
//!
//! This crate is the competition: its data, the run over all of them, the scores. It analyses nothing itself. Whoever enters
//! implements [`analyst::Analyst`], and is given what an analyst may see of a dataset: its key, its treatment and its outcome.
//!
//! | module | does |
//! |---|---|
//! | [`settings`] | selects settings, datasets and a share of the work |
//! | [`source`], [`pack`], [`covariates`] | reads data in either layout; an analysis gets [`observed::Observed`] and nothing else |
//! | [`analyst`] | states what an entry to the competition has to provide |
//! | [`run`], [`output_folder`], [`identity`], [`dataset_file`], [`estimates_csv`] | runs all datasets, resumably, into a folder |
//! | [`csv_table`] | reads and writes CSV, strictly |
//! | [`score`] | holds estimates against the truth and beside the other methods |
//! | [`export`] | writes datasets as folders of their own, with the right answers beside them |
//! | [`calibrate`] | measures what each diagnostic tells of the error, here and in simulated families |
//!
//! The truth of a dataset is a type that no other crate can name: the module that holds it is private. Inside this crate only
//! [`score`] may name it, and neither [`run`] nor what an analyst can reach has a way to [`score`].

#![forbid(unsafe_code)]

pub mod analyst;
pub mod calibrate;
pub mod covariates;
pub mod csv_table;
pub mod dataset_file;
pub mod error;
pub mod estimates_csv;
pub mod export;
mod folders;
pub mod grade;
pub mod identity;
pub mod observed;
pub mod output_folder;
pub mod pack;
mod response;
pub mod run;
pub mod score;
pub mod settings;
pub mod source;
pub mod text;

pub use error::AcicError;
