//! Which keys there are. The settings themselves say so: their own `Deserialize` is asked for the
//! names of its fields, so that this cannot drift from what is read.

use super::{Config, settings};
use serde::de::value::Error as Refusal;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use wardroom_llm::{ModelSettings, RoutingSettings};

/// What may stand in a table.
pub enum Known {
    /// These keys and no other.
    Keys(&'static [&'static str]),
    /// Any name: the operator's own.
    AnyName,
    /// Nothing: the path leads to a plain value.
    Value,
}

/// What may stand in the table at a path.
pub fn known(path: &[&str]) -> Known {
    match path {
        [] => Known::Keys(fields::<Config>()),
        ["server"] => Known::Keys(fields::<settings::ServerSettings>()),
        ["store"] => Known::Keys(fields::<settings::StoreSettings>()),
        ["bus"] => Known::Keys(fields::<settings::BusSettings>()),
        ["objects"] => Known::Keys(fields::<settings::ObjectSettings>()),
        ["policy"] => Known::Keys(fields::<settings::PolicySettings>()),
        ["sandbox"] => Known::Keys(fields::<settings::SandboxSettings>()),
        ["audit"] => Known::Keys(fields::<settings::AuditSettings>()),
        ["limits"] => Known::Keys(fields::<settings::LimitSettings>()),
        ["routing"] => Known::Keys(fields::<RoutingSettings>()),
        ["models", _] => Known::Keys(fields::<ModelSettings>()),
        ["mcp", _] => Known::Keys(fields::<super::McpSettings>()),
        ["connectors"] => Known::Keys(fields::<settings::ConnectorSettings>()),
        ["connectors", "telegram", _] => Known::Keys(fields::<settings::TelegramSettings>()),
        ["models"] | ["mcp"] | ["connectors", "telegram"] | ["routing", "task_types"] => {
            Known::AnyName
        }
        ["mcp", _, "tiers" | "headers" | "env" | "org_data"] | ["sandbox", "git_tokens"] => {
            Known::AnyName
        }
        _ => Known::Value,
    }
}

/// The known key nearest to an unknown one: a sibling if one is near, else one of another table.
pub fn nearest(path: &[&str]) -> String {
    let Some((last, parents)) = path.split_last() else {
        return String::new();
    };
    let siblings = match known(parents) {
        Known::Keys(keys) => keys,
        Known::AnyName | Known::Value => &[],
    };
    let distance = |key: &str| strsim::damerau_levenshtein(last, key);
    let sibling = siblings.iter().min_by_key(|key| distance(key));
    let anywhere = all_keys(&[]);
    let cousin = anywhere.iter().min_by_key(|key| distance(leaf(key)));
    match (sibling, cousin) {
        (Some(sibling), Some(cousin)) if distance(leaf(cousin)) + 1 < distance(sibling) => {
            cousin.clone()
        }
        (Some(sibling), _) => [parents, &[sibling]].concat().join("."),
        (None, Some(cousin)) => cousin.clone(),
        (None, None) => String::new(),
    }
}

fn leaf(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, leaf)| leaf)
}

/// Every key below a path, written out, with `NAME` where the operator chooses.
fn all_keys(path: &[&str]) -> Vec<String> {
    let below = |key: &str| all_keys(&[path, &[key]].concat());
    match known(path) {
        Known::Value => vec![path.join(".")],
        Known::AnyName => below("NAME"),
        Known::Keys(keys) => keys.iter().flat_map(|key| below(key)).collect(),
    }
}

/// The field names of a settings struct.
fn fields<T: Deserialize<'static>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It answers with a refusal, always: we only listen to what it asks for.
    let _ = T::deserialize(Listener(&mut names));
    names
}

struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        Err(Refusal::custom("only field names are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refusal> {
        *self.0 = fields;
        Err(Refusal::custom("only field names are asked for"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_name_their_own_keys() {
        let keys = all_keys(&[]).join(" ");
        for key in [
            "profile",
            "server.listen",
            "models.NAME.api_key",
            "limits.executors_per_user",
        ] {
            assert!(keys.split(' ').any(|known| known == key), "{key} in {keys}");
        }
        assert_eq!(nearest(&["server", "listn"]), "server.listen");
        assert_eq!(
            nearest(&["models", "main", "apikey"]),
            "models.main.api_key"
        );
        assert_eq!(nearest(&["listen"]), "server.listen");
        assert_eq!(nearest(&["sever"]), "server");
    }

    #[test]
    fn the_page_about_the_configuration_names_every_key() {
        let page = include_str!("../../../../docs/configuration.md");
        let absent: Vec<String> = all_keys(&[])
            .into_iter()
            .filter(|key| !page.contains(&format!("`{key}`")))
            .collect();
        assert!(absent.is_empty(), "docs/configuration.md: {absent:?}");
    }
}
