//! `LIKE`: `%` is any run of characters, `_` any one; ASCII letters match without regard to case.
//!
//! The time is at most the length of the text times that of the pattern. Nothing is compiled or kept.

/// A part of a pattern.
#[derive(Clone, Copy)]
enum Part {
    Run,
    One,
    Letter(char),
}

/// Whether the whole text is like the pattern.
///
/// The escape character makes the next one literal, even if it is `%` or `_` itself. A pattern that
/// ends with it matches nothing, as in SQLite.
pub(super) fn matches(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let Some(parts) = parts(pattern, escape) else { return false };
    let (mut parts, mut text) = (parts.as_slice(), text.chars());
    // Where to go on if a letter does not match: after the last run, which takes one letter more.
    let mut retry = None;
    loop {
        match (parts.split_first(), text.clone().next()) {
            (None, None) => return true,
            (Some((Part::Run, rest)), _) => {
                parts = rest;
                retry = Some((rest, text.clone()));
            }
            (Some((part, rest)), Some(letter)) if part.takes(letter) => {
                parts = rest;
                text.next();
            }
            (_, next) => {
                let Some((after_run, from)) = retry.as_mut() else { return false };
                // At the end of the text a longer run does not help.
                if next.is_none() || from.next().is_none() {
                    return false;
                }
                parts = after_run;
                text = from.clone();
            }
        }
    }
}

impl Part {
    fn takes(self, letter: char) -> bool {
        match self {
            Part::Run => false,
            Part::One => true,
            Part::Letter(own) => own.eq_ignore_ascii_case(&letter),
        }
    }
}

/// The parts of a pattern; none if it ends with the escape character.
fn parts(pattern: &str, escape: Option<char>) -> Option<Vec<Part>> {
    let mut parts = Vec::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            _ if escape == Some(letter) => Part::Letter(letters.next()?),
            '%' => Part::Run,
            '_' => Part::One,
            _ => Part::Letter(letter),
        });
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_texts() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("Ann", "a%"),
            ("Ann", "_N_"),
            ("banana", "%an%a"),
            ("é", "_"),
            ("aXbXc", "a%x%c"),
        ] {
            assert!(matches(text, pattern, None), "{text} {pattern}");
        }
        for (text, pattern) in
            [("", "_"), ("Ann", "An"), ("Ann", "nn"), ("É", "é"), ("aab", "%a"), ("ab", "a%b_")]
        {
            assert!(!matches(text, pattern, None), "{text} {pattern}");
        }
    }

    #[test]
    fn an_escape_makes_the_next_character_literal() {
        assert!(matches("100%", "100\\%", Some('\\')));
        assert!(!matches("1000", "100\\%", Some('\\')));
        assert!(matches("a%", "a%%", Some('%')), "the escape wins over the wildcard");
        assert!(!matches("a\\", "a\\", Some('\\')), "a pattern that ends with the escape");
    }

    #[test]
    fn many_runs_take_no_exponential_time() {
        let text = "a".repeat(20_000);
        let pattern = format!("{}b", "a%".repeat(50));
        assert!(!matches(&text, &pattern, None));
    }
}
