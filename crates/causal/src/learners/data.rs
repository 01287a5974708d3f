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
        let data = |problem: String| LearnerError::Data { learner, problem };
        let rows = checked_rows(learner, training, family)?;
        let y: Vec<f64> = rows.iter().map(|i| training.y[*i]).collect();
        let total: f64 = rows.iter().map(|i| training.weights[*i]).sum();
        if !total.is_finite() {
            return Err(data("the observation weights add up to infinity; divide them by a constant".to_owned()));
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
    let data = |problem: String| LearnerError::Data { learner, problem };
    lengths(training).map_err(data)?;
    let rows = counted_rows(training.weights).map_err(data)?;
    values(training, &rows).map_err(data)?;
    if family == Family::Bernoulli {
        classes(training.y, &rows).map_err(data)?;
    }
    Ok(rows)
}

fn lengths(training: &Training<'_>) -> Result<(), String> {
    let (n, p) = training.x.dim();
    let all = [
        ("the response", training.y.len(), n),
        ("the observation weights", training.weights.len(), n),
        ("the list of names", training.names.len(), p),
    ];
    match all.into_iter().find(|(_, got, expected)| got != expected) {
        None => Ok(()),
        Some((what, got, expected)) => Err(format!("{what} has {got} values, expected {expected}")),
    }
}

fn counted_rows(weights: &[f64]) -> Result<Vec<usize>, String> {
    if let Some((i, w)) = weights.iter().enumerate().find(|(_, w)| !w.is_finite() || **w < 0.0) {
        return Err(format!(
            "the observation weight in row {} (counting from 1) is {w}; weights must be zero or positive",
            i + 1
        ));
    }
    let rows: Vec<usize> = (0..weights.len()).filter(|i| weights[*i] > 0.0).collect();
    if rows.is_empty() { Err("there is no row of positive weight".to_owned()) } else { Ok(rows) }
}

fn values(training: &Training<'_>, rows: &[usize]) -> Result<(), String> {
    for i in rows {
        if !training.y[*i].is_finite() {
            return Err(format!("the response has the value {} in row {} (counting from 1)", training.y[*i], i + 1));
        }
        if let Some((j, v)) = training.x.row(*i).iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(format!("`{}` has the value {v} in row {} (counting from 1)", training.names[j], i + 1));
        }
    }
    Ok(())
}

fn classes(y: &[f64], rows: &[usize]) -> Result<(), String> {
    if let Some(i) = rows.iter().find(|i| y[**i] != 0.0 && y[**i] != 1.0) {
        return Err(format!(
            "the response has the value {} in row {} (counting from 1); a probability is fitted to 0 and 1",
            y[*i],
            i + 1
        ));
    }
    match rows.first().map(|i| y[*i]) {
        Some(first) if rows.iter().all(|i| y[*i] == first) => {
            Err(format!("every row has the response {first}; a probability needs both classes"))
        }
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
