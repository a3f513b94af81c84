//! Answers that are not the file: portals, stale nodes, ranges that are none.
