//! From the name of a learner to the learner, at the cost that the budget allows.

use super::learner::{Learner, LearnerError};
use crate::nuisance::{Budget, LearnerKind};

/// The learner that plans and specs call `kind`.
///
/// # Errors
/// [`LearnerError::Params`] for a learner that has no place behind this trait.
pub fn learner(kind: LearnerKind, budget: Budget) -> Result<Box<dyn Learner>, LearnerError> {
    let _ = budget;
    let problem = "is not available as a learner of its own".to_owned();
    Err(LearnerError::Params { learner: kind.key(), problem })
}
