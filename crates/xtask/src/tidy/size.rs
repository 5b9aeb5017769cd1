//! Files that one can read at a sitting, and how large each crate has become.

use super::{Finding, Repository};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Longer than this, a file is about more than one thing.
const LINES_MAX: usize = 700;

pub fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository.files.iter().filter(|file| file.rust.is_some());
    rust.filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX).then(|| {
            let says = format!("{lines} lines, the limit is {LINES_MAX}; split it by subject");
            file.finding("size", 0, says)
        })
    })
    .collect()
}

/// Lines per crate: product, then tests.
pub fn table(repository: &Repository) -> String {
    let mut sizes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for file in repository.files.iter() {
        let (Some(name), Some(rust)) = (file.krate(), &file.rust) else {
            continue;
        };
        let all = file.text.lines().count();
        let tests = if file.is_product() {
            test_lines(&rust.code, &rust.product)
        } else {
            all
        };
        let size = sizes.entry(name).or_default();
        size.0 += all - tests;
        size.1 += tests;
    }
    let total = sizes
        .values()
        .fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    let mut table = format!("{:<12} {:>8} {:>8}\n", "crate", "product", "tests");
    for (name, (product, tests)) in sizes.into_iter().chain([("all", total)]) {
        let _ = writeln!(table, "{name:<12} {product:>8} {tests:>8}");
    }
    table
}

fn test_lines(code: &str, product: &str) -> usize {
    code.lines()
        .zip(product.lines())
        .filter(|(all, kept)| all != kept)
        .count()
}
