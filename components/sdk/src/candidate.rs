//! Places that keep copies, and the candidates made from them.

use crate::{Candidate, CandidateKind, Promise};

/// A place that keeps copies: the front of a URL and what is known of it.
///
/// Host swap and prefix proxy are one thing: a swap puts a place before the
/// path, a proxy puts it before the whole URL.
///
/// ```
/// use turbo_component::Place;
///
/// const SWAP: Place = Place::mirror("https://mirror.example/pub").region("de").weight(60);
/// const PROXY: Place = Place::proxy("https://proxy.example/");
///
/// assert_eq!(SWAP.with("/a.iso").url, "https://mirror.example/pub/a.iso");
/// assert_eq!(PROXY.with("https://origin.example/a.iso").url, "https://proxy.example/https://origin.example/a.iso");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Place {
    front: &'static str,
    region: &'static str,
    weight: u32,
    kind: CandidateKind,
    promise: Promise,
}

impl Place {
    /// A host that keeps a copy of its own. Weight 50, no region.
    pub const fn mirror(front: &'static str) -> Self {
        Self { front, region: "", weight: 50, kind: CandidateKind::Mirror, promise: Promise::SameBytes }
    }

    /// A content-delivery network. Weight 50, no region.
    pub const fn cdn(front: &'static str) -> Self {
        Self { kind: CandidateKind::Cdn, ..Self::mirror(front) }
    }

    /// A service that fetches from the origin when asked. Weight 50, no region.
    pub const fn proxy(front: &'static str) -> Self {
        Self { kind: CandidateKind::Proxy, ..Self::mirror(front) }
    }

    /// Says which region the place serves best: ISO 3166-1 alpha-2, lower case.
    #[must_use]
    pub const fn region(self, region: &'static str) -> Self {
        Self { region, ..self }
    }

    /// Sets the preference, 0 to 100, higher first.
    #[must_use]
    pub const fn weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// The front of the place's URLs.
    pub const fn front(&self) -> &'static str {
        self.front
    }

    /// The candidate for what stands behind the place's front.
    pub fn with(&self, tail: &str) -> Candidate {
        Candidate {
            url: [self.front, tail].concat(),
            region: self.region.to_owned(),
            weight: self.weight,
            kind: self.kind,
            promise: self.promise,
        }
    }

    /// The candidates of several places, in their order.
    pub fn all(places: &[Self], tail: &str) -> Vec<Candidate> {
        places.iter().map(|place| place.with(tail)).collect()
    }

    /// The candidates of several places, without the promise of the very same
    /// bytes: for names whose content changes.
    pub fn all_unpromised(places: &[Self], tail: &str) -> Vec<Candidate> {
        places.iter().map(|place| place.with(tail).may_differ()).collect()
    }
}

impl Candidate {
    /// Withdraws the promise of the very same bytes: the engine then uses the
    /// candidate only where a digest or a comparison with the origin proves it.
    #[must_use]
    pub fn may_differ(self) -> Self {
        Self { promise: Promise::MayDiffer, ..self }
    }
}
