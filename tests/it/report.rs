//! Renderers: plots, notebook, markdown, page, terminal. Documents as a run leaves them are in `fixtures` and `cases`;
//! other test modules may use them.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may fail like tests")]

pub mod cases;
mod documents;
mod experiment;
pub mod experiment_fixtures;
mod first_page;
pub mod fixtures;
mod notebook;
mod plots;
mod voices;
