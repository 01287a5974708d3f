//! Prices of models: a table that the principal can edit.

use super::budget::Price;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `prices.yaml`, compiled in.
const EMBEDDED: &str = include_str!("../../prices.yaml");
/// A table is a page of text, not a database.
const LARGEST: usize = 256 * 1024;

/// Why a table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// It is not a table of prices.
    #[error("the price table cannot be read: {0}")]
    Unreadable(String),
    /// Not a valid price.
    #[error(
        "the price table gives `{model}` a price of {price}; prices are dollars for a million tokens, zero or more"
    )]
    NotAPrice {
        /// The model.
        model: String,
        /// As written.
        price: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    models: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
}

/// Prices by the beginning of a model's name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    /// The table compiled in.
    ///
    /// # Errors
    /// None for a released program, whose tests read it.
    pub fn embedded() -> Result<Self, PriceError> {
        Self::parse(EMBEDDED)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        if text.len() > LARGEST {
            return Err(PriceError::Unreadable(format!("it is larger than {} KiB", LARGEST / 1024)));
        }
        let unreadable = |error: &dyn std::fmt::Display| PriceError::Unreadable(first_lines(&error.to_string()));
        let file: File = serde_saphyr::from_str(text).map_err(|error| unreadable(&error))?;
        let mut prices = BTreeMap::new();
        for (model, row) in file.models {
            let price = Price {
                input: row.input,
                output: row.output,
                cache_read: row.cache_read.unwrap_or(row.input),
                cache_write: row.cache_write.unwrap_or(row.input),
            };
            let all = [price.input, price.output, price.cache_read, price.cache_write];
            // YAML has `.nan` and `.inf`.
            if let Some(bad) = all.into_iter().find(|p| !p.is_finite() || *p < 0.0) {
                return Err(PriceError::NotAPrice { model, price: bad.to_string() });
            }
            prices.insert(model, price);
        }
        Ok(Self(prices))
    }

    /// The price of a model: the longest name of the table that its own begins with.
    #[must_use]
    pub fn price_of(&self, model: &str) -> Option<Price> {
        // An empty name would be the beginning of every model's.
        let names = self.0.iter().filter(|(name, _)| !name.is_empty() && model.starts_with(name.as_str()));
        names.max_by_key(|(name, _)| name.len()).map(|(_, price)| *price)
    }
}

fn first_lines(text: &str) -> String {
    text.lines().take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_reads_and_the_longest_name_wins() {
        let prices = Prices::embedded().unwrap();
        assert_eq!(prices.price_of("gpt-5-mini-2025-08-07").unwrap().output, 2.0);
        assert_eq!(prices.price_of("gpt-5-2025-08-07").unwrap().output, 10.0);
        assert_eq!(prices.price_of("qwen2.5"), None);
        // What is left out costs what reading costs.
        assert_eq!(prices.price_of("gpt-5").unwrap().cache_write, 1.25);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["", "models: 3", "models: {a: {input: 1}}", "models: {a: {input: 1, output: 2, extra: 3}}"] {
            assert!(matches!(Prices::parse(text), Err(PriceError::Unreadable(_))), "{text}");
        }
        for text in ["models: {a: {input: -1, output: 2}}", "models: {a: {input: .nan, output: 2}}"] {
            assert!(matches!(Prices::parse(text), Err(PriceError::NotAPrice { .. })), "{text}");
        }
    }
}
