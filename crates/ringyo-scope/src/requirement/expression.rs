use super::alternatives::{Alternatives, Draft, TooMany};
use crate::{Catalog, Permission, Requirement};

/// Longest text of a requirement, in bytes.
const MAX_LEN: usize = 4096;
/// Most parentheses inside one another; the parser calls itself once for each.
const MAX_DEPTH: usize = 32;

/// Where and why a text is not a [`Requirement`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {position} of the requirement: {kind}")]
pub struct RequirementError {
    position: usize,
    kind: RequirementErrorKind,
}

impl RequirementError {
    /// Where the trouble starts, in bytes from the start of the text, counted from zero. At the
    /// end of the text it is the length.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// What was wrong there.
    #[must_use]
    pub const fn kind(&self) -> &RequirementErrorKind {
        &self.kind
    }
}

/// What is wrong with the text of a [`Requirement`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementErrorKind {
    /// A permission or a parenthesis should stand here; the empty text ends up here too.
    #[error("expected a permission such as `agents:read`, or `(`")]
    ExpectedPermission,
    /// Outside parentheses, a permission is followed by something else than an operator.
    #[error("expected `and`, `or` or the end")]
    ExpectedOperator,
    /// Inside parentheses, a permission is followed by neither an operator nor the closing one.
    #[error("expected `and`, `or` or the `)` for byte {opened}")]
    ExpectedClosing {
        /// Where the parenthesis was opened, in bytes from the start.
        opened: usize,
    },
    /// The catalog does not have the resource.
    #[error("unknown resource, expected one of {}", known.join(", "))]
    UnknownResource {
        /// All resources of the catalog.
        known: Vec<String>,
    },
    /// The catalog has the resource but not the action, or no action was named.
    #[error("unknown permission, expected one of {}", known.join(", "))]
    UnknownPermission {
        /// All permissions on that resource, as `resource:action`.
        known: Vec<String>,
    },
    /// A `*`; a requirement names every permission.
    #[error("wildcards are for scopes, expected `resource:action`")]
    Wildcard,
    /// An `@`; the instance is given when the requirement is checked.
    #[error("a requirement names no instance, expected `resource:action`")]
    Instance,
    /// More parentheses inside one another than the parser follows.
    #[error("more than {MAX_DEPTH} parentheses inside one another")]
    TooDeep,
    /// More ways to meet the requirement than are kept.
    #[error("more than {max} alternatives", max = Requirement::MAX_ALTERNATIVES)]
    TooManyAlternatives,
    /// The text is too long.
    #[error("expected the end, a requirement has at most {MAX_LEN} bytes")]
    TooLong,
}

pub(super) fn parse(catalog: &Catalog, text: &str) -> Result<Alternatives, RequirementError> {
    if text.len() > MAX_LEN {
        return Err(RequirementErrorKind::TooLong.at(MAX_LEN));
    }
    let mut parser = Parser {
        catalog,
        text,
        position: 0,
    };
    let draft = parser.either(0)?;
    match parser.peek() {
        (_, Token::End) => Ok(draft.finish()),
        (position, _) => Err(RequirementErrorKind::ExpectedOperator.at(position)),
    }
}

impl RequirementErrorKind {
    fn at(self, position: usize) -> RequirementError {
        RequirementError {
            position,
            kind: self,
        }
    }
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    Word(&'a str),
    End,
}

impl Token<'_> {
    const fn len(self) -> usize {
        match self {
            Self::Open | Self::Close => 1,
            Self::And => 3,
            Self::Or => 2,
            Self::Word(word) => word.len(),
            Self::End => 0,
        }
    }
}

struct Parser<'a> {
    catalog: &'a Catalog,
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn either(&mut self, depth: usize) -> Result<Draft, RequirementError> {
        let mut draft = self.both(depth)?;
        while let (position, Token::Or) = self.peek() {
            self.take();
            let right = self.both(depth)?;
            draft = draft.or(right).map_err(|TooMany| too_many(position))?;
        }
        Ok(draft)
    }

    fn both(&mut self, depth: usize) -> Result<Draft, RequirementError> {
        let mut draft = self.one(depth)?;
        while let (position, Token::And) = self.peek() {
            self.take();
            let right = self.one(depth)?;
            draft = draft.and(right).map_err(|TooMany| too_many(position))?;
        }
        Ok(draft)
    }

    fn one(&mut self, depth: usize) -> Result<Draft, RequirementError> {
        match self.take() {
            (position, Token::Word(word)) => Ok(Draft::of(self.permission(word, position)?)),
            (opened, Token::Open) if depth < MAX_DEPTH => {
                let inner = self.either(depth + 1)?;
                match self.take() {
                    (_, Token::Close) => Ok(inner),
                    (position, _) => {
                        Err(RequirementErrorKind::ExpectedClosing { opened }.at(position))
                    }
                }
            }
            (position, Token::Open) => Err(RequirementErrorKind::TooDeep.at(position)),
            (position, Token::Close | Token::And | Token::Or | Token::End) => {
                Err(RequirementErrorKind::ExpectedPermission.at(position))
            }
        }
    }

    fn permission(&self, word: &str, position: usize) -> Result<Permission, RequirementError> {
        if let Some(permission) = self.catalog.find(word) {
            return Ok(permission);
        }
        let kind = if word.contains('*') {
            RequirementErrorKind::Wildcard
        } else if word.contains('@') {
            RequirementErrorKind::Instance
        } else {
            let resource = word.split_once(':').map_or(word, |(resource, _)| resource);
            let known: Vec<String> = self
                .catalog
                .actions(resource)
                .map(|name| name.to_string())
                .collect();
            if known.is_empty() {
                let known = self.catalog.resources().map(str::to_owned).collect();
                RequirementErrorKind::UnknownResource { known }
            } else {
                RequirementErrorKind::UnknownPermission { known }
            }
        };
        Err(kind.at(position))
    }

    fn take(&mut self) -> (usize, Token<'a>) {
        let (position, token) = self.peek();
        self.position = position + token.len();
        (position, token)
    }

    /// The next token and where it starts.
    fn peek(&self) -> (usize, Token<'a>) {
        let rest = self.text[self.position..].trim_ascii_start();
        let word = rest
            .split(|mark: char| mark.is_ascii_whitespace() || mark == '(' || mark == ')')
            .next()
            .unwrap_or_default();
        let token = match (rest.as_bytes().first(), word) {
            (None, _) => Token::End,
            (Some(b'('), _) => Token::Open,
            (Some(b')'), _) => Token::Close,
            (_, "and") => Token::And,
            (_, "or") => Token::Or,
            (_, word) => Token::Word(word),
        };
        (self.text.len() - rest.len(), token)
    }
}

fn too_many(position: usize) -> RequirementError {
    RequirementErrorKind::TooManyAlternatives.at(position)
}
