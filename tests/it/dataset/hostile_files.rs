//! Files that are made to take memory or time, or to change under the reader.

use super::*;
use crate::allocations;
use std::io::Write as _;

/// The size of a file that holds almost nothing on the disk.
const VAST: u64 = 1 << 31;

fn refused(name: &str, dir: &Path) -> String {
    let (largest, error) = allocations::largest_while(|| read(name, dir, &Overrides::new()).expect_err("refused"));
    assert!(largest < 256 << 20, "{name}: {largest} bytes at once");
    error.to_string()
}

/// `piece` again and again; the rest of the 2 GiB is a hole, that is zeros.
fn endless(start: &str, piece: &str) -> TempDir {
    let dir = folder(&[]);
    let mut file = std::fs::File::create(dir.path().join("d.csv")).expect("a file");
    file.write_all(start.as_bytes()).expect("the start");
    let block = piece.repeat((1 << 20) / piece.len().max(1));
    for _ in 0..4 {
        file.write_all(block.as_bytes()).expect("a block");
    }
    file.set_len(VAST).expect("a hole");
    dir
}

#[test]
fn zeros_and_lines_without_an_end_take_neither_memory_nor_time() {
    let cases = [
        ("", "", "zero byte"),
        ("t,y\n1,2\n", "", "zero byte"),
        ("", "x", "more than 1,048,576 bytes"),
        ("t,y\n1,", "2", "more than 1,048,576 bytes"),
        ("t,y\n1,\"", "2\n", "quoted value in this row has more than 1,048,576 bytes"),
        ("", "a,", "more than 100,000 columns"),
        ("t,y\n1", ",2", "the header has 2"),
    ];
    for (start, piece, words) in cases {
        let dir = endless(start, piece);
        assert_says(&refused("d.csv", dir.path()), &["d.csv", words]);
    }
}

#[test]
fn a_large_file_that_only_bears_the_name_of_parquet() {
    for start in ["", "PAR1"] {
        let dir = folder(&[("d.parquet", start.as_bytes())]);
        let file = std::fs::OpenOptions::new().write(true).open(dir.path().join("d.parquet")).expect("a file");
        file.set_len(VAST).expect("a hole");
        assert_says(&refused("d.parquet", dir.path()), &["d.parquet", "not a complete Parquet file", "PAR1"]);
    }
}

#[test]
fn more_than_is_read_of_all_files() {
    let dir = folder(&[]);
    for name in ["d.csv", "d.parquet"] {
        std::fs::File::create(dir.path().join(name)).and_then(|file| file.set_len(5 << 30)).expect("a hole");
        assert_says(&refused(name, dir.path()), &[name, "5368709120 bytes", "at most 4294967296"]);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_a_socket_and_a_device_under_the_name_of_a_data_file() {
    let dir = folder(&[]);
    for ending in ["csv", "parquet"] {
        let place = |kind: &str| dir.path().join(format!("{kind}.{ending}"));
        assert!(std::process::Command::new("mkfifo").arg(place("pipe")).status().expect("mkfifo").success());
        let _listener = std::os::unix::net::UnixListener::bind(place("socket")).expect("a socket");
        std::os::unix::fs::symlink("/dev/zero", place("device")).expect("a link");
        for kind in ["pipe", "socket", "device"] {
            let words = format!("it is a {kind}, not a regular file");
            assert_says(&refused(&format!("{kind}.{ending}"), dir.path()), &[&words]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pattern_leaves_out_no_file_in_silence() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = folder(&[("a.csv", b"t,y\n1,2\n0,1\n"), ("note.txt", b"")]);
    std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xFFb.txt")), b"").expect("a file");
    assert!(read("*.csv", dir.path(), &Overrides::new()).is_ok());
    std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xFFb.csv")), b"t,y\n1,2\n").expect("a file");
    assert_says(&refused("*.csv", dir.path()), &["\u{FFFD}b.csv", "not UTF-8"]);
    assert!(read("a.csv", dir.path(), &Overrides::new()).is_ok());
}

/// Readers that look twice see two files; the fingerprint must be that of the numbers.
#[test]
fn a_file_that_is_replaced_while_it_is_read_is_one_of_the_two() {
    for name in ["d.csv", "d.parquet"] {
        let dir = folder(&[]);
        let versions: Vec<Vec<u8>> = [1.0, 2.0].into_iter().map(|value| constant(dir.path(), name, value)).collect();
        let known: Vec<String> = versions
            .iter()
            .map(|bytes| {
                std::fs::write(dir.path().join(name), bytes).expect("a file");
                read(name, dir.path(), &Overrides::new()).expect("good").document().sha256
            })
            .collect();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let draft = dir.path().join("draft");
                for bytes in versions.iter().cycle() {
                    std::fs::write(&draft, bytes).expect("a draft");
                    std::fs::rename(&draft, dir.path().join(name)).expect("replaced");
                    if stop.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                }
            });
            for _ in 0..60 {
                let table = read(name, dir.path(), &Overrides::new()).expect("one or the other");
                let wanted = table.numbers("c0").expect("numbers")[0];
                let consistent = (0..40)
                    .all(|j| table.numbers(&format!("c{j}")).is_some_and(|values| values.iter().all(|v| *v == wanted)));
                let position = known.iter().position(|sha256| *sha256 == table.document().sha256);
                let same = position.map(|i| i as f64 + 1.0) == Some(wanted);
                if !(consistent && same) {
                    stop.store(true, std::sync::atomic::Ordering::SeqCst);
                    panic!("{name}: {consistent}, {position:?} for {wanted}");
                }
            }
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
        });
    }
}

/// 40 columns and 500 rows of one value.
fn constant(dir: &Path, name: &str, value: f64) -> Vec<u8> {
    let columns = (0..40).map(|j| Column::new(format!("c{j}").into(), vec![value; 500]));
    if name == "d.parquet" {
        let path = dir.join("made.parquet");
        write_parquet(&path, columns.collect());
        return std::fs::read(path).expect("bytes");
    }
    let header: Vec<String> = (0..40).map(|j| format!("c{j}")).collect();
    let row = vec![value.to_string(); 40].join(",") + "\n";
    (header.join(",") + "\n" + &row.repeat(500)).into_bytes()
}

/// A reader that parses the footer again for each column takes sixteen times the memory for four times the columns.
#[test]
fn parquet_is_read_in_time_linear_in_columns() {
    let dir = folder(&[]);
    let asked_for = |n: usize| {
        let columns = (0..n).map(|j| Column::new(format!("c{j}").into(), [1.0_f64, 2.0, j as f64]));
        write_parquet(&dir.path().join("d.parquet"), columns.collect());
        let (asked_for, table) = allocations::total_of(|| read("d.parquet", dir.path(), &Overrides::new()));
        assert_eq!(table.expect("readable").document().columns.len(), n);
        asked_for
    };
    let (few, many) = (asked_for(250), asked_for(1_000));
    assert!(many < few * 6, "{few} bytes for 250 columns, {many} for 1,000");
}

/// With a header compared name by name this test takes over a minute instead of seconds.
#[test]
fn csv_with_the_most_columns_is_read_and_one_more_is_refused() {
    let dir = folder(&[]);
    let wide = |n: usize| {
        let header: Vec<String> = (0..n).map(|j| format!("a_rather_long_name_of_a_column_{j}")).collect();
        let row = vec!["1"; n].join(",") + "\n";
        std::fs::write(dir.path().join("d.csv"), header.join(",") + "\n" + &row + &row).expect("a file");
    };
    wide(100_000);
    let table = read("d.csv", dir.path(), &Overrides::new()).expect("readable");
    assert_eq!(table.document().columns.len(), 100_000);
    wide(100_001);
    assert_says(&refused("d.csv", dir.path()), &["line 1", "more than 100,000 columns"]);
}
