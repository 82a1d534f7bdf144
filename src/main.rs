//! The lapsewatch program: see the library for the pipeline.
fn main() {}
