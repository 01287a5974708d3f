//! `oci-agent fetch ADDRESS`: a published run, back into a directory of its own.

use super::args::Global;
use super::errors::{self, CliError};
use super::publish::{bundle_name, describe, from_publish, listed_file};
use super::{env, files, output};
use crate::objects::{ObjectError, Remote};
use crate::publish::{LARGEST_MANIFEST, Parcel, PublishError, manifest_location, read_manifest, receive};
use crate::record::publication::{self as manifest, Publication, PublishedFile};
use crate::report::publication;
use crate::store::{ArtifactError, RecordedRun, UnpackedRun};
use crate::text::object_address::ObjectAddress;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Brings a published run back: checks the size and the hash of everything that was published, unpacks its history into a new
/// directory, and holds the manifest against it.
///
/// Commits, trees and tags are those of the run that was published, so `oci-agent diff`, `verify --data-root` and `git log`
/// read it like any other. Nothing is overwritten: the directory must not be there. If anything is not what was published, it is
/// named, and nothing is kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent fetch s3://our-bucket/runs/manifests/nhefs-1c9f2e7….json
  oci-agent fetch file:///srv/runs/manifests/nhefs-1c9f2e7….json --out elsewhere/nhefs

Exit codes: 0 it is here, 2 something to fix in the call, 3 something outside: network, keys, disk, or bytes that are not those
that were published.")]
pub struct FetchArgs {
    /// The address of a manifest, as `oci-agent publish` printed it.
    #[arg(value_name = "ADDRESS")]
    pub manifest: String,
    /// The directory to make [default: oci-runs/<name of the run>].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Fetches a run.
pub(super) fn fetch(args: &FetchArgs, global: &Global) -> Result<ExitCode, CliError> {
    let (address, name) = read_manifest(&args.manifest).map_err(|error| from_publish(&error))?;
    // Before anything is asked for, if the place is known.
    args.out.as_deref().map_or(Ok(()), refuse_taken)?;
    let remote = Remote::open(&address, &env::store_settings()).map_err(|error| from_publish(&error.into()))?;
    let listed = manifest_of(&remote, &name)?;
    let place = args.out.clone().unwrap_or_else(|| Path::new("oci-runs").join(&listed.run));
    refuse_taken(&place)?;
    let (mut bundle, mut reports) = (Vec::new(), Vec::new());
    for file in &listed.files {
        let bytes =
            receive(&remote, &file.name, &file.sha256, file.bytes).map_err(|error| damaged(&error, &address))?;
        if global.quiet == 0 && !global.json {
            output::stderr(publication::transferred(&file.name, "fetched", file.bytes));
        }
        if file.kind == manifest::BUNDLE {
            bundle = bytes;
        } else {
            reports.push(file.name.clone());
        }
    }
    let unpacked =
        UnpackedRun::new(&place, &bundle, env::now(), &files::trust()).map_err(|error| from_store(&error))?;
    let run = unpacked.run().ok_or_else(|| CliError::bug("a run was unpacked and is not there"))?;
    hold_against(&listed, run, &unpacked)?;
    unpacked.keep().map_err(|error| from_store(&error))?;
    if global.json {
        output::json_line(&serde_json::json!({
            "event": "fetched", "run": place.display().to_string(), "publication": listed,
        }))?;
    } else {
        output::stdout(publication::fetched(&listed, &output::shell_word(&place)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_taken(place: &Path) -> Result<(), CliError> {
    match std::fs::symlink_metadata(place) {
        Ok(_) => Err(from_store(&ArtifactError::Taken { place: place.to_owned() })),
        Err(_) => Ok(()),
    }
}

fn manifest_of(remote: &Remote, name: &str) -> Result<Publication, CliError> {
    let location = manifest_location(name);
    let place = remote.address_of(&location);
    let bytes = remote.read(&location, LARGEST_MANIFEST).map_err(|error| from_publish(&error.into()))?;
    let bytes = bytes.ok_or_else(|| CliError {
        hints: vec!["Check the address: it is the one that `oci-agent publish` printed.".to_owned()],
        ..from_publish(&ObjectError::NotThere { place: place.clone() }.into())
    })?;
    let found = Publication::read(&bytes);
    let found = found.map_err(|error| CliError::world(format!("{place} is not used: {error}"), ""))?;
    if found.manifest_name() == name {
        return Ok(found);
    }
    let message = format!("{place} is the manifest of {}, and has another name", found.manifest_name());
    Err(CliError::world(message, "It was renamed or changed. Publish the run again."))
}

/// Everything that the manifest says can be read off the run. The hash of each report is that of the file in the last commit.
fn hold_against(listed: &Publication, run: &RecordedRun, unpacked: &UnpackedRun) -> Result<(), CliError> {
    let at_tip = run.files_at_tip().map_err(|error| from_store(&error))?;
    let mut files = Vec::new();
    for (path, kind) in manifest::REPORTS {
        if let Some(bytes) = at_tip.get(path) {
            files.push(listed_file(&Parcel::new(path, bytes.clone()), kind));
        }
    }
    let bundle = listed.bundle().cloned();
    files.extend(bundle.map(|bundle| PublishedFile { name: bundle_name(&listed.run), ..bundle }));
    let made = describe(run, &listed.run, (unpacked.tip(), unpacked.tags()), files);
    let Some(field) = made.first_difference(listed) else { return Ok(()) };
    let message = format!("the manifest's `{field}` is not that of the run in the bundle, so nothing was kept");
    Err(CliError::world(message, "It was changed after it was published. Publish the run again."))
}

fn from_store(error: &ArtifactError) -> CliError {
    errors::from_artifacts(error)
}

/// Something that was published and is not there as it was.
fn damaged(error: &PublishError, address: &ObjectAddress) -> CliError {
    let hint = match error {
        PublishError::Damaged { .. } => {
            format!(
                "Nothing was kept. Whoever has the run can send it again: oci-agent publish RUN --to {address} --reread"
            )
        }
        _ => "Nothing was kept.".to_owned(),
    };
    CliError { hints: vec![hint], ..from_publish(error) }
}
