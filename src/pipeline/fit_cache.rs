//! Propensities that were fitted once and are asked for again: by the effects stage, by the sensitivity analysis, or for
//! another target in the same population. What is kept is what the same call would give again, so nothing depends on
//! the order of calls.

use crate::record::not_estimated::DesignFailure;
use causal::design::{PropensityModel, Trimming};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who is kept, and the propensity of those.
#[derive(Debug)]
pub struct Kept {
    /// Kept rows among the analysed rows, ascending.
    pub rows: Vec<usize>,
    /// Propensity, refitted on the kept rows.
    pub propensity: PropensityModel,
    /// The trimming, if there was any.
    pub trimming: Option<Trimming>,
}

/// By everything that decides the fit.
#[derive(Debug, Default)]
pub(crate) struct FitCache(Mutex<BTreeMap<String, Result<Arc<Kept>, DesignFailure>>>);

impl FitCache {
    /// The entry under `key`, or the result of `fit`.
    pub(super) fn get(
        &self,
        key: String,
        fit: impl FnOnce() -> Result<Kept, DesignFailure>,
    ) -> Result<Arc<Kept>, DesignFailure> {
        // A fit that panicked left no entry behind, so the map is as good as before.
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        // Without the lock, which other fits would wait for. Two threads at the same key fit the same bits.
        let fitted = fit().map(Arc::new);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, fitted.clone());
        fitted
    }
}
