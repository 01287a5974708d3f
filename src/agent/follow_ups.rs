//! Follow-ups on the record of a run: those of its plan at its end, and those that are asked for later.

use super::driver::{Driver, RunError};
use super::events::{Observer, ProgressEvent};
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::{self, Answering, FollowUpError, steps};
use crate::plan::follow_ups::FollowUp;
use crate::record::documents::ResultsDocument;
use crate::record::follow_up::FollowUpDocument;
use crate::store::Step;

/// Makes a follow-up and the step that records it; tells how far it is.
///
/// # Errors
/// [`RunError::FollowUp`], [`RunError::Cancelled`]. Nothing is written here.
pub fn make(
    prepared: &Prepared,
    answers: &[Answering<'_>],
    request: &FollowUp,
    observer: &mut dyn Observer,
) -> Result<(FollowUpDocument, Step), RunError> {
    let mut told = usize::MAX;
    let mut progress = |done: usize, of: usize| {
        if std::mem::replace(&mut told, done) != done {
            observer.on(&ProgressEvent::Stage { stage: format!("follow-up {}: {done} of {of}", request.name) });
        }
        !observer.cancelled()
    };
    let document = follow_ups::make(prepared, answers, request, &mut progress).map_err(|error| match error {
        FollowUpError::Cancelled => RunError::Cancelled,
        other => RunError::FollowUp(other),
    })?;
    let step = steps::step(&document, request)?;
    Ok((document, step))
}

impl Driver<'_> {
    /// The follow-ups of the plan; the last of them ends the run.
    pub(super) fn planned_follow_ups(&mut self, results: &ResultsDocument) -> Result<(), RunError> {
        let prepared = self.input.prepared;
        let planned = &prepared.plan.follow_ups;
        for (at, request) in planned.iter().enumerate() {
            let answers = Answering::of_run(&self.tried, &results.answers);
            let (document, step) = make(prepared, &answers, request, self.observer)?;
            self.commit(if at + 1 == planned.len() { step.last() } else { step })?;
            self.observer.on(&ProgressEvent::FollowedUp { document: Box::new(document) });
        }
        Ok(())
    }
}
