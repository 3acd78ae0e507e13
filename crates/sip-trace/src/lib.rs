//! Flight recorder: records messages and decisions, exports them, draws ladders.
