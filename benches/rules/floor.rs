//! The floor: the same exports of the same components, called by wasmtime
//! alone. No fuel, no deadline, no limits, no check of what comes back.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use self::exports::turbo::engine::mirror_rules::{Candidate, MapRequest, RuleError};

wasmtime::component::bindgen!({
    path: "../wit/turbo-engine/v0_1",
    world: "mirror-rule",
    ownership: Borrowing { duplicate_if_necessary: false },
});

/// The rule for GitHub: six candidates for a file of a release.
pub const GITHUB: &[u8] = include_bytes!("../../components/dist/github.wasm");

type Reply = Result<Vec<Candidate>, RuleError>;

/// A host that hears nothing.
pub struct Silent;

impl turbo::engine::log::Host for Silent {
    fn log(&mut self, _: turbo::engine::log::Level, _: String) {}
}

impl turbo::engine::types::Host for Silent {}

/// An instance that is there already.
pub struct Warm {
    store: Store<Silent>,
    rule: MirrorRule,
}

impl Warm {
    /// Makes the instance.
    pub fn new(component: &[u8]) -> Self {
        Fresh::new(component).start()
    }

    /// Asks it.
    pub fn ask(&mut self, url: &str) -> Reply {
        let request = MapRequest { url, region: "", extra: &Vec::new() };
        self.rule.turbo_engine_mirror_rules().call_map_url(&mut self.store, request).expect("a call")
    }
}

/// A component that is compiled and linked, on a pool like the engine's.
pub struct Fresh {
    engine: Engine,
    pre: MirrorRulePre<Silent>,
}

impl Fresh {
    /// Compiles the component.
    pub fn new(component: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(100)
            .total_memories(100)
            .max_memory_size(16 << 20)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(wasmtime::Enabled::Auto);
        let mut config = Config::new();
        config.concurrency_support(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::new(&engine, component).expect("a component");
        let mut linker = Linker::new(&engine);
        MirrorRule::add_to_linker::<_, HasSelf<_>>(&mut linker, |silent| silent).expect("a linker");
        let pre = linker.instantiate_pre(&component).and_then(MirrorRulePre::new).expect("a rule");
        Self { engine, pre }
    }

    /// Makes an instance.
    pub fn start(&self) -> Warm {
        let mut store = Store::new(&self.engine, Silent);
        let rule = self.pre.instantiate(&mut store).expect("an instance");
        Warm { store, rule }
    }
}
