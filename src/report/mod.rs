//! The documents of a run: types that are committed as JSON, and renderers that turn them into canonical JSON, markdown,
//! HTML, plots, a notebook and a table for the terminal. Bytes in, bytes out: nothing here writes a file, reads a clock
//! or looks at the environment, so the same documents give the same bytes on any day.
//!
//! | module | gives |
//! |---|---|
//! | [`documents`] | the types behind `design.json` and `results.json` |
//! | [`json`] | their canonical bytes; refuses anything that is not a finite number |
//! | [`plots`] | love plot, overlap, forest plot, sensitivity contour: SVG and PNG from one drawing |
//! | [`markdown`], [`html`] | `report.md`, `critique.md` and `report.html`, from one template and one [`view`] |
//! | [`notebook`] | `analysis.ipynb`, outputs inside |
//! | [`terminal`] | the verdict table that ends a run |
//! | [`flagging`] | the figures in a model's words that are not in the results |
//! | [`words`], [`numbers`], [`text`], [`table`], [`voices`], [`inert`] | sentences, digits, escaping, tables: shared by all of them |
//!
//! Everything a plan or a dataset names (titles, columns, levels, threats) is untrusted text: it is escaped where it is
//! written, for the format it is written in, by [`text`]. What a language model says is less trusted still: [`inert`] lets
//! no address through, and the templates frame it as the model's own words.

pub mod documents;
pub mod flagging;
pub mod html;
pub mod inert;
pub mod json;
pub mod markdown;
pub mod notebook;
pub mod numbers;
mod page;
pub mod plots;
pub mod table;
pub mod terminal;
pub mod text;
pub mod view;
pub mod voices;
pub mod words;

/// Why a document could not be rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// A number that JSON cannot say and a reader must not see.
    #[error("`{path}` is {value}, which is not a finite number; it must not get into a committed document")]
    NotFinite {
        /// Where in the document, dotted: `answers[0].effect.std_error`.
        path: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A value that canonical JSON has no form for.
    #[error("`{path}` cannot be written as JSON: {reason}")]
    Json {
        /// Where in the document.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A plot that could not be drawn.
    #[error("the plot `{figure}` could not be drawn: {reason}")]
    Drawing {
        /// File stem of the plot.
        figure: String,
        /// What the drawing library says.
        reason: String,
    },
    /// A template of this program that does not fit its data: our mistake.
    #[error("the template `{template}` does not fit its data: {reason}")]
    Template {
        /// Template name.
        template: String,
        /// What the template engine says.
        reason: String,
    },
    /// A blind critique that carries something only an effect can tell.
    #[error(
        "the critique of iteration {iteration} is blind but has a value for `{code}`, which only an effect estimate can \
         give; nothing was written"
    )]
    EffectWhileBlind {
        /// The iteration.
        iteration: u32,
        /// The finding code.
        code: String,
    },
}
