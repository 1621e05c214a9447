//! x
pub struct Finding;
