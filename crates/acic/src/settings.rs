//! The part of a replay: settings, datasets of them, a share of the work.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// No setting has a larger number; the competition has 77.
pub(crate) const LARGEST: u16 = 9_999;

/// A text that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A word that is no setting.
    #[error(
        "`{word}` is not the number of a setting; write numbers from 1 to {LARGEST} and ranges of them, such as 1-77 or 3,5,10-12"
    )]
    Setting {
        /// The word.
        word: String,
    },
    /// A range whose end comes before its beginning.
    #[error("`{range}` runs backwards; write {last}-{first}")]
    Backwards {
        /// As written.
        range: String,
        /// Its first number.
        first: u16,
        /// Its last number.
        last: u16,
    },
    /// A text that is no share.
    #[error("`{text}` is not a share of the work; write i/n with i from 1 to n, such as 2/8")]
    Shard {
        /// The text.
        text: String,
    },
}

/// A set of settings, written as numbers and ranges: `1-77`, `3,5,10-12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(BTreeSet<u16>);

impl Settings {
    /// `true` if a setting is among them.
    #[must_use]
    pub fn has(&self, setting: u16) -> bool {
        self.0.contains(&setting)
    }

    /// The settings, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<u16> for Settings {
    fn from_iter<I: IntoIterator<Item = u16>>(settings: I) -> Self {
        Settings(settings.into_iter().collect())
    }
}

impl FromStr for Settings {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let mut settings = BTreeSet::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = match part.split_once('-') {
                None => (setting_number(part)?, setting_number(part)?),
                Some((first, last)) => (setting_number(first)?, setting_number(last)?),
            };
            if first > last {
                return Err(SelectionError::Backwards { range: part.to_owned(), first, last });
            }
            settings.extend(first..=last);
        }
        Ok(Settings(settings))
    }
}

fn setting_number(text: &str) -> Result<u16, SelectionError> {
    let text = text.trim();
    // `parse` would take a plus sign as well.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(n) if digits && (1..=LARGEST).contains(&n) => Ok(n),
        _ => Err(SelectionError::Setting { word: text.to_owned() }),
    }
}

impl fmt::Display for Settings {
    /// The shortest form: neighbours as a range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<u16> = self.iter().collect();
        let runs = all.chunk_by(|a, b| a + 1 == *b);
        let shown: Vec<String> = runs
            .filter_map(|run| match run {
                [] => None,
                [one] => Some(one.to_string()),
                [first, .., last] => Some(format!("{first}-{last}")),
            })
            .collect();
        f.write_str(&shown.join(","))
    }
}

/// One share of the work: every n-th dataset of the selection, in order, starting with the i-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    shares: usize,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 1, shares: 1 };

    /// `true` if the dataset at a position (from 0) of the selection belongs to this share.
    #[must_use]
    pub fn has(self, position: usize) -> bool {
        position % self.shares == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let wrong = || SelectionError::Shard { text: text.to_owned() };
        let (index, shares) = text.split_once('/').ok_or_else(wrong)?;
        let part = |text: &str| -> Option<usize> {
            // As above: no plus sign.
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|n| digits && (1..=100_000).contains(n))
        };
        match (part(index.trim()), part(shares.trim())) {
            (Some(index), Some(shares)) if index <= shares => Ok(Shard { index, shares }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.shares)
    }
}

/// A part of the bundled pack; other data are not divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Settings of the estimators may be chosen on these: the first dataset of each setting.
    Choose,
    /// Only for reporting.
    Report,
}

impl Split {
    /// As the pack writes it.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Split::Choose => "choose",
            Split::Report => "report",
        }
    }

    /// Parses a [`Split::key`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Split> {
        [Split::Choose, Split::Report].into_iter().find(|split| split.key() == text)
    }
}

/// The datasets to replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// These settings only; `None`: all that there are.
    pub settings: Option<Settings>,
    /// The first so many of each setting, after `split`; `None`: all.
    pub responses: Option<usize>,
    /// One part of the pack only; `None`: all.
    pub split: Option<Split>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_that_select_nothing() {
        for text in ["", ",", "1,", "0", "-3", "3-", "5-2", "a", "1-2-3", "1.5", "+1", "1e1", "10000", "٣"] {
            assert!(text.parse::<Settings>().is_err(), "{text:?}");
        }
        for text in ["", "1", "0/3", "4/3", "1/0", "/", "1/2/3", "-1/2", "+1/2", "1/100001", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text:?}");
        }
        assert_eq!("1-3, 7".parse::<Settings>().map(|s| s.to_string()), Ok("1-3,7".to_owned()));
    }

    proptest! {
        #[test]
        fn settings_read_back(numbers in prop::collection::btree_set(1u16..300, 1..40)) {
            let settings: Settings = numbers.iter().copied().collect();
            prop_assert_eq!(settings.to_string().parse::<Settings>(), Ok(settings));
        }

        #[test]
        fn anything_typed_is_read_or_refused(text in "[0-9,/ a-]{0,12}") {
            if let Ok(settings) = text.parse::<Settings>() {
                prop_assert!(settings.iter().all(|s| (1..=LARGEST).contains(&s)));
                prop_assert_eq!(settings.to_string().parse::<Settings>(), Ok(settings));
            }
            if let Ok(shard) = text.parse::<Shard>() {
                prop_assert_eq!(shard.to_string().parse::<Shard>(), Ok(shard));
            }
        }

        #[test]
        fn every_dataset_belongs_to_one_shard(shares in 1usize..20, position in 0usize..1000) {
            let owners = (1..=shares).filter(|index| Shard { index: *index, shares }.has(position)).count();
            prop_assert_eq!(owners, 1);
        }
    }
}
