//! The CSV files beside a document: the coefficients that a design no longer holds itself, and numbers by line.

use super::places::{Placed, Scalar};
use crate::record::documents::{CoefficientRow, DesignDocument};

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    all.push(field);
    all
}

/// Gives each analysis the coefficients of `propensity.csv` (`requested, estimand, term, estimate, std_error`), unless it has its own.
pub(super) fn with_coefficients(design: &mut DesignDocument, csv: &str) {
    let rows: Vec<Vec<String>> = csv.lines().skip(1).map(fields).collect();
    for analysis in &mut design.analyses {
        let Some(model) = analysis.propensity.as_mut().filter(|model| model.coefficients.is_empty()) else { continue };
        let coefficient = |row: &Vec<String>| match row.as_slice() {
            [requested, _, term, estimate, std_error] if requested == analysis.requested.key() => {
                Some(CoefficientRow {
                    term: as_named(term).to_owned(),
                    estimate: estimate.parse().ok()?,
                    std_error: std_error.parse().ok()?,
                })
            }
            _ => None,
        };
        model.coefficients = rows.iter().filter_map(coefficient).collect();
    }
}

/// A name without the mark that keeps spreadsheets from computing it.
fn as_named(term: &str) -> &str {
    match term.split_at_checked(1) {
        Some(("'", rest)) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => term,
    }
}

/// The numbers of a CSV file, by line.
pub(super) fn numbers(csv: &str) -> Vec<Placed> {
    let of_line = |it: (usize, &str)| -> Vec<Placed> {
        let (at, line) = it;
        let value = |field: String| {
            let value = field.parse().ok().filter(|value: &f64| value.is_finite())?;
            Some(Placed { path: String::new(), line: at + 1, value: Scalar::Number(value) })
        };
        fields(line).into_iter().filter_map(value).collect()
    };
    csv.lines().enumerate().flat_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_in_quotes() {
        assert_eq!(fields("a,\"b, \"\"c\"\"\",,1.5"), ["a", "b, \"c\"", "", "1.5"]);
        assert_eq!((as_named("'=x"), as_named("'x"), as_named("x")), ("=x", "'x", "x"));
        let found = numbers("x,y\n\"a,1\",2.5\n-3,inf\n");
        let values: Vec<(usize, Scalar)> = found.into_iter().map(|it| (it.line, it.value)).collect();
        assert_eq!(values, [(2, Scalar::Number(2.5)), (3, Scalar::Number(-3.0))]);
    }
}
