//! Every catalog of up to two resources with up to two actions, and every small set of scopes in it.

use ringyo_scope::{Access, Catalog, Requirement, ScopeSet};

use crate::naive::{self, Atom};

/// Every scope of the names `r`, `s`, `a`, `b` and `i`, in its shortest spelling, but the switch.
const SCOPES: [&str; 15] = [
    "*", "*:a", "*:b", "r", "r:a", "r:b", "r@i", "r:a@i", "r:b@i", "s", "s:a", "s:b", "s@i",
    "s:a@i", "s:b@i",
];

/// Sets of up to two of them, each with the switch and without it.
fn sets() -> Vec<Vec<&'static str>> {
    let mut plain = vec![vec![]];
    for (place, first) in SCOPES.iter().enumerate() {
        plain.push(vec![*first]);
        plain.extend(SCOPES[..place].iter().map(|second| vec![*first, *second]));
    }
    let switched = plain.iter().map(|set| [&set[..], &["read_only"]].concat());
    let switched: Vec<_> = switched.collect();
    [plain, switched].concat()
}

/// What `a` and `b` may be on a resource: nothing, a read or a write, but not both nothing.
fn actions() -> Vec<Vec<(&'static str, Access)>> {
    let each = [None, Some(Access::Read), Some(Access::Write)];
    let mut all = Vec::new();
    for a in each {
        for b in each {
            let named = [("a", a), ("b", b)].into_iter();
            let declared: Vec<_> = named.filter_map(|(n, access)| Some((n, access?))).collect();
            if !declared.is_empty() {
                all.push(declared);
            }
        }
    }
    all
}

fn catalogs() -> Vec<Catalog> {
    let mut catalogs = Vec::new();
    for (place, of_r) in actions().iter().enumerate() {
        let alone = Catalog::builder().resource("r", of_r.clone());
        catalogs.push(alone.build().unwrap());
        // `r` and `s` are names only: the other way round it is the same catalog.
        for of_s in &actions()[..=place] {
            let two = Catalog::builder()
                .resource("r", of_r.clone())
                .resource("s", of_s.clone());
            catalogs.push(two.build().unwrap());
        }
    }
    catalogs
}

type Covers = fn(&ScopeSet, &ScopeSet, &Catalog) -> bool;

/// Pairs of sets for which `covers` answers otherwise than trying every deed does, of how many, and
/// deeds that are granted otherwise than by comparing texts, of how many.
fn disagreements(covers: Covers, catalogs: &[Catalog]) -> [usize; 4] {
    let sets = sets();
    let parsed: Vec<_> = sets
        .iter()
        .map(|set| ScopeSet::parse(set).unwrap())
        .collect();
    let mut counts = [0; 4];
    for catalog in catalogs {
        let atoms = naive::universe(&SCOPES, catalog);
        assert!(atoms.len() <= 128, "{}", atoms.len());
        let row = |set: &Vec<&str>| -> u128 {
            let granted = atoms.iter().enumerate();
            granted
                .filter(|(_, atom)| naive::grants(set, atom))
                .map(|(place, _)| 1 << place)
                .sum()
        };
        let rows: Vec<u128> = sets.iter().map(row).collect();
        for (held, held_row) in parsed.iter().zip(&rows) {
            for (other, other_row) in parsed.iter().zip(&rows) {
                let expected = other_row & !held_row == 0;
                counts[0] += usize::from(covers(held, other, catalog) != expected);
                counts[1] += 1;
            }
            for (place, atom) in atoms.iter().enumerate() {
                if let Some(is_granted) = granted(held, atom, catalog) {
                    let expected = held_row >> place & 1 == 1;
                    counts[2] += usize::from(is_granted != expected);
                    counts[3] += 1;
                }
            }
        }
    }
    counts
}

/// `None` for what the catalog does not know.
fn granted(set: &ScopeSet, atom: &Atom, catalog: &Catalog) -> Option<bool> {
    let permission = catalog.find(&format!("{}:{}", atom.resource, atom.action))?;
    let (grants, needs) = (set.compile(catalog), Requirement::permission(permission));
    let answer = match &atom.instance {
        None => grants.check(&needs),
        Some(instance) => grants.check_on(&needs, instance),
    };
    Some(answer.is_ok())
}

#[test]
fn what_is_covered_and_granted_is_what_trying_every_deed_says() {
    let catalogs = catalogs();
    let [wrong_pairs, pairs, wrong_deeds, deeds] = disagreements(ScopeSet::covers, &catalogs);
    println!(
        "{} catalogs, {pairs} pairs of sets, {deeds} deeds",
        catalogs.len()
    );
    assert_eq!((wrong_pairs, wrong_deeds), (0, 0));
    assert!(pairs > 2_500_000 && deeds > 80_000);

    // The control: a comparison that forgets what the switch does.
    let forgets: Covers = |held, other, catalog| {
        let plain = |set: &ScopeSet| {
            let scopes = set.iter().map(|scope| scope.as_str().to_owned());
            let plain: Vec<_> = scopes.filter(|text| text != "read_only").collect();
            ScopeSet::parse(plain).unwrap()
        };
        plain(held).covers(&plain(other), catalog)
    };
    assert!(disagreements(forgets, &catalogs[..1])[0] > 0);
}
