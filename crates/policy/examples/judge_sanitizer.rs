//! Measures the sanitiser on JSON lines (`{"text", "label", "family"}`), as it stands.
//!
//! `judge_sanitizer CASES.jsonl...`: by family, and by which half of the cases a text belongs to:
//! the half that the trainer may see, and the half that nothing here was ever tuned on.

use serde_json::Value;
use std::collections::BTreeMap;
use std::{env, fs, io};
use wardroom_policy::sanitize::{Limits, sanitize};

/// How many were judged, and how many of them were flagged.
type Count = (usize, usize);

fn main() -> io::Result<()> {
    let mut families: BTreeMap<(bool, bool, String), Count> = BTreeMap::new();
    for path in env::args().skip(1) {
        for line in fs::read_to_string(path)?.lines() {
            let case: Value = serde_json::from_str(line).map_err(io::Error::other)?;
            let word = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
            let (text, is_attack) = (word("text"), word("label") == "attack");
            let is_flagged = sanitize(&text, &Limits::default()).is_suspicious();
            let key = (hash(&text).is_multiple_of(2), is_attack, word("family"));
            let count = families.entry(key).or_default();
            count.0 += 1;
            count.1 += usize::from(is_flagged);
        }
    }
    for is_tuned in [true, false] {
        let name = if is_tuned { "tuning" } else { "held-out" };
        println!("{name} half");
        for is_attack in [true, false] {
            let of = |key: &&(bool, bool, String)| key.0 == is_tuned && key.1 == is_attack;
            print_side(is_attack, families.iter().filter(|(key, _)| of(key)));
        }
        let flagged = |is_attack: bool| {
            let of = families
                .iter()
                .filter(|(key, _)| key.0 == is_tuned && key.1 == is_attack);
            of.map(|(_, count)| count.1).sum::<usize>() as f64
        };
        let (right, wrong) = (flagged(true), flagged(false));
        println!(
            "  precision {:.1}%",
            100.0 * right / (right + wrong).max(1.0)
        );
    }
    Ok(())
}

fn print_side<'a>(
    is_attack: bool,
    families: impl Iterator<Item = (&'a (bool, bool, String), &'a Count)>,
) {
    let side = if is_attack { "attack" } else { "benign" };
    let mut shares = Vec::new();
    for ((_, _, family), (all, flagged)) in families {
        let share = 100.0 * *flagged as f64 / *all as f64;
        println!("  {side} {family:24} {flagged:4} of {all:4} {share:6.1}%");
        shares.push(share);
    }
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    println!("  {side} {:24} {:>12} {mean:6.2}%", "macro", "");
}

/// FNV-1a, mixed once more: the same as the trainer's.
fn hash(text: &str) -> u64 {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (sum ^ (sum >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
}
