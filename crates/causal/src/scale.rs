//! The scale on which two mean outcomes are compared.

use serde::{Deserialize, Serialize};

/// The scale of an effect, from the two arm means m₁ and m₀.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// m₁ − m₀, outcome units.
    #[default]
    Difference,
    /// m₁/m₀.
    Ratio,
    /// m₁/(1 − m₁) divided by m₀/(1 − m₀).
    Odds,
}

impl Scale {
    /// True for the difference, which documents leave unsaid.
    #[must_use]
    pub fn is_difference(&self) -> bool {
        *self == Scale::Difference
    }
}
