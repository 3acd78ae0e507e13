//! MC service server and MC gateway server: the migration procedures as pure state machines.
