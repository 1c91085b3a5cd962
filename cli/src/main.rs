//! `ez`.

fn main() {}
