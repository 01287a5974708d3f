//! Damaged files by the thousand: no panic that gets out, no abort, no piece of memory beyond the bound. `OCI_FUZZ` is their
//! number (a few thousand without it), `OCI_FUZZ_SEED` the first seed; a failure names the seed of its case.

use super::*;
use crate::allocations;
use polars_core::prelude::{DataType, NamedFrom as _, Series};
use polars_io::parquet::write::ParquetCompression;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The limit that the built program enforces; `parquet_bounds` has its reason.
fn bound(bytes: usize) -> usize {
    (64 << 20) + (32 << 10) * bytes
}

#[allow(clippy::disallowed_methods, reason = "only this helper looks at the environment, for more cases")]
fn cases(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("OCI_FUZZ_SEED").unwrap_or(0);
    first..first + number("OCI_FUZZ").unwrap_or(default)
}

/// Small files of every type that is read, compressed and not, with one row group and several, with and without nulls.
fn parquet_seeds(dir: &Path) -> Vec<Vec<u8>> {
    let rows = 60;
    let number = |i: usize| (i % 7 != 3).then_some(i as f64 / 3.0);
    let columns = || {
        vec![
            Column::new("t".into(), (0..rows).map(|i| i % 2 == 0).collect::<Vec<_>>()),
            Column::new("y".into(), (0..rows).map(number).collect::<Vec<_>>()),
            Column::new("k".into(), (0..rows).map(|i| i as i64 * 1_000_003).collect::<Vec<_>>()),
            Column::new("s".into(), (0..rows).map(|i| (i % 5) as i32).collect::<Vec<_>>()),
            Column::new("f".into(), (0..rows).map(|i| i as f32).collect::<Vec<_>>()),
            Column::new("g".into(), (0..rows).map(|i| ["a", "bb", "ccc"][i % 3]).collect::<Vec<_>>()),
            Column::new("id".into(), (0..rows).map(|i| format!("unit number {i}")).collect::<Vec<_>>()),
            Series::new("d".into(), (0..rows).map(|i| i as i32).collect::<Vec<_>>())
                .cast(&DataType::Date)
                .expect("dates")
                .into(),
        ]
    };
    let compressions = [
        ParquetCompression::Uncompressed,
        ParquetCompression::Snappy,
        ParquetCompression::Zstd(None),
        ParquetCompression::Lz4Raw,
        ParquetCompression::Gzip(None),
        ParquetCompression::Brotli(None),
    ];
    let mut seeds = Vec::new();
    for compression in compressions {
        for row_group in [rows, 25] {
            let path = dir.join("seed.parquet");
            let file = std::fs::File::create(&path).expect("a file");
            let mut frame = DataFrame::new(rows, columns()).expect("a frame");
            let writer = ParquetWriter::new(file).with_compression(compression).with_row_group_size(Some(row_group));
            writer.finish(&mut frame).expect("written");
            seeds.push(std::fs::read(&path).expect("bytes"));
        }
    }
    seeds
}

/// A few bytes changed, bits flipped, pieces repeated, cut out, or put in the place of others.
fn mutated(seed: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let n = bytes.len().max(1);
        let at = random.random_range(0..n);
        let piece = at..(at + random.random_range(1..=16)).min(bytes.len());
        match random.random_range(0..8) {
            0..=3 => bytes[at] = random.random(),
            4 => bytes[at] ^= 1 << random.random_range(0..8),
            5 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n'][random.random_range(0..8)],
            6 => {
                let copied = bytes[piece.clone()].to_vec();
                let to = random.random_range(0..n - copied.len().min(n - 1));
                for (place, byte) in bytes.iter_mut().skip(to).zip(copied) {
                    *place = byte;
                }
            }
            _ if random.next_u32().is_multiple_of(8) => drop(bytes.drain(piece)),
            _ => bytes[piece].fill(0xff),
        }
    }
    bytes
}

/// Reads every mutation; how many were still readable.
fn survive(name: &str, seeds: &[Vec<u8>], dir: &Path, cases: std::ops::Range<u64>) -> usize {
    let path = dir.join(name);
    let mut read_well = 0;
    for case in cases {
        let mut random = ChaCha8Rng::seed_from_u64(case);
        let seed = &seeds[random.random_range(0..seeds.len())];
        let bytes = mutated(seed, &mut random);
        std::fs::write(&path, &bytes).expect("a file");
        // Were the program to abort here, the file would still be there; and its number is the last one printed.
        if case % 10_000 == 0 {
            #[allow(clippy::print_stdout, reason = "a test that aborts has no other way to say where")]
            {
                println!("{name}: case {case}, {read_well} readable");
            }
        }
        let (largest, outcome) = allocations::largest_while(|| {
            read(name, dir, &Overrides::new()).map(|table| {
                let _ = table.document();
                let _ = table.analyse(&request(&["k"]));
            })
        });
        assert!(largest <= bound(bytes.len()), "{name}, case {case}: {largest} bytes at once");
        read_well += usize::from(outcome.is_ok());
    }
    read_well
}

#[test]
fn damaged_parquet_files_are_read_or_refused() {
    let dir = folder(&[]);
    let seeds = parquet_seeds(dir.path());
    for seed in &seeds {
        std::fs::write(dir.path().join("d.parquet"), seed).expect("a file");
        read("d.parquet", dir.path(), &Overrides::new()).expect("a seed is readable");
    }
    survive("d.parquet", &seeds, dir.path(), cases(3_000));
}

/// One byte in a page header once asked for two exabytes, which nothing can catch.
#[test]
fn each_byte_of_a_parquet_file_may_be_the_damaged_one() {
    let dir = folder(&[]);
    let path = dir.path().join("d.parquet");
    write_parquet(
        &path,
        vec![Column::new("y".into(), [Some(1.0), None, Some(3.0)]), Column::new("g".into(), ["a", "b", "a"])],
    );
    let whole = std::fs::read(&path).expect("bytes");
    for at in 0..whole.len() {
        for byte in [0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            std::fs::write(&path, &bytes).expect("a file");
            let (largest, _) = allocations::largest_while(|| read("d.parquet", dir.path(), &Overrides::new()).is_ok());
            assert!(largest <= bound(bytes.len()), "byte {at} is {byte:#x}: {largest} bytes at once");
        }
    }
}

#[test]
fn damaged_csv_files_are_read_or_refused() {
    let dir = folder(&[]);
    let quoted = "t,y,k,g\n1,\"2,5\",NA,\"a \"\"b\"\"\"\r\n0,1e3,7,é\r\n1,,8,\"x\ny\"\n".to_owned();
    let seeds: Vec<Vec<u8>> = [GOOD.to_owned(), quoted, GOOD.replace('\n', "\r\n"), format!("\u{feff}{GOOD}")]
        .into_iter()
        .map(String::into_bytes)
        .collect();
    survive("d.csv", &seeds, dir.path(), cases(3_000));
}
