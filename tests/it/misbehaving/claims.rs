//! What may be called the origin's bytes: validators, digests, mirrors, files that are already there.
