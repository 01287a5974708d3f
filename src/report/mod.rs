//! The documents of a run: types that are committed as JSON, and renderers that turn them into markdown, plots and a
//! notebook. Returns bytes, writes nothing.

pub mod documents;
