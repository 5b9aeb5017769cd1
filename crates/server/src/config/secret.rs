//! Keys whose values are secrets, and so may only be references to where a secret is kept.

/// The keys that hold references, by their last part.
const SECRET_KEYS: &[&str] = &[
    "api_key",
    "token",
    "webhook_secret",
    "password",
    "access_key_id",
    "secret_access_key",
    "session_token",
];

/// Whether the value at a path has to be a reference.
pub fn is_secret(path: &[&str]) -> bool {
    match path {
        ["mcp", _, "headers", _] => true,
        [.., last] => SECRET_KEYS.contains(last),
        [] => false,
    }
}

/// Whether a text refers to a secret instead of being one.
pub fn is_reference(text: &str) -> bool {
    let name = text
        .strip_prefix("secret:")
        .or_else(|| text.strip_prefix("env:"));
    name.is_some_and(|name| !name.is_empty())
}
