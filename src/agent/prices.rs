//! Prices of models: a table that the principal can edit.

use super::budget::{LongPrice, Price};
use crate::llm::capabilities::same_model;
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
    /// The day of the prices, for people.
    #[allow(dead_code, reason = "a table may be dated; nothing depends on it")]
    dated: Option<String>,
    models: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    long: Option<LongPrice>,
}

/// Prices by a model's name.
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
                long: row.long,
            };
            let long = price.long.map(|long| [long.input, long.output, long.cache_read, long.cache_write]);
            let mut all = vec![price.input, price.output, price.cache_read, price.cache_write];
            all.extend(long.into_iter().flatten());
            // YAML has `.nan` and `.inf`.
            if let Some(bad) = all.into_iter().find(|p| !p.is_finite() || *p < 0.0) {
                return Err(PriceError::NotAPrice { model, price: bad.to_string() });
            }
            prices.insert(model, price);
        }
        Ok(Self(prices))
    }

    /// The price of a model: its name as it is, or else its name without its date. A model that only begins like one of the
    /// table is another model, at another price.
    #[must_use]
    pub fn price_of(&self, model: &str) -> Option<Price> {
        let dated = || self.0.iter().find(|(name, _)| same_model(name, model)).map(|(_, price)| *price);
        self.0.get(model).copied().or_else(dated)
    }
}

fn first_lines(text: &str) -> String {
    text.lines().take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_or_dated() {
        let prices = Prices::embedded().unwrap();
        assert_eq!(prices.price_of("gpt-6-sol").map(|price| price.output), Some(10.0));
        assert_eq!(prices.price_of("gpt-6-sol-2026-09-22"), prices.price_of("gpt-6-sol"));
        assert_eq!(prices.price_of("claude-opus-5-20260724"), prices.price_of("claude-opus-5"));
        assert_ne!(prices.price_of("claude-opus-5-5"), prices.price_of("claude-opus-5"));
        for model in ["gpt-6-sol-pro", "gpt-6", "gpt-5.5-pro-max", "qwen2.5", ""] {
            assert_eq!(prices.price_of(model), None, "{model}");
        }
        // What is left out costs what reading costs.
        assert_eq!(prices.price_of("gpt-5.5").map(|price| price.cache_write), Some(5.0));
    }

    #[test]
    fn a_long_request_costs_what_long_ones_cost() {
        let price = Prices::embedded().unwrap().price_of("gpt-6-sol").unwrap();
        let long = price.long.expect("a price of long requests");
        assert_eq!((long.above, long.input, long.output), (272_000, 4.0, 15.0));
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
