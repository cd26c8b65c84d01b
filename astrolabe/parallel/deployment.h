#pragma once

// One engine serving one model on one layout: its iterations prepared as tables, and its cache.
// Build it once (tens of milliseconds with measured kernels), then ask for any load.

#include "astrolabe/parallel/closed_loop.h"

namespace astrolabe::parallel {

class Deployment {
 public:
  // `hbm` of one accelerator. The clock is used here only.
  Deployment(const workload::ModelArchitecture& model, const workload::Precision& precision,
             const workload::ShardDegrees& shard, const Engine& engine, const KernelClock& clock,
             Bytes hbm, const TableLimits& limits = {});

  // A benchmark with `load.concurrency` requests in flight.
  ClosedLoopResult serve(const ClosedLoopLoad& load) const;
  ReplayResult replay(const ReplayLoad& load) const;

  // Tokens of KV cache on a rank when sequences hold `context` of them.
  double kv_tokens(double context) const;
  // Output tokens a second and accelerator of a load that was served.
  double tokens_per_accelerator(const ClosedLoopResult& served, const ClosedLoopLoad& load) const;

  const workload::ModelArchitecture& model() const { return iteration_.model(); }
  const workload::ShardDegrees& shard() const { return iteration_.shard(); }
  const Engine& engine() const { return engine_; }
  const IterationTable& table() const { return table_; }
  const EngineIteration& iteration() const { return iteration_; }  // while its clock lives
  double launches() const { return iteration_.launches(); }        // small kernels of an iteration
  double host_bound_layers() const { return iteration_.host_bound_layers(); }

  // The same kernels under other constants and schedules.
  void set_engine(const Engine& engine);

 private:
  EngineIteration iteration_;
  Engine engine_;
  IterationTable table_;
  Bytes hbm_;
};

}  // namespace astrolabe::parallel
