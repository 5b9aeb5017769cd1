//! Connectors against the other sides of their platforms, over real HTTP.

mod telegram;
