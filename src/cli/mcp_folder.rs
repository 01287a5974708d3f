//! The plans below a folder, for hosts: drafted, checked and run. Nothing outside of the folder is read or written, links included;
//! data that a plan names elsewhere need the consent that they always need.

use super::args::{CheckArgs, Consent, DataRoot, ExperimentInitArgs, InitArgs, RunArgs, RunLocation, Settings};
use super::errors::CliError;
use super::mcp_hosting::{self, Hosting, Wanted, consented, named, redacts, refused, withheld};
use super::sources::DataSources;
use super::{check, files, init, mcp_status, run, run_experiment, shelf};
use crate::dataset;
use crate::mcp::backend::{Backend, DraftRequest, RunPlace, Serves, StartRequest};
use crate::mcp::{Refused, RunChannel, code};
use crate::pipeline::prepare::{self, PlanProblems, PrepareError};
use crate::plan::{self, DataSection, Problem};
use crate::store::{RepositoryTrust, runs_below};
use serde_json::{Value, json};
use std::path::{Component, Path, PathBuf};

/// A folder of plans.
pub(super) struct FolderBackend {
    /// Links followed.
    folder: PathBuf,
    /// As a person named it.
    place: String,
    consent: Consent,
    playbooks: Option<PathBuf>,
    pub(super) hosting: Hosting,
}

impl FolderBackend {
    pub(super) fn open(
        folder: &Path,
        consent: Consent,
        playbooks: Option<PathBuf>,
        hosting: Hosting,
    ) -> Result<Self, CliError> {
        let real = std::fs::canonicalize(folder).map_err(|error| CliError::io(folder, "open the folder", &error))?;
        if !real.is_dir() {
            let message = format!("{} is not a folder", folder.display());
            return Err(CliError::user(message, "Name the folder that your plans are in."));
        }
        Ok(FolderBackend { folder: real, place: folder.display().to_string(), consent, playbooks, hosting })
    }

    /// A path that a host named, if it leads to somewhere below the folder and into nothing hidden.
    fn below(&self, text: &str, what: &str) -> Result<PathBuf, Refused> {
        let outside = |why: &str| {
            let message = format!("`{text}` is not {what} below the folder that is served: {why}");
            Err(Refused::new(code::OUTSIDE, crate::tools::privacy::one_line(&message, LONGEST)))
        };
        let path = Path::new(text);
        if text.trim().is_empty() || text.contains('\0') {
            return outside("it is no path");
        }
        for part in path.components() {
            match part {
                Component::Normal(name) if name.to_string_lossy().starts_with('.') => return outside("it is hidden"),
                Component::Normal(_) | Component::CurDir => {}
                _ => return outside("name it relative to the folder, without `..`"),
            }
        }
        let joined = self.folder.join(path);
        // What is not there yet is where it would be made.
        match std::fs::canonicalize(&joined).or_else(|_| shelf::real(&joined)) {
            Ok(real) if real.starts_with(&self.folder) => Ok(real),
            Ok(_) => outside("a link leads out of it"),
            Err(error) => Err(Refused::new(code::WORLD, format!("could not find `{text}`: {error}"))),
        }
    }

    /// A plan as `oci-agent run` would be called with it.
    fn run_args(&self, plan: PathBuf, out: PathBuf) -> RunArgs {
        let location = RunLocation {
            plan,
            out: Some(out),
            resume: false,
            force: false,
            data: DataRoot { data_root: None },
            settings: Settings::default(),
            consent: self.consent.clone(),
            playbooks: self.playbooks.clone(),
        };
        RunArgs { location, replay: None, no_model: false, command: "mcp" }
    }

    fn wanted(&self, request: &StartRequest) -> Result<Wanted, Refused> {
        let named_plan = request.plan.clone().unwrap_or_default();
        let plan = self.below(&named_plan, "a plan")?;
        let out = match &request.run {
            Some(run) => self.below(run, "a folder for a run")?,
            None => self.folder.join(run::default_out(&plan)),
        };
        let run = named(out.strip_prefix(&self.folder).unwrap_or(&out));
        if run.is_empty() {
            return Err(Refused::new(
                code::OUTSIDE,
                "the folder that is served cannot be a run itself; name one below it",
            ));
        }
        Ok(Wanted { args: self.run_args(plan, out), names: (run, named_plan), another: request.another })
    }

    fn check(&self, text: &str) -> Result<Value, Refused> {
        let plan = self.below(text, "a plan")?;
        let args = self.run_args(plan.clone(), self.folder.join(run::default_out(&plan)));
        let bytes = files::read_plan(&plan).map_err(|error| refused(&error))?;
        consented(&args, &bytes).map_err(|error| Refused { code: code::CONSENT, ..refused(&error) })?;
        if redacts(&args) {
            return Err(withheld(text));
        }
        let RunLocation { data, settings, consent, .. } = args.location;
        let args = CheckArgs { plan, data, settings, consent };
        let is_experiment = plan::experiment::is_experiment(&bytes);
        let checked = if is_experiment { checked_experiment(&args, &bytes) } else { checked_study(&args, &bytes) };
        let design = if is_experiment { "experiment" } else { "study" };
        let head = json!({"plan": text, "design": design});
        let tail = match checked {
            Ok((checked, accepted)) => {
                json!({"valid": true, "accepted": accepted, "problems": [], "checked": checked})
            }
            Err(Checked::Problems(problems)) => {
                json!({"valid": false, "accepted": false, "problems": problems.problems.iter().map(told).collect::<Vec<_>>()})
            }
            Err(Checked::Failed(error)) => return Err(refused(&error)),
        };
        Ok(merged(head, tail))
    }

    fn draft(&self, request: &DraftRequest) -> Result<Value, Refused> {
        let data = self.below(&request.data, "a data file")?;
        let plan = match request.plan.as_str() {
            "" => data.with_file_name("plan.yaml"),
            named => self.below(named, "a place for a plan")?,
        };
        if !plan.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            return Err(Refused::new(code::ARGUMENTS, "the name of a plan ends in .yaml").hint("Name it plan.yaml."));
        }
        let args = init_args(data, &plan, request);
        let (text, guesses) = init::draft(&args).map_err(|error| refused(&error))?;
        let text = if request.asked.is_empty() { text } else { format!("# {}\n{text}", one_comment(&request.asked)) };
        let named_plan = named(plan.strip_prefix(&self.folder).unwrap_or(&plan));
        if plan.exists() {
            let message = format!("{named_plan} is there already, and nothing is overwritten");
            return Err(Refused::new(code::EXISTS, message).hint("Name another place with `plan`."));
        }
        init::write_new(&plan, &text, false).map_err(|error| refused(&error))?;
        Ok(json!({
            "plan": named_plan, "treatment": request.treatment, "outcome": request.outcome, "text": text, "guesses": guesses,
            "asked": request.asked,
            "next": "Read it through with the person: move out of `confounders` what treatment could have changed. Then `check_plan`.",
        }))
    }
}

/// The longest account of a path, characters.
const LONGEST: usize = 400;

/// One line of a comment, whatever a host called itself.
fn one_comment(text: &str) -> String {
    crate::tools::privacy::one_line(text, LONGEST)
}

fn init_args(data: PathBuf, plan: &Path, request: &DraftRequest) -> InitArgs {
    InitArgs {
        data,
        treatment: Some(request.treatment.clone()),
        outcome: Some(request.outcome.clone()),
        experiment: ExperimentInitArgs {
            experiment: false,
            assignment: None,
            control: None,
            unit: None,
            metric: Vec::new(),
            events: Vec::new(),
        },
        output: plan.to_owned(),
        force: false,
    }
}

/// Why a plan does not hold.
enum Checked {
    Problems(PlanProblems),
    Failed(CliError),
}

impl From<CliError> for Checked {
    fn from(error: CliError) -> Self {
        Checked::Failed(error)
    }
}

fn of_prepare(error: PrepareError) -> Checked {
    match error {
        PrepareError::Plan(problems) | PrepareError::Outside(problems) => Checked::Problems(problems),
        PrepareError::Dataset(error) => Checked::Failed(super::errors::from_dataset(&error)),
    }
}

/// What `oci-agent check --json` says, and whether the plan is accepted.
fn checked_study(args: &CheckArgs, bytes: &[u8]) -> Result<(Value, bool), Checked> {
    let sources = files::data_sources(&args.plan, &args.data)?;
    let prepared = prepare::prepare(bytes, &sources).map_err(of_prepare)?;
    let outward = check::outward(args, &prepared)?;
    let (findings, _) = check::reviewed(bytes, sources.root());
    Ok((check::json(&prepared, &outward, &findings), prepared.structure().is_clean()))
}

fn checked_experiment(args: &CheckArgs, bytes: &[u8]) -> Result<(Value, bool), Checked> {
    let sources = files::data_sources(&args.plan, &args.data)?;
    let experiment = crate::pipeline::experiment::prepare::prepare(bytes, &sources).map_err(of_prepare)?;
    let checked = run_experiment::checked_plan(&experiment, &run::default_out(&args.plan))?;
    Ok((checked.json(), checked.is_accepted()))
}

fn told(problem: &Problem) -> Value {
    let place = problem.place.map(|at| json!({"line": at.line, "column": at.column})).unwrap_or_else(|| json!({}));
    merged(json!({"message": problem.message, "hint": problem.hint, "path": problem.path}), place)
}

fn merged(mut head: Value, tail: Value) -> Value {
    if let (Some(head), Value::Object(tail)) = (head.as_object_mut(), tail) {
        head.extend(tail);
    }
    head
}

impl Backend for FolderBackend {
    fn serves(&self) -> Serves {
        Serves::Folder { folder: self.place.clone() }
    }

    fn run(&self, request: &StartRequest, channel: RunChannel) {
        match self.wanted(request) {
            Ok(wanted) => {
                self.hosting.host(&wanted, None, channel);
            }
            Err(refused) => channel.refuse(refused),
        }
    }

    fn status(&self) -> Result<Value, Refused> {
        let (runs, complete) = mcp_status::runs(&self.folder).map_err(|error| refused(&error))?;
        Ok(json!({"serves": self.place, "runs": runs, "complete": complete}))
    }

    fn check_plan(&self, plan: &str) -> Result<Value, Refused> {
        self.check(plan)
    }

    fn columns(&self, data: &str) -> Result<Vec<String>, Refused> {
        let path = self.below(data, "a data file")?;
        let sources = DataSources::of_arguments(None);
        let section = DataSection::of(&path.to_string_lossy());
        let table = dataset::read_section(&section, &sources)
            .map_err(|error| mcp_hosting::refused(&super::errors::from_dataset(&error)))?;
        Ok(table.document().columns.into_iter().map(|column| column.name).collect())
    }

    fn draft_plan(&self, request: &DraftRequest) -> Result<Value, Refused> {
        self.draft(request)
    }

    fn places(&self) -> Result<Vec<RunPlace>, Refused> {
        let found = runs_below(&self.folder).map_err(|error| Refused::of_store(&error))?;
        let place = |run: PathBuf| {
            let dir = self.folder.join(&run);
            let name = if run.as_os_str().is_empty() {
                dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            } else {
                named(&run)
            };
            RunPlace { name, dir }
        };
        Ok(found.runs.into_iter().map(place).collect())
    }

    fn trust(&self) -> RepositoryTrust {
        files::trust()
    }
}
