//! What the tests do with changes on disk: stop at any of them, as a kill does, or write them down.

use crate::store::folder::Effect;
use std::cell::{Cell, RefCell};
use std::io;

thread_local! {
    /// The number of changes that are still let through; `None`: all.
    static FUSE: Cell<Option<u32>> = const { Cell::new(None) };
    static WRITTEN_DOWN: RefCell<Option<Vec<Effect>>> = const { RefCell::new(None) };
}

/// Lets `changes` more through and then none, until it is set again.
pub(in crate::store) fn stop_after(changes: Option<u32>) {
    FUSE.set(changes);
}

/// Writes down what `act` changes.
pub(in crate::store) fn record<T>(act: impl FnOnce() -> T) -> (T, Vec<Effect>) {
    WRITTEN_DOWN.set(Some(Vec::new()));
    let done = act();
    (done, WRITTEN_DOWN.take().unwrap_or_default())
}

/// How many changes are written down so far.
pub(in crate::store) fn so_far() -> usize {
    WRITTEN_DOWN.with_borrow(|all| all.as_ref().map_or(0, Vec::len))
}

pub(super) fn take(effect: Effect) -> io::Result<()> {
    match FUSE.get() {
        Some(0) => return Err(io::Error::other("stopped here")),
        left => FUSE.set(left.map(|n| n - 1)),
    }
    WRITTEN_DOWN.with_borrow_mut(|all| all.iter_mut().for_each(|all| all.push(effect.clone())));
    Ok(())
}
