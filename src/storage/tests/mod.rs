//! Tests of the storage layer over every engine.

mod conformance;
mod model;
