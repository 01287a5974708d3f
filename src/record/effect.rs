//! An effect as it is written down: its numbers, and its notes in words.

use causal::effect::Effect;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// An effect of the record. It reads like the [`Effect`] that it holds, whose typed notes it has as sentences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectDocument {
    #[serde(flatten)]
    effect: Effect,
    /// Notes on the nuisance fits and on the interval, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl EffectDocument {
    /// `effect` with its notes in words.
    #[must_use]
    pub fn new(effect: Effect, notes: Vec<String>) -> Self {
        Self { effect, notes }
    }
}

impl Deref for EffectDocument {
    type Target = Effect;

    fn deref(&self) -> &Effect {
        &self.effect
    }
}
