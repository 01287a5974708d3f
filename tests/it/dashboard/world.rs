//! Runs of every kind below one folder.

use crate::structure::Noise;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

pub const STUDY: &str = "title: Reminder letters\nquestion: Do letters bring visits?\ndesign: randomised\nshare: 0.5\n\
                     data: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: visits}\n\
                     confounders: {priority: [a]}\nestimands: [ate]\nanalysis: {estimator: aipw}\n";
const EXPERIMENT: &str = "title: One-page checkout\nquestion: Does it sell more?\ndesign: experiment\n\
                          data: {source: data.csv}\nassignment: {column: t, control: 0}\n\
                          metrics:\n  y: {expression: y, role: primary}\ncovariates: [a]\n";
/// What must do nothing, wherever it stands.
pub const EVIL: &str =
    "</script></style></title><script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\">'";
pub const EVIL_FOLDER: &str = "<img src=x onerror=alert(1)> \"' #?%41";

pub struct World(TempDir);

impl World {
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn runs(&self) -> PathBuf {
        self.0.path().join("runs")
    }
}

/// The world that no test changes.
pub fn shared() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(world)
}

/// Runs the program at a moment, and gives its exit code.
pub fn at(seconds: u64, dir: &Path, args: &[&str]) -> i32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oci-agent"));
    command.args(args).current_dir(dir).env("NO_COLOR", "1").env("SOURCE_DATE_EPOCH", seconds.to_string());
    command.output().expect("the program starts").status.code().unwrap_or(-1)
}

pub fn git(run: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Somebody", "-c", "user.email=s@example.org"];
    let output = Command::new("git").arg("-C").arg(run).args(who).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    let status = Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status().expect("cp");
    assert!(status.success());
}

pub fn data(dir: &Path, rows: usize, effect: f64, names: [&str; 3]) {
    let mut noise = Noise(3);
    let quoted = names.map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    let mut data = quoted.join(",") + "\n";
    for _ in 0..rows {
        let (a, t) = (noise.normal(), f64::from(u8::from(noise.happens(0.5))));
        let _ = writeln!(data, "{t},{},{a}", effect * t + a + noise.normal());
    }
    std::fs::write(dir.join("data.csv"), data).expect("data");
}

fn world() -> World {
    let world = World(tempfile::tempdir().expect("a folder"));
    let (dir, runs) = (world.path(), world.runs());
    std::fs::create_dir(&runs).expect("a folder");
    let plain = ["t", "y", "a"];
    let run = |seconds: u64, plan: &str, out: &str| {
        std::fs::write(dir.join("plan.yaml"), plan).expect("a plan");
        let out = runs.join(out).display().to_string();
        assert_eq!(at(seconds, dir, &["run", "plan.yaml", "--out", &out, "-qq"]), 0, "{out}");
    };
    data(dir, 300, 0.3, plain);
    run(1_767_300_000, STUDY, "january/letters");
    data(dir, 400, 0.6, plain);
    run(1_770_000_000, STUDY, "february/letters");
    // The same again is a branch beside it.
    run(1_770_000_100, STUDY, "february/letters");
    run(1_772_000_000, EXPERIMENT, "checkout");
    data(dir, 300, 0.5, ["t", EVIL, "a"]);
    let quoted = EVIL.replace('\'', "''");
    let evil = STUDY
        .replace("Reminder letters", &format!("'{quoted} `x` {}'", "W".repeat(300)))
        .replace("Do letters bring visits?", &format!("'{quoted} {{{{ 7 * 7 }}}}'"))
        .replace("column: y, units: visits", &format!("column: '{quoted}', units: '{quoted}'"));
    run(1_773_000_000, &evil, EVIL_FOLDER);
    let letters = runs.join("january/letters");
    // Before anything was unblinded.
    let step = |words: &str| git(&letters, &["log", "--format=%H", "-1", &format!("--grep={words}")]);
    let blind = runs.join("blind");
    copy(&letters, &blind);
    git(&blind, &["reset", "--hard", "--quiet", &step("critique of the design")]);
    // The layout before, which has a folder for each iteration.
    let first = runs.join("first-layout");
    copy(&blind, &first);
    std::fs::create_dir(first.join("iter_01")).expect("a folder");
    git(&first, &["mv", "critique.json", "iter_01/critique.json"]);
    let manifest = std::fs::read_to_string(first.join("manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"layout\": 2"), "{manifest}");
    std::fs::write(first.join("manifest.json"), manifest.replace("\"layout\": 2", "\"layout\": 1")).expect("written");
    git(&first, &["commit", "--quiet", "--all", "-m", "iteration 1, critique"]);
    // A question of its own, so that nothing later makes it good.
    for (run, question) in [(&blind, "Blind?"), (&first, "First?")] {
        let plan = std::fs::read_to_string(run.join("plan.yaml")).expect("a plan");
        std::fs::write(run.join("plan.yaml"), plan.replace("Do letters bring visits?", question)).expect("written");
        git(run, &["commit", "--quiet", "--all", "-m", "iteration 1, critique"]);
    }
    let packed = format!("file://{}", letters.display());
    git(&runs, &["clone", "--quiet", "--depth", "1", &packed, "shallow"]);
    for name in ["damaged", "newer-marker", "newer-manifest", "not-json", "no-policy"] {
        copy(&letters, &runs.join(name));
    }
    let id = git(&letters, &["rev-parse", "HEAD:results.json"]);
    let object = runs.join(format!("damaged/.git/objects/{}/{}", &id[..2], &id[2..]));
    let bytes = std::fs::read(&object).expect("an object");
    std::fs::remove_file(&object).expect("removed");
    std::fs::write(&object, &bytes[..bytes.len() / 2]).expect("cut");
    git(&runs.join("newer-marker"), &["config", "oci-agent.layout", "9"]);
    let change = |run: &str, file: &str, from: &str, to: &str| {
        let path = runs.join(run).join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{from} in {file}");
        std::fs::write(&path, text.replacen(from, to, 1)).expect("written");
        git(&runs.join(run), &["commit", "--quiet", "--all", "-m", "changed by hand"]);
    };
    change("newer-manifest", "manifest.json", "\"layout\": 2", "\"layout\": 7");
    change("not-json", "results.json", "{", "[");
    change("no-policy", "report.html", "<head>", "<head><script>window.pwned=1</script>");
    std::fs::create_dir_all(runs.join("notes/of/mine")).expect("folders");
    git(&runs, &["init", "--quiet", "project"]);
    world
}
