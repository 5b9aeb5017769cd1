//! Texts from outside, made plain and judged: every kind of hiding is found, ordinary words stay.

mod clean;
mod judge;
mod laws;
