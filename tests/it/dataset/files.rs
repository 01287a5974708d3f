//! Files that cannot be read, and the fingerprint of those that can.

use super::*;
use oci_agent::schema::{ColumnKind, ConversionKind};

#[test]
fn empty_file() {
    assert_says(&refusal("").0, &["d.csv", "empty"]);
    assert_says(&refusal("\n\n").0, &["empty"]);
}

#[test]
fn header_only() {
    assert_says(&refusal("t,y,x\n").0, &["d.csv", "3 columns", "`t`", "no row"]);
    assert_says(&refusal("t,y,x").0, &["no row"]);
}

#[test]
fn one_row() {
    assert_says(&refusal("t,y\n1,2\n").0, &["1 row of data"]);
}

#[test]
fn other_separators_are_found_and_named() {
    for (mark, word) in [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")] {
        let t = table(&GOOD.replace(',', mark));
        let document = t.document();
        assert_eq!(document.columns, table(GOOD).document().columns);
        let [note] = document.conversions.as_slice() else { panic!("one note: {:?}", document.conversions) };
        assert_eq!((note.kind, note.column.as_ref()), (ConversionKind::Separator, None));
        assert_eq!(note.examples, [word]);
    }
    for mark in ["~", "^"] {
        let (message, hint) = refusal(GOOD.replace(',', mark));
        assert_says(&message, &["line 1", mark]);
        assert_says(&hint, &["commas"]);
    }
}

#[test]
fn a_separator_inside_quotes_or_in_ragged_rows_is_no_other_separator() {
    assert_eq!(column(&table("t;\"a,b\";y\n1;\"x,y\";2\n0;z;3\n"), "a,b").levels, ["x,y", "z"]);
    assert_says(&refusal("t;y;x\n1;2;3\n0;2\n").0, &["line 3", "2 fields", "3"]);
    assert_eq!(table("only\n1\n2\n").document().columns.len(), 1);
}

#[test]
fn latin_1_is_decoded_and_named() {
    let bytes = b"t,y,na\xEFf\n1,2,M\xFCnster\n0,3,Jos\xE9\n";
    let t = read_csv(bytes).expect("Latin-1");
    assert_eq!(column(&t, "naïf").levels, ["José", "Münster"]);
    let document = t.document();
    assert_eq!(document.conversions.iter().map(|done| done.kind).collect::<Vec<_>>(), [ConversionKind::Windows1252]);
    // The fingerprint is that of the file as it is: printf … | sha256sum
    assert_eq!(document.sha256, "e6efaad499496092fa1e4014067d346061c4903b7a977671d86683c17c4ddfc8");
}

#[test]
fn utf16_is_decoded_and_named() {
    for big in [false, true] {
        let text = "\u{feff}t;y;städt\n1;2,5;é\n0;3,25;ü\n";
        let units = text.encode_utf16();
        let bytes: Vec<u8> = units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        let t = read_csv(&bytes).expect("UTF-16");
        assert_eq!(column(&t, "städt").levels, ["é", "ü"]);
        assert_eq!(t.numbers("y"), Some(&[2.5, 3.25][..]));
        let kinds: Vec<ConversionKind> = t.document().conversions.iter().map(|done| done.kind).collect();
        assert_eq!(kinds, [ConversionKind::Utf16, ConversionKind::Separator, ConversionKind::DecimalComma]);
    }
}

#[test]
fn not_utf8_names_line_and_byte() {
    let (message, hint) = refusal(b"t,y,name\n1,2,ok\n0,3,\xE9\xE8\xE9\xE8\n");
    assert_says(&message, &["line 3", "0xE9", "offset 20"]);
    assert_says(&hint, &["iconv"]);
    let (message, _) = refusal(b"t,y\n1,2\n0,\xC3");
    assert_says(&message, &["line 3", "0xC3", "offset 10"]);
}

#[test]
fn not_utf8_far_into_the_file() {
    // Beyond several read blocks, and with a two-byte character across a block border.
    let mut bytes = b"t,name\n".to_vec();
    while bytes.len() < 700_000 {
        bytes.extend_from_slice("1,é\n".as_bytes());
    }
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    assert_eq!(read_csv(&bytes).expect("valid UTF-8").rows(), lines - 1);
    bytes.extend_from_slice(b"1,\xFF\n");
    assert_says(&refusal(&bytes).0, &[&format!("line {}", lines + 1), "0xFF"]);
}

#[test]
fn damaged_utf16_compressed_and_parquet_under_the_name_csv() {
    assert_says(&refusal(b"\xFF\xFEt\0,\0\0\xD8A\0").0, &["UTF-16"]);
    assert_says(&refusal(b"\x1f\x8b\x08\0").0, &["compressed"]);
    assert_says(&refusal(b"PAR1").1, &[".parquet"]);
}

#[test]
fn duplicate_column_names() {
    assert_says(&refusal("t,y,x,y\n1,2,3,4\n0,2,3,4\n").0, &["columns 2 and 4", "`y`"]);
}

#[test]
fn ragged_rows_name_the_line() {
    assert_says(&refusal("t,y,x\n1,2,3\n0,2\n").0, &["line 3", "2 fields", "3"]);
    assert_says(&refusal("t,y,x\n1,2,3\n0,2,3,4\n").0, &["line 3", "4 fields"]);
    assert_says(&refusal("t,y,x\n1,\"a\nb\",3\n0,2\n").0, &["line 4", "2 fields"]);
}

#[test]
fn stray_and_open_quotes_name_the_line() {
    assert_says(&refusal("t,y\n1,5\" pipe\n0,2\n").0, &["line 2", "quote", "field 2"]);
    assert_says(&refusal("t,y\n1,2\n0,\"open\n1,2\n").0, &["line 3", "never closed"]);
}

#[test]
fn empty_line_in_the_middle() {
    assert_says(&refusal("t,y\n1,2\n\n0,2\n").0, &["line 3", "empty line"]);
    assert_eq!(table("t,y\n1,2\n0,2\n\n\n").rows(), 2);
    assert_eq!(table("t,y\r\n1,2\r\n0,2\r\n\r\n").rows(), 2);
}

#[test]
fn old_mac_line_ends() {
    assert_says(&refusal("t,y\r1,2\r0,3\r").0, &["CR"]);
}

#[test]
fn quoted_text_crlf_and_byte_order_mark_are_understood() {
    let t = table("\u{feff}t,\"the, name\",z\r\n1,\"a \"\"b\"\"\nc\",\"1.5\"\r\n0,plain,2\r\n");
    let names: Vec<String> = t.document().columns.iter().map(|c| c.name.clone()).collect();
    assert_eq!(names, ["t", "the, name", "z"]);
    assert_eq!(column(&t, "the, name").levels, ["a \"b\"\nc", "plain"]);
    assert_eq!(column(&t, "z").kind, ColumnKind::Number);
    assert_eq!(t.rows(), 2);
}

#[test]
fn unnamed_row_numbers_of_r_and_pandas_get_a_name() {
    assert_eq!(table(",t\n1,0\n2,1\n").document().columns[0].name, "column_1");
}

#[test]
fn missing_file_suggests_the_nearest_name() {
    let dir = folder(&[("nhefs.csv", b"a\n1\n2\n"), ("other.parquet", b""), ("notes.txt", b"")]);
    let error = read("nhef.csv", dir.path(), &Overrides::new()).expect_err("missing");
    assert_says(&error.to_string(), &["no file `nhef.csv`", "`nhefs.csv`, `other.parquet`"]);
    assert!(!error.to_string().contains("notes.txt"));
    let error = read("no/such/place.csv", dir.path(), &Overrides::new()).expect_err("missing");
    assert_says(&error.to_string(), &["no file `no/such/place.csv`"]);
    assert_eq!(error.problems()[0].path, "data.source");
}

#[test]
fn directory_instead_of_a_file() {
    let dir = folder(&[("a.csv", b"x\n1\n2\n")]);
    let error = read(".", dir.path(), &Overrides::new()).expect_err("a directory");
    assert_says(&error.to_string(), &["is a directory", "a.csv"]);
}

#[cfg(unix)]
#[test]
fn unreadable_file() {
    let dir = folder(&[]);
    let path = dir.path().join("loop.csv");
    std::os::unix::fs::symlink(&path, &path).expect("a link to itself");
    let error = read("loop.csv", dir.path(), &Overrides::new()).expect_err("unreadable");
    assert!(error.is_io(), "{error}");
    assert_says(&error.to_string(), &["loop.csv", "could not be read"]);
}

#[test]
fn formats_that_are_not_read_say_what_to_do() {
    let dir = folder(&[("d.csv.gz", b"x"), ("d.xlsx", b"x"), ("d.dta", b"x"), ("d", b"x")]);
    for (name, word) in [("d.csv.gz", "compressed"), ("d.xlsx", "spreadsheet"), ("d.dta", "format"), ("d", "ending")] {
        let error = read(name, dir.path(), &Overrides::new()).expect_err(name);
        assert_says(&error.to_string(), &[name, word]);
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn glob_reads_in_name_order_and_matches_columns_by_name() {
    let dir = folder(&[("p2.csv", b"y,t\n3,1\n4,0\n"), ("p1.csv", b"t,y\n1,1\n0,2.5\n"), ("q.csv", b"z\n1\n")]);
    let t = read("p*.csv", dir.path(), &Overrides::new()).expect("two files");
    let document = t.document();
    assert_eq!(document.rows, 4);
    assert_eq!(document.files.keys().collect::<Vec<_>>(), ["p1.csv", "p2.csv"]);
    let a = t.analyse(&request(&[])).expect("good");
    assert_eq!(a.outcome().expect("y").to_vec(), [1.0, 2.5, 3.0, 4.0]);
    assert_eq!(indicators(a.treatment()), [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn glob_with_different_columns() {
    let dir = folder(&[("p1.csv", b"t,y\n1,1\n0,2\n"), ("p2.csv", b"t,yy\n1,1\n0,2\n")]);
    let error = read("p*.csv", dir.path(), &Overrides::new()).expect_err("different");
    assert_says(&error.to_string(), &["`p2.csv`", "`p1.csv`", "`y`", "`yy`"]);
}

#[test]
fn glob_with_a_number_that_becomes_text_in_the_second_file() {
    let dir = folder(&[("p1.csv", b"t,y\n1,1\n0,2\n"), ("p2.csv", b"t,y\n1,1\n0,oops\n")]);
    let t = read("p*.csv", dir.path(), &Overrides::new()).expect("readable");
    let found = t.analyse(&request(&[])).expect_err("mixed");
    assert_says(&found[0].message, &["`y`", "row 4", "`oops`"]);
}

#[test]
fn glob_that_matches_nothing_or_is_no_pattern_or_mixes_formats() {
    let dir = folder(&[("a.csv", b"t\n1\n0\n"), ("b.parquet", b"")]);
    assert_says(&read("z*.csv", dir.path(), &Overrides::new()).expect_err("none").to_string(), &["no file `z*.csv`"]);
    assert_says(&read("a[", dir.path(), &Overrides::new()).expect_err("bad").to_string(), &["pattern"]);
    assert_says(&read("*.*", dir.path(), &Overrides::new()).expect_err("mix").to_string(), &["mixes CSV and Parquet"]);
}

#[test]
fn fingerprint_is_sha256_of_the_bytes() {
    let document = table("a,b\n1,2\n3,4\n").document();
    // printf 'a,b\n1,2\n3,4\n' | sha256sum
    assert_eq!(document.sha256, "b9485148546419a0f6a85e8d708c923557c15d7f3c7d078ef1fa7f7c0f57d5a5");
    assert_eq!(document.files["d.csv"], document.sha256);
    assert_eq!((document.rows, document.columns.len()), (2, 2));
}

#[test]
fn fingerprint_of_several_files_depends_on_each() {
    let sha = |second: &[u8]| {
        let dir = folder(&[("p1.csv", b"t\n1\n"), ("p2.csv", second)]);
        read("p*.csv", dir.path(), &Overrides::new()).expect("two files").document().sha256
    };
    assert_eq!(sha(b"t\n0\n"), sha(b"t\n0\n"));
    assert_ne!(sha(b"t\n0\n"), sha(b"t\n0"));
    // printf '%s\n%s\n' $(printf 't\n1\n' | sha256sum | cut -c-64) $(printf 't\n0\n' | sha256sum | cut -c-64) | sha256sum
    assert_eq!(sha(b"t\n0\n"), "e6c31af7498936639b3546b30d363100378ba02f33947a5f368cd1982e94febd");
}
