//! The largest piece of memory that this thread, or a thread that works for it, asked for at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's memory, and a record of the largest request since the last look.
struct Recorded;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// One watch at a time. Other tests go on meanwhile and ask for memory too, so a bound is only worth something well above
/// what they need: that is megabytes, and a damaged count asks for gigabytes.
static WATCH: Mutex<()> = Mutex::new(());

thread_local! {
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static MEMORY: Recorded = Recorded;

#[allow(unsafe_code, reason = "an allocator cannot be written without; each call is handed on as it is")]
unsafe impl GlobalAlloc for Recorded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        record(size);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn record(size: usize) {
    LARGEST.fetch_max(size, Ordering::Relaxed);
    // A thread that ends has no counter any more, and still gives memory back.
    let _ = TOTAL.try_with(|total| total.set(total.get().wrapping_add(size)));
}

/// The bytes that this thread asked for while `work` ran, and its result.
pub fn total_of<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = TOTAL.with(Cell::get);
    let result = work();
    (TOTAL.with(Cell::get).wrapping_sub(before), result)
}

/// The bytes of the largest request while `work` ran, and its result.
pub fn largest_while<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let _watch = WATCH.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    LARGEST.store(0, Ordering::SeqCst);
    let result = work();
    (LARGEST.load(Ordering::SeqCst), result)
}
