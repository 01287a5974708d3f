//! `oci-agent publish RUN --to ADDRESS`: a finished run, to a bucket or a folder.

use super::args::Global;
use super::errors::{self, CliError, Kind};
use super::{env, files, finished_run, output};
use crate::objects::Remote;
use crate::publish::{Parcel, PublishError, Sent, manifest_location, send};
use crate::record::json;
use crate::record::publication::{self as manifest, BundleContents, Publication, PublishedFile, plain_name};
use crate::report::publication;
use crate::store::{ArtifactError, GATE, RecordedRun};
use crate::text::object_address::ObjectAddress;
use crate::text::untrusted::visible;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The gate that holds a publication back.
const GATE_OF_PUBLICATION: &str = "publish";

/// Sends a finished run to a bucket or a folder: its report, its notebook, and its whole history as a git bundle.
///
/// What leaves this machine is told first. Each object is kept under its hash, so that a publication that was cut goes on
/// where it stopped, and what is there already is not sent again. The manifest that names them comes last: a place has a
/// whole publication or none. Keys come from the environment (AWS_…, GOOGLE_…, AZURE_…) and are never shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent publish oci-runs/nhefs --to s3://our-bucket/runs --dry-run
  oci-agent publish oci-runs/nhefs --to s3://our-bucket/runs
  oci-agent publish oci-runs/nhefs --to file:///srv/runs

Exit codes: 0 it is there, 2 something to fix in the call or the run, 3 something outside (network, keys, disk), 4 the run waits
for a person to approve it.")]
pub struct PublishArgs {
    /// The directory of the run.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where: s3://bucket/folder, gs://bucket/folder, az://container/folder or file:///folder.
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// The branch of the run [default: the one that is checked out].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Tell what would be sent, and send nothing. The place is not asked either.
    #[arg(long)]
    pub dry_run: bool,
    /// Read back what is there already and hold it against its hash instead of its size; send again what is damaged.
    #[arg(long)]
    pub reread: bool,
}

/// A publication with the bytes of its files, in the same order.
pub(super) struct Packed {
    pub publication: Publication,
    parcels: Vec<Parcel>,
    contents: BundleContents,
}

/// Publishes a run.
pub(super) fn publish(args: &PublishArgs, global: &Global) -> Result<ExitCode, CliError> {
    let address = ObjectAddress::read(&args.to).map_err(|error| from_publish(&error.into()))?;
    let run = RecordedRun::open(&args.run, args.branch.as_deref(), &files::trust()).map_err(|e| from_store(&e))?;
    refuse_unless_whole(&run, &args.run)?;
    refuse_unless_approved(&run, &args.run)?;
    finished_run::undisturbed(&run, &args.run)?;
    let packed = packed(&run)?;
    let bytes = json::to_bytes(&packed.publication).map_err(|error| CliError::bug(error.to_string()))?;
    let list = Parcel::new(packed.publication.manifest_name(), bytes);
    let to = address.to_string();
    if global.json {
        output::json_line(&serde_json::json!({
            "event": "publishing", "to": to, "dry_run": args.dry_run, "contents": packed.contents,
            "publication": packed.publication,
        }))?;
    } else {
        let text = publication::leaving(&packed.publication, &packed.contents, &to, list.bytes.len() as u64);
        if args.dry_run {
            output::stdout(text + &publication::dry_run())?;
        } else {
            // Also to somebody who wants to hear little.
            output::stderr(text.trim_end());
        }
    }
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let remote = Remote::open(&address, &env::store_settings()).map_err(|error| from_publish(&error.into()))?;
    let mut sent = 0;
    let mut lost = None;
    let mut told = |parcel: &Parcel, state: Sent| {
        sent += usize::from(state != Sent::ThereAlready);
        lost = tell(parcel, state, global).err().or(lost.take());
    };
    send(&remote, &packed.parcels, &list, args.reread, &mut told).map_err(|error| interrupted(&error))?;
    let manifest = address.of(&manifest_location(&list.name));
    if global.json {
        output::json_line(&serde_json::json!({"event": "published", "manifest": manifest, "sent": sent}))?;
    } else {
        output::stdout(publication::published(&manifest, sent, packed.parcels.len() + 1))?;
    }
    lost.map_or(Ok(ExitCode::SUCCESS), Err)
}

/// What was done with one object.
fn tell(parcel: &Parcel, state: Sent, global: &Global) -> Result<(), CliError> {
    let (key, words) = match state {
        Sent::New => ("sent", "sent"),
        Sent::Replaced => ("replaced", "replaced"),
        Sent::ThereAlready => ("there", "there already"),
    };
    let bytes = parcel.bytes.len() as u64;
    if global.json {
        return output::json_line(&serde_json::json!({
            "event": "object", "name": parcel.name, "state": key, "bytes": bytes, "sha256": parcel.sha256,
        }));
    }
    if global.quiet == 0 {
        output::stderr(publication::transferred(&parcel.name, words, bytes));
    }
    Ok(())
}

/// A run of which something was lost or changed is not what its commits say.
fn refuse_unless_whole(run: &RecordedRun, named: &Path) -> Result<(), CliError> {
    let verify = format!("oci-agent verify {}", output::shell_word(named));
    let place = named.display();
    if !run.damaged().is_empty() {
        let message = format!("{place} has objects that are damaged or missing on the disk, so it is not published");
        return Err(CliError::user(message, format!("They are named by: {verify}")));
    }
    let replaced = run.replaced().map_err(|error| from_store(&error))?;
    if !replaced.is_empty() {
        let message = format!("git shows other commits of {place} than there are ({})", replaced.join(", "));
        return Err(CliError::user(message, format!("What they are is told by: {verify}")));
    }
    if !run.is_finished() {
        let (message, hint) = match run.waiting() {
            Some(waiting) => (
                format!("waits at the gate `{}`", visible(&waiting.gate)),
                format!("Look at it, and decide: oci-agent review {}", output::shell_word(named)),
            ),
            None => ("has not finished".to_owned(), "Go on with the command that started it and --resume.".to_owned()),
        };
        return Err(CliError::user(format!("{place} {message}, so it is not published"), hint));
    }
    let edited = run.edited().map_err(|error| from_store(&error))?;
    if !edited.is_empty() {
        let names: Vec<&str> = edited.iter().map(|file| file.path.as_str()).collect();
        let shown = crate::text::lists::listed(names.get(..names.len().min(5)).unwrap_or_default());
        let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
        let message = format!("files of {place} are not as the run left them: {shown}{more}");
        let hint = format!("Put them back with: git -C {} checkout -- .", output::shell_word(named));
        return Err(CliError::user(message, hint));
    }
    Ok(())
}

/// A run that asks for a person's approval before it is published needs one of the tree that is there now.
fn refuse_unless_approved(run: &RecordedRun, named: &Path) -> Result<(), CliError> {
    let steps = run.commits().count();
    let asks = (0..steps).any(|step| run.trailer_of(step, GATE) == Some(GATE_OF_PUBLICATION));
    let waiting = run.waiting();
    let last_asks = steps.checked_sub(1).and_then(|last| run.trailer_of(last, GATE)) == Some(GATE_OF_PUBLICATION);
    let says = match &waiting {
        Some(waiting) if waiting.rejected => "was rejected",
        Some(_) => "waits for a person's approval",
        None if asks && !last_asks => "has changed since it came to its end",
        None => return Ok(()),
    };
    let tree = run.tree().unwrap_or_default();
    let short = crate::text::numbers::short_hash(&tree);
    let message =
        format!("{} {says} at the gate `{GATE_OF_PUBLICATION}`, on tree {short}: it is not published", named.display());
    let hint = format!("Look at it, and decide: oci-agent review {}", output::shell_word(named));
    Err(CliError { kind: Kind::Gate, message, hints: vec![hint], rendered: None })
}

/// What a run has to be published, ready to be sent.
fn packed(run: &RecordedRun) -> Result<Packed, CliError> {
    let bundle = run.bundle().map_err(|error| from_store(&error))?;
    let mut at_tip = run.files_at_tip().map_err(|error| from_store(&error))?;
    let contents = BundleContents {
        commits: bundle.commits,
        files: at_tip.len(),
        units: at_tip.contains_key("units.parquet"),
        transcript: at_tip.keys().filter(|path| path.starts_with("transcript/")).count(),
        decisions: run.decisions().count(),
    };
    let name = run.dir().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = plain_name(&name);
    let (mut parcels, mut kinds) = (Vec::new(), Vec::new());
    for (path, kind) in manifest::REPORTS {
        if let Some(bytes) = at_tip.remove(path) {
            parcels.push(Parcel::new(path, bytes));
            kinds.push(kind);
        }
    }
    parcels.push(Parcel::new(bundle_name(&name), bundle.bytes));
    kinds.push(manifest::BUNDLE);
    let files = parcels.iter().zip(kinds).map(|(parcel, kind)| listed_file(parcel, kind)).collect();
    let publication = describe(run, &name, (&bundle.tip, &bundle.tags), files);
    Ok(Packed { publication, parcels, contents })
}

/// What the bundle of a run is called.
pub(super) fn bundle_name(run: &str) -> String {
    format!("{run}.bundle")
}

/// An entry of the manifest.
pub(super) fn listed_file(parcel: &Parcel, kind: &str) -> PublishedFile {
    PublishedFile {
        name: parcel.name.clone(),
        kind: kind.to_owned(),
        bytes: parcel.bytes.len() as u64,
        sha256: parcel.sha256.clone(),
    }
}

/// What the manifest of a run says: all of it from the run itself. Beside it, its last commit and the tags of its steps.
pub(super) fn describe(
    run: &RecordedRun,
    name: &str,
    history: (&str, &BTreeMap<String, String>),
    files: Vec<PublishedFile>,
) -> Publication {
    let steps = run.commits().count();
    let verdict = (0..steps).rev().find_map(|step| run.trailer_of(step, "Verdict"));
    let (commit, tags) = history;
    Publication {
        format: manifest::FORMAT.to_owned(),
        version: manifest::VERSION,
        run: name.to_owned(),
        branch: run.branch().to_owned(),
        commit: commit.to_owned(),
        tree: run.tree().unwrap_or_default(),
        tags: tags.clone(),
        verdict: verdict.map(str::to_owned),
        plan_sha256: run.trailer("Plan-SHA256"),
        data_sha256: run.trailer("Data-SHA256"),
        playbooks_sha256: run.trailer("Playbooks-SHA256"),
        tool_version: run.trailer("Tool-Version"),
        files,
    }
}

fn from_store(error: &ArtifactError) -> CliError {
    errors::from_artifacts(error)
}

/// A place that cannot be used.
pub(super) fn from_publish(error: &PublishError) -> CliError {
    let message = error.to_string();
    if error.is_the_call() { CliError::user(message, "") } else { CliError::world(message, "") }
}

/// A publication that was cut.
fn interrupted(error: &PublishError) -> CliError {
    let hint = "The manifest was not written, so there is no half publication. Run the command again: what is there is not sent twice.";
    CliError { hints: vec![hint.to_owned()], ..from_publish(error) }
}
