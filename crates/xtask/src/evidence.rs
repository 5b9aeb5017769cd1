//! What `docs/security/evidence.toml` says: claims, where each is wired, the test that goes through
//! the door, and the change that would break the promise.

use toml::{Table, Value};

/// Where the claims stand.
pub const FILE: &str = "docs/security/evidence.toml";

/// One security claim. A key that is absent is an empty text.
#[derive(Debug)]
pub struct Claim {
    pub claim: String,
    pub wired: String,
    pub test: String,
    pub sabotage: String,
    pub change: Option<Change>,
}

/// A sabotage that a tool can carry out: one place of one file, and what is put there instead.
#[derive(Debug)]
pub struct Change {
    pub file: String,
    pub find: String,
    pub replace: String,
}

/// Every claim of the file, in its order, whatever the lists are called.
pub fn claims(text: &str) -> Result<Vec<Claim>, toml::de::Error> {
    let table = text.parse::<Table>()?;
    let lists = table.values().filter_map(Value::as_array);
    let entries = lists.flatten().filter_map(Value::as_table);
    Ok(entries.map(Claim::of).collect())
}

impl Claim {
    fn of(entry: &Table) -> Self {
        let wired = word(entry, "wired");
        let change = entry.get("change").and_then(Value::as_table);
        Self {
            claim: word(entry, "claim"),
            test: word(entry, "test"),
            sabotage: word(entry, "sabotage"),
            change: change.map(|change| Change::of(change, &wired)),
            wired,
        }
    }

    /// The file in which the promise is kept.
    pub fn place(&self) -> &str {
        file_of(&self.wired)
    }
}

impl Change {
    /// A change names its file where that is not the file of `wired`.
    fn of(change: &Table, wired: &str) -> Self {
        let file = word(change, "file");
        Self {
            file: if file.is_empty() {
                file_of(wired).to_owned()
            } else {
                file
            },
            find: text(change, "find"),
            replace: text(change, "replace"),
        }
    }

    /// The file's text with the change made; none if its place is not there exactly once.
    pub fn apply(&self, text: &str) -> Option<String> {
        let once = !self.find.trim().is_empty() && text.matches(&self.find).count() == 1;
        once.then(|| text.replacen(&self.find, &self.replace, 1))
    }
}

fn file_of(item: &str) -> &str {
    item.split("::").next().unwrap_or_default()
}

fn word(table: &Table, key: &str) -> String {
    text(table, key).trim().to_owned()
}

fn text(table: &Table, key: &str) -> String {
    let value = table.get(key).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::claims;

    const ONE: &str = r#"
        [[claim]]
        claim = "doors are shut"
        wired = "src/door.rs::shut"
        test = "tests/door.rs::is_shut"
        sabotage = "leave it open"
        change = { find = "true", replace = "false" }
    "#;

    #[test]
    fn a_change_is_made_in_the_file_of_the_wiring() {
        let claims = claims(ONE).unwrap();
        let change = claims[0].change.as_ref().unwrap();
        assert_eq!(change.file, "src/door.rs");
        assert_eq!(change.apply("is: true").as_deref(), Some("is: false"));
    }

    #[test]
    fn a_place_that_is_not_there_once_is_no_place() {
        let claims = claims(ONE).unwrap();
        let change = claims[0].change.as_ref().unwrap();
        assert_eq!(change.apply("true, true"), None);
        assert_eq!(change.apply(""), None);
    }
}
