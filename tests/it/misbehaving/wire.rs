//! Header fields, codings, addresses and waits below the meaning of an answer.
