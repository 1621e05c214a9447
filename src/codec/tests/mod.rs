//! Tests of the codec: there and back, order, hostile bytes, and golden bytes.

mod entries;
mod frames;
mod golden;
mod keys;
mod records;
mod tokens;
mod wire;
