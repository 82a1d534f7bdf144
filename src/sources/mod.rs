//! Readers of exports: a file in, records out.
