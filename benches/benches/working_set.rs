//! What does a decision cost over more and more keys? `cargo bench -p ringyo-bench --bench
//! working_set`; with `MILLION=1` also over a million, which needs three gigabytes.

use ringyo_bench::{Chase, Question, Service, decide};

fn main() {
    let mut question = Question::new("working set");
    let service = Service::new();
    let mut hot = service.workload("hot", 1_000);
    question.case("1,000 keys, uniform", || decide(&service, hot.header()));
    let mut zipf = hot.by_zipf();
    question.case("1,000 keys, Zipf", || decide(&service, zipf.header()));
    let mut sizes = vec![("10,000", 10_000), ("100,000", 100_000)];
    if std::env::var_os("MILLION").is_some() {
        sizes.push(("1,000,000", 1_000_000));
    }
    for (name, keys) in sizes {
        let mut uniform = service.workload(&format!("of_{keys}"), keys);
        question.case(&format!("{name} keys, uniform"), || {
            decide(&service, uniform.header())
        });
        let mut zipf = uniform.by_zipf();
        question.case(&format!("{name} keys, Zipf"), || {
            decide(&service, zipf.header())
        });
    }
    question.answer();

    let mut question = Question::new("working set: memory");
    question.case("1,000 hot keys among all of them", || {
        decide(&service, hot.header())
    });
    let mut chase = Chase::new(256 << 20);
    question.case("a dependent load from 256 MiB", || chase.step());
    question.answer();
}
