//! Tests of schemas as a whole.

mod builder;
