//! What each question means, in the order of the page.

/// What a bench asks, as the page tells it.
pub(super) struct Question {
    /// As the bench calls it.
    pub(super) name: &'static str,
    pub(super) heading: &'static str,
    /// What the figures mean; may be empty.
    pub(super) words: &'static str,
    /// Pictures, and what each shows.
    pub(super) pictures: &'static [(&'static str, &'static str)],
}

pub(super) const QUESTIONS: [Question; 17] = [
    Question {
        name: "authenticate",
        heading: "A decision",
        words: "From the header to the numbers that the response shows: find the key, prove it, look \
                it up, check its state, its plan and its limit, and a scope. Everything is in \
                memory. Refusals go as far as they have to. Most keys have neither networks nor a limit \
                of their own; what those cost is in rows of their own, in which the address of the \
                client is known. The changes are made by a \
                thread beside, and the time is that of the thread that decides: what it sleeps is \
                not in it. \
                Threads show what they take from each other only on a machine on which they really \
                run at the same time.",
        pictures: &[
            ("refusals", "What is let in and what is refused, in floors"),
            ("threads", "What more threads bring"),
        ],
    },
    Question {
        name: "stages",
        heading: "Where the time goes",
        words: "Each stage alone, on the same keys. The look-up is a refusal of a revoked key less \
                one of a forged key, and less comparison and clock, which have rows of their own. \
                The processor does some of one stage while it waits in another, \
                so what is alone may add up to more than the whole; the rest is what is left over.",
        pictures: &[("stages", "The stages of a decision, in floors")],
    },
    Question {
        name: "working set",
        heading: "More keys",
        words: "Each key is asked for in an order of its own. Zipf: few keys make most requests, as \
                in life.",
        pictures: &[(
            "working-set",
            "A decision over more and more keys, in floors",
        )],
    },
    Question {
        name: "working set: memory",
        heading: "A wait for memory",
        words: "What a load takes whose address is what the load before it has found, and a thousand \
                hot keys in a service that knows all of the keys above.",
        pictures: &[],
    },
    Question {
        name: "instructions",
        heading: "Instructions",
        words: "Counted by valgrind, and the same every time; a change that adds a twentieth to those \
                of a decision fails.",
        pictures: &[],
    },
    Question {
        name: "key",
        heading: "Making and reading keys",
        words: "",
        pictures: &[],
    },
    Question {
        name: "scope",
        heading: "Permissions",
        words: "",
        pictures: &[],
    },
    Question {
        name: "limit",
        heading: "Rate limits in the process",
        words: "",
        pictures: &[],
    },
    Question {
        name: "http",
        heading: "The layer around a service that answers at once",
        words: "What it takes to make the request is in the first four rows. The last two are the \
                largest parts of what the layer adds.",
        pictures: &[],
    },
    Question {
        name: "memory",
        heading: "Memory",
        words: "Of a million keys and of 200,000 buckets. Counted, and so once, in what is asked of \
                the allocator; what it adds for itself is not in it.",
        pictures: &[],
    },
    Question {
        name: "stores: SQLite",
        heading: "A store: SQLite",
        words: "Beside one plain indexed `SELECT` through the same driver. A cold decision reads the \
                store.",
        pictures: &[],
    },
    Question {
        name: "stores: PostgreSQL",
        heading: "A store: PostgreSQL",
        words: "The server is on the same machine and syncs to its disk.",
        pictures: &[],
    },
    Question {
        name: "end to end",
        heading: "Over HTTP",
        words: "An axum service, on SQLite, with limits in the process, in a process of its own; the \
                requests come from another, over kept connections of the loopback. In a flood there \
                are ten invalid requests to each valid one, every one with a key of its own and from \
                one of many addresses; half of the keys are forged, half have a true tag and an id \
                that nobody has a record of. Valid requests are sent at a fixed rate, and each is \
                timed from when it was due. \
                Where the generator takes as much of the processors as the service does, it is what \
                holds both services back, and the processor time of the service tells more.",
        pictures: &[],
    },
    Question {
        name: "contenders: credential",
        heading: "Beside others: who is it?",
        words: "The first row is the whole decision, numbers for the response included; the others \
                do what they are made for. In times ours each row is beside our row on the same \
                work, or beside the first. A key that is hashed like a password takes as long as it \
                is meant to.",
        pictures: &[("contenders", "To check one credential, in floors")],
    },
    Question {
        name: "contenders: permission",
        heading: "Beside others: may they?",
        words: "A key with four scopes, and one question.",
        pictures: &[],
    },
    Question {
        name: "contenders: limit",
        heading: "Beside others: how fast may they?",
        words: "1,000 accounts in turns, all let in. Who calls `limitador` makes a context of each \
                request first.",
        pictures: &[],
    },
    Question {
        name: "contenders: layer",
        heading: "Beside others: a layer",
        words: "`tower_governor` limits each credential and knows nothing of it; the last row is \
                what somebody puts together who wants to know.",
        pictures: &[],
    },
];
