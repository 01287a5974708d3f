//! The faults that data can have: each error names the thing, the place and the fix.

use crate::input_file::InputFileError;
use crate::term::Term;
use crate::text::object_address::AddressError;
use std::path::PathBuf;

/// One thing that stands between the data and the analysis.
///
/// `path` says which key of the plan asked for it, so that a caller can point at the line: `data.source`,
/// `data.columns.age`, `data.weights`, `data.unit_id`, `treatment.column`, `treatment.treated`, `treatment.control`,
/// `outcome.column`; for a covariate or a placebo it is the bare column name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DatasetProblem {
    /// The key of the plan, or a column name.
    pub path: String,
    /// The fault.
    pub message: String,
    /// The remedy.
    pub hint: String,
    /// The term that it is about, if it is about one.
    pub term: Option<Term>,
    /// True if something outside has to change, such as the network, and neither the plan nor the data.
    pub outside: bool,
}

impl DatasetProblem {
    /// A problem that is about no term in particular.
    pub(crate) fn new(path: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), hint: hint.into(), term: None, outside: false }
    }

    /// The same, about a term.
    pub(super) fn about(self, term: &Term) -> Self {
        Self { term: Some(term.clone()), ..self }
    }
}

/// The reason why a source could not be read as a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// Nothing is there.
    #[error("there is no file `{source_text}` in `{}`{}", base.display(), alternatives(similar))]
    NotFound {
        /// As the plan names it.
        source_text: String,
        /// The directory it is relative to.
        base: PathBuf,
        /// Data files that are there, nearest name first.
        similar: Vec<String>,
    },
    /// The path is a directory.
    #[error("`{source_text}` is a directory, not a file{}", alternatives(similar))]
    Directory {
        /// As the plan names it.
        source_text: String,
        /// Data files in it.
        similar: Vec<String>,
    },
    /// The pattern is not a glob.
    #[error("`{source_text}` is not a file pattern: {reason}")]
    Pattern {
        /// As the plan names it.
        source_text: String,
        /// The fault.
        reason: String,
    },
    /// Neither CSV nor Parquet, or both in one pattern.
    #[error("`{file}` cannot be read as data: {reason}")]
    Format {
        /// File name.
        file: String,
        /// The reason.
        reason: String,
        /// The remedy.
        fix: String,
    },
    /// The operating system refused.
    #[error("`{file}` could not be read: {reason}")]
    Io {
        /// File name.
        file: String,
        /// The system's reason.
        reason: String,
    },
    /// A source that is no path, or an object that a store did not give.
    #[error("{}", .0.message)]
    Unfetched(Unfetched),
    /// Somebody wrote to it while it was read.
    #[error("`{file}` was changed while it was read, so it is not known which data would be analysed")]
    Changed {
        /// File name.
        file: String,
    },
    /// Larger than the memory that can be had.
    #[error("there is not enough memory for `{file}`, which has {size} bytes")]
    Memory {
        /// File name.
        file: String,
        /// Its bytes.
        size: u64,
    },
    /// A CSV that is not what a CSV should be.
    #[error("`{file}`{}: {reason}", line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Csv {
        /// File name.
        file: String,
        /// 1-based line of the file.
        line: Option<usize>,
        /// The fault.
        reason: String,
        /// The remedy.
        fix: String,
    },
    /// A Parquet file that is incomplete or damaged.
    #[error("`{file}` is not a complete Parquet file: {reason}")]
    Parquet {
        /// File name.
        file: String,
        /// The reader's reason.
        reason: String,
    },
    /// No rows, or one.
    #[error("`{source_text}` has {rows} row{} of data", if *rows == 1 { "" } else { "s" })]
    TooFewRows {
        /// As the plan names it.
        source_text: String,
        /// Their number.
        rows: usize,
    },
    /// Files of one pattern that do not fit together.
    #[error("`{file}` does not go with `{first}`: {reason}")]
    Mismatch {
        /// The file that differs.
        file: String,
        /// The first file.
        first: String,
        /// The difference.
        reason: String,
    },
    /// Column overrides that do not fit the data, all of them.
    #[error("{}", problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>().join("; "))]
    Columns {
        /// One per override.
        problems: Vec<DatasetProblem>,
    },
}

/// The reason why an object is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfetched {
    /// The fault, with the address.
    pub message: String,
    /// The remedy.
    pub fix: String,
    /// True if something outside has to change; else the plan or the environment has to.
    pub outside: bool,
}

impl From<AddressError> for DatasetError {
    fn from(error: AddressError) -> Self {
        Self::Unfetched(Unfetched { message: error.fault(), fix: error.fix(), outside: false })
    }
}

impl DatasetError {
    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "check the spelling and the folder; `data.source` is relative to the folder of the plan, unless --data-root names another".into()
            }
            Self::Directory { .. } => "name a file in it, or a pattern such as `data/*.csv`".into(),
            Self::Pattern { .. } => "use `*`, `?` and `[abc]`, as in `data/part-*.parquet`".into(),
            Self::Format { fix, .. } | Self::Csv { fix, .. } => fix.clone(),
            Self::Unfetched(Unfetched { fix, .. }) => fix.clone(),
            Self::Io { .. } => "check that the file exists and that you may read it".into(),
            Self::Changed { .. } => "wait until nothing writes to it any more, or analyse a copy".into(),
            Self::Memory { .. } => "leave out the columns that the analysis does not use, or use a larger machine".into(),
            Self::Parquet { .. } => "copy or write the file again: it may have been cut off on the way".into(),
            Self::TooFewRows { .. } => {
                "an analysis needs treated and control units in several rows below the column names".into()
            }
            Self::Mismatch { .. } => {
                "every file of a pattern must have the same columns of the same kind; narrow the pattern or fix the file"
                    .into()
            }
            Self::Columns { problems } => problems.first().map(|p| p.hint.clone()).unwrap_or_default(),
        }
    }

    /// The same as a list of problems, each with the key of the plan that it is about.
    #[must_use]
    pub fn problems(&self) -> Vec<DatasetProblem> {
        match self {
            Self::Columns { problems } => problems.clone(),
            other => {
                let outside = matches!(other, Self::Unfetched(unfetched) if unfetched.outside);
                vec![DatasetProblem { outside, ..DatasetProblem::new("data.source", other.to_string(), other.hint()) }]
            }
        }
    }

    /// `true` if the file system or a store is at fault rather than what the file or the plan says.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Changed { .. } | Self::Memory { .. } => true,
            Self::Unfetched(unfetched) => unfetched.outside,
            _ => false,
        }
    }
}

impl From<InputFileError> for DatasetError {
    fn from(error: InputFileError) -> Self {
        match error {
            InputFileError::NotRegular { name, kind } => Self::Format {
                file: name,
                reason: format!("it is {kind}, not a regular file"),
                fix: "write what comes out of it into a file".into(),
            },
            InputFileError::TooLarge { name, size, most } => Self::Format {
                file: name,
                reason: format!("it has {size} bytes, and at most {most} are read of all files together"),
                fix: "leave out the columns that the analysis does not use, or write the data as Parquet".into(),
            },
            InputFileError::Changed { name } => Self::Changed { file: name },
            InputFileError::Memory { name, size } => Self::Memory { file: name, size },
            InputFileError::NotText { name, .. } => Self::Io { file: name, reason: "it is not UTF-8 text".into() },
            InputFileError::System { name, source } => Self::Io { file: name, reason: source.to_string() },
        }
    }
}

fn alternatives(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        [one] => format!("; did you mean `{one}`?"),
        many => format!("; data files there: {}", crate::text::lists::quoted(many, 8)),
    }
}
