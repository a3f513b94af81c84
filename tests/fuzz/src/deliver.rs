//! The parts of `publish::deliver` that read answers; what asks needs the
//! network and the program git.

/// Pull requests.
pub mod github {
    pub use super::answers;
}

/// Feeds of packages.
pub mod nuget {
    pub use super::feed;
}

/// Repositories.
pub mod git {
    pub use super::output;
}

#[path = "../../../engine/src/publish/deliver/github/answers.rs"]
pub mod answers;
#[expect(dead_code, reason = "errors name it")]
#[path = "../../../engine/src/publish/deliver/nuget/feed.rs"]
pub mod feed;
#[path = "../../../engine/src/publish/deliver/git/output.rs"]
pub mod output;
