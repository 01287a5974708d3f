//! Runs sent to a folder or a bucket, and brought back.

use crate::cli::Ran;
use crate::structure::Noise;
use oci_agent::objects::Remote;
use oci_agent::publish::{Parcel, object_location, receive};
use oci_agent::text::object_address::ObjectAddress;
use oci_agent::text::sha256::sha256_hex;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

pub mod bucket; // an S3 server of this test, and a real one if OCI_S3_URL names it

pub const PLAN: &str = "title: T\nquestion: Q?\ndata: {source: data.csv}\ntreatment: {column: t}\noutcome: {column: y, units: kg}\n\
                    confounders: {priority: [a, b]}\nestimands: [ate]\nanalysis: {estimator: aipw, also: [aipw_crossfit]}\n\
                    loop: {max_iterations: 1}\n";

/// A folder with data, a plan, a home with a git configuration, and what a test puts there.
pub struct Desk {
    dir: TempDir,
}

impl Desk {
    pub fn new(plan: &str) -> Desk {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut noise = Noise(5);
        let mut data = String::from("t,y,a,b\n");
        for _ in 0..400 {
            let (a, b, t) = (noise.normal(), noise.normal(), f64::from(u8::from(noise.happens(0.5))));
            let _ = writeln!(data, "{t},{},{a},{b}", t + a + noise.normal());
        }
        std::fs::write(dir.path().join("data.csv"), data).expect("data");
        std::fs::write(dir.path().join("plan.yaml"), plan).expect("plan");
        std::fs::create_dir_all(dir.path().join("home")).expect("a home");
        let who = "[user]\n  name = Ada Lovelace\n  email = a@example.org\n";
        std::fs::write(dir.path().join("home/.gitconfig"), who).expect("a configuration");
        std::fs::create_dir(dir.path().join("shelf")).expect("a place to publish to");
        Desk { dir }
    }

    /// With a copy of a finished run, `out`.
    pub fn with_a_run() -> Desk {
        static FINISHED: OnceLock<Desk> = OnceLock::new();
        let finished = FINISHED.get_or_init(|| {
            let desk = Desk::new(PLAN);
            let ran = desk.oci(&["run", "plan.yaml", "--out", "out"]);
            assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
            desk
        });
        let desk = Desk::new(PLAN);
        copy(&finished.path().join("out"), &desk.path().join("out"));
        desk
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn ran(&self, program: &str, args: &[&str], environment: &[(&str, &str)]) -> Ran {
        let inherited = std::env::vars().map(|pair| pair.0);
        let of_stores = inherited.filter(|name| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|it| name.starts_with(it)));
        let mut command = Command::new(program);
        for name in of_stores {
            command.env_remove(name);
        }
        let done = command
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path().join("home"))
            .env_remove("XDG_CONFIG_HOME")
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .output()
            .expect("starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: done.status.code().unwrap_or(-1), stdout: text(&done.stdout), stderr: text(&done.stderr) }
    }

    pub fn oci(&self, args: &[&str]) -> Ran {
        self.oci_in(&[], args)
    }

    pub fn oci_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Ran {
        self.ran(env!("CARGO_BIN_EXE_oci-agent"), args, environment)
    }

    fn git(&self, dir: &str, args: &[&str]) -> String {
        let done = self.ran("git", &[&["-C", dir][..], args].concat(), &[]);
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
        done.stdout.trim().to_owned()
    }

    fn shelf(&self) -> String {
        format!("file://{}", self.path().join("shelf").display())
    }

    fn publishes(&self) -> Ran {
        let shelf = self.shelf();
        let published = self.oci(&["publish", "out", "--to", &shelf]);
        assert_eq!(published.code, 0, "{}", published.stderr);
        published
    }

    /// Refused with this code, for this reason, and without a manifest.
    fn refuses(&self, args: &[&str], code: i32, why: &str) -> Ran {
        let refused = self.oci(args);
        assert!(refused.code == code && refused.stderr.contains(why), "{}: {}", refused.code, refused.stderr);
        assert!(!self.path().join("shelf/manifests").exists(), "there is no half publication");
        refused
    }

    fn manifests(&self) -> Vec<PathBuf> {
        let found = std::fs::read_dir(self.path().join("shelf/manifests")).expect("manifests");
        found.map(|entry| entry.expect("an entry").path()).collect()
    }

    /// The manifest, and its address.
    fn manifest(&self) -> (Value, String) {
        let [path] = &self.manifests()[..] else { panic!("one manifest: {:?}", self.manifests()) };
        let bytes = std::fs::read(path).expect("a manifest");
        (serde_json::from_slice(&bytes).expect("JSON"), format!("file://{}", path.display()))
    }

    /// Where a published file is kept.
    fn object(&self, name: &str) -> PathBuf {
        let (manifest, _) = self.manifest();
        let files = manifest["files"].as_array().expect("files");
        let file = files.iter().find(|file| file["name"] == name).expect(name);
        self.path().join("shelf/objects/sha256").join(file["sha256"].as_str().expect("a hash"))
    }

    pub fn everything(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut waiting = vec![self.path().join(folder)];
        while let Some(dir) = waiting.pop() {
            for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
                found.push(entry.path().display().to_string());
                waiting.extend(entry.path().is_dir().then(|| entry.path()));
            }
        }
        found.sort();
        found
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

#[test]
fn a_run_is_published_once_and_comes_back_as_it_was() {
    let desk = Desk::with_a_run();
    let shelf = desk.shelf();
    let dry = desk.oci(&["publish", "out", "--to", &shelf, "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(desk.everything("shelf").is_empty(), "nothing was sent");
    let published = desk.publishes();
    let address = desk.manifest().1;
    assert!(
        published.stdout.starts_with("Published:\n") && published.stdout.contains(&address),
        "{}",
        published.stdout
    );
    for words in
        ["report.html", "report.md", "analysis.ipynb", "out.bundle", "history of branch main", "units.parquet", &shelf]
    {
        assert!(
            published.stderr.contains(words) && dry.stdout.contains(words),
            "{words} is told: {}",
            published.stderr
        );
    }
    let before = desk.everything("shelf");
    assert_eq!(before.iter().filter(|path| path.contains("/objects/sha256/")).count(), 4, "{before:?}");
    let again = desk.publishes();
    assert!(again.stdout.contains("nothing was sent") && !again.stderr.contains("  sent "), "{}", again.stdout);
    assert_eq!(desk.everything("shelf"), before);
    let fetched = desk.oci(&["fetch", &address, "-o", "back"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    for asked in [
        &["rev-parse", "HEAD", "HEAD^{tree}"][..],
        &["for-each-ref", "refs/heads", "refs/tags"],
        &["log", "--format=%H %an %at %B"],
    ] {
        assert_eq!(desk.git("back", asked), desk.git("out", asked), "{asked:?}");
    }
    assert!(desk.git("out", &["tag", "--list"]).contains("iter/1"));
    assert_eq!(desk.git("back", &["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(desk.git("back", &["status", "--porcelain"]), "", "the files are those of the last commit");
    assert!(desk.everything(".").iter().all(|path| !path.contains(".fetching-")));
    // It is a run like any other: compared, made again, commented on, published from.
    assert_eq!(desk.oci(&["diff", "out", "back"]).code, 0);
    let verified = desk.oci(&["verify", "back", "--data-root", "."]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let elsewhere = desk.oci(&["fetch", &address, "--out", "kept/out"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stderr);
    let onward = desk.oci(&["publish", "kept/out", "--to", &shelf]);
    assert!(
        onward.stdout.contains("nothing was sent"),
        "a packed history gives the same bundle: {}{}",
        onward.stdout,
        onward.stderr
    );
    assert_eq!(desk.oci(&["comment", "back", "-m", "Seen."]).code, 0);
    // git alone can read a bundle too.
    let bundle = desk.object("out.bundle").display().to_string();
    desk.git(".", &["clone", "--quiet", &bundle, "clone"]);
    assert_eq!(desk.git("clone", &["rev-parse", "HEAD", "iter/1"]), desk.git("out", &["rev-parse", "HEAD", "iter/1"]));
}

#[test]
fn a_manifest_says_what_the_run_says_and_nothing_of_when_or_who() {
    let desk = Desk::with_a_run();
    desk.publishes();
    let (manifest, address) = desk.manifest();
    let said = |key: &str| manifest[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(said("commit"), desk.git("out", &["rev-parse", "HEAD"]));
    assert_eq!(said("tree"), desk.git("out", &["rev-parse", "HEAD^{tree}"]));
    assert_eq!(said("plan_sha256"), sha256_hex(PLAN.as_bytes()));
    assert!(address.ends_with(&format!("/manifests/out-{}.json", said("commit"))), "{address}");
    assert!(said("verdict").contains("satisfactory"), "{}", said("verdict"));
    assert_eq!(said("tool_version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(said("data_sha256").len(), 64);
    for file in manifest["files"].as_array().expect("files") {
        let bytes = std::fs::read(desk.object(file["name"].as_str().expect("a name"))).expect("an object");
        assert_eq!(file["sha256"], sha256_hex(&bytes));
        assert_eq!(file["bytes"], bytes.len());
    }
    assert!(!manifest.to_string().contains("Ada") && !manifest.to_string().contains("time"), "{manifest}");
}

#[test]
fn what_is_not_as_it_was_published_is_named_and_nothing_is_kept() {
    let desk = Desk::with_a_run();
    desk.publishes();
    let address = desk.manifest().1;
    let fails = |why: &str| {
        let fetched = desk.oci(&["fetch", &address, "-o", "back"]);
        assert!(fetched.code == 3 && fetched.stderr.contains(why), "{why}: {} {}", fetched.code, fetched.stderr);
        assert!(desk.everything(".").iter().all(|path| !path.contains("back")), "nothing is left");
    };
    for name in ["report.html", "report.md", "analysis.ipynb", "out.bundle"] {
        let object = desk.object(name);
        let whole = std::fs::read(&object).expect("an object");
        let mut other = whole.clone();
        other[whole.len() / 2] ^= 1;
        for (bytes, why) in [
            (&other[..], "has the SHA-256"),
            (&whole[..whole.len() - 1], "bytes"),
            (&[&whole[..], b"x"].concat(), "bytes"),
        ] {
            std::fs::write(&object, bytes).expect("writes");
            fails(&format!("{name} is damaged: file://"));
            fails(why);
        }
        std::fs::remove_file(&object).expect("removes");
        fails("is not there");
        // Publishing again mends it.
        std::fs::write(&object, &other).expect("writes");
        let mended = desk.publishes();
        assert!(mended.stderr.contains(&format!("replaced       {name}")), "{}", mended.stderr);
        assert_eq!(std::fs::read(&object).expect("an object"), whole);
    }
    // Each value of the manifest is that of the run.
    let path = desk.manifests().remove(0);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let (manifest, _) = desk.manifest();
    let digits = |key: &str| manifest[key].as_str().expect(key).to_owned();
    for (from, to, why) in [
        ("satisfactory", "good", "`verdict`"),
        ("\"iter/1\"", "\"iter/7\"", "`tags`"),
        ("\"branch\": \"main\"", "\"branch\": \"mine\"", "`branch`"),
        (&digits("plan_sha256"), &"0".repeat(64), "`plan_sha256`"),
        (&digits("data_sha256"), &"0".repeat(64), "`data_sha256`"),
        (&digits("tree"), &"0".repeat(40), "`tree`"),
        (&digits("commit"), &"0".repeat(40), "has another name"),
        ("text/markdown", "text/html", "`files`"),
        ("\"version\": 1", "\"version\": 2", "newer oci-agent"),
        ("\"run\": \"out\"", "\"run\": \"../up\"", "plain name"),
        ("{", "", "no manifest"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).expect("writes");
        fails(why);
    }
    std::fs::write(&path, &text).expect("writes");
    assert_eq!(desk.oci(&["fetch", &address, "-o", "back"]).code, 0);
}

#[test]
fn an_upload_that_is_cut_leaves_no_manifest_and_goes_on() {
    let desk = Desk::with_a_run();
    let shelf = desk.shelf();
    let html = std::fs::read(desk.path().join("out/report.md")).expect("a report");
    // In the way of the second object.
    let in_the_way = desk.path().join("shelf/objects/sha256").join(sha256_hex(&html));
    std::fs::create_dir_all(in_the_way.join("x")).expect("a folder");
    let cut = desk.refuses(&["publish", "out", "--to", &shelf], 3, "could not write file://");
    assert!(
        cut.stderr.contains("sent           report.html") && cut.stderr.contains("no half publication"),
        "{}",
        cut.stderr
    );
    std::fs::remove_dir_all(&in_the_way).expect("removes");
    let rest = desk.publishes();
    assert!(
        rest.stderr.contains("there already  report.html") && rest.stderr.contains("sent           report.md"),
        "{}",
        rest.stderr
    );
    assert!(rest.stdout.contains("4 of 5 were sent"), "{}", rest.stdout);
    assert_eq!(desk.oci(&["fetch", &desk.manifest().1, "-o", "back"]).code, 0);
    // A folder that is a file, and one that is not there.
    let file = format!("file://{}", desk.path().join("plan.yaml").display());
    let refused = desk.oci(&["publish", "out", "--to", &file]);
    assert!(refused.code == 2 && refused.stderr.contains("is not there"), "{}", refused.stderr);
    let absent = format!("{shelf}/absent");
    let refused = desk.oci(&["publish", "out", "--to", &absent]);
    assert!(refused.code == 2 && refused.stderr.contains("is not there"), "{}", refused.stderr);
    assert!(!desk.path().join("shelf/absent").exists());
}

#[test]
fn a_run_that_is_not_whole_is_not_published() {
    let desk = Desk::with_a_run();
    let shelf = desk.shelf();
    let publish = ["publish", "out", "--to", &shelf];
    let report = desk.path().join("out/report.md");
    let text = std::fs::read_to_string(&report).expect("a report");
    std::fs::write(&report, text.replace("ate", "att")).expect("writes");
    desk.refuses(&publish, 2, "not as the run left them: report.md");
    std::fs::write(&report, &text).expect("writes");
    // A commit of a person on top.
    desk.git("out", &["commit", "--quiet", "--allow-empty", "-m", "More"]);
    desk.refuses(&publish, 2, "has commits after its end that no follow-up made");
    desk.git("out", &["reset", "--quiet", "--hard", "HEAD~1"]);
    // One that says it is a follow-up, and changes the report.
    std::fs::write(&report, text.replace("ate", "att")).expect("writes");
    desk.git("out", &["commit", "--quiet", "-am", "follow-up trim: 2 thresholds\n\nFollow-Up: trim"]);
    desk.refuses(&publish, 2, "has commits after its end that no follow-up made");
    desk.git("out", &["reset", "--quiet", "--hard", "HEAD~1"]);
    desk.git("out", &["checkout", "--quiet", "-b", "half", "HEAD~1"]);
    desk.refuses(&publish, 2, "has not finished");
    desk.git("out", &["checkout", "--quiet", "main"]);
    let manifest = desk.path().join("out/manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, text.replace("\"layout\": 2", "\"layout\": 9")).expect("writes");
    desk.git("out", &["commit", "--quiet", "-am", "newer"]);
    desk.refuses(&publish, 2, "made by a newer oci-agent (layout 9)");
    desk.git("out", &["reset", "--quiet", "--hard", "HEAD~1"]);
    let tree = desk.git("out", &["rev-parse", "HEAD^{tree}"]);
    let object = desk.path().join("out/.git/objects").join(&tree[..2]).join(&tree[2..]);
    let whole = std::fs::read(&object).expect("an object");
    std::fs::remove_file(&object).expect("removes");
    std::fs::write(&object, &whole[..whole.len() / 2]).expect("writes");
    desk.refuses(&publish, 2, "damaged or missing");
    std::fs::write(&object, &whole).expect("writes");
    desk.publishes();
}

#[test]
fn a_run_with_a_gate_is_published_once_approved_and_no_sooner() {
    let desk = Desk::new(&PLAN.replace("title: T\n", "title: T\ngates: [publish]\n"));
    let shelf = desk.shelf();
    let publish = ["publish", "out", "--to", &shelf];
    let ran = desk.oci(&["run", "plan.yaml", "--out", "out"]);
    assert!(matches!(ran.code, 0 | 1 | 4), "{}", ran.stderr);
    desk.refuses(&publish, 4, "waits for a person's approval");
    assert_eq!(desk.oci(&["reject", "out", "--reason", "No."]).code, 0);
    desk.refuses(&publish, 4, "was rejected");
    assert_eq!(desk.oci(&["approve", "out", "-m", "After all."]).code, 0);
    // A remark afterwards changes no file, and nothing.
    assert_eq!(desk.oci(&["comment", "out", "-m", "Good."]).code, 0);
    let published = desk.publishes();
    assert!(published.stderr.contains("3 decisions, with names and reasons"), "{}", published.stderr);
    let back = desk.oci(&["fetch", &desk.manifest().1, "-o", "back"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert_eq!(desk.git("back", &["rev-parse", "HEAD"]), desk.git("out", &["rev-parse", "HEAD"]));
    let review = desk.oci(&["review", "back"]);
    assert!(review.code == 0 && review.stdout.contains("After all."), "{}", review.stdout);
    // Other bytes than the approved ones: a step of a person without the mark of a gate.
    std::fs::write(desk.path().join("out/report.md"), "other").expect("writes");
    desk.git("out", &["commit", "--quiet", "-am", "report\n\nRun-Status: finished"]);
    let refused = desk.oci(&publish);
    assert!(refused.code == 4 && refused.stderr.contains("has changed since"), "{}: {}", refused.code, refused.stderr);
}

#[test]
fn nothing_is_overwritten_by_what_is_fetched() {
    let desk = Desk::with_a_run();
    desk.publishes();
    let address = desk.manifest().1;
    std::fs::create_dir(desk.path().join("empty")).expect("a folder");
    std::fs::write(desk.path().join("file"), "mine").expect("writes");
    let before = desk.everything(".");
    for place in ["out", "empty", "file"] {
        let refused = desk.oci(&["fetch", &address, "-o", place]);
        assert!(refused.code == 2 && refused.stderr.contains("is there already"), "{place}: {}", refused.stderr);
    }
    assert_eq!(desk.everything("."), before);
    // Without a name it goes where runs go.
    assert_eq!(desk.oci(&["fetch", &address]).code, 0);
    assert!(desk.path().join("oci-runs/out/report.html").exists());
    let again = desk.oci(&["fetch", &address]);
    assert!(again.code == 2 && again.stderr.contains("oci-runs/out` is there already"), "{}", again.stderr);
}

/// Longer than one request.
#[test]
fn a_large_object_goes_in_parts() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let address = ObjectAddress::read(&format!("file://{}", dir.path().display())).expect("an address");
    comes_back_in_parts(&Remote::open(&address, &[]).expect("a place"));
}

pub fn comes_back_in_parts(remote: &Remote) {
    let bytes: Vec<u8> = (0..20_000_001_u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let object = Parcel::new("large", bytes);
    remote.write(&object_location(&object.sha256), &object.bytes).expect("writes");
    let size = object.bytes.len() as u64;
    assert_eq!(receive(remote, "large", &object.sha256, size).expect("reads"), object.bytes);
}

/// A history that git can hold and a run never has.
#[test]
fn a_bundle_that_means_harm_writes_nothing() {
    let desk = Desk::new(PLAN);
    let bundle = desk.path().join("bad.bundle");
    for (number, harm) in ["link", "submodule", "git", "executable", "no run"].into_iter().enumerate() {
        let repository = format!("bad-{number}");
        let dir = desk.path().join(&repository);
        desk.git(".", &["init", "--quiet", "-b", "main", &repository]);
        std::fs::write(dir.join("manifest.json"), "{}").expect("writes");
        let blob = desk.git(&repository, &["hash-object", "-w", "manifest.json"]);
        let entry = |mode: &str, id: &str, path: &str| {
            desk.git(&repository, &["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")])
        };
        entry("100644", &blob, "manifest.json");
        let why = match harm {
            "link" => (entry("120000", &blob, "plots"), "a link").1,
            "submodule" => (entry("160000", &"12".repeat(20), "sub"), "a link").1,
            "executable" => (entry("100755", &blob, "run.sh"), "a link").1,
            "no run" => (desk.git(&repository, &["rm", "--cached", "--quiet", "manifest.json"]), "did not make").1,
            _ => "keeps for itself",
        };
        let tree = if harm == "git" {
            // git itself would not add it.
            let inside = desk.git(&repository, &["write-tree"]);
            let line = format!("040000 tree {inside}\t.GIT\n");
            let made = Command::new("sh")
                .args(["-c", "printf %s \"$0\" | git -C \"$1\" mktree", &line, &dir.display().to_string()])
                .output()
                .expect("git");
            String::from_utf8(made.stdout).expect("an id").trim().to_owned()
        } else {
            desk.git(&repository, &["write-tree"])
        };
        let commit = desk.git(&repository, &["commit-tree", "-m", "x", &tree]);
        desk.git(&repository, &["update-ref", "refs/heads/main", &commit]);
        desk.git(&repository, &["bundle", "create", "--quiet", &bundle.display().to_string(), "main"]);
        let bytes = std::fs::read(&bundle).expect("a bundle");
        let sha256 = sha256_hex(&bytes);
        let manifest = serde_json::json!({
            "format": "oci-agent publication", "version": 1, "run": "x", "branch": "main", "commit": commit, "tree": tree,
            "tags": {}, "files": [{"name": "x.bundle", "kind": "application/x-git-bundle", "bytes": bytes.len(), "sha256": sha256}],
        });
        for folder in ["manifests", "objects/sha256"] {
            std::fs::create_dir_all(desk.path().join("shelf").join(folder)).expect("a folder");
        }
        std::fs::write(desk.path().join("shelf/objects/sha256").join(&sha256), &bytes).expect("writes");
        std::fs::write(desk.path().join(format!("shelf/manifests/x-{commit}.json")), manifest.to_string())
            .expect("writes");
        let before = desk.everything(".");
        let fetched = desk.oci(&["fetch", &format!("{}/manifests/x-{commit}.json", desk.shelf()), "-o", "back"]);
        assert!(
            matches!(fetched.code, 2 | 3) && fetched.stderr.contains(why),
            "{harm}: {} {}",
            fetched.code,
            fetched.stderr
        );
        assert_eq!(desk.everything("."), before, "{harm}");
    }
}

#[test]
fn an_address_that_cannot_be_meant_is_refused_with_what_to_write() {
    let desk = Desk::with_a_run();
    for (to, says) in [
        ("shelf", "file:///srv/runs"),
        ("/srv/runs", "file:///srv/runs"),
        ("https://example.org/runs", "https:// is not among the stores"),
        ("s3://", "names no bucket"),
        ("file://srv/runs", "three slashes"),
        ("s3://AKIAEXAMPLE:wJalrXUtnFEMI@bucket/runs", "environment"),
        ("az://box/runs?sig=wJalrXUtnFEMI", "environment"),
    ] {
        let refused = desk.refuses(&["publish", "out", "--to", to], 2, says);
        assert!(!refused.stderr.contains("wJalrXUtnFEMI"), "{}", refused.stderr);
    }
    let refused = desk.oci(&["fetch", "s3://bucket/runs", "-o", "back"]);
    assert!(refused.code == 2 && refused.stderr.contains("not the address of a manifest"), "{}", refused.stderr);
}
