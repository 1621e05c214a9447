//! Tests of the codec: there and back, order, hostile bytes, and golden bytes.

mod keys;
mod records;
