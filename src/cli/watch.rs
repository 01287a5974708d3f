//! `oci-agent watch plan.yaml --data …`: a frozen plan on new data, partition by partition.

use super::args::{Consent, DataRoot, Global, RunArgs, RunLocation, Settings};
use super::errors::{self, CliError, Kind};
use super::output::{self, ProgressObserver, TerminalStyle};
use super::sources::DataSources;
use super::{files, finished_run, run};
use crate::agent::events::{Observer, ProgressEvent};
use crate::dataset;
use crate::pipeline::Prepared;
use crate::pipeline::follow_ups::Answering;
use crate::pipeline::prepare::{self, PrepareError};
use crate::pipeline::watch::{self, Frozen, Seen, WatchError, steps};
use crate::plan;
use crate::record::watch::WatchDocument;
use crate::report;
use crate::store::{self, ArtifactStore, GitStore, RecordedRun, Step};
use crate::text::lists::counted;
use crate::text::numbers::short_hash;
use crate::text::object_address::DataAddress;
use crate::text::sha256::sha256_hex;
use clap::Args;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Holds new data against a run, partition by partition: has the design moved, has the effect moved?
///
/// The plan and the specs of its accepted answers are frozen. Each partition is one commit on the record of the run, with a
/// table, a picture and a comment for a pull request. If nothing ever moves, the chance of an alarm is 5 % at most, however
/// many partitions there are and however often one looks. Partitions that are on record are not made again. Without a run the
/// plan is run first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  oci-agent watch plan.yaml --data new/2026-w31.parquet
  oci-agent watch plan.yaml --data new/*.parquet --comment comment.md
  oci-agent watch plan.yaml                        what was found so far

Exit codes: 0 nothing moved, 1 something did, or the newest partition cannot be answered; 2 something to fix in the plan, the
data or the call; 3 something outside (disk, git, Ctrl-C).")]
pub struct WatchArgs {
    /// The plan, as it was run.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// New data, one partition each, in the order in which they came: CSV or Parquet files, or objects of a store, with the columns of
    /// the plan's own.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub data: Vec<String>,
    /// The run [default: oci-runs/<plan name>; made first if it is not there].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write the comment to a file as well; it is watch/watch.md of the run.
    #[arg(long, value_name = "FILE")]
    pub comment: Option<PathBuf>,
    #[command(flatten)]
    pub data_root: DataRoot,
    #[command(flatten)]
    pub consent: Consent,
}

/// A partition that was given.
struct Given {
    /// A path, or the address of an object of a store.
    source: String,
    /// The name under which it goes on record.
    name: String,
}

/// Holds the partitions that are not on record yet against the run.
pub(super) fn watch(args: &WatchArgs, global: &Global) -> Result<ExitCode, CliError> {
    let bytes = files::read_plan(&args.plan)?;
    if plan::experiment::is_experiment(&bytes) {
        let message = format!("{} is the plan of an experiment", args.plan.display());
        let hint = "An experiment has its own tests over time: `looks` in its plan, and `sequential` intervals.";
        return Err(CliError::user(message, hint));
    }
    let dir = args.out.clone().unwrap_or_else(|| run::default_out(&args.plan));
    let cancel = Arc::new(AtomicBool::new(false));
    errors::stop_on_signal(&cancel)?;
    if !dir.exists() {
        first_run(args, global, Arc::clone(&cancel))?;
    }
    let mut observer = ProgressObserver::new(global.json, global.quiet, cancel);
    let ended = follow(args, &dir, &bytes, &mut observer);
    observer.idle();
    let document = ended?;
    if let Some(lost) = observer.failure() {
        return Err(lost);
    }
    told(args, &dir, &document, global)?;
    Ok(if document.alarmed() || !document.newest_is_gradable() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The run that partitions are held against, where there is none yet. Its own exit code says nothing here: if no answer is accepted,
/// there is nothing to watch.
fn first_run(args: &WatchArgs, global: &Global, cancel: Arc<AtomicBool>) -> Result<(), CliError> {
    let location = RunLocation {
        plan: args.plan.clone(),
        out: args.out.clone(),
        resume: false,
        force: false,
        data: args.data_root.clone(),
        settings: Settings::default(),
        consent: args.consent.clone(),
        playbooks: None,
    };
    let run_args = RunArgs { location, replay: None, no_model: false, command: "run" };
    run::study(&run_args, global, cancel).map(drop)
}

fn told(args: &WatchArgs, dir: &Path, document: &WatchDocument, global: &Global) -> Result<(), CliError> {
    if let Some(path) = &args.comment {
        let bytes = report::watch::markdown(document);
        std::fs::write(path, bytes).map_err(|error| CliError::io(path, "write", &error))?;
    }
    if global.json {
        return output::json_event("watched", document);
    }
    let title = report::watch::title(document);
    output::stdout(format!("{title}\n\n{}\n", report::watch::summary(document).join("\n\n")))?;
    if global.quiet == 0 && document.newest().is_some() {
        let page = output::shell_word(&dir.join(steps::path("md")));
        output::stderr(format!("Read {page}; the table is watch.csv beside it, the picture watch.svg."));
    }
    Ok(())
}

fn follow(
    args: &WatchArgs,
    dir: &Path,
    bytes: &[u8],
    observer: &mut ProgressObserver,
) -> Result<WatchDocument, CliError> {
    let record = finished_run::open(dir)?;
    let recorded_plan = finished_run::of_a_study(&record, dir)?;
    if recorded_plan != bytes {
        let message = format!("{} is not the plan that was run in {}", args.plan.display(), dir.display());
        let hint = "A watch holds new data against a plan that stays as it is. For the plan as it is now, run it, and watch it with \
                    --out: its record begins anew.";
        return Err(CliError::user(message, hint));
    }
    finished_run::unblinded(&record, dir, "a watch")?;
    finished_run::untouched(&record, dir)?;
    finished_run::undisturbed(&record, dir)?;
    if finished_run::is_clone(&record)? {
        let message = format!("{} is a clone of a run", dir.display());
        let hint = "A watch goes on the record of the run itself: make it where the run was made, then pull.";
        return Err(CliError::user(message, hint));
    }
    observer.busy("reading the plan and its own data");
    let own = files::data_sources(&dir.join("plan.yaml"), &args.data_root)?;
    let prepared = prepare::prepare(bytes, &own)
        .map_err(|error| errors::from_prepare(error, &args.plan, TerminalStyle::of_stderr()))?;
    finished_run::same_identity(&record, &prepared)?;
    finished_run::completed(&record, &prepared)?;
    if prepared.plan.data.rare_levels.is_some() {
        let message =
            "`data.rare_levels` decides by the data at hand which levels are one, so that the plan cannot be frozen";
        let hint = "Make the coarser column in the plan with `data.derive`, run it again, and watch that run.";
        return Err(CliError::user(message, hint));
    }
    let specs = finished_run::specs(&record)?;
    let answers = finished_run::answers(&record, &specs)?;
    observer.busy("making the answers again from the plan's own data");
    let frozen = Frozen::new(&prepared, &answers).map_err(|error| from_watch(&error))?;
    let mut document = begun(&record, &frozen, dir)?;
    let sources = DataSources::of_arguments(None);
    let given = given(&args.data, own.root())?;
    let new = not_on_record(given, &document, &sources)?;
    let mut given_before = Seen::default();
    let mut store: Option<GitStore> = None;
    let all = new.len();
    for (at, partition) in new.into_iter().enumerate() {
        if observer.cancelled() {
            return Err(CliError::world(
                "stopped before the end; the partitions before are on record",
                "Run the command again.",
            ));
        }
        observer.busy(&format!("partition {} of {all}: {}", at + 1, partition.name));
        let data = read(&partition, &sources, (bytes, own.root()), document.partitions.len() - 1)?;
        if let Some(shared @ 1..) = given_before.add(&data) {
            let message = format!(
                "{}: {} also in a partition given with it; partitions that share units are not independent",
                partition.name,
                counted(shared, "unit")
            );
            observer.on(&ProgressEvent::Note { message });
        }
        document = extended(&frozen, &document, &data, partition.name.clone())?;
        let step = steps::step(&document).map_err(|error| from_watch(&error))?;
        if store.is_none() {
            let mut opened = run::open(dir, store::OpenMode::Resume, finished_run::identity(&prepared))?;
            opened.go_to_the_end();
            store = Some(opened);
        }
        if let Some(store) = &mut store {
            // A verification finds it there again; a run that was moved has its data elsewhere anyway.
            if let Some(folder) = folder_outside(&partition, own.root()) {
                let folder = folder.to_string_lossy();
                store
                    .location_note(&note_of(&partition.name), &folder)
                    .map_err(|error| errors::from_artifacts(&error))?;
            }
            store.commit(&step).map_err(|error| errors::from_artifacts(&error))?;
        }
    }
    if all == 0 && !args.data.is_empty() {
        observer
            .on(&ProgressEvent::Note { message: "every partition is on record already; nothing was added".to_owned() });
    }
    Ok(document)
}

/// The watch so far, or one that begins.
fn begun(record: &RecordedRun, frozen: &Frozen, dir: &Path) -> Result<WatchDocument, CliError> {
    let file = record.file(&steps::path("json")).map_err(|error| errors::from_artifacts(&error))?;
    let Some(bytes) = file else { return frozen.begun().map_err(|error| from_watch(&error)) };
    let recorded = serde_json::from_slice::<WatchDocument>(&bytes).ok();
    let own = match &recorded {
        Some(document) => frozen.begins(document).map_err(|error| from_watch(&error))?,
        None => false,
    };
    recorded.filter(|_| own).ok_or_else(|| {
        let message = format!("{} of {} is not a watch of this run as this version makes it", steps::path("json"), dir.display());
        let hint = format!(
            "`oci-agent verify {}` says what was changed. A run by another version has to be made again, with --out, to be watched.",
            output::shell_word(dir)
        );
        CliError::user(message, hint)
    })
}

/// Sources, and for a pattern that the shell has left as it is, the files that it matches, by name.
fn expanded(data: &[String]) -> Result<Vec<String>, CliError> {
    let mut sources = Vec::new();
    for source in data {
        let object = matches!(DataAddress::read(source), Ok(DataAddress::Object(_)));
        if object || Path::new(source).exists() || !source.contains(['*', '?', '[']) {
            sources.push(source.clone());
        } else {
            let found = dataset::paths(source, Path::new("")).map_err(|error| errors::from_dataset(&error))?;
            sources.extend(found.iter().map(|path| path.to_string_lossy().into_owned()));
        }
    }
    Ok(sources)
}

/// The partitions with the names under which they go on record.
fn given(data: &[String], root: &Path) -> Result<Vec<Given>, CliError> {
    let mut given: Vec<Given> = Vec::new();
    for source in expanded(data)? {
        let name = name(&source, root)?;
        if let Some(other) = given.iter().find(|other| other.name == name) {
            let message = format!("{} and {source} would both be on record as `{name}`", other.source);
            let hint = "Name each file once, and give each a name of its own, or put them below the plan's folder.";
            return Err(CliError::user(message, hint));
        }
        given.push(Given { source, name });
    }
    Ok(given)
}

/// The address of an object; of a file its path below the folder of the data, or its name.
fn name(source: &str, root: &Path) -> Result<String, CliError> {
    let path = match DataAddress::read(source) {
        Ok(DataAddress::Object(address)) => return Ok(address.to_string()),
        Ok(DataAddress::Local(path)) => PathBuf::from(path),
        Err(error) => return Err(CliError::user(error.fault(), error.fix())),
    };
    let real = std::fs::canonicalize(&path).map_err(|error| CliError::io(&path, "find", &error))?;
    let inside = std::fs::canonicalize(root).ok().and_then(|root| Some(real.strip_prefix(root).ok()?.to_path_buf()));
    let name = inside.or_else(|| path.file_name().map(PathBuf::from)).unwrap_or(path);
    Ok(name.to_string_lossy().into_owned())
}

/// The folder of a partition that is not below the folder of the data.
fn folder_outside(partition: &Given, root: &Path) -> Option<PathBuf> {
    let Ok(DataAddress::Local(path)) = DataAddress::read(&partition.source) else { return None };
    let real = std::fs::canonicalize(path).ok()?;
    let inside = std::fs::canonicalize(root).is_ok_and(|root| real.starts_with(root));
    real.parent().filter(|_| !inside).map(Path::to_path_buf)
}

/// The key of the note where a partition was.
fn note_of(name: &str) -> String {
    format!("partition-{}", short_hash(&sha256_hex(name.as_bytes())))
}

/// Those that are not on record. A partition that has changed since is refused: its effects were seen.
fn not_on_record(given: Vec<Given>, document: &WatchDocument, sources: &DataSources) -> Result<Vec<Given>, CliError> {
    let mut new: Vec<Given> = Vec::new();
    let mut hashes: Vec<(String, String)> =
        document.partitions.iter().map(|it| (it.data_sha256.clone(), it.name.clone())).collect();
    for partition in given {
        let hash = dataset::fingerprint(&partition.source, sources).map_err(|error| errors::from_dataset(&error))?;
        let recorded = document.partitions.iter().skip(1).find(|it| it.name == partition.name);
        if let Some(recorded) = recorded {
            if recorded.data_sha256 == hash {
                continue;
            }
            let message = format!("{} is not the file that is on record as `{}`", partition.source, partition.name);
            let hint = "What was seen stays on record. Bring the file back, or give the new one a name of its own.";
            return Err(CliError::user(message, hint));
        }
        if let Some((_, twin)) = hashes.iter().find(|(known, _)| *known == hash) {
            let own = document.partitions.first().is_some_and(|own| own.data_sha256 == hash);
            let what = if own { "the plan's own data".to_owned() } else { format!("`{twin}`") };
            let message = format!("{} has the same bytes as {what}", partition.source);
            return Err(CliError::user(message, "The same units twice are no new evidence; leave it out."));
        }
        hashes.push((hash, partition.name.clone()));
        new.push(partition);
    }
    Ok(new)
}

/// The data of a partition, held against the plan.
fn read(partition: &Given, sources: &DataSources, plan: (&[u8], &Path), before: usize) -> Result<Prepared, CliError> {
    let read = prepare::prepare_partition(plan.0, &partition.source, sources, plan.1);
    let outside = matches!(read, Err(PrepareError::Outside(_)));
    read.map_err(|error| match error {
        PrepareError::Dataset(error) => errors::from_dataset(&error),
        PrepareError::Plan(problems) | PrepareError::Outside(problems) => {
            let lines: Vec<String> =
                problems.problems.iter().map(|it| format!("{} ({})", it.message, it.hint)).collect();
            let message = format!("{} does not fit the plan: {}", partition.source, lines.join("; "));
            let before = match before {
                0 => "No partition is on record".to_owned(),
                1 => "The partition before it is on record".to_owned(),
                n => format!("The {n} partitions before it are on record"),
            };
            let kind = if outside { Kind::World } else { Kind::User };
            let hint = format!("Mend the file or leave it out. {before}; nothing of this one is.");
            CliError { kind, ..CliError::user(message, hint) }
        }
    })
}

/// The steps of a watch made again, one after the other, for `oci-agent verify`.
pub(super) struct Again {
    frozen: Frozen,
    document: WatchDocument,
    plan: Vec<u8>,
    sources: DataSources,
    /// Where the run is.
    run: PathBuf,
}

impl Again {
    /// From the run's own data.
    pub(super) fn new(of: (&Prepared, &[Answering<'_>]), sources: DataSources, run: &Path) -> Result<Again, CliError> {
        let (prepared, answers) = of;
        let frozen = Frozen::new(prepared, answers).map_err(|error| from_watch(&error))?;
        let document = frozen.begun().map_err(|error| from_watch(&error))?;
        Ok(Again { frozen, document, plan: prepared.plan_bytes.clone(), sources, run: run.to_path_buf() })
    }

    /// The step of the partition of that name, from its file.
    pub(super) fn step(&mut self, name: &str) -> Result<Step, CliError> {
        let object = matches!(DataAddress::read(name), Ok(DataAddress::Object(_)));
        let mut source =
            if object { name.to_owned() } else { self.sources.root().join(name).to_string_lossy().into_owned() };
        // One that came from another folder, which only the run's own repository on this machine knows.
        if !object && !Path::new(&source).exists() {
            let folder = store::read_note(&self.run, &note_of(name), &files::trust()).ok().flatten();
            source = folder.map_or(source, |folder| Path::new(&folder).join(name).to_string_lossy().into_owned());
        }
        let partition = Given { source, name: name.to_owned() };
        // The name is from a commit that somebody else may have made: it leads nowhere but below the folder.
        let below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let there = object || (below && Path::new(&partition.source).exists());
        if !there {
            let message =
                format!("the partition `{}` is not below {}", plan::shown(name), self.sources.root().display());
            return Err(CliError::user(message, "Name the folder that it is in with --data-root."));
        }
        let plan = (self.plan.as_slice(), self.sources.root());
        let prepared = read(&partition, &self.sources, plan, self.document.partitions.len() - 1)?;
        self.document = extended(&self.frozen, &self.document, &prepared, partition.name)?;
        steps::step(&self.document).map_err(|error| from_watch(&error))
    }
}

/// The document with one more partition.
fn extended(
    frozen: &Frozen,
    document: &WatchDocument,
    prepared: &Prepared,
    name: String,
) -> Result<WatchDocument, CliError> {
    let made = watch::partition(frozen, prepared, name).and_then(|partition| frozen.extended(document, partition));
    made.map_err(|error| from_watch(&error))
}

fn from_watch(error: &WatchError) -> CliError {
    match error {
        WatchError::NothingToWatch => CliError::user(
            error.to_string(),
            "The report of the run says what would help; watch it when an answer is accepted.",
        ),
        WatchError::Report(inner) => CliError::bug(inner.to_string()),
        WatchError::NoReference { .. } | WatchError::Design(_) | WatchError::Drift { .. } => {
            CliError::user(error.to_string(), "")
        }
    }
}
