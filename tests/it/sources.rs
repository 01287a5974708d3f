//! `data.source` as the address of an object: what a command prints and records is what it would be for a local file.

use crate::cli::Ran;
use crate::publish::bucket::{Bucket, Manner, SECRET, of_server};
use crate::publish::{Desk, PLAN};
use oci_agent::text::sha256::sha256_hex;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

const ADDRESS: &str = "s3://shelf/studies/data.csv";
const PATH: &str = "/shelf/studies/data.csv";

/// A desk whose plan names an object of a bucket that has the desk's data.
struct Shelf {
    desk: Desk,
    bucket: Bucket,
}

impl Shelf {
    fn new() -> Shelf {
        let shelf = Shelf { desk: Desk::new(PLAN), bucket: Bucket::start() };
        shelf.bucket.put(PATH, &shelf.data());
        shelf.write("url.yaml", &with_source(ADDRESS));
        shelf
    }

    fn data(&self) -> Vec<u8> {
        std::fs::read(self.desk.path().join("data.csv")).expect("data")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.desk.path().join(name), text).expect("writes");
    }

    fn json(&self, path: &str) -> Value {
        let bytes = std::fs::read(self.desk.path().join(path)).expect(path);
        serde_json::from_slice(&bytes).expect("JSON")
    }

    fn oci(&self, args: &[&str]) -> Ran {
        let environment = self.bucket.environment();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ran = self.desk.oci_in(&environment, args);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(SECRET) && !text.contains("AKIAEXAMPLE"), "{text}");
        }
        ran
    }

    /// Refused with this code and these words; no run was begun.
    fn refuses(&self, args: &[&str], code: i32, says: &[&str]) -> Ran {
        let refused = self.oci(args);
        let words = unwrapped(&refused.stderr);
        assert_eq!(refused.code, code, "{args:?}: {words}");
        for word in says {
            assert!(words.contains(word), "{args:?}: no {word:?} in {words}");
        }
        assert!(!self.desk.path().join("out").exists() && !self.desk.path().join("oci-runs").exists());
        refused
    }

    /// How often each object was read from its first byte since it was asked last.
    fn reads(&self) -> usize {
        self.bucket.heard().iter().filter(|line| line.starts_with("GET ")).count()
    }
}

fn with_source(source: &str) -> String {
    PLAN.replace("{source: data.csv}", &format!("{{source: '{source}'}}"))
}

/// Words that a narrow terminal has on several lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

#[test]
fn an_object_gives_the_answer_of_the_file_and_is_read_once() {
    let shelf = Shelf::new();
    let local = shelf.oci(&["run", "plan.yaml", "--out", "local"]);
    assert!(matches!(local.code, 0 | 1), "{}", local.stderr);
    assert!(shelf.bucket.heard().is_empty(), "nobody is asked about a file");
    let far = shelf.oci(&["run", "url.yaml", "--out", "far"]);
    assert_eq!(far.code, local.code, "{}", far.stderr);
    assert!(far.stderr.contains(&format!("they are read from {ADDRESS}")), "{}", far.stderr);
    assert_eq!(shelf.reads(), 1);
    let (here, there) = (shelf.json("local/results.json"), shelf.json("far/results.json"));
    assert_eq!(here["answers"], there["answers"]);
    assert!(here["answers"].as_array().is_some_and(|answers| !answers.is_empty()));
    let (here, there) = (shelf.json("local/dataset.json"), shelf.json("far/dataset.json"));
    assert_eq!((&here["sha256"], &here["files"]), (&there["sha256"], &there["files"]));
    assert_eq!(there["sha256"], sha256_hex(&shelf.data()));
    assert_eq!(there["source"], ADDRESS);
    let report = std::fs::read_to_string(shelf.desk.path().join("far/report.md")).expect("a report");
    assert!(report.contains(ADDRESS), "the report names where the data are from");
    // Whatever opens data again.
    for args in [
        &["verify", "far"][..],
        &["run", "url.yaml", "--out", "far", "--resume"],
        &["check", "url.yaml"],
        &["estimate", "url.yaml"],
        &["estimate", ADDRESS, "--treatment", "t", "--outcome", "y"],
        &["init", ADDRESS, "--treatment", "t", "--outcome", "y", "-o", "made.yaml"],
        &["sweep", "trim", "far"],
        &["mcp", "url.yaml", "--out", "hosted", "--trust", "s3://shelf/studies"],
    ] {
        let ran = shelf.oci(args);
        // The host of the server has left before it said a word.
        assert!(matches!(ran.code, 0 | 1) || args[0] == "mcp", "{args:?}: {}", ran.stderr);
        assert_eq!(shelf.reads(), 1, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(ADDRESS), "{args:?}: {}", ran.stderr);
    }
    let made = std::fs::read_to_string(shelf.desk.path().join("made.yaml")).expect("a plan");
    assert!(made.contains(ADDRESS), "{made}");
    // An audit asks nobody, and says so.
    let audited = shelf.oci(&["audit", "far"]);
    assert_eq!(shelf.reads(), 0);
    assert!(
        unwrapped(&audited.stdout).contains("is read from a store, which an audit does not ask"),
        "{}",
        audited.stdout
    );
}

/// The folders of an object are columns, as those of a file are.
#[test]
fn parquet_comes_from_the_other_clouds_too() {
    let shelf = Shelf::new();
    let parquet =
        std::fs::read("tests/fixtures/field-cases/27-hive-partitions/d/region=north/part-0.parquet").expect("a file");
    shelf.bucket.put("/shelf/region=north/part-0.parquet", &parquet);
    shelf.bucket.put("/shelf/region%3Dnorth/part-0.parquet", &parquet);
    // As the client writes it for Google.
    shelf.bucket.put("/shelf/region%3Dnorth%2Fpart%2D0%2Eparquet", &parquet);
    let endpoint = shelf.bucket.environment()[0].1.clone();
    let environment = [
        ("GOOGLE_BASE_URL", endpoint.as_str()),
        ("GOOGLE_BEARER_TOKEN", SECRET),
        ("AZURE_STORAGE_ENDPOINT", &endpoint),
        ("AZURE_SKIP_SIGNATURE", "true"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    let near = "tests/fixtures/field-cases/27-hive-partitions/d/region=north/part-0.parquet";
    let near = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(near);
    for source in [
        "gs://shelf/region=north/part-0.parquet",
        "az://shelf/region=north/part-0.parquet",
        near.to_str().expect("text"),
    ] {
        let ran =
            shelf.desk.oci_in(&environment, &["init", source, "--treatment", "none", "--outcome", "none", "-o", "-"]);
        let names = unwrapped(&ran.stderr);
        assert!(ran.code == 2 && names.contains("Its columns are:"), "{source}: {names}: {:?}", shelf.bucket.heard());
        assert!(names.contains("region"), "{names}");
    }
}

#[test]
fn a_connection_that_is_lost_goes_on_where_it_stopped() {
    let shelf = Shelf::new();
    shelf.bucket.answers(Manner::Cut(2, None));
    let checked = shelf.oci(&["check", "url.yaml", "--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(checked.stdout.contains(&sha256_hex(&shelf.data())), "{}", checked.stdout);
    assert_eq!(shelf.reads(), 3, "the whole, and twice the rest");
}

#[test]
fn an_object_that_changes_or_never_arrives_ends_the_command_with_nothing_written() {
    let shelf = Shelf::new();
    let run = ["run", "url.yaml", "--out", "out"];
    let mut other = shelf.data();
    *other.last_mut().expect("a byte") = b' ';
    shelf.bucket.answers(Manner::Cut(1, Some(other)));
    shelf.refuses(&run, 3, &["was changed while it was read", "url.yaml:3:", ADDRESS]);
    shelf.bucket.answers(Manner::Endless);
    shelf.refuses(&run, 3, &["was changed while it was read"]);
    shelf.bucket.answers(Manner::Cut(1000, None));
    shelf.refuses(&run, 3, &["could not read s3://shelf/studies/data.csv", "bytes had arrived", "url.yaml:3:"]);
}

#[test]
fn a_run_goes_on_with_the_bytes_that_it_began_with_and_no_others() {
    let shelf = Shelf::new();
    let ran = shelf.oci(&["run", "url.yaml", "--out", "begun"]);
    assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
    let before = shelf.desk.everything("begun");
    let mut other = shelf.data();
    other.extend_from_slice(b"1,2,0.5,0.5\n");
    shelf.bucket.put(PATH, &other);
    let far = shelf.oci(&["run", "url.yaml", "--out", "begun", "--resume"]);
    assert!(far.code != 0 && far.stderr.contains("Data-SHA256"), "{}: {}", far.code, far.stderr);
    assert_eq!(shelf.desk.everything("begun"), before);
    let verified = shelf.oci(&["verify", "begun"]);
    assert!(verified.code == 1 && verified.stdout.contains("Data-SHA256"), "{}: {}", verified.code, verified.stdout);
}

#[test]
fn what_cannot_be_had_is_named_with_its_line_and_the_fix() {
    let shelf = Shelf::new();
    let check = ["check", "url.yaml"];
    let said = |code: &str| format!("<Error><Code>{code}</Code><Message>Words of {SECRET}</Message></Error>");
    for (manner, code, says) in [
        (
            Manner::Refusing("404 Not Found", said("NoSuchBucket")),
            2,
            &["is not there", "NoSuchBucket", "bucket and object"][..],
        ),
        (
            Manner::Refusing("403 Forbidden", said("AccessDenied")),
            3,
            &["may not be read", "AccessDenied", "AWS_ACCESS_KEY_ID"],
        ),
        (
            Manner::Refusing("401 Unauthorized", said("InvalidAccessKeyId")),
            3,
            &["may not be read", "AWS_SECRET_ACCESS_KEY"],
        ),
        (Manner::Refusing("301 Moved Permanently", said("PermanentRedirect")), 3, &["region", "AWS_REGION"]),
    ] {
        shelf.bucket.answers(manner);
        shelf.refuses(&check, code, &[says, &["url.yaml:3:", ADDRESS]].concat());
    }
    shelf.bucket.answers(Manner::Honest);
    shelf.bucket.heard();
    for (source, says) in [
        ("s3://shelf/nothing.csv", &["is not there: ", "NoSuchKey"][..]),
        ("http://shelf/x.csv", &["http:// is not among the stores", "s3://"]),
        ("ftp://shelf/x.csv", &["ftp:// is not among the stores"]),
        ("s3://shelf/../../etc/passwd", &["has `.` or `..` in it"]),
        ("s3://shelf/%2e%2e/etc/passwd.csv", &["has `.` or `..` in it"]),
        ("s3://../etc/passwd.csv", &["a bucket that cannot be one"]),
        ("s3://shelf/part-*.csv", &["is a pattern", "%2A"]),
        ("s3://shelf/studies/", &["names no object"]),
        ("s3://shelf//data.csv", &["two slashes"]),
        ("s3://shelf/data.csv.gz", &["it is compressed", "gunzip"]),
        ("s3://shelf/data.xlsx", &["it is a spreadsheet"]),
        ("file://data.csv", &["not the whole path"]),
    ] {
        shelf.write("bad.yaml", &with_source(source));
        shelf.refuses(&["check", "bad.yaml"], 2, &[says, &["bad.yaml:3:"]].concat());
        let asked = shelf.bucket.heard();
        assert_eq!(asked.is_empty(), source != "s3://shelf/nothing.csv", "{source}: {asked:?}");
    }
    shelf.write("graph.yaml", &with_source("data.csv").replace("loop:", "graph: s3://shelf/graph.dot\nloop:"));
    shelf.refuses(&["check", "graph.yaml"], 2, &["a graph is read from a file of this machine", "beside the plan"]);
    // Names that are odd, and nothing else.
    for (source, path) in [
        ("s3://shelf/a b+c.csv", "/shelf/a%20b%2Bc.csv"),
        ("s3://shelf/gr%C3%B6%C3%9Fe%5B1%5D.csv", "/shelf/gr%C3%B6%C3%9Fe%5B1%5D.csv"),
    ] {
        shelf.bucket.put(path, &shelf.data());
        shelf.write("odd.yaml", &with_source(source));
        let checked = shelf.oci(&["check", "odd.yaml"]);
        assert_eq!(checked.code, 0, "{}: {:?}", checked.stderr, shelf.bucket.heard());
    }
    let nobody: Vec<(&str, String)> = of_server("http://127.0.0.1:9".to_owned()).into();
    let nobody: Vec<(&str, &str)> = nobody.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = shelf.desk.oci_in(&nobody, &check);
    assert!(refused.code == 3 && unwrapped(&refused.stderr).contains("could not read"), "{}", refused.stderr);
    let plain: Vec<(&str, &str)> = nobody.iter().copied().filter(|it| it.0 != "AWS_ALLOW_HTTP").collect();
    let refused = shelf.desk.oci_in(&plain, &check);
    assert!(refused.code == 2 && refused.stderr.contains("AWS_ALLOW_HTTP=true"), "{}", refused.stderr);
}

/// The client goes where a server sends it, and the key does not.
#[test]
fn a_key_is_not_sent_to_where_a_server_sends_the_reader() {
    let (shelf, other) = (Shelf::new(), Bucket::start());
    other.put(PATH, &shelf.data());
    shelf.bucket.answers(Manner::Elsewhere(other.environment()[0].1.clone()));
    let checked = shelf.oci(&["check", "url.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(shelf.bucket.signed() > 0 && other.heard().len() == 2);
    assert_eq!(other.signed(), 0);
}

#[test]
fn a_secret_in_a_plan_is_refused_and_not_repeated() {
    let shelf = Shelf::new();
    for (source, variable) in [
        (format!("s3://AKIA:{SECRET}@shelf/data.csv"), "AWS_SECRET_ACCESS_KEY"),
        (format!("s3://shelf/data.csv?X-Amz-Signature={SECRET}"), "AWS_SECRET_ACCESS_KEY"),
        (format!("az://shelf/data.csv?sv=1&sig={SECRET}"), "AZURE_STORAGE_SAS_TOKEN"),
        (format!("gs://{SECRET}@shelf/data.csv"), "GOOGLE_APPLICATION_CREDENTIALS"),
        (format!("https://shelf.s3.amazonaws.com/data.csv?X-Amz-Signature={SECRET}"), "environment"),
    ] {
        shelf.write("bad.yaml", &with_source(&source));
        // The helper holds what is said against the secret.
        shelf.refuses(&["check", "bad.yaml"], 2, &["was not used", variable, "bad.yaml:3:"]);
        shelf.refuses(&["check", "bad.yaml", "--json"], 2, &["was not used"]);
        shelf.refuses(&["run", "bad.yaml", "--out", "out"], 2, &["was not used"]);
        shelf.refuses(&["init", &source, "--treatment", "t", "--outcome", "y", "-o", "-"], 2, &["was not used"]);
        let set = format!("data.source={source}");
        shelf.refuses(&["check", "plan.yaml", "--set", &set], 2, &["was not used"]);
        // Nor beside a problem of a neighbouring line.
        shelf.write("bad.yaml", &with_source(&source).replace("question: Q?", "question: []"));
        shelf.refuses(&["check", "bad.yaml"], 2, &["was not used"]);
    }
    assert!(shelf.bucket.heard().is_empty());
}

#[cfg(unix)]
#[test]
fn a_file_address_is_the_path_in_it() {
    let shelf = Shelf::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = elsewhere.path().join("my data.csv");
    std::fs::write(&path, shelf.data()).expect("data");
    let path = path.to_str().expect("text");
    let mut told = Vec::new();
    for source in [path.to_owned(), format!("file://{path}"), format!("file://{}", path.replace(' ', "%20"))] {
        shelf.write("file.yaml", &with_source(&source));
        let checked = shelf.oci(&["check", "file.yaml"]);
        assert!(checked.code == 0 && checked.stderr.contains("they are read from"), "{source}: {}", checked.stderr);
        // A model sees nothing of it without consent.
        let model = with_source(&source)
            .replace("loop:", "critic: {provider: openai, model: m, base_url: 'http://127.0.0.1:9'}\nloop:");
        shelf.write("model.yaml", &model);
        let refused = shelf.refuses(&["run", "model.yaml", "--out", "out"], 2, &["not in its folder"]);
        told.push((checked.stderr, refused.stderr));
    }
    assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    assert!(shelf.bucket.heard().is_empty());
}

#[test]
fn a_model_sees_nothing_of_an_object_without_consent() {
    let shelf = Shelf::new();
    let model = "critic: {provider: openai, model: m, base_url: 'http://127.0.0.1:9'}\nloop:";
    shelf.write("model.yaml", &with_source(ADDRESS).replace("loop:", model));
    let run = ["run", "model.yaml", "--out", "out"];
    shelf.refuses(&run, 2, &["not in its folder", ADDRESS, "--trust s3://shelf/studies"]);
    for other in ["s3://shelf/stud", "s3://other", "gs://shelf", "/"] {
        shelf.refuses(&[&run[..], &["--trust", other]].concat(), 2, &["--trust s3://shelf/studies"]);
    }
    // With consent it comes as far as the model, which is not there.
    let ran = shelf.oci(&[&run[..], &["--trust", "s3://shelf/studies"]].concat());
    assert!(!ran.stderr.contains("not in its folder"), "{}", ran.stderr);
}

#[test]
fn an_experiment_and_its_metrics_come_from_a_bucket() {
    let shelf = Shelf::new();
    let (mut people, mut orders) = (String::from("unit,arm\n"), String::from("unit,amount\n"));
    for unit in 0..200 {
        people.push_str(&format!("{unit},{}\n", if unit % 2 == 0 { "a" } else { "b" }));
        for order in 0..unit % 4 {
            orders.push_str(&format!("{unit},{}\n", order + unit % 7));
        }
    }
    for (name, text) in [("people.csv", &people), ("orders.csv", &orders)] {
        shelf.write(name, text);
        shelf.bucket.put(&format!("/shelf/{name}"), text.as_bytes());
    }
    let plan = |folder: &str| {
        format!(
            "title: T\nquestion: Q?\ndesign: experiment\ndata: {{source: '{folder}people.csv'}}\n\
             assignment: {{column: arm, control: a, unit_id: unit}}\nmetrics:\n  sales: {{source: '{folder}orders.csv', expression: sum(amount)}}\n  \
             orders: {{source: '{folder}orders.csv', expression: count()}}\n"
        )
    };
    shelf.write("near.yaml", &plan(""));
    shelf.write("far.yaml", &plan("s3://shelf/"));
    let near = shelf.oci(&["run", "near.yaml", "--out", "near"]);
    let far = shelf.oci(&["run", "far.yaml", "--out", "far"]);
    assert!(near.code == far.code && matches!(far.code, 0 | 1), "{}{}", near.stderr, far.stderr);
    assert_eq!(shelf.reads(), 2, "each table once, though two metrics are of one");
    for object in ["s3://shelf/people.csv", "s3://shelf/orders.csv"] {
        assert!(far.stderr.contains(&format!("they are read from {object}")), "{}", far.stderr);
    }
    let effects = |run: &str| shelf.json(&format!("{run}/results.json"))["effects"].clone();
    assert!(effects("near").is_array() && effects("near") == effects("far"));
    let verified = shelf.oci(&["verify", "far"]);
    assert!(verified.code == 0 && shelf.reads() == 2, "{}{}", verified.stdout, verified.stderr);
    let init = [
        "init",
        "s3://shelf/people.csv",
        "--experiment",
        "--assignment",
        "arm",
        "--events",
        "s3://shelf/orders.csv",
        "--unit",
        "unit",
        "-o",
        "-",
    ];
    let made = shelf.oci(&init);
    assert!(made.code == 0 && made.stdout.contains("s3://shelf/orders.csv"), "{}{}", made.stdout, made.stderr);
    shelf.bucket.heard();
    // A metric whose object is not there is named at its own line.
    shelf.write(
        "bad.yaml",
        &plan("s3://shelf/")
            .replace("s3://shelf/orders.csv', expression: count", "s3://shelf/none.csv', expression: count"),
    );
    let refused = shelf.oci(&["check", "bad.yaml"]);
    assert!(refused.code == 2 && refused.stderr.contains("bad.yaml:8:"), "{}", refused.stderr);
    shelf.bucket.answers(Manner::Refusing("403 Forbidden", String::new()));
    let refused = shelf.oci(&["check", "far.yaml"]);
    assert!(refused.code == 3 && refused.stderr.contains("far.yaml:4:"), "{}: {}", refused.code, refused.stderr);
}

/// However it ends, no copy stays.
#[cfg(unix)]
#[test]
fn no_copy_stays_on_the_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let shelf = Shelf::new();
    let kept = shelf.desk.path().join("tmp");
    std::fs::create_dir(&kept).expect("a folder");
    let command = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oci-agent"));
        command.args(args).current_dir(shelf.desk.path()).env("TMPDIR", &kept).envs(shelf.bucket.environment());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let empty = || std::fs::read_dir(&kept).expect("a folder").count() == 0;
    assert!(command(&["check", "url.yaml"]).status().expect("runs").success() && empty());
    shelf.bucket.answers(Manner::Stalled);
    for (args, signal) in [
        (&["check", "url.yaml"][..], "-INT"),
        (&["run", "url.yaml", "--out", "out"], "-INT"),
        (&["check", "url.yaml"], "-KILL"),
    ] {
        shelf.bucket.heard();
        let mut child = command(args).spawn().expect("starts");
        let waits = |limit: u32, done: &mut dyn FnMut() -> bool| {
            (0..limit).any(|_| {
                done() || {
                    std::thread::sleep(Duration::from_millis(20));
                    false
                }
            })
        };
        assert!(waits(1000, &mut || shelf.bucket.heard().iter().any(|line| line.starts_with("GET"))), "{args:?}");
        // Where the system shows them, the open files: one without a name, which nobody else may read.
        if let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", child.id())) {
            std::thread::sleep(Duration::from_millis(200));
            let named = |path: &std::path::Path| std::fs::read_link(path).unwrap_or_default().display().to_string();
            let copies: Vec<_> =
                open.flatten().map(|entry| entry.path()).filter(|path| named(path).contains(".oci-agent-")).collect();
            assert_eq!(copies.len(), 1, "{args:?}");
            assert!(named(&copies[0]).ends_with("(deleted)"));
            assert_eq!(std::fs::metadata(&copies[0]).expect("facts").mode() & 0o777, 0o600);
        }
        assert!(empty());
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill").success());
        assert!(waits(500, &mut || child.try_wait().expect("a child").is_some()), "{args:?} does not end");
        let code = child.wait().expect("ended").code();
        assert!(signal == "-KILL" || code == Some(3), "{args:?}: {code:?}");
        assert!(empty() && !shelf.desk.path().join("out").exists(), "{args:?}");
    }
}

/// A real server on loopback, as `publish::bucket` says.
#[test]
#[allow(clippy::disallowed_methods, reason = "opt-in: the environment says where the server is")]
fn a_real_server_has_the_data_of_a_plan() {
    let (Ok(url), Ok(endpoint)) = (std::env::var("OCI_S3_URL"), std::env::var("OCI_S3_ENDPOINT")) else { return };
    let shelf = Shelf::new();
    let environment = of_server(endpoint);
    let settings: Vec<(String, String)> = environment.iter().map(|it| (it.0.to_owned(), it.1.clone())).collect();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let folder = oci_agent::text::object_address::ObjectAddress::read(&url).expect("an address");
    let remote = oci_agent::objects::Remote::open(&folder, &settings).expect("a bucket");
    let name = format!("data {}.csv", std::process::id());
    remote.write(&name, &shelf.data()).expect("writes");
    shelf.write("real.yaml", &with_source(&format!("{url}/{name}")));
    let checked = shelf.desk.oci_in(&environment, &["check", "real.yaml", "--json"]);
    assert!(checked.code == 0 && checked.stdout.contains(&sha256_hex(&shelf.data())), "{}", checked.stderr);
    for (source, says) in
        [(format!("{url}/none.csv"), "NoSuchKey"), ("s3://no-such-bucket-here/x.csv".to_owned(), "NoSuchBucket")]
    {
        shelf.write("real.yaml", &with_source(&source));
        let refused = shelf.desk.oci_in(&environment, &["check", "real.yaml"]);
        assert!(refused.code == 2 && unwrapped(&refused.stderr).contains(says), "{}", refused.stderr);
    }
}
