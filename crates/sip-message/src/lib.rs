//! Bytes to SIP message and back: framing, grammar, typed values, limits, building. No clock, no socket.
