//! The audit of a randomised experiment: is the randomisation sound, and what does the plan say to do?
//!
//! [`rubric`] grades what is known before any effect is: a comparison that chance did not make is refused whatever its effect.
//! [`decision`] holds the effects against what the plan declared, before anyone saw them: the smallest effect that matters and
//! the margins of the guardrails.

pub mod decision;
pub mod logged_rubric;
pub mod rubric;
