//! Durable state of an MC service server: mappings, stays, outbox.
