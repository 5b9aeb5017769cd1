//! Takes the built portal into the binary, if somebody built it: `web/dist/portal`.
//!
//! Each file becomes a line of a table: its path, its bytes, and its bytes compressed in the ways
//! that the build of the portal left beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let web = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", web.display());
    let root = web.join("portal");
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
        files.sort();
    }
    let mut table = String::from("&[\n");
    for path in files.iter().filter(|path| !is_compressed(path)) {
        let name = path.strip_prefix(&root).unwrap_or(path).display();
        let bytes = |path: &Path| format!("include_bytes!({:?})", path.display().to_string());
        let beside = |ending: &str| {
            let path = PathBuf::from(format!("{}{ending}", path.display()));
            match files.contains(&path) {
                true => format!("Some({})", bytes(&path)),
                false => "None".to_owned(),
            }
        };
        let (plain, brotli, gzip) = (bytes(path), beside(".br"), beside(".gz"));
        let _ = writeln!(
            table,
            "    File {{ name: \"{name}\", plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
        );
    }
    table.push(']');
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("portal.rs");
    fs::write(out, table)
}

fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "br" || ending == "gz")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
