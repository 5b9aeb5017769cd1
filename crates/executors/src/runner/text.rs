//! Text for a model: cut in the middle, so that both the beginning and the end are seen.

/// Cuts a text to so many bytes, saying how much is left out.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let half = bytes_max.saturating_sub(80) / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    let dropped = tail - head;
    format!(
        "{}\n[… {dropped} bytes left out …]\n{}",
        &text[..head],
        &text[tail..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_character_and_says_what_is_missing() {
        let text = "ü".repeat(1000);
        let cut = cut(&text, 200);
        assert!(cut.len() <= 200, "{}", cut.len());
        assert!(cut.contains("bytes left out"));
        assert_eq!(super::cut("short", 200), "short");
    }
}
