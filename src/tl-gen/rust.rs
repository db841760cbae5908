//! Names as Rust writes them.

use std::collections::BTreeMap;

use crate::model::World;

/// `messages.sendMessage` -> (`messages`, `SendMessage`). The service and stored worlds have no modules of their own.
pub fn split_name(world: World, name: &str) -> (Option<String>, String) {
    match name.split_once('.') {
        Some(("stored", rest)) if world == World::Store => (None, camel(rest)),
        Some((module, rest)) => (Some(module.to_owned()), camel(rest)),
        None => (None, camel(name)),
    }
}

/// The path of `ident` as every generated file can write it.
pub fn path(root: &str, module: Option<&str>, ident: &str) -> String {
    match module {
        Some(module) => format!("crate::{root}::{module}::{ident}"),
        None => format!("crate::{root}::{ident}"),
    }
}

/// `p_q_inner_data` -> `PQInnerData`, `inputPeerSelf` -> `InputPeerSelf`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split(['_', '.']) {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// `srp_B` -> `srp_b`, `type` -> `type_`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower_before {
            out.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c.to_ascii_lowercase());
    }
    if KEYWORDS.contains(&out.as_str()) {
        out.push('_');
    }
    out
}

/// `Debug` and `PartialEq`, which every generated type leaves to one function each.
pub fn common_impls(ident: &str) -> String {
    format!(
        "impl std::fmt::Debug for {ident} {{\n    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ \
         crate::describe::debug(self, f) }}\n}}\n\
         impl PartialEq for {ident} {{\n    fn eq(&self, other: &Self) -> bool {{ crate::describe::same(self, other) }}\n}}\n"
    )
}

/// From here on statements that are mostly not wanted stand behind one more question.
const SKIPPED_MIN: usize = 4;
/// From here on there is one question for each four, and one for all.
const SKIPPED_TWICE_MIN: usize = 8;

/// Statements that each depend on a bit of a word, `(word, mask, statement)`, behind the question whether any of them is
/// wanted. `alike`: flags, for which one question is enough however many they are.
pub fn skipping(indent: &str, statements: &[(String, u32, String)], alike: bool) -> String {
    let lines = |some: &[(String, u32, String)]| -> String {
        some.iter().map(|(_, _, code)| format!("{indent}{code}\n")).collect()
    };
    let behind = |some: &[(String, u32, String)], code: &str| {
        let mut masks: BTreeMap<&str, u32> = BTreeMap::new();
        for (word, mask, _) in some {
            *masks.entry(word).or_default() |= mask;
        }
        let terms: Vec<String> = masks.iter().map(|(word, mask)| format!("(w_{word} & {mask:#x})")).collect();
        format!("{indent}if {} != 0 {{\n{code}{indent}}}\n", terms.join(" | "))
    };
    match statements.len() {
        0..SKIPPED_MIN => lines(statements),
        n if alike || n < SKIPPED_TWICE_MIN => behind(statements, &lines(statements)),
        _ => {
            let inner: String = statements
                .chunks(SKIPPED_MIN)
                .map(|some| if some.len() > 1 { behind(some, &lines(some)) } else { lines(some) })
                .collect();
            behind(statements, &inner)
        }
    }
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_the_rust_way() {
        assert_eq!(camel("p_q_inner_data_dc"), "PQInnerDataDc");
        assert_eq!(camel("server_DH_params_ok"), "ServerDHParamsOk");
        assert_eq!(camel("inputPeerSelf"), "InputPeerSelf");
        assert_eq!(snake("srp_B"), "srp_b");
        assert_eq!(snake("M1"), "m1");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("self"), "self_");
    }
}
