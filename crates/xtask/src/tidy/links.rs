//! Links between pages lead somewhere.

use super::{Finding, Repository, Written};
use std::path::Path;

pub fn check(repository: &Repository) -> Vec<Finding> {
    let pages = repository
        .files
        .iter()
        .filter(|file| file.has_ending(&[".md"]));
    pages
        .flat_map(|page| of_page(page, &repository.root))
        .collect()
}

fn of_page(page: &Written, root: &Path) -> Vec<Finding> {
    let folder = root.join(&page.path);
    let folder = folder.parent().unwrap_or(root);
    links(&page.text)
        .into_iter()
        .filter(|(_, target)| !folder.join(target).exists())
        .map(|(line, target)| {
            page.finding(
                "links",
                line,
                format!("`{target}` does not exist; mend the link"),
            )
        })
        .collect()
}

/// Relative link targets outside of code blocks, without their anchors, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') {
                found.push((index + 1, path.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_links_outside_of_code_count() {
        let page = "[a](docs/A.md#top) and [b](https://example.org) [c](#here)\n\
                    ```\n[d](no.md)\n```\n![e](e.png \"title\")\n";
        assert_eq!(
            links(page),
            [(1, "docs/A.md".to_owned()), (5, "e.png".to_owned())]
        );
    }
}
