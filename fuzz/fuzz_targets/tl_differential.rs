#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::tl_differential::run(data));
