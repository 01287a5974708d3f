//! A finished experiment as markdown, HTML, figures, a table for the terminal and a tidy CSV.
//!
//! Decision first, then the effects that carry it and how sound the randomisation is, then pictures; tables are folded.
//!
//! | module | gives |
//! |---|---|
//! | [`first_page`] | what terminal, markdown and HTML open with |
//! | [`words`], [`shown`] | types of the record in words; numbers as they are shown |

pub mod first_page;
pub mod shown;
pub mod words;
