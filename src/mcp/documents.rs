//! The files of runs as resources, from their last commits: `oci-agent://runs/<run>/<file>`.
//!
//! A run that has not come to its end is blind: of it the files of the design are listed, and no other file, whatever its folder
//! holds; its report is the critique of its design so far. A run that was cut between its unblinding and its end shows plan and spec
//! only, and so does one whose plan says `blind: false`. A plan that redacts names shows nothing: files are for people, and say
//! names.

use crate::mcp::backend::{Backend, RunPlace};
use crate::mcp::refusal::{Refused, code};
use crate::plan;
use crate::store::{ArtifactError, Glance, Tip};
use rmcp::model::{ReadResourceResult, Resource, ResourceContents};
use std::fmt::Write as _;

/// The beginning of every address.
const ADDRESS: &str = "oci-agent://runs/";
/// Files in which an effect is: with one of them, a run is no longer only a design.
const WITH_EFFECTS: [&str; 2] = ["results.json", "effects.json"];
/// The folder of plots.
const PLOTS: &str = "plots";

/// A file of a run, as it is offered.
struct Kind {
    file: &'static str,
    title: &'static str,
    media: &'static str,
    /// When it may be read.
    when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Whatever the state.
    Always,
    /// While nothing but a design is there, and at the end.
    Design,
    /// Once the run has come to its end.
    Finished,
}

const YAML: &str = "application/yaml";
const JSON: &str = "application/json";
const MARKDOWN: &str = "text/markdown";
const REPORT: &str = "report.md";
const CRITIQUE: &str = "critique.md";

const KINDS: [Kind; 11] = [
    Kind { file: "plan.yaml", title: "the plan", media: YAML, when: When::Always },
    Kind { file: "spec.yaml", title: "the specification, every default written out", media: YAML, when: When::Always },
    Kind { file: "identification.md", title: "what the graph of the plan says", media: MARKDOWN, when: When::Design },
    Kind { file: "design.json", title: "the design: balance, overlap, placebos", media: JSON, when: When::Design },
    Kind { file: "health.json", title: "the audit of the randomisation", media: JSON, when: When::Design },
    Kind { file: CRITIQUE, title: "the critique", media: MARKDOWN, when: When::Design },
    Kind { file: REPORT, title: "the report", media: MARKDOWN, when: When::Finished },
    Kind { file: "report.html", title: "the report, with its plots", media: "text/html", when: When::Finished },
    Kind { file: "results.json", title: "the results", media: JSON, when: When::Finished },
    Kind { file: "tidy.csv", title: "the effects, one a line", media: "text/csv", when: When::Finished },
    Kind { file: "analysis.ipynb", title: "the notebook", media: "application/x-ipynb+json", when: When::Finished },
];

/// A run, open to be read.
struct Open {
    place: RunPlace,
    glance: Glance,
    tip: Tip,
    names: Vec<String>,
}

/// A document that is offered.
struct Document {
    file: String,
    title: String,
    media: &'static str,
}

impl Open {
    fn at(backend: &dyn Backend, place: RunPlace) -> Result<Option<Open>, ArtifactError> {
        let glance = Glance::open(&place.dir, &backend.trust())?;
        let Some(branch) = glance.branches().next().map(str::to_owned) else { return Ok(None) };
        let tip = glance.tip(&branch)?;
        let names = glance.names(&tip, "")?;
        let open = Open { place, glance, tip, names };
        Ok(if open.redacts()? { None } else { Some(open) })
    }

    /// True if the plan keeps names from models, or cannot be asked.
    fn redacts(&self) -> Result<bool, ArtifactError> {
        let Some(bytes) = self.glance.file(&self.tip, "plan.yaml")? else { return Ok(true) };
        if plan::experiment::is_experiment(&bytes) {
            return Ok(false);
        }
        Ok(plan::parse_bytes(&bytes).map_or(true, |plan| plan.privacy.redact_names))
    }

    fn has(&self, file: &str) -> bool {
        self.names.iter().any(|name| name == file)
    }

    /// True if nothing in it can hold an effect.
    fn only_designed(&self) -> bool {
        !self.tip.finished && !WITH_EFFECTS.iter().any(|file| self.has(file))
    }

    fn offered(&self) -> Result<Vec<Document>, ArtifactError> {
        let may = |when: When| match when {
            When::Always => true,
            When::Design => self.tip.finished || self.only_designed(),
            When::Finished => self.tip.finished,
        };
        let there = KINDS.iter().filter(|kind| may(kind.when) && self.has(kind.file));
        let mut offered: Vec<Document> = there
            .map(|kind| Document { file: kind.file.to_owned(), title: kind.title.to_owned(), media: kind.media })
            .collect();
        // Those of a run that has only a design are plots of designs.
        if self.tip.finished || self.only_designed() {
            let plots = self.glance.names(&self.tip, PLOTS)?.into_iter();
            offered.extend(plots.filter_map(|name| {
                let stem = name.strip_suffix(".svg")?.replace('_', " ");
                Some(Document {
                    file: format!("{PLOTS}/{name}"),
                    title: format!("plot: {stem}"),
                    media: "image/svg+xml",
                })
            }));
        }
        if self.only_designed() && self.has(CRITIQUE) {
            let title = "the design so far; the run is blind".to_owned();
            offered.push(Document { file: REPORT.to_owned(), title, media: MARKDOWN });
        }
        Ok(offered)
    }

    fn text(&self, file: &str) -> Result<Option<String>, ArtifactError> {
        let so_far = file == REPORT && !self.tip.finished;
        let bytes = self.glance.file(&self.tip, if so_far { CRITIQUE } else { file })?;
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if !so_far {
            return Ok(text);
        }
        let head = "# The design so far\n\nThis run is blind: its loop has not settled, and no effect has been computed for it. What \
                    follows is the critique of its last design.\n\n";
        Ok(text.map(|text| format!("{head}{text}")))
    }

    fn address(&self, file: &str) -> String {
        format!("{ADDRESS}{}/{}", encoded(&self.place.name), encoded(file))
    }
}

/// The documents of all runs. One that cannot be read has none: `status` says why.
pub(super) fn list(backend: &dyn Backend) -> Result<Vec<Resource>, Refused> {
    let mut listed = Vec::new();
    for place in backend.places()? {
        let Ok(Some(open)) = Open::at(backend, place) else { continue };
        for Document { file, title, media } in open.offered().unwrap_or_default() {
            let name = format!("{}: {title}", open.place.name);
            listed.push(Resource::new(open.address(&file), file).with_title(name).with_mime_type(media));
        }
    }
    Ok(listed)
}

/// A document; `None` if there is none of that address now.
pub(super) fn read(backend: &dyn Backend, uri: &str) -> Result<Option<ReadResourceResult>, Refused> {
    for place in backend.places()? {
        // Held against what is offered: an address is never taken apart into a path.
        if !uri.starts_with(&format!("{ADDRESS}{}/", encoded(&place.name))) {
            continue;
        }
        let failed = |error: ArtifactError| Refused::new(code::WORLD, error.to_string());
        let Some(open) = Open::at(backend, place).map_err(failed)? else { continue };
        let offered = open.offered().map_err(failed)?;
        let Some(found) = offered.into_iter().find(|document| open.address(&document.file) == uri) else { continue };
        let Some(text) = open.text(&found.file).map_err(failed)? else { continue };
        let contents = ResourceContents::text(text, uri).with_mime_type(found.media);
        return Ok(Some(ReadResourceResult::new(vec![contents])));
    }
    Ok(None)
}

/// A path in an address (RFC 3986): slashes stay.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
