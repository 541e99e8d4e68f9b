//! The text of requirements, against a reader that cuts it at its operators.

use ringyo::preset::ringyo::CATALOG;
use ringyo::scope::{RequirementErrorKind, ScopeSet};

use crate::Subject;

/// Reads the input, and asks with many sets of permissions whether it is met.
pub fn check(input: &[u8], subject: Subject) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let parsed = CATALOG.requirement(text);
    let tokens = tokens(text);
    let naive = Naive::read(&tokens);
    let requirement = match parsed {
        Ok(requirement) => requirement,
        Err(error) => {
            use RequirementErrorKind::{TooDeep, TooLong, TooManyAlternatives};
            let is_limit = matches!(error.kind(), TooDeep | TooLong | TooManyAlternatives);
            assert!(is_limit || naive.is_none(), "{error}");
            assert!(error.position() <= text.len());
            return;
        }
    };
    let mut naive = naive.expect("the library has read it");
    if subject == Subject::Faulty {
        naive.lose_the_third_alternative();
    }
    let shown = requirement.display(&CATALOG).to_string();
    // Spelled out it may be longer than what is read.
    if let Ok(again) = CATALOG.requirement(&shown) {
        assert_eq!(again, requirement);
    } else {
        assert!(shown.len() > 4_096, "{shown}");
    }
    let all: Vec<String> = CATALOG.permissions().map(|name| name.to_string()).collect();
    let named: Vec<&String> = all.iter().filter(|name| text.contains(*name)).collect();
    for subset in 0_u32..1 << named.len().min(7) {
        let held: Vec<&str> = named
            .iter()
            .enumerate()
            .filter(|(place, _)| *place >= 7 || subset >> place & 1 == 1)
            .map(|(_, name)| name.as_str())
            .collect();
        let scopes = ScopeSet::parse(held.iter().copied()).expect("scopes");
        let is_met = scopes.compile(&CATALOG).check(&requirement).is_ok();
        assert_eq!(is_met, naive.is_met_by(&held), "{shown} by {held:?}");
    }
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for word in text.split_ascii_whitespace() {
        for piece in word.split_inclusive(['(', ')']) {
            let (rest, mark) = match piece.strip_suffix(['(', ')']) {
                Some(rest) => (rest, &piece[rest.len()..]),
                None => (piece, ""),
            };
            tokens.extend([rest, mark].into_iter().filter(|token| !token.is_empty()));
        }
    }
    tokens
}

enum Naive {
    Permission(String),
    All(Vec<Naive>),
    Any(Vec<Naive>),
}

impl Naive {
    fn read(tokens: &[&str]) -> Option<Self> {
        for (operator, make) in [
            ("or", Self::Any as fn(Vec<Self>) -> Self),
            ("and", Self::All),
        ] {
            let parts = cut(tokens, operator)?;
            if parts.len() > 1 {
                let parts = parts.into_iter().map(Self::read);
                return parts.collect::<Option<_>>().map(make);
            }
        }
        match tokens {
            ["(", inner @ .., ")"] => Self::read(inner),
            [name] => CATALOG
                .find(name)
                .map(|_| Self::Permission((*name).to_owned())),
            _ => None,
        }
    }

    fn is_met_by(&self, held: &[&str]) -> bool {
        match self {
            Self::Permission(name) => held.contains(&name.as_str()),
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(held)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(held)),
        }
    }

    fn lose_the_third_alternative(&mut self) {
        if let Self::Any(parts) = self
            && parts.len() > 2
        {
            parts.remove(2);
        }
    }
}

/// The parts between operators that stand outside all parentheses; `None` if those do not match.
fn cut<'t, 'a>(tokens: &'t [&'a str], operator: &str) -> Option<Vec<&'t [&'a str]>> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, token) in tokens.iter().enumerate() {
        match *token {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            token if token == operator && depth == 0 => {
                parts.push(&tokens[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    (depth == 0).then_some(parts)
}
