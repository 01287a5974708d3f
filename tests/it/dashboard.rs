//! `oci-agent dashboard` and `oci-agent serve`: a page of many runs.

mod browser;
mod served;
mod world;

use crate::cli::{Ran, oci_agent};
use browser::Browser;
use oci_agent::report::dashboard::{Mode, policy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use world::{EVIL_FOLDER, STUDY, World, at, copy, data, git, shared};

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(here) = waiting.pop() {
        for entry in std::fs::read_dir(here).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(
                    path.strip_prefix(folder).expect("inside").to_owned(),
                    std::fs::read(&path).expect("a file"),
                );
            }
        }
    }
    found
}

fn site(world: &World, name: &str) -> (PathBuf, Ran) {
    let ran = oci_agent(world.path(), &["dashboard", "runs", "-o", name, "--json"]);
    (world.path().join(name), ran)
}

/// The row of a run in the page.
#[track_caller]
fn row<'a>(page: &'a str, slug: &str) -> &'a str {
    let start = page.find(&format!("<tr role=\"row\" id=\"run-{slug}\"")).unwrap_or_else(|| panic!("no row {slug}"));
    let length = page[start..].find("</tr>").expect("its end");
    &page[start..start + length]
}

#[test]
fn every_run_is_a_row_and_none_takes_the_page_down() {
    let (site, ran) = site(shared(), "site-rows");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let told: Value = serde_json::from_str(ran.stdout.trim()).expect("one line of JSON");
    assert_eq!((&told["event"], &told["runs"], &told["unreadable"]), (&json!("dashboard"), &json!(13), &json!(4)));
    let page = std::fs::read_to_string(site.join("index.html")).expect("a page");
    for (slug, words) in [
        ("checkout", &["● finished", "SHIP", "One-page checkout"][..]),
        ("blind", &["■ stopped", "still blind", "last step"]),
        ("first-layout", &["■ stopped", "still blind"]),
        ("shallow", &["● finished", "a shallow clone", "ATE: "]),
        ("damaged", &["✘ cannot be read", "is damaged or missing on the disk"]),
        ("newer-marker", &["✘ cannot be read", "newer oci-agent (layout 9)"]),
        ("newer-manifest", &["✘ cannot be read", "newer oci-agent (layout 7)"]),
        ("not-json", &["✘ cannot be read", "Results.json cannot be read"]),
        ("no-policy", &["● finished", "is not offered"]),
    ] {
        let row = row(&page, slug);
        words.iter().for_each(|word| assert!(row.contains(word), "{slug}, {word}: {row}"));
    }
    // Two of one name, and a branch: each has its own page.
    let letters: Vec<&str> = page
        .match_indices("id=\"run-")
        .map(|(at, _)| page[at + 8..].split('"').next().expect("a name"))
        .filter(|it| it.contains("letters"))
        .collect();
    assert_eq!(letters.len(), 3, "{letters:?}");
    for slug in letters {
        let report = std::fs::read_to_string(site.join("runs").join(slug).join("report.html")).expect("a report");
        assert!(report.contains("Reminder letters") && site.join("runs").join(slug).join("results.json").exists());
    }
    assert!(!site.join("runs/no-policy").exists() && !site.join("runs/damaged").exists());
    // Nothing of the rows of the data leaves the run.
    assert!(!files(&site).keys().any(|path| path.ends_with("units.parquet") || path.ends_with("plan.yaml")));
    assert!(page.contains("2 folders here hold no run"), "notes and a project");
    // What waits: each run that cannot be read, and the two that stopped.
    for words in [
        "Waits for a person (6)",
        "Stopped before its end",
        "oci-agent run runs/blind/plan.yaml --out runs/blind --resume",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // The trend of a question that was asked four times, the shallow clone and `no-policy` among them.
    let card = page.split("<article").find(|card| card.contains("Do letters bring visits?")).expect("a card");
    assert!(card.contains("5 runs") && card.contains("5 estimates over time, in visits: "), "{card}");
    // The ledger: in each folder its own, with links to the runs that are here.
    assert!(page.contains("Answers that were seen in <code>february</code> (1)"), "a ledger");
    assert!(page.contains("Looks at experiments (1)"), "looks");
}

#[test]
fn the_same_runs_at_the_same_moment_are_the_same_bytes_and_a_site_is_made_again_in_place() {
    let world = shared();
    for name in ["site-a", "site-b", "site-b"] {
        assert_eq!(at(1_780_000_000, world.path(), &["dashboard", "runs", "-o", name, "-qq"]), 0);
    }
    assert_eq!(files(&world.path().join("site-a")), files(&world.path().join("site-b")));
    // One run is a site as well, and its folder is known by its name.
    let ran = oci_agent(world.path(), &["dashboard", "runs/checkout", "-o", "site-b"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let names: Vec<String> =
        files(&world.path().join("site-b")).keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, ["index.html", "oci-agent-site.json", "runs/checkout/report.html", "runs/checkout/results.json"]);
}

#[test]
fn a_place_that_is_not_ours_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    copy(&shared().runs().join("checkout"), &dir.join("runs/checkout"));
    std::fs::create_dir_all(dir.join("mine")).expect("a folder");
    std::fs::create_dir_all(dir.join("empty/folder")).expect("a folder");
    std::fs::write(dir.join("mine/thesis.txt"), "all of it").expect("written");
    let before = files(dir);
    for (args, code, words) in [
        (&["runs", "-o", "mine"][..], 2, "not empty and oci-agent did not make it"),
        (&["runs", "-o", "mine/thesis.txt"], 2, "is a file"),
        (&["runs", "-o", "runs"], 2, "where the runs are"),
        (&["runs", "-o", "runs/checkout/site"], 2, "where the runs are"),
        (&["runs", "-o", "mine/../runs/site"], 2, "where the runs are"),
        (&["runs", "-o", "."], 2, "not empty"),
        (&["empty", "-o", "site"], 2, "no run in empty"),
        (&["nowhere", "-o", "site"], 2, "nowhere"),
        (&["mine/thesis.txt", "-o", "site"], 2, "thesis.txt"),
    ] {
        let ran = oci_agent(dir, &[&["dashboard"][..], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.join("mine"), dir.join("link")).expect("a link");
        let ran = oci_agent(dir, &["dashboard", "runs", "-o", "link"]);
        assert!(ran.code == 2 && ran.stderr.contains("is a link"), "{}", ran.stderr);
        // A link among the runs is not followed: this one would lead round in a circle.
        std::os::unix::fs::symlink(dir, dir.join("runs/round")).expect("a link");
        std::fs::remove_file(dir.join("link")).expect("removed");
    }
    let ran = oci_agent(dir, &["dashboard", "runs", "-o", "site"]);
    assert!(ran.code == 0 && ran.stdout.contains("1 run on 1 question, 0 alerts"), "{}{}", ran.stdout, ran.stderr);
    std::fs::remove_dir_all(dir.join("site")).expect("removed");
    #[cfg(unix)]
    std::fs::remove_file(dir.join("runs/round")).expect("removed");
    assert_eq!(files(dir), before, "nothing else was written or deleted");
}

/// A run is read from its commits while another process is at work on it, and that process may start while it is read.
#[test]
fn a_run_that_is_being_written_is_shown_as_far_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    copy(&shared().runs().join("blind"), &dir.join("runs/blind"));
    let page = || {
        let ran = oci_agent(dir, &["dashboard", "runs", "-o", "site"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        std::fs::read_to_string(dir.join("site/index.html")).expect("a page")
    };
    let lock =
        std::fs::OpenOptions::new().append(true).open(dir.join("runs/blind/.git/oci-agent.lock")).expect("a lock");
    lock.lock().expect("held");
    let running = page();
    assert!(row(&running, "blind").contains("▶ running") && running.contains("Nothing waits for a person."));
    drop(lock);
    let stopped = page();
    assert!(row(&stopped, "blind").contains("■ stopped") && stopped.contains("One thing waits for a person."));
    // A file of the folder that was edited, or is half written, is not what is on record.
    std::fs::write(dir.join("runs/blind/plan.yaml"), "half").expect("written");
    std::fs::write(dir.join("runs/blind/results.json"), "{").expect("written");
    assert!(row(&page(), "blind").contains("still blind"));
    // Its first moment: a repository that is marked as ours and has no commit.
    git(&dir.join("runs"), &["init", "--quiet", "new"]);
    git(&dir.join("runs/new"), &["config", "oci-agent.layout", "1"]);
    std::fs::write(dir.join("runs/new/.git/oci-agent.lock"), "").expect("written");
    assert!(row(&page(), "new").contains("Nothing has been committed yet"));
}

#[test]
fn a_run_at_a_gate_waits_for_a_decision() {
    let dir = tempfile::tempdir().expect("a folder");
    data(dir.path(), 300, 0.5, ["t", "y", "a"]);
    std::fs::write(dir.path().join("plan.yaml"), format!("{STUDY}gates: [unblind]\n")).expect("a plan");
    assert_ne!(at(1_767_300_000, dir.path(), &["run", "plan.yaml", "--out", "runs/gated", "-qq"]), 0);
    let ran = oci_agent(dir.path(), &["dashboard", "runs", "-o", "site"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = std::fs::read_to_string(dir.path().join("site/index.html")).expect("a page");
    for words in [
        "One thing waits",
        "Waits for a decision at the gate <code>unblind</code>",
        "oci-agent review runs/gated",
        "still blind",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Stopped before its end"), "told once");
}

#[test]
fn a_folder_that_may_not_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    copy(&shared().runs().join("checkout"), &dir.path().join("runs/checkout"));
    let closed = dir.path().join("runs/closed");
    std::fs::create_dir(&closed).expect("a folder");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("set");
    }
    if std::fs::read_dir(&closed).is_ok() {
        return skipped("this user may read every folder (root), so none can be closed");
    }
    let ran = oci_agent(dir.path(), &["dashboard", "runs", "-o", "site"]);
    assert!(ran.code == 0 && ran.stderr.contains("closed could not be read"), "{}", ran.stderr);
    let page = std::fs::read_to_string(dir.path().join("site/index.html")).expect("a page");
    assert!(page.contains("The folder <code>closed</code> could not be read"), "{page}");
}

/// Read without a browser: nothing of others stands where it could be markup.
#[test]
fn hostile_names_are_text_and_the_policy_names_the_only_script() {
    let (site, _) = site(shared(), "site-text");
    let page = std::fs::read_to_string(site.join("index.html")).expect("a page");
    assert_eq!(page.matches("<script").count(), 1, "ours alone");
    assert_eq!((page.matches("<img").count(), page.matches("<style").count()), (0, 1));
    assert!(page.contains(&format!("content=\"{}\"", policy(Mode::Site))) && !page.contains("unsafe-inline"));
    for words in ["onerror=\"", "onerror=&quot;window.pwned=1", "&lt;script&gt;window.pwned=1", "{{ 7 * 7 }}"] {
        assert_eq!(page.contains(words), !words.ends_with('"'), "{words}");
    }
    // Names of files and addresses are made of harmless characters.
    for path in files(&site).keys() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        assert!(path.to_str().expect("text").chars().all(plain), "{path:?}");
    }
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"), "{EVIL_FOLDER} is told");
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Everything of the page that must hold whoever reads it, as a list of what does not.
const FAULTS: &str = include_str!("dashboard/faults.js");

#[test]
fn a_browser_reads_filters_and_runs_nothing_of_others() {
    let Some(mut browser) = Browser::start() else { return skipped("no Chromium is installed here") };
    let (site, _) = site(shared(), "site-browser");
    let address = format!("file://{}", site.join("index.html").display());
    for (width, scheme) in [(1200, "light"), (1200, "dark"), (360, "light"), (360, "dark")] {
        browser.open(&address, width, scheme, true);
        assert_eq!(browser.value("matchMedia('(prefers-color-scheme: dark)').matches"), json!(scheme == "dark"));
        assert_eq!(browser.value(FAULTS), json!([]), "{width} {scheme}");
        // Opened out, it does not become wider either.
        browser.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
        assert_eq!(browser.value(FAULTS), json!([]), "{width} {scheme}, all open");
        assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    }
    filters(&mut browser, &address);
    // With scripts off everything is there, and nothing offers what cannot be done.
    browser.open(&address, 1200, "light", false);
    let seen = browser.value(
        "[...document.querySelectorAll('#runs ~ .table tbody tr')].every((row) => row.checkVisibility()) \
         && !document.getElementById('find').checkVisibility() && document.querySelectorAll('tbody tr').length > 12",
    );
    assert_eq!(seen, json!(true));
    // The reports themselves, that of the hostile run among them.
    let reports: Vec<PathBuf> = files(&site).into_keys().filter(|path| path.ends_with("report.html")).collect();
    assert_eq!(reports.len(), 6);
    for report in reports {
        browser.open(&format!("file://{}", site.join(report).display()), 1200, "light", true);
        assert_eq!(browser.value("window.pwned === undefined"), json!(true));
    }
}

fn filters(browser: &mut Browser, address: &str) {
    browser.open(address, 1200, "light", true);
    let shown = "[document.querySelectorAll('.runs tbody tr:not([hidden])').length, \
                 document.querySelectorAll('article:not([hidden])').length, document.getElementById('count').textContent]";
    assert_eq!(browser.value(shown), json!([13, 5, "All 13 runs are shown."]));
    let set = |id: &str, what: &str| {
        format!(
            "(() => {{ const it = document.getElementById('{id}'); {what}; it.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
        )
    };
    browser.value(&set("words", "it.value = 'CHECKOUT  page'"));
    assert_eq!(browser.value(shown), json!([1, 1, "1 of 13 runs are shown."]));
    browser.value(&set("words", "it.value = ''"));
    browser.value(&set("state", "it.value = 'unreadable'"));
    assert_eq!(browser.value(shown), json!([4, 0, "4 of 13 runs are shown."]));
    browser.value(&set("state", "it.value = ''"));
    browser.value(&set("verdict", "it.value = 'ship'"));
    assert_eq!(browser.value(shown), json!([1, 1, "1 of 13 runs are shown."]));
    browser.value(&set("waiting", "it.checked = true"));
    assert_eq!(browser.value(shown), json!([0, 0, "0 of 13 runs are shown."]));
    // By keyboard: the button that shows all, and a link to a hidden run.
    browser.value("document.querySelector('#find button').focus()");
    for kind in ["keyDown", "keyUp"] {
        browser.call(
            "Input.dispatchKeyEvent",
            json!({"type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}),
        );
    }
    browser.value("new Promise((done) => setTimeout(done, 50))");
    assert_eq!(browser.value(shown), json!([13, 5, "All 13 runs are shown."]));
    browser.value(&set("verdict", "it.value = 'ship'"));
    browser.value("location.hash = '#run-damaged'");
    browser.value("new Promise((done) => setTimeout(done, 100))");
    assert_eq!(browser.value("document.getElementById('run-damaged').checkVisibility()"), json!(true));
    // What has the focus is seen to have it.
    browser.value("document.querySelector('main a').focus()");
    browser.call(
        "Input.dispatchKeyEvent",
        json!({"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
    );
    let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle");
    assert_ne!(outline, json!("none"));
    assert_eq!(browser.value("document.getElementById('count').getAttribute('aria-live')"), json!("polite"));
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
