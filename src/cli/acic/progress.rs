//! The progress of a replay on the terminal.

use super::estimated;
use crate::cli::args::Global;
use crate::cli::output;
use crate::text::terminal::TerminalText;
use acic::run::{Event, Observer};
use acic::text::counted;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Follows a replay: a bar with the time that is left on a terminal, lines elsewhere, events with --json.
pub(super) struct Progress {
    json: bool,
    quiet: bool,
    cancel: Arc<AtomicBool>,
    began: Instant,
    bar: Mutex<Option<ProgressBar>>,
    /// Datasets that an earlier run had done: they say nothing about the speed of this one.
    before: AtomicUsize,
}

impl Progress {
    #[allow(clippy::disallowed_methods, reason = "progress is timed here and nowhere else")]
    pub(super) fn new(global: &Global, cancel: Arc<AtomicBool>) -> Progress {
        let quiet = global.quiet > 0 && !global.json;
        Progress {
            json: global.json,
            quiet,
            cancel,
            began: Instant::now(),
            bar: Mutex::new(None),
            before: AtomicUsize::new(0),
        }
    }

    fn start(&self, share: usize, done: usize) {
        self.before.store(done, Ordering::Relaxed);
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::new(share as u64).with_position(done as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} datasets  {msg}  {elapsed} gone, {eta} left")
        {
            bar.set_style(style);
        }
        // Work done by an earlier run says nothing about the speed of this one.
        bar.reset_eta();
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    pub(super) fn idle(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| output::stderr(text)),
            None => output::stderr(text),
        }
    }

    fn human(&self, event: &Event) {
        match event {
            Event::Started { datasets, share, done, skipped } => {
                let before = if *done > 0 { format!(", {done} of them done before") } else { String::new() };
                let left_out =
                    if *skipped > 0 { format!("; {skipped} left out, see skipped.csv") } else { String::new() };
                let datasets = counted(*datasets, "dataset");
                self.line(&format!("{datasets}, {share} in this share{before}{left_out}"));
                self.start(*share, *done);
            }
            Event::Skipped { file, problem } => self.line(&format!("skipped: {file}: {problem}")),
            Event::Note { message } => self.line(&format!("note: {message}")),
            Event::Dataset { setting, response_id, done, of, seconds } => {
                let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
                match &*bar {
                    Some(bar) => {
                        bar.set_message(format!("{setting}/{response_id}"));
                        bar.set_position(*done as u64);
                    }
                    None => {
                        let now = done.saturating_sub(self.before.load(Ordering::Relaxed)).max(1);
                        let left = self.seconds() / (now as f64) * (*of - *done) as f64;
                        let left = format!("about {left:.0} s left");
                        output::stderr(format!("{done}/{of}  {setting}/{response_id}  {seconds:.1} s  {left}"));
                    }
                }
            }
            Event::Finished { datasets, without_estimate, missing, skipped } => {
                self.idle();
                let owed = if *missing > 0 { format!(", {missing} left to other shares") } else { String::new() };
                let left_out = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
                self.line(&format!("{}{owed}{left_out}.", estimated(*datasets, *without_estimate)));
            }
        }
    }
}

impl Observer for Progress {
    fn on(&self, event: &Event) {
        if self.json {
            // A replay is on record whether or not anybody reads along.
            if let Ok(line) = serde_json::to_string(event) {
                let _ = output::stdout(TerminalText::json(&format!("{line}\n")));
            }
        } else if !self.quiet {
            self.human(event);
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}
