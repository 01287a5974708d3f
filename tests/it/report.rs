//! Renderers: plots, notebook, markdown, page, terminal. Documents as a run leaves them are in `fixtures` and `cases`;
//! other test modules may use them.

pub mod cases;
mod documents;
pub mod fixtures;
mod notebook;
mod plots;
