//! Output: stdout is data, stderr is progress. One event stream, two renderers.

use super::errors::CliError;
use crate::agent::events::{DesignGrade, Observer, ProgressEvent};
use crate::finding::{Severity, Tier};
use crate::text::lines;
use crate::text::numbers;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
pub fn stdout(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let hint = "Nothing else was lost. Free some space, or send the output elsewhere.";
            Err(CliError::world(format!("could not write to standard output: {error}"), hint))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr.
pub fn stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Paints `text` if colour is on.
#[must_use]
pub fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Text of others without what would move a terminal's cursor or change its colours.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The same on one line.
fn one_line(text: &str) -> String {
    lines::joined(&plain(text))
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";

fn tier_color(tier: Tier) -> &'static str {
    match tier {
        Tier::FullySatisfactory => GREEN,
        Tier::SatisfactoryWithCaveats => YELLOW,
        Tier::NotSatisfactory => RED,
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
            bar
        });
        bar.set_message(what.to_owned());
    }

    /// The last event that could not be written, if any.
    pub fn failure(&mut self) -> Option<CliError> {
        self.failed.take()
    }

    /// Takes the spinner away.
    pub fn idle(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The words of a model, as they arrive.
    fn model_text(&mut self, role: &str, text: &str) {
        if self.quiet > 0 {
            return;
        }
        self.idle();
        let start = if self.speaking {
            String::new()
        } else {
            format!("    {} ", paint(&format!("{role} says"), DIM, self.style.color))
        };
        self.speaking = true;
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{start}{}", plain(text).replace('\n', "\n      ")).and_then(|()| err.flush());
    }

    fn line(&mut self, text: &str) {
        if self.quiet > 0 {
            return;
        }
        if std::mem::take(&mut self.speaking) {
            stderr("");
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| stderr(text)),
            None => stderr(text),
        }
    }

    fn human(&mut self, event: &ProgressEvent) {
        let color = self.style.color;
        match event {
            ProgressEvent::Started { title, rows, treated, out, branch, .. } => {
                self.line(&paint(title, BOLD, color));
                self.line(&format!(
                    "{} rows, {} treated and {} controls; on record in {out} (branch {branch})",
                    numbers::count(*rows),
                    numbers::count(*treated),
                    numbers::count(rows - treated)
                ));
            }
            ProgressEvent::Note { message } => self.line(&format!("{} {message}", paint("note", YELLOW, color))),
            ProgressEvent::Stage { stage } => self.busy(stage),
            ProgressEvent::Committed { subject, commit, replayed } => {
                let mark = if *replayed { "=" } else { "+" };
                self.line(&format!("  {} {} {}", paint(mark, GREEN, color), paint(commit, DIM, color), one_line(subject)));
            }
            ProgressEvent::Graded { analyses, .. } => {
                for grade in analyses {
                    for line in grade_lines(grade, color) {
                        self.line(&line);
                    }
                }
            }
            ProgressEvent::Revised { requested, playbook, own, change, reverted, .. } => {
                let verb = match own {
                    _ if *reverted => "undone",
                    true => "change",
                    false => "playbook",
                };
                let said = one_line(&format!("{verb} `{playbook}`: {change}"));
                self.line(&format!("    -> {}: {said}", requested.acronym()));
            }
            ProgressEvent::Asked { role, model } => self.busy(&format!("the {} ({model}) is thinking", role.key())),
            ProgressEvent::Said { role, text } => self.model_text(role.key(), text),
            ProgressEvent::ToolRan { tool, line, refused, .. } => {
                let mark = if *refused { paint("refused", YELLOW, color) } else { paint("tool", DIM, color) };
                self.line(&format!("    {mark} {}: {}", plain(tool), plain(line)));
            }
            ProgressEvent::Stopped { why } => {
                self.line(&format!("{} {why}. The run ends with what it has.", paint("stopped", YELLOW, color)));
            }
            ProgressEvent::Shortfall { what } => self.line(&format!("{} {}", paint("missing", YELLOW, color), plain(what))),
            ProgressEvent::Unblinded { specs, effects } => self.line(&format!(
                "The design has settled: looking at the outcome now. {specs} {} tried, {effects} effects computed, all on record.",
                if *specs == 1 { "spec" } else { "specs" }
            )),
            ProgressEvent::Finished { .. } => self.idle(),
        }
    }
}

fn grade_lines(grade: &DesignGrade, color: bool) -> Vec<String> {
    let tier = paint(grade.tier.key(), tier_color(grade.tier), color);
    let mut lines = vec![format!("    {:<13} design: {tier}", grade.name)];
    for finding in grade.findings.iter().filter(|f| f.severity > Severity::Withheld) {
        lines.push(format!("      - {}", finding.message));
    }
    lines
}

impl Observer for ProgressObserver {
    fn on(&mut self, event: &ProgressEvent) {
        if self.json {
            match serde_json::to_string(event) {
                // A run is on record whether or not anybody reads along: it goes on, and the end says what was lost.
                Ok(line) => self.failed = stdout(&format!("{line}\n")).err().or(self.failed.take()),
                Err(error) => stderr(&format!("could not write an event as JSON: {error}")),
            }
        } else {
            self.human(event);
        }
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> f64 {
        self.clock.map_or(0.0, |clock| clock.elapsed().as_secs_f64())
    }
}
