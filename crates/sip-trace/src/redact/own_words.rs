//! Words of which nodes make their decisions. Somebody may be called so, and anybody can say that he is: what a node decided stays
//! readable all the same. What is a given name, too (Grace, Mark, Max, May, Will), is none of them.

/// Whether a word, in lower case, is one of them.
pub(super) fn is_own(word: &[u8]) -> bool {
    let mut words = WORDS.split_ascii_whitespace();
    words.any(|own| own.as_bytes().eq_ignore_ascii_case(word))
}

const WORDS: &str = "
    about ack acknowledged after all allowed alone already and anew another answer answered answers any applied are
    asked asks asserted attempt authorisation authorization authorized authorizes batch before began being beside body
    both boundary call calling came cannot changed characters clock commands commit completed configured confirmed
    content copy core could cut datagrams deadlines deeply delivered did document documents does done draining dropped
    due durable element encoding end ended entitled escaped event expires failed failover fired for force forwards
    from full function gateway had has having heard here him his hop host icid identity ids info inside interconnected
    invalid invite ioi its keeps kept kind know last late leaving left local locating logged logme longer look
    malformed many mapped mapping mappings marked marks mcdata mcptt mcvideo mcx meanwhile message migrate migrated
    migration missing mixed moment more most move moved multipart must name names nested never new newer next nobody
    not nothing notification now nowhere one open operator options ordered orig other out outbox over overloaded owed
    own parse part participating partner parts passed period poc policy primary procedure proceeding profile psi
    publish purged reach reached reads ready recovered refreshed refused refuses register registration repeated
    replaced req request requests require response result retention returned rfc row same sends sent served server
    serves service session set settings short shows sip sips soon source speaks stale start starting starts stay still
    stopped store stored streamed system takes target tel terminated than that the their there this through time timer
    token tokens too transaction transactions transport tried trust trusted trying type unknown until uri user users
    valid value verified visiting visitor waiting waits wall wants was way whether wire with within without written
";
