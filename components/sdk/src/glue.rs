//! Joins [`MirrorRule`] to the exports of the WIT world. Only the code of
//! [`export_mirror_rule!`](crate::export_mirror_rule) names these items.

use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::bindings::exports::turbo::engine::mirror_rules::{Guest, MapRequest};
use crate::{Answer, MirrorRule, RuleError, RuleInfo, Url};

/// A rule with one instance for the life of the component's instance.
pub trait Exported: MirrorRule + 'static {
    /// The cell that holds the configured rule.
    fn instance() -> &'static OnceLock<Self>;

    /// Runs what makes something that outlives the call.
    fn outliving<T>(make: impl FnOnce() -> T) -> T;
}

/// Implements the world's exports for a rule.
#[derive(Debug)]
pub struct Adapter<R>(PhantomData<R>);

impl<R: Exported> Guest for Adapter<R> {
    fn describe() -> RuleInfo {
        report_panics();
        rule::<R>().describe()
    }

    fn configure(settings: Vec<(String, String)>) -> Result<(), String> {
        report_panics();
        let mut rule = R::default();
        R::outliving(|| rule.configure(&settings))?;
        R::instance().set(rule).map_err(|_| "the rule is in use; configure a fresh instance".to_owned())
    }

    fn map_url(request: MapRequest) -> Answer {
        report_panics();
        match Url::parse(&request.url) {
            Some(url) => rule::<R>().map_url(&url, &request.region),
            None => Err(RuleError::NotMine),
        }
    }
}

fn rule<R: Exported>() -> &'static R {
    R::instance().get_or_init(|| R::outliving(R::default))
}

/// Without this a panic is a bare `unreachable`: a component that imports no
/// WASI has no standard error to write to.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) fn report_panics() {
    static HOOK: OnceLock<()> = OnceLock::new();
    HOOK.get_or_init(|| std::panic::set_hook(Box::new(|panic| crate::log(crate::Level::Error, &panic.to_string()))));
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) fn report_panics() {}
