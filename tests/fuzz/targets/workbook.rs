#![no_main]
#[path = "../oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::Target::of("workbook").take(bytes));
