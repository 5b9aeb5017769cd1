//! Names that promise nothing: such drawers fill up.

use super::{Finding, Repository};

const EMPTY_PROMISES: &[&str] = &[
    "utils", "util", "helpers", "common", "manager", "core", "types", "misc", "shared",
];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository.files.iter().filter(|file| file.rust.is_some());
    rust.filter_map(|file| {
        let path = file.path.strip_suffix(".rs")?;
        let name = path.split('/').find(|part| EMPTY_PROMISES.contains(part))?;
        let says = format!("`{name}` says nothing; name it for what it knows");
        Some(file.finding("names", 0, says))
    })
    .collect()
}
