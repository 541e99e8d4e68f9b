//! Compares what a document says a program prints with what it did print. Ids, keys, peppers and
//! times differ from run to run: each stands for one other of its kind, the same one throughout.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// What in a document stands for what in this run.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

/// What differs: the rest of a key behind its id, the base64 of a pepper, a time, and an id. A
/// word of twelve letters and digits is an id when it has a digit, a capital and a small letter.
const KINDS: &str = r"(?<secret>[0-9A-Za-z]{44}\b)|(?<pepper>[0-9A-Za-z+/]{43}=)|(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)|(?<id>[0-9A-Za-z]{12})";

impl Names {
    /// Compares line by line, and learns what stands for what.
    pub(crate) fn unify(&mut self, written: &[&str], printed: &[&str]) -> Result<(), String> {
        for (index, line) in written.iter().enumerate() {
            let Some(found) = printed.get(index) else {
                return Err(format!("not printed: {line}"));
            };
            self.unify_line(line, found)?;
        }
        match printed.get(written.len()) {
            Some(more) => Err(format!("not written: {more}")),
            None => Ok(()),
        }
    }

    /// A line of the document with the names of this run in it.
    pub(crate) fn translated(&self, line: &str) -> String {
        let mut text = line.to_owned();
        for (written, printed) in &self.0 {
            text = text.replace(written, printed);
        }
        text
    }

    fn unify_line(&mut self, written: &str, printed: &str) -> Result<(), String> {
        let differ = || format!("written: {written}\nprinted: {printed}");
        let kinds = Regex::new(KINDS).unwrap();
        let mut pattern = "^".to_owned();
        let mut names = Vec::new();
        let mut end = 0;
        for found in kinds.captures_iter(written) {
            let whole = found.get(0).unwrap();
            let Some(kind) = kind(&found) else { continue };
            pattern += &regex::escape(&written[end..whole.start()]);
            pattern += kind;
            names.push(whole.as_str());
            end = whole.end();
        }
        pattern += &regex::escape(&written[end..]);
        pattern += "$";
        let found = Regex::new(&pattern).unwrap().captures(printed);
        let found = found.ok_or_else(differ)?;
        for (index, name) in names.into_iter().enumerate() {
            let value = &found[index + 1];
            let is_other = self.0.iter().any(|(known, given)| {
                // Both ways: two names for one thing are as wrong as one for two.
                (known == name) != (given == value)
            });
            // Moments may be the same by chance.
            if is_other && !is_time(name) {
                return Err(differ());
            }
            self.0.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }
}

fn kind(found: &Captures<'_>) -> Option<&'static str> {
    let text = &found[0];
    if found.name("secret").is_some() {
        Some("([0-9A-Za-z]{44})")
    } else if found.name("pepper").is_some() {
        Some("([0-9A-Za-z+/]{43}=)")
    } else if found.name("time").is_some() {
        Some(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")
    } else {
        let has = |is: fn(&char) -> bool| text.chars().any(|c| is(&c));
        let is_id = has(char::is_ascii_digit)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase);
        is_id.then_some("([0-9A-Za-z]{12})")
    }
}

fn is_time(name: &str) -> bool {
    name.ends_with('Z') && name.len() == 24
}

const ONE: &str = "key 0a1B2c3D4e5F of acct_1";
const OTHER: &str = "key 9z8Y7x6W5v4U of acct_1";

#[test]
fn a_name_stands_for_one_thing_throughout() {
    let mut names = Names::default();
    names.unify(&[ONE, ONE], &[OTHER, OTHER]).unwrap();
    assert_eq!(names.translated("show 0a1B2c3D4e5F"), "show 9z8Y7x6W5v4U");
    names.unify(&[ONE], &[ONE]).unwrap_err();
    // A second name for what has one.
    names.unify(&[OTHER], &[OTHER]).unwrap_err();
    let mut names = Names::default();
    names.unify(&[ONE, ONE], &[OTHER, ONE]).unwrap_err();
}

#[test]
fn everything_else_must_be_the_same() {
    for (written, printed) in [
        (vec![ONE], vec![]),
        (vec![], vec![ONE]),
        (vec![ONE], vec!["key 0a1B2c3D4e5F of acct_2"]),
        (vec![ONE], vec!["key 0a1B2c3D4e5 of acct_1"]),
        (vec![ONE], vec!["key 0a1B2c3D4e5F of acct_1 "]),
        (vec!["transcripted"], vec!["manuscripted"]),
        (vec!["at 2026-01-02T03:04:05.678Z"], vec!["at yesterday"]),
        (vec!["a", "b"], vec!["b", "a"]),
    ] {
        Names::default().unify(&written, &printed).unwrap_err();
    }
    let key = |id: &str, rest: char| format!("rg_live_{id}{}", String::from(rest).repeat(44));
    let written = key("0a1B2c3D4e5F", 'a');
    let mut names = Names::default();
    names.unify(&[ONE], &[OTHER]).unwrap();
    // The id in a key is the id of the key.
    names
        .unify(&[&written], &[&key("0a1B2c3D4e5F", 'b')])
        .unwrap_err();
    names
        .unify(&[&written], &[&key("9z8Y7x6W5v4U", 'b')])
        .unwrap();
}
