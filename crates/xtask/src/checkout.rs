//! The checkout that we stand in: its root, its files, and what cargo knows about it.

use crate::command;
use crate::failure::{Failure, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what was made, not what was written.
const MADE: &[&str] = &[
    ".git",
    "node_modules",
    "dist",
    ".venv",
    "__pycache__",
    ".hypothesis",
    ".pytest_cache",
];

/// Where the checkout begins.
pub fn root() -> Outcome<PathBuf> {
    let here = std::env::current_dir().map_err(Failure::to("find the current folder"))?;
    here.ancestors()
        .find(|folder| folder.join("crates/xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure::new("this is not a Wardroom checkout; change into one"))
}

/// Every written file below `root`, as paths relative to it, sorted.
pub fn files(root: &Path) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let attempt = format!("list {}", folder.display());
        for entry in fs::read_dir(&folder).map_err(Failure::to(&attempt))? {
            let entry = entry.map_err(Failure::to(&attempt))?;
            let kind = entry.file_type().map_err(Failure::to(&attempt))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && !is_made(&name) {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let path = path.strip_prefix(root).unwrap_or(&path);
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_made(folder: &str) -> bool {
    MADE.contains(&folder) || folder == "target" || folder.starts_with("target-")
}

/// Reads one file of the checkout as text.
pub fn read(root: &Path, path: &str) -> Outcome<String> {
    fs::read_to_string(root.join(path)).map_err(Failure::to(format!("read {path}")))
}

/// How a crate depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Normal,
    Build,
    Dev,
}

/// A package of the dependency graph.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    /// Whether it lives in this checkout.
    pub is_ours: bool,
    /// Ids of the packages that it uses, once per kind of edge.
    pub uses: Vec<(String, Edge)>,
}

/// What cargo knows: every package by its id, and where it puts what it builds.
#[derive(Debug)]
pub struct Metadata {
    pub target: PathBuf,
    pub packages: BTreeMap<String, Package>,
}

impl Metadata {
    /// Asks cargo. Only Linux packages, so that nothing is downloaded that no build here needs.
    pub fn ask(root: &Path) -> Outcome<Self> {
        let mut cargo = command::cargo(root, &["metadata", "--format-version=1", "--locked"]);
        cargo.arg("--filter-platform=x86_64-unknown-linux-gnu");
        let text = command::answer(&mut cargo)?;
        let json: Value =
            serde_json::from_str(&text).map_err(Failure::to("read cargo metadata"))?;
        Ok(Self::parse(&json))
    }

    fn parse(json: &Value) -> Self {
        let ours: Vec<&str> = texts(&json["workspace_members"]).collect();
        let names: BTreeMap<&str, &str> = items(&json["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let packages = items(&json["resolve"]["nodes"]).map(|node| {
            let id = text(&node["id"]);
            let package = Package {
                name: names.get(id).copied().unwrap_or_default().to_owned(),
                is_ours: ours.contains(&id),
                uses: items(&node["deps"]).flat_map(edges).collect(),
            };
            (id.to_owned(), package)
        });
        Self {
            target: PathBuf::from(text(&json["target_directory"])),
            packages: packages.collect(),
        }
    }

    /// The packages of this checkout.
    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.is_ours)
    }

    /// The name of a package.
    pub fn name(&self, id: &str) -> &str {
        self.packages.get(id).map_or("", |package| &package.name)
    }
}

fn edges(dependency: &Value) -> Vec<(String, Edge)> {
    let id = text(&dependency["pkg"]);
    items(&dependency["dep_kinds"])
        .map(|kind| match kind["kind"].as_str() {
            Some("dev") => Edge::Dev,
            Some("build") => Edge::Build,
            _ => Edge::Normal,
        })
        .map(|edge| (id.to_owned(), edge))
        .collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    items(list).filter_map(Value::as_str)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
