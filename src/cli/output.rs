//! Output: stdout is data, stderr is progress. One event stream, two renderers.
//!
//! What is printed is a [`TerminalText`]: names, levels, titles, paths and the words of servers cannot steer the terminal.

use super::errors::CliError;
use super::oversight;
use crate::agent::events::{DesignGrade, Observer, ProgressEvent};
use crate::agent::gates::AtGate;
use crate::finding::{Severity, Tier};
use crate::report::follow_up;
use crate::store::NewDecision;
use crate::text::escape::one_line;
use crate::text::lists::listed;
use crate::text::numbers;
use crate::text::terminal::{Style, TerminalText};
use crate::text::untrusted::visible;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Colour and width of the terminal that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalStyle {
    /// True if colour is wanted and supported.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl TerminalStyle {
    /// The style of stdout; `NO_COLOR` and pipes turn colour off.
    #[must_use]
    pub fn of_stdout() -> TerminalStyle {
        TerminalStyle::new(std::io::stdout().is_terminal())
    }

    /// The style of stderr; `NO_COLOR` and pipes turn colour off.
    #[must_use]
    pub fn of_stderr() -> TerminalStyle {
        TerminalStyle::new(std::io::stderr().is_terminal())
    }

    fn new(terminal: bool) -> TerminalStyle {
        let width = super::env::columns().unwrap_or(100).clamp(40, 200);
        TerminalStyle { color: terminal && !super::env::no_color(), width }
    }
}

/// Writes to stdout. A closed pipe ends quietly, as `head` expects; anything else that goes wrong is told.
///
/// # Errors
/// The system's error, a closed pipe excepted.
pub fn stdout(text: impl Into<TerminalText>) -> Result<(), CliError> {
    let text = text.into();
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let hint = "Nothing else was lost. Free some space, or send the output elsewhere.";
            Err(CliError::world(format!("could not write to standard output: {error}"), hint))
        }
        _ => Ok(()),
    }
}

/// Writes JSON to stdout, with a line end.
///
/// # Errors
/// As [`stdout`].
pub fn json_line(value: &serde_json::Value) -> Result<(), CliError> {
    stdout(TerminalText::json(&format!("{value}\n")))
}

/// A document as a line of JSON, with the name of the event that it is.
///
/// # Errors
/// As [`stdout`].
pub fn json_event(event: &str, document: &impl Serialize) -> Result<(), CliError> {
    let mut line = serde_json::to_value(document).map_err(|error| CliError::bug(error.to_string()))?;
    if let Some(fields) = line.as_object_mut() {
        fields.insert("event".to_owned(), event.into());
    }
    json_line(&line)
}

/// The spinner that is on the terminal.
static SPINNER: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes a line to stderr, above a spinner.
pub fn stderr(line: impl Into<TerminalText>) {
    let line = line.into();
    let write = || {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    };
    let spinner = SPINNER.lock().ok().and_then(|spinner| spinner.clone());
    match spinner {
        Some(spinner) => spinner.suspend(write),
        None => write(),
    }
}

fn shown(spinner: Option<ProgressBar>) {
    if let Ok(mut shown) = SPINNER.lock() {
        *shown = spinner;
    }
}

/// Log lines, on stderr. They hold words of servers and of libraries.
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = TerminalText::plain(&String::from_utf8_lossy(bytes));
        std::io::stderr().lock().write_all(text.as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}

fn tier_style(tier: Tier) -> Style {
    match tier {
        Tier::FullySatisfactory => Style::Green,
        Tier::SatisfactoryWithCaveats => Style::Yellow,
        Tier::NotSatisfactory => Style::Red,
    }
}

/// Follows a run on stderr, or as JSON lines on stdout.
pub struct ProgressObserver {
    json: bool,
    quiet: u8,
    style: TerminalStyle,
    bar: Option<ProgressBar>,
    cancel: Arc<AtomicBool>,
    failed: Option<CliError>,
    /// Since the run began; `None` while a recording is replayed, whose time is over when it was.
    clock: Option<Instant>,
    /// A model is in the middle of a line.
    speaking: bool,
}

impl ProgressObserver {
    /// `cancel` is set by Ctrl-C.
    #[must_use]
    pub fn new(json: bool, quiet: u8, cancel: Arc<AtomicBool>) -> Self {
        let clock = Some(super::env::stopwatch());
        ProgressObserver {
            json,
            quiet,
            style: TerminalStyle::of_stderr(),
            bar: None,
            cancel,
            failed: None,
            clock,
            speaking: false,
        }
    }

    /// Time does not count.
    pub fn without_clock(&mut self) {
        self.clock = None;
    }

    /// Shows a spinner with what is being done, on a terminal only.
    pub fn busy(&mut self, what: &str) {
        if self.json || self.quiet > 0 || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            shown(Some(bar.clone()));
            bar
        });
        bar.set_message(one_line(what));
    }

    /// The last event that could not be written, if any.
    pub fn failure(&mut self) -> Option<CliError> {
        self.failed.take()
    }

    /// Takes the spinner away.
    pub fn idle(&mut self) {
        if let Some(bar) = self.bar.take() {
            shown(None);
            bar.finish_and_clear();
        }
    }

    /// Takes the spinner away, and ends the line of a model that was speaking.
    pub fn finish(&mut self) {
        self.idle();
        if std::mem::take(&mut self.speaking) {
            stderr("");
        }
    }

    /// The words of a model, as they arrive.
    fn model_text(&mut self, role: &str, text: &str) {
        if self.quiet > 0 {
            return;
        }
        self.idle();
        let mut piece = TerminalText::default();
        if !self.speaking {
            piece = piece.and("    ").and(self.painted(&format!("{role} says"), Style::Dim)).and(" ");
        }
        self.speaking = true;
        let piece = piece.and(visible(text).replace('\n', "\n      "));
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{piece}").and_then(|()| err.flush());
    }

    fn painted(&self, text: &str, style: Style) -> TerminalText {
        TerminalText::painted(text, style, self.style.color)
    }

    fn line(&mut self, text: impl Into<TerminalText>) {
        if self.quiet > 0 {
            return;
        }
        let text = text.into();
        if std::mem::take(&mut self.speaking) {
            stderr("");
        }
        stderr(text);
    }

    /// A line that begins with a word in colour.
    fn marked(&mut self, mark: &str, style: Style, text: &str) {
        let mark = self.painted(mark, style);
        self.line(mark.and(" ").and(text));
    }

    fn human(&mut self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Started { title, rows, treated, out, branch, .. } => {
                self.line(self.painted(title, Style::Bold));
                self.line(format!(
                    "{} rows, {} treated and {} controls; on record in {out} (branch {branch})",
                    numbers::count(*rows),
                    numbers::count(*treated),
                    numbers::count(rows - treated)
                ));
            }
            ProgressEvent::ExperimentStarted { title, units, arms, out, branch, .. } => {
                self.line(self.painted(title, Style::Bold));
                let arms = one_line(&listed(arms));
                self.line(format!("{} units in the arms {arms}; on record in {out} (branch {branch})", numbers::count(*units)));
            }
            ProgressEvent::Audited { tier, checks } => {
                let tier = TerminalText::painted(tier.key(), tier_style(*tier), self.style.color);
                self.line(TerminalText::plain("    randomisation: ").and(tier));
                for check in checks.iter().filter(|check| check.severity > Severity::Withheld) {
                    self.line(format!("      - {}", one_line(&check.message)));
                }
            }
            ProgressEvent::Decided { .. } => self.idle(),
            ProgressEvent::Note { message } => self.marked("note", Style::Yellow, message),
            ProgressEvent::Stage { stage } => self.busy(stage),
            ProgressEvent::Committed { subject, commit, replayed } => {
                let mark = self.painted(if *replayed { "=" } else { "+" }, Style::Green);
                let commit = self.painted(commit, Style::Dim);
                self.line(TerminalText::plain("  ").and(mark).and(" ").and(commit).and(" ").and(one_line(subject)));
            }
            ProgressEvent::Graded { analyses, .. } => {
                let color = self.style.color;
                for line in analyses.iter().flat_map(|grade| grade_lines(grade, color)) {
                    self.line(line);
                }
            }
            ProgressEvent::Revised { requested, playbook, own, change, reverted, .. } => {
                let verb = match own {
                    _ if *reverted => "undone",
                    true => "change",
                    false => "playbook",
                };
                let said = one_line(&format!("{verb} `{playbook}`: {change}"));
                self.line(format!("    -> {}: {said}", requested.acronym()));
            }
            ProgressEvent::Asked { role, model } => self.busy(&format!("the {} ({model}) is thinking", role.key())),
            ProgressEvent::Said { role, text } => self.model_text(role.key(), text),
            ProgressEvent::ToolRan { tool, line, refused, .. } => {
                let (word, style) = if *refused { ("refused", Style::Yellow) } else { ("tool", Style::Dim) };
                let mark = self.painted(word, style);
                self.line(TerminalText::plain("    ").and(mark).and(format!(" {tool}: {line}")));
            }
            ProgressEvent::Stopped { why } => {
                self.marked("stopped", Style::Yellow, &format!("{why}. The run ends with what it has."));
            }
            ProgressEvent::Shortfall { what } => self.marked("missing", Style::Yellow, what),
            ProgressEvent::Unblinded { specs, effects } => self.line(format!(
                "The design has settled: looking at the outcome now. {specs} {} tried, {effects} effects computed, all on record.",
                if *specs == 1 { "spec" } else { "specs" }
            )),
            ProgressEvent::FollowedUp { document } => {
                for paragraph in follow_up::summary(document) {
                    self.line(format!("    {}", one_line(&paragraph)));
                }
            }
            ProgressEvent::Finished { .. } => self.idle(),
        }
    }
}

fn grade_lines(grade: &DesignGrade, color: bool) -> Vec<TerminalText> {
    let tier = TerminalText::painted(grade.tier.key(), tier_style(grade.tier), color);
    let mut lines = vec![TerminalText::plain(&format!("    {:<13} design: ", grade.name)).and(tier)];
    for finding in grade.findings.iter().filter(|f| f.severity > Severity::Withheld) {
        lines.push(format!("      - {}", finding.message).into());
    }
    lines
}

impl Drop for ProgressObserver {
    fn drop(&mut self) {
        self.idle();
    }
}

impl Observer for ProgressObserver {
    fn on(&mut self, event: &ProgressEvent) {
        if self.json {
            match serde_json::to_string(event) {
                // A run is on record whether or not anybody reads along: it goes on, and the end says what was lost.
                Ok(line) => self.failed = stdout(TerminalText::json(&format!("{line}\n"))).err().or(self.failed.take()),
                Err(error) => stderr(format!("could not write an event as JSON: {error}")),
            }
        } else {
            self.human(event);
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    fn decide(&mut self, at: AtGate<'_>) -> Option<NewDecision> {
        let asked = !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !asked {
            return None;
        }
        self.idle();
        oversight::ask(at)
    }

    fn elapsed(&self) -> f64 {
        self.clock.map_or(0.0, |clock| clock.elapsed().as_secs_f64())
    }
}

/// A path as a shell takes it for one word: in quotes where it needs them.
#[must_use]
pub fn shell_word(path: &std::path::Path) -> String {
    crate::text::escape::shell_word(&path.display().to_string())
}
