//! The rows that count, checked once for every learner.
//!
//! Rows of weight zero are removed before anything else looks at them, and weights are divided by their mean. That is
//! how a learner keeps two promises without effort: rows of weight zero have no influence, bit for bit, and the scale
//! of the weights is immaterial.

use crate::learner_kind::Family;
use crate::learners::learner::{LearnerError, Training};
use ndarray::{Array2, Axis};

/// n rows of positive weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// n × p, finite.
    pub x: Array2<f64>,
    /// n responses, finite; 0 or 1 for [`Family::Bernoulli`].
    pub y: Vec<f64>,
    /// n positive weights with mean 1.
    pub w: Vec<f64>,
}

impl Counted {
    /// Checks `training` for a fit of `family` by `learner`, and keeps the rows of positive weight.
    ///
    /// # Errors
    /// [`LearnerError::Data`] naming the column and the row (counting from 1, all rows): lengths that differ, weights
    /// that are negative or not finite, no row of positive weight, values that are not finite, responses other than
    /// 0 and 1 or of one class only where there should be two.
    pub fn new(learner: &'static str, training: &Training<'_>, family: Family) -> Result<Self, LearnerError> {
        let rows = checked_rows(learner, training, family)?;
        let y: Vec<f64> = rows.iter().map(|i| training.y[*i]).collect();
        let total: f64 = rows.iter().map(|i| training.weights[*i]).sum();
        // Each weight was finite; together they may not be, and every one would become zero.
        if !total.is_finite() {
            return Err(DataProblem::TotalWeight.of_learner(learner));
        }
        let mean = total / rows.len() as f64;
        let w = rows.iter().map(|i| training.weights[*i] / mean).collect();
        let x = if rows.len() == training.y.len() {
            training.x.as_standard_layout().into_owned()
        } else {
            training.x.select(Axis(0), &rows)
        };
        Ok(Self { x, y, w })
    }

    /// Number of rows.
    #[must_use]
    pub fn n(&self) -> usize {
        self.y.len()
    }

    /// Rows of the rarer class.
    #[must_use]
    pub fn rarer_class(&self) -> usize {
        let ones = self.y.iter().filter(|y| **y == 1.0).count();
        ones.min(self.n() - ones)
    }
}

/// The rows of positive weight, ascending, of data that [`Counted::new`] would take.
///
/// # Errors
/// As [`Counted::new`].
pub fn checked_rows(
    learner: &'static str,
    training: &Training<'_>,
    family: Family,
) -> Result<Vec<usize>, LearnerError> {
    let refused = |problem: DataProblem| problem.of_learner(learner);
    lengths(training).map_err(refused)?;
    let rows = counted_rows(training.weights).map_err(refused)?;
    values(training, &rows).map_err(refused)?;
    if family == Family::Bernoulli {
        classes(training.y, &rows).map_err(refused)?;
    }
    Ok(rows)
}

/// Why data cannot be fitted. Rows count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataProblem {
    /// Lengths that differ.
    #[error("{what} has {got} values, expected {expected}")]
    Length {
        /// Name of the array.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A weight that is negative or not finite.
    #[error("the observation weight in row {row} (counting from 1) is {value}; weights must be zero or positive")]
    Weight {
        /// 1-based row.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// All weights are zero.
    #[error("there is no row of positive weight")]
    NoRows,
    /// The sum of the weights overflows.
    #[error("the observation weights add up to infinity; divide them by a constant")]
    TotalWeight,
    /// A response that is not finite.
    #[error("the response has the value {value} in row {row} (counting from 1)")]
    Response {
        /// 1-based row.
        row: usize,
        /// The response.
        value: f64,
    },
    /// A covariate that is not finite.
    #[error("`{name}` has the value {value} in row {row} (counting from 1)")]
    Covariate {
        /// Its column.
        name: String,
        /// 1-based row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A response other than 0 and 1 where a probability is fitted.
    #[error("the response has the value {value} in row {row} (counting from 1); a probability is fitted to 0 and 1")]
    NotBinary {
        /// 1-based row.
        row: usize,
        /// The response.
        value: f64,
    },
    /// One class only where a probability is fitted.
    #[error("every row has the response {class}; a probability needs both classes")]
    OneClass {
        /// The response of every row.
        class: f64,
    },
}

impl DataProblem {
    /// The error of `learner`.
    #[must_use]
    pub fn of_learner(self, learner: &'static str) -> LearnerError {
        LearnerError::Data { learner, problem: self.to_string() }
    }
}

fn lengths(training: &Training<'_>) -> Result<(), DataProblem> {
    let (n, p) = training.x.dim();
    let all = [
        ("the response", training.y.len(), n),
        ("the observation weights", training.weights.len(), n),
        ("the list of names", training.names.len(), p),
    ];
    match all.into_iter().find(|(_, got, expected)| got != expected) {
        None => Ok(()),
        Some((what, got, expected)) => Err(DataProblem::Length { what, got, expected }),
    }
}

fn counted_rows(weights: &[f64]) -> Result<Vec<usize>, DataProblem> {
    // In all rows, counted or not: a weight decides whether the row is looked at.
    if let Some((i, w)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite() || **w < 0.0) {
        return Err(DataProblem::Weight { row: i + 1, value: *w });
    }
    let rows: Vec<usize> = (0..weights.len()).filter(|i| weights[*i] > 0.0).collect();
    if rows.is_empty() { Err(DataProblem::NoRows) } else { Ok(rows) }
}

fn values(training: &Training<'_>, rows: &[usize]) -> Result<(), DataProblem> {
    // Only in rows that count: the others may hold anything.
    for i in rows {
        if !training.y[*i].is_finite() {
            return Err(DataProblem::Response { row: i + 1, value: training.y[*i] });
        }
        if let Some((j, v)) = training.x.row(*i).iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(DataProblem::Covariate { name: training.names[j].clone(), row: i + 1, value: *v });
        }
    }
    Ok(())
}

fn classes(y: &[f64], rows: &[usize]) -> Result<(), DataProblem> {
    if let Some(i) = rows.iter().find(|i| y[**i] != 0.0 && y[**i] != 1.0) {
        return Err(DataProblem::NotBinary { row: i + 1, value: y[*i] });
    }
    match rows.first().map(|i| y[*i]) {
        Some(class) if rows.iter().all(|i| y[*i] == class) => Err(DataProblem::OneClass { class }),
        _ => Ok(()),
    }
}

/// The probability with log-odds `u`, strictly inside (0, 1): where 1/(1 + exp(−u)) rounds to 0 or 1, the nearest
/// double inside.
#[must_use]
pub fn probability(u: f64) -> f64 {
    crate::learners::logistic::expit(u).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
}

/// `1,234`.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// The names in backticks, at most twelve of them.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 12;
    let shown: Vec<String> = names.iter().take(MOST).map(|n| format!("`{n}`")).collect();
    let rest = names.len().saturating_sub(MOST);
    if rest == 0 { shown.join(", ") } else { format!("{} and {} more", shown.join(", "), grouped(rest)) }
}
