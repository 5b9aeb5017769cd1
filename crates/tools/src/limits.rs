//! How much of a stranger's definition is read, each number with its reason.

/// The longest name of a tool that every provider takes.
pub const NAME_CHARS_MAX: usize = 64;
/// One definition: the longest of the servers in common use have a third of this.
pub const DEFINITION_BYTES_MAX: usize = 16 * 1024;
/// How deep a schema is nested: ordinary ones stay below ten.
pub const SCHEMA_DEPTH_MAX: usize = 24;
/// How many values a schema has.
pub const SCHEMA_NODES_MAX: usize = 2_000;
/// How often a schema refers to a part of itself. What doubles at every level stays affordable
/// with so few.
pub const SCHEMA_REFERENCES_MAX: usize = 24;
/// How many names an unknown name is answered with.
pub const KNOWN_NAMES_MAX: usize = 40;
