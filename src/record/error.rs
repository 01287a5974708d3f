//! The reasons why a document of a run could not be written.

/// The reason why a document could not be rendered.
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
        /// The reason.
        reason: String,
    },
    /// A table of CSV that could not be written: its message.
    #[error("a table could not be written: {0}")]
    Csv(String),
    /// The table of units that could not be written: its message.
    #[error("the table of units could not be written: {0}")]
    Units(String),
    /// A plot that could not be drawn.
    #[error("the plot `{figure}` could not be drawn: {reason}")]
    Drawing {
        /// File stem of the plot.
        figure: String,
        /// The drawing library's message.
        reason: String,
    },
    /// A template of this program that does not fit its data: our mistake.
    #[error("the template `{template}` does not fit its data: {reason}")]
    Template {
        /// Template name.
        template: String,
        /// The template engine's message.
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
