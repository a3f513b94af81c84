//! The engine that runs components: configuration, compilers, clock, linking.

use std::sync::{Arc, OnceLock};

use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm, Store,
};

use super::bindings::v0_1;
use super::sandbox::Sandbox;
use super::ticker::Ticker;
use super::{Limits, wasi};

/// How hard to try for fast code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// For the engine's own components.
    Full,
    /// For anyone else's: the register allocator that cannot be driven into
    /// quadratic time.
    SinglePass,
}

/// How an instance's linear memory lies in the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// All that 32 bits can name is reserved, and what lies beyond the memory
    /// faults: the code needs no bounds checks, a third of its time.
    Spacious,
    /// No more is reserved than the memory may grow to; every access is checked.
    Compact,
}

/// The engine that runs components.
pub(super) struct Runtime {
    engine: Engine,
    layout: Layout,
    single_pass: OnceLock<Engine>,
    linker: Linker<Sandbox>,
    ticker: Ticker,
    limits: Arc<Limits>,
}

impl Runtime {
    /// Starts an engine with room for so many instances at once.
    pub(super) fn new(limits: &Arc<Limits>, instances: u32) -> wasmtime::Result<Self> {
        let (engine, layout) = engine(limits, instances)?;
        let mut linker = Linker::new(&engine);
        v0_1::MirrorRule::add_to_linker::<_, HasSelf<_>>(&mut linker, |sandbox| sandbox)?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Self { engine, layout, single_pass: OnceLock::new(), linker, ticker, limits: Arc::clone(limits) })
    }

    /// The engine that code is loaded into.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The clock of the calls.
    pub(super) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// What a component may use.
    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The engine that compiles with a given effort. Its code runs in
    /// [`Self::engine`]: the register allocator leaves no trace in the format.
    pub(super) fn compiler(&self, effort: Effort) -> wasmtime::Result<&Engine> {
        if effort == Effort::Full {
            return Ok(&self.engine);
        }
        if let Some(compiler) = self.single_pass.get() {
            return Ok(compiler);
        }
        let mut config = config(&self.limits, self.layout);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        let compiler = Engine::new(&config)?;
        Ok(self.single_pass.get_or_init(|| compiler))
    }

    /// Joins a component with what the host offers.
    pub(super) fn link(&self, component: &Component) -> wasmtime::Result<InstancePre<Sandbox>> {
        match wasi::extend(&self.linker, component)? {
            Some(extended) => extended.instantiate_pre(component),
            None => self.linker.instantiate_pre(component),
        }
    }

    /// An empty store under the limits of one call.
    pub(super) fn store(&self, component: Arc<str>) -> Store<Sandbox> {
        let mut store = Store::new(&self.engine, Sandbox::new(component, Arc::clone(&self.limits)));
        store.limiter(|sandbox| sandbox);
        store.set_hostcall_fuel(self.limits.result_bytes as usize);
        store
    }

    /// Gives a store the allowance of one call.
    pub(super) fn arm(&self, store: &mut Store<Sandbox>) {
        store.data_mut().begin_call();
        store.set_fuel(self.limits.fuel).expect("the engine counts fuel");
        store.set_epoch_deadline(Ticker::ticks(self.limits.deadline()));
    }
}

/// A pool of instances makes a fresh one four times cheaper, but wants address
/// space that containers and `ulimit -v` may not grant; making the engine is
/// the probe.
fn engine(limits: &Limits, instances: u32) -> wasmtime::Result<(Engine, Layout)> {
    for layout in [Layout::Spacious, Layout::Compact] {
        match pooled(limits, instances, layout) {
            Ok(engine) => return Ok((engine, layout)),
            Err(error) => tracing::debug!(target: "component", %error, ?layout, "no pool of instances"),
        }
    }
    Ok((Engine::new(&config(limits, Layout::Compact))?, Layout::Compact))
}

fn pooled(limits: &Limits, instances: u32, layout: Layout) -> wasmtime::Result<Engine> {
    let mut config = config(limits, layout);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits, instances)));
    Engine::new(&config)
}

fn config(limits: &Limits, layout: Layout) -> Config {
    let mut config = Config::new();
    match layout {
        Layout::Spacious => {
            config.memory_reservation(limits.memory_bytes.max(4 << 30)).memory_guard_size(32 << 20);
        }
        Layout::Compact => {
            config.memory_reservation(limits.memory_bytes).memory_guard_size(64 << 10);
        }
    }
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        // Costs every call 380 ns and serves only asynchronous components.
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        // For debuggers alone; code is the shorter to authenticate and to load.
        .native_unwind_info(cfg!(windows))
        .generate_address_map(false)
        // A memory keeps its place, so code need not look for it anew.
        .memory_may_move(false)
        .max_wasm_stack(limits.stack_bytes as usize)
        .memory_init_cow(true);
    config
}

fn pool(limits: &Limits, instances: u32) -> PoolingAllocationConfig {
    let each = limits.instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(each))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(each))
        .max_core_instances_per_component(each)
        .max_memories_per_component(each)
        .max_tables_per_component(each)
        .max_memories_per_module(each)
        .max_tables_per_module(each)
        .max_memory_size(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX))
        .table_elements(limits.table_elements as usize)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    fn compatibility(engine: &Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn what_is_compiled_for_a_layout_runs_in_its_pool() {
        let limits = Limits::default();
        for layout in [Layout::Spacious, Layout::Compact] {
            let compiler = Engine::new(&config(&limits, layout)).unwrap();
            assert_eq!(compatibility(&compiler), compatibility(&pooled(&limits, 1, layout).unwrap()));
        }
        let [spacious, compact] =
            [Layout::Spacious, Layout::Compact].map(|layout| Engine::new(&config(&limits, layout)).unwrap());
        assert_ne!(compatibility(&spacious), compatibility(&compact), "one must not load the other's code");
    }
}
