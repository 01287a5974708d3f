//! Renderers: the documents of a run ([`crate::record`]) as markdown, HTML, plots, a notebook and a table for the terminal. Bytes in, bytes out: nothing here writes a file, reads a clock
//! or looks at the environment, so the same documents give the same bytes on any day.
//!
//! | module | gives |
//! |---|---|
//! | [`first_page`], [`caveats`] | what terminal, markdown, HTML and notebook open with |
//! | [`plots`] | love plot, overlap, forest plot, sensitivity contour: SVG and PNG from one drawing |
//! | [`markdown`], [`html`] | `report.md`, `critique.md` and `report.html`, from one template and one [`view`] |
//! | [`experiment`] | the same of a randomised experiment, whose decision comes first |
//! | [`dashboard`] | the page of many runs |
//! | [`notebook`] | `analysis.ipynb`, outputs inside |
//! | [`terminal`] | the first page in a terminal, which ends a run |
//! | [`notes`] | the typed notes of an effect as the sentences of the record |
//! | [`identification`] | what a causal graph says, in sentences |
//! | [`sentences`], [`table`], [`model_sentences`] | sentences and tables: shared by all of them |
//!
//! Everything a plan or a dataset names (titles, columns, levels, threats) is untrusted text: it is escaped where it is
//! written, for the format it is written in, by [`crate::text::escape`]. A language model is trusted less: [`crate::text::untrusted`] lets
//! no address through, and the templates frame what it says as the model's own words.

pub mod audit;
pub mod badge;
pub mod caveats;
pub mod dashboard;
pub mod experiment;
pub mod first_page;
pub mod follow_up;
pub mod html;
pub mod identification;
pub mod markdown;
pub mod model_sentences;
pub mod notebook;
pub mod notes;
pub mod oversight;
pub mod plots;
pub mod publication;
pub mod run_diff;
mod sections;
pub mod sentences;
pub mod sparse_levels;
pub mod table;
mod template;
pub mod terminal;
pub mod tidy;
pub mod verification;
pub mod view;
pub mod watch;
