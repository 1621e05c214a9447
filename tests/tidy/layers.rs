//! The order of the layers: which module may name which, and what some do without all the same.
//!
//! Every path that begins with `crate`, `$crate`, `self` or `super` is resolved to the top-level module
//! it leads to, whether it stands in a `use`, grouped or not, or inside a function. Paths to other
//! crates and to names already in scope are not looked at: they cannot leave the module.

use crate::Report;
use crate::lexer::{Lexed, Token};

/// The modules, each allowed to use only those before it.
pub const LAYERS: [&str; 21] = [
    "error",
    // Switches for planted bugs: names nothing, and any layer may have a bug.
    "fault",
    "ids",
    "value",
    "version",
    "schema",
    "row",
    "merge",
    "derive",
    "codec",
    "storage",
    "store",
    "commit",
    "sync",
    "transport",
    "db",
    "replicate",
    "inspect",
    "script",
    "testing",
    "cli",
];

/// What a module does without, though its place would allow it. `docs/ARCHITECTURE.md` says why.
const WITHOUT: [(&str, &[&str]); 5] = [
    ("row", &["schema"]),
    ("merge", &["value", "schema"]),
    ("storage", &["ids", "value", "version", "schema", "row", "merge", "derive", "codec"]),
    ("sync", &["schema", "derive", "storage", "store"]),
    ("transport", &["schema", "row", "merge", "derive", "storage", "store", "commit"]),
];

/// Checks the paths of one file of `src/`; other files may use what they like.
pub fn check(path: &str, lexed: &Lexed, report: &mut Report) {
    let Some(inside) = path.strip_prefix("src/") else { return };
    if inside == "lib.rs" {
        return check_root(path, &lexed.tokens, report);
    }
    if inside.starts_with("bin/") {
        return;
    }
    let module = module_path(inside);
    let Some(own) = module.first().cloned() else { return };
    if rank(&own).is_none() {
        report.fault(path, 1, &format!("`{own}` is not one of the layers: place it in tests/tidy/layers.rs"));
        return;
    }
    forbid_detours(path, &lexed.tokens, report);
    let mut walk = Walk { path, own: &own, module, tokens: &lexed.tokens, report };
    walk.run();
}

/// The crate's root declares known modules, in their order.
fn check_root(path: &str, tokens: &[Token], report: &mut Report) {
    let mut last = 0;
    for pair in tokens.windows(2) {
        let [keyword, name] = pair else { continue };
        if keyword.text != "mod" {
            continue;
        }
        report.uses += 1;
        match rank(&name.text) {
            None => {
                let message =
                    format!("`{}` is not one of the layers: place it in tests/tidy/layers.rs", name.text);
                report.fault(path, name.line, &message);
            }
            Some(rank) if rank < last => {
                let message = format!("`{}` is declared below a module that may use it", name.text);
                report.fault(path, name.line, &message);
            }
            Some(rank) => last = rank,
        }
    }
}

/// Ways around the paths that are checked here.
fn forbid_detours(path: &str, tokens: &[Token], report: &mut Report) {
    let detours: [(&[&str], &str); 3] = [
        (&["#", "[", "path"], "`#[path]` hides where a module belongs"),
        (&["include", "!"], "`include!` hides where code belongs"),
        (&["extern", "crate", "self"], "`extern crate self` is a second name for the crate"),
    ];
    for (sign, message) in detours {
        for window in tokens.windows(sign.len()) {
            if let (true, Some(first)) =
                (window.iter().map(|t| t.text.as_str()).eq(sign.iter().copied()), window.first())
            {
                report.fault(path, first.line, message);
            }
        }
    }
}

/// One pass over a file's tokens, aware of the inline module it is in.
struct Walk<'a> {
    path: &'a str,
    own: &'a str,
    module: Vec<String>,
    tokens: &'a [Token],
    report: &'a mut Report,
}

impl Walk<'_> {
    fn run(&mut self) {
        let (mut at, mut depth) = (0, 0_usize);
        // Depths at which inline modules began: they lengthen the path that `super` starts from.
        let mut inline = Vec::new();
        while at < self.tokens.len() {
            match text(self.tokens, at) {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        self.module.pop();
                    }
                }
                "mod" if text(self.tokens, at + 2) == "{" => {
                    self.module.push(text(self.tokens, at + 1).to_owned());
                    inline.push(depth);
                }
                "crate" | "super" | "self" if self.starts_path(at) => {
                    at = self.follow(at);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// A path begins here: this is not the middle of one, nor the bare word (`pub(crate)`, `&self`).
    fn starts_path(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| text(self.tokens, before));
        let renamed = text(self.tokens, at + 1) == "as" && text(self.tokens, at) != "self";
        before != "::" && (text(self.tokens, at + 1) == "::" || before == "use" || renamed)
    }

    /// Resolves every leaf of the path, or tree of paths, that begins at `at`; returns what is after it.
    fn follow(&mut self, at: usize) -> usize {
        let mut leaves = Vec::new();
        let after = leaf_paths(self.tokens, at, &[], &mut leaves);
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        for leaf in leaves {
            self.report.uses += 1;
            if let Some(message) = self.fault_of(&leaf) {
                self.report.fault(self.path, line, &message);
            }
        }
        after
    }

    /// What is wrong with one path, given from its first word on.
    fn fault_of(&self, leaf: &[String]) -> Option<String> {
        let mut base = self.module.clone();
        let mut rest = leaf;
        while let Some((first, tail)) = rest.split_first() {
            match first.as_str() {
                "crate" => base.clear(),
                "super" if base.pop().is_none() => return Some("`super` leads out of the crate".to_owned()),
                "super" | "self" => {}
                _ => break,
            }
            rest = tail;
        }
        let head = base.first().or(rest.first()).map_or("", String::as_str);
        match (rank(head), rank(self.own)) {
            (Some(used), Some(own)) if used <= own => does_without(self.own, head),
            (Some(_), _) => {
                Some(format!("`{}` may not use `{head}`, which comes later in the order of layers", self.own))
            }
            _ if head.is_empty() || head == "*" => {
                Some("imports the crate's root: name the module".to_owned())
            }
            _ if head.starts_with(char::is_uppercase) => {
                Some(format!("`crate::{head}` goes through the crate's root: name the module it lives in"))
            }
            _ => Some(format!("`{head}` is not one of the layers")),
        }
    }
}

/// Collects the paths of a use tree from token `at` on; returns the first token after it.
fn leaf_paths(tokens: &[Token], mut at: usize, prefix: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        if text(tokens, at) == "{" {
            at += 1;
            while at < tokens.len() && text(tokens, at) != "}" {
                at = leaf_paths(tokens, at, &path, leaves);
                while !matches!(text(tokens, at), "," | "}" | "") {
                    at += 1; // `as name`
                }
                at += usize::from(text(tokens, at) == ",");
            }
            return at + 1;
        }
        path.push(text(tokens, at).to_owned());
        at += 1;
        let goes_on =
            matches!(text(tokens, at + 1), "{" | "*") || tokens.get(at + 1).is_some_and(Token::is_word);
        if text(tokens, at) != "::" || !goes_on {
            leaves.push(path);
            return at;
        }
        at += 1;
    }
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

/// `a/b.rs` and `a/b/mod.rs` are both the module `a::b`.
fn module_path(inside: &str) -> Vec<String> {
    let stem = inside.strip_suffix(".rs").unwrap_or(inside);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    stem.split('/').map(str::to_owned).collect()
}

fn does_without(module: &str, used: &str) -> Option<String> {
    let without = |(own, without): &(&str, &[&str])| *own == module && without.contains(&used);
    WITHOUT.iter().any(without).then(|| format!("`{module}` does without `{used}`: see docs/ARCHITECTURE.md"))
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}
