//! Parts of an answer that the org declared to be its own data: what its people wrote there.

use serde_json::Value;
use wardroom_policy::typed::addresses_in;

/// In the detail of an outcome: the addresses that the org's own data named.
pub(crate) const NAMED_BY_ORG: &str = "named_by_org";
/// How many addresses of one answer count.
const ADDRESSES_MAX: usize = 100;

/// The addresses that stand in these parts of an answer. A path is a JSON pointer in which `*`
/// stands for every member.
pub(crate) fn named_in(paths: &[String], data: &Value) -> Vec<String> {
    let mut named = Vec::new();
    for path in paths {
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        let mut texts = Vec::new();
        gather(data, &steps, &mut texts);
        named.extend(texts.into_iter().flat_map(addresses_in));
    }
    named.truncate(ADDRESSES_MAX);
    named
}

fn gather<'a>(value: &'a Value, steps: &[&str], found: &mut Vec<&'a str>) {
    let Some((step, rest)) = steps.split_first() else {
        found.extend(value.as_str());
        return;
    };
    match value {
        Value::Array(items) if *step == "*" => {
            items.iter().for_each(|item| gather(item, rest, found));
        }
        Value::Object(fields) if *step == "*" => {
            fields.values().for_each(|item| gather(item, rest, found));
        }
        Value::Object(fields) => {
            fields
                .get(*step)
                .into_iter()
                .for_each(|item| gather(item, rest, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_declared_parts_name_anything() {
        let data = json!([
            {"author": "ann", "text": "see www.example.com/a and b@example.com", "room": "www.evil.test"},
            {"author": "bob", "text": {"inner": "www.inner.test"}, "room": "x"},
        ]);
        let named = |path: &str| named_in(&[path.to_owned()], &data);
        assert_eq!(named("/*/text"), ["www.example.com/a", "b@example.com"]);
        assert_eq!(named("/*/text/inner"), ["www.inner.test"]);
        assert!(named("/text").is_empty() && named("/*").is_empty() && named("/").is_empty());
    }
}
