//! x
pub struct Finding; 
