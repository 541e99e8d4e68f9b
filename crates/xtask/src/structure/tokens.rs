//! Source text as tokens, so that a rule never mistakes a comment or a text for code.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// One token of code. Comments are gone, documentation comments included.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// From 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or an identifier.
    Word,
    /// One character of punctuation, or a bracket.
    Sign,
    /// A text, character or number, as written.
    Literal,
}

impl Token {
    fn sign(line: usize, text: &str) -> Self {
        Self {
            line,
            kind: Kind::Sign,
            text: text.to_owned(),
        }
    }
}

/// The tokens of a whole Rust file, in order.
pub(super) fn read(text: &str) -> Result<Vec<Token>, LexError> {
    let mut tokens = Vec::new();
    flatten(text.parse()?, &mut tokens);
    Ok(tokens)
}

/// Where in `tokens` the words and signs of `pattern` stand one after another.
pub(super) fn occurrences<'a>(
    tokens: &'a [Token],
    pattern: &'a [&str],
) -> impl Iterator<Item = &'a Token> {
    tokens
        .windows(pattern.len())
        .filter(move |window| {
            window
                .iter()
                .zip(pattern)
                .all(|(token, wanted)| token.kind != Kind::Literal && token.text == *wanted)
        })
        .map(|window| &window[0])
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let (kind, text) = match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                tokens.push(Token::sign(line, open));
                flatten(group.stream(), tokens);
                tokens.push(Token::sign(group.span_close().start().line, close));
                continue;
            }
            TokenTree::Ident(word) => (Kind::Word, word.to_string()),
            TokenTree::Literal(literal) => (Kind::Literal, literal.to_string()),
            TokenTree::Punct(sign) => {
                let sign = sign.as_char();
                if sign == '#' {
                    // The `!` of an inner attribute says nothing that a rule asks for.
                    trees.next_if(|next| matches!(next, TokenTree::Punct(p) if p.as_char() == '!'));
                    if trees.next_if(is_documentation).is_some() {
                        continue;
                    }
                }
                (Kind::Sign, sign.to_string())
            }
        };
        tokens.push(Token { line, kind, text });
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Documentation comments reach us as the attribute `[doc = "…"]`.
fn is_documentation(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else {
        return false;
    };
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "doc")
}
