//! What a run survives: power cuts, and files that are lost or damaged.

#[cfg(unix)]
mod crashes;
mod damage;
