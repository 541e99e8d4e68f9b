//! Does the time that a refusal takes tell a stranger anything? `cargo run --release -p
//! ringyo-bench --example timing`, on any machine, a busy one included.
//!
//! Each trial draws, by a coin, inputs of two classes, times what is done with each of more than
//! two million of them, and asks Welch's t-test whether the classes can be told apart (dudect:
//! <https://eprint.iacr.org/2016/1123>). Beside them stand planted leaks. A run in which one of
//! those goes unseen is void, and another is made.

mod forge;
mod place;
mod trial;
mod welch;

use std::collections::HashSet;
use std::hint::black_box;
use std::process::ExitCode;

use ringyo::key::Digest;

use forge::{Header, digits, tag};
use place::{Place, forged, signed, with_right_tag, wrong_in};
use trial::Expected::{Control, Same, Told};
use trial::{Trial, trial};

/// Inputs of one class: so many that what a single one costs, by where its checksum looks into a
/// table, does not show in their mean.
const INPUTS: usize = 1 << 16;

/// Calls of what takes less time than the clock can tell.
const CALLS: u32 = 16;

const RUNS: usize = 3;

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let place = Place::new()?;
    for run in 1..=RUNS {
        let mut trials = digests();
        trials.extend(decisions(&place));
        for trial in &trials {
            println!("{trial}");
        }
        let is_void = |trial: &Trial| matches!(trial.expected, Control) && !trial.passed();
        if trials.iter().any(is_void) {
            println!("run {run} is VOID: a planted leak went unseen\n");
            continue;
        }
        let passed = trials.iter().all(Trial::passed);
        println!("{}", if passed { "PASSED" } else { "FAILED" });
        return Ok(if passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    println!("VOID: the machine is too busy to see even a planted leak");
    Ok(ExitCode::FAILURE)
}

/// Two digests, and where they differ.
fn digests() -> Vec<Trial> {
    let differing_in = |place: usize| -> Vec<[[u8; 32]; 2]> {
        let pair = |_| {
            let stored = digits();
            let mut presented = stored;
            presented[place] ^= 1;
            [stored, presented]
        };
        (0..INPUTS).map(pair).collect()
    };
    let (first, last) = (differing_in(0), differing_in(31));
    vec![
        trial(
            "digests that differ in the first byte, or in the last",
            Same,
            [&first, &last],
            CALLS,
            |[stored, presented]| {
                let [stored, presented] = [stored, presented].map(|it| Digest::from_bytes(*it));
                black_box(stored.matches(&presented));
            },
        ),
        trial(
            "  the same compared up to the first difference",
            Control,
            [&first, &last],
            CALLS,
            |[stored, presented]| {
                black_box(is_equal_up_to_the_first_difference(stored, presented));
            },
        ),
    ]
}

fn decisions(place: &Place) -> Vec<Trial> {
    let refuse = |header: &Header| assert!(place.decide(header), "a key that nobody issued");
    let unknown_ids: Vec<[u8; 12]> = (0..INPUTS).map(|_| digits()).collect();
    let of_ids = |ids: &[[u8; 12]], make: &dyn Fn(&[u8; 12]) -> Header| -> Vec<Header> {
        (0..INPUTS)
            .map(|input| make(&ids[input % ids.len()]))
            .collect()
    };
    let forged_known = of_ids(&place.ids, &forged);
    let forged_unknown = of_ids(&unknown_ids, &forged);
    let secrets: Vec<[u8; 32]> = (0..INPUTS).map(|_| digits()).collect();
    let wrong_tags = |digit: usize| -> Vec<Header> {
        let ids = unknown_ids.iter().zip(&secrets);
        ids.map(|(id, secret)| wrong_in(digit, id, secret))
            .collect()
    };
    let (first_digit, last_digit) = (wrong_tags(0), wrong_tags(5));
    let other: Vec<Header> = place.ids.iter().map(with_right_tag).collect();
    let tagged_unknown = of_ids(&unknown_ids, &with_right_tag);
    let beside_right_tags = [&first_digit, &last_digit].map(|headers| {
        let pairs = headers.iter().map(|it| (*it, [signed(it).1, tag(it)]));
        pairs.collect::<Vec<_>>()
    });
    let beside_stored = [&other, &place.nearly].map(|headers| {
        let both = headers.iter().zip(&place.stored);
        let pairs = both.map(|(it, stored)| (*it, [*stored, signed(it).0]));
        pairs.collect::<Vec<_>>()
    });
    let known: HashSet<&[u8]> = place.ids.iter().map(<[u8; 12]>::as_slice).collect();
    vec![
        trial(
            "forged: an id that exists, or one that does not",
            Same,
            [&forged_known, &forged_unknown],
            1,
            refuse,
        ),
        trial(
            "  the same by a service that looks the id up first",
            Control,
            [&forged_known, &forged_unknown],
            1,
            |header| {
                // What many do: no work for a key of which there is no record.
                if known.contains(&header[15..27]) {
                    let parsed = place.format.parse(&header[7..]).expect("a forged key");
                    black_box(place.peppers.prove(&parsed));
                }
            },
        ),
        trial(
            "forged: a tag that is wrong in its first digit, or in its last",
            Same,
            [&first_digit, &last_digit],
            1,
            refuse,
        ),
        // Compared once, as a decision does: what has to be seen beside all the rest is what five
        // more digits take, about a nanosecond. Below it is 31 more bytes.
        trial(
            "  the same and its tags compared up to the first difference",
            Control,
            beside_right_tags.each_ref().map(Vec::as_slice),
            1,
            |(header, [right, presented])| {
                refuse(header);
                black_box(is_equal_up_to_the_first_difference(right, presented));
            },
        ),
        trial(
            "wrong secret: a digest that differs in most bytes, or in the last alone",
            Same,
            [&other, &place.nearly],
            1,
            refuse,
        ),
        trial(
            "  the same and its digests compared up to the first difference",
            Control,
            beside_stored.each_ref().map(Vec::as_slice),
            1,
            |(header, [stored, presented])| {
                refuse(header);
                black_box(is_equal_up_to_the_first_difference(stored, presented));
            },
        ),
        trial(
            "right tag: a wrong secret, or an id without a record (before its look-up)",
            Told,
            [&other, &tagged_unknown],
            1,
            |header| {
                black_box(place.decide(header));
            },
        ),
    ]
}

/// What `==` may do.
fn is_equal_up_to_the_first_difference<const N: usize>(
    stored: &[u8; N],
    presented: &[u8; N],
) -> bool {
    for (stored, presented) in stored.iter().zip(presented) {
        if black_box(stored) != black_box(presented) {
            return false;
        }
    }
    true
}
