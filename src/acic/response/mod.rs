//! The official file of one response: `zymu_<response>.csv` with the columns z, y0, y1, mu0, mu1, one row per unit.
//!
//! y0 and y1 are the outcomes that the unit would have under control and under treatment, mu0 and mu1 their means; an
//! analyst sees one of the four, and never which. So the columns are private here: everybody gets [`Response::observed`],
//! and only the scorer can name [`truth`], which gets the rest.

pub mod truth;

use super::cells::{self, shortened};
use super::observed::Observed;
use causal::arm::Arm;

/// The columns that a file must have.
const COLUMNS: [&str; 5] = ["z", "y0", "y1", "mu0", "mu1"];

/// One response as read. What it holds beyond the observed data is sealed.
pub struct Response {
    z: Vec<f64>,
    y0: Vec<f64>,
    y1: Vec<f64>,
    mu0: Vec<f64>,
    mu1: Vec<f64>,
}

impl Response {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A missing column, a line with another number of fields, something that is no finite number, no rows, or a last
    /// line that does not end, each with its place.
    pub fn parse(text: &str) -> Result<Response, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err("is empty".to_owned());
        }
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').map(bare).collect();
        let places = places(&header)?;
        let mut columns: [Vec<f64>; 5] = Default::default();
        for (i, line) in lines.enumerate() {
            row(line, header.len(), (&places, &mut columns)).map_err(|problem| format!("line {}: {problem}", i + 2))?;
        }
        let [z, y0, y1, mu0, mu1] = columns;
        if z.is_empty() {
            return Err("has no rows below the column names".to_owned());
        }
        cells::ends(text)?;
        Ok(Response { z, y0, y1, mu0, mu1 })
    }

    /// What an analyst sees: z, and y1 of the treated and y0 of the others.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let outcomes = self.z.iter().zip(&self.y0).zip(&self.y1);
        let y = outcomes.map(|((z, y0), y1)| if Arm::decode(*z) == Some(Arm::Treated) { *y1 } else { *y0 }).collect();
        Observed { z: self.z.clone(), y }
    }
}

/// A field without blanks and quotes around it.
fn bare(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field)
}

/// Where each column stands.
fn places(header: &[&str]) -> Result<[usize; 5], String> {
    let mut places = [0; 5];
    let mut missing = Vec::new();
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, column)| **column == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(i), None) => *place = i,
            (Some(_), Some(_)) => return Err(format!("has two columns `{name}`")),
            (None, _) => missing.push(format!("`{name}`")),
        }
    }
    let plural = if missing.len() == 1 { "" } else { "s" };
    if missing.is_empty() { Ok(places) } else { Err(format!("has no column{plural} {}", missing.join(", "))) }
}

/// Adds one line to the columns.
fn row(line: &str, width: usize, (places, columns): (&[usize; 5], &mut [Vec<f64>; 5])) -> Result<(), String> {
    let mut values = [None; 5];
    let mut fields = 0;
    for (i, field) in line.split(',').enumerate() {
        fields += 1;
        for (value, place) in values.iter_mut().zip(places) {
            if *place == i {
                *value = Some(bare(field));
            }
        }
    }
    if fields != width {
        let plural = if fields == 1 { "" } else { "s" };
        return Err(format!(
            "has {fields} field{plural}, and the first line has {width}: the file may have been cut off"
        ));
    }
    for ((column, value), name) in columns.iter_mut().zip(values).zip(COLUMNS) {
        let text = value.unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => column.push(number),
            _ => return Err(format!("`{}` in column `{name}` is not a finite number", shortened(text))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "\"z\",\"y0\",\"y1\",\"mu0\",\"mu1\"\n1,1.5,2.5,1,2\n0,-1,3,-1.25,2e0\n";

    #[test]
    fn the_treated_show_y1_and_the_others_y0() {
        let observed = Response::parse(GOOD).map(|r| r.observed());
        assert_eq!(observed, Ok(Observed { z: vec![1.0, 0.0], y: vec![2.5, -1.0] }));
        let turned = "row,mu1,mu0,y1,y0,z\r\na,2,1,2.5,1.5,1\r\nb,2,-1.25,3,-1,0\r\n";
        assert_eq!(Response::parse(turned).map(|r| r.observed()), observed, "columns go by name");
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        for (text, expected) in [
            ("", "is empty"),
            ("a\n", "has no columns `z`, `y0`, `y1`, `mu0`, `mu1`"),
            ("z,y0,y1,mu0\n1,2,3,4\n", "has no column `mu1`"),
            ("z,z,y0,y1,mu0,mu1\n", "has two columns `z`"),
            ("z,y0,y1,mu0,mu1\n", "has no rows"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4\n", "line 2: has 4 fields"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5\n1,2,NA,4,5\n", "line 3: `NA` in column `y1`"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,inf\n", "line 2: `inf`"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5", "ends in the middle"),
            ("z,y0,y1,mu0,mu1\n1,2,3,4,5\n\n", "line 3: has 1 field,"),
        ] {
            let error = Response::parse(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(z,y0,y1,mu0,mu1\n)?([0-9.,eE\"\n\r -]|NA|z|é){0,60}") {
            if let Ok(response) = Response::parse(&text) {
                let n = response.z.len();
                prop_assert!(n > 0 && [&response.y0, &response.y1, &response.mu0, &response.mu1].iter().all(|c| c.len() == n));
                prop_assert!(response.y0.iter().chain(&response.mu1).all(|v| v.is_finite()));
            }
        }

        #[test]
        fn a_file_that_is_cut_anywhere_is_refused_or_has_too_few_rows(cut in 0usize..GOOD.len()) {
            let read = Response::parse(&GOOD[..cut]);
            prop_assert!(read.is_err() || read.is_ok_and(|r| r.z.len() < 2));
        }

        #[test]
        fn numbers_come_back_to_the_last_bit(rows in prop::collection::vec((any::<bool>(), any::<[f32; 4]>()), 1..20)) {
            prop_assume!(rows.iter().all(|(_, v)| v.iter().all(|x| x.is_finite())));
            let mut text = String::from("z,y0,y1,mu0,mu1\n");
            for (z, v) in &rows {
                text.push_str(&format!("{},{},{},{},{}\n", u8::from(*z), v[0], v[1], v[2], v[3]));
            }
            let read = Response::parse(&text).expect("a good file");
            for (i, (z, v)) in rows.iter().enumerate() {
                prop_assert_eq!(read.z[i] == 1.0, *z);
                prop_assert_eq!(read.mu1[i] as f32, v[3]);
                prop_assert_eq!(read.observed().y[i] as f32, if *z { v[1] } else { v[0] });
            }
        }
    }
}
