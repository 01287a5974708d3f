//! Memory that cannot be had ends the program with a sentence and an exit code of its own, not with an abort.
//!
//! Rust aborts when an allocation fails, and so does every library underneath. The program's allocator is the system's,
//! with two refusals: memory that the system does not have, and, while a data file is decoded, one piece larger than that
//! file can account for. The checks of `dataset` come first; this is for sizes inside pages, which only a decoder sees.

use crate::text::untrusted;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The system's allocator, for the built program.
pub struct Memory;

/// The most bytes that may be asked for at once.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The readers at work. Several at once share the largest of their limits.
static READERS: Mutex<Readers> = Mutex::new(Readers { active: 0, most: 0, last: String::new() });

struct Readers {
    active: usize,
    most: usize,
    /// The file that was opened last, for the sentence.
    last: String,
}

/// While this lives, no piece of memory is larger than its limit.
#[derive(Debug)]
pub struct Limited(());

impl Limited {
    /// At most `most` bytes at once until this is dropped; `file` is for the sentence. Without [`Memory`] as allocator it
    /// does nothing.
    #[must_use]
    pub fn to(most: usize, file: &str) -> Self {
        // Cleaned here: `say` has no memory for it, and no file steers a terminal by its name.
        let name = untrusted::visible(file);
        let mut readers = readers();
        readers.active += 1;
        readers.most = readers.most.max(most);
        readers.last = name;
        LIMIT.store(readers.most, Ordering::SeqCst);
        Limited(())
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let mut readers = readers();
        readers.active = readers.active.saturating_sub(1);
        if readers.active == 0 {
            readers.most = 0;
            LIMIT.store(usize::MAX, Ordering::SeqCst);
        }
    }
}

fn readers() -> MutexGuard<'static, Readers> {
    READERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(unsafe_code, reason = "an allocator cannot be written without; each call goes to the system's as it is")]
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        within_limit(layout.size());
        had(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        within_limit(layout.size());
        had(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        within_limit(size);
        had(unsafe { System.realloc(pointer, layout, size) }, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn within_limit(size: usize) {
    if size > LIMIT.load(Ordering::Relaxed) {
        LIMIT.store(usize::MAX, Ordering::SeqCst);
        let readers = READERS.try_lock();
        let file = readers.as_ref().map_or("a file", |readers| &readers.last);
        say(format_args!("error: `{file}` is damaged: it says that it needs {size} bytes at once\n"));
        say(format_args!("  Copy or write the file again: it may have been cut off on the way.\n"));
        leave(2);
    }
}

fn had(pointer: *mut u8, size: usize) -> *mut u8 {
    if pointer.is_null() {
        say(format_args!("error: there is not enough memory: {size} bytes were asked for, and the system has none\n"));
        say(format_args!("  Use fewer rows, columns or threads (--threads), or a machine with more memory.\n"));
        leave(3);
    }
    pointer
}

/// Standard error has no buffer, so this needs no memory.
fn say(sentence: std::fmt::Arguments<'_>) {
    let _ = std::io::stderr().write_fmt(sentence);
}

/// At once: nothing that runs at an ordinary end may need memory here.
fn leave(code: i32) -> ! {
    #[cfg(unix)]
    #[allow(unsafe_code, reason = "the one way to end without running anything")]
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}
