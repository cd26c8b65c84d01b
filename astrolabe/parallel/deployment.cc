#include "astrolabe/parallel/deployment.h"

#include <algorithm>

namespace astrolabe::parallel {

Deployment::Deployment(const workload::ModelArchitecture& model,
                       const workload::Precision& precision, const workload::ShardDegrees& shard,
                       const Engine& engine, const KernelClock& clock, Bytes hbm,
                       const TableLimits& limits)
    : iteration_(model, precision, shard, engine, clock),
      engine_(engine),
      table_(iteration_, limits),
      hbm_(hbm) {}

double Deployment::kv_tokens(double context) const {
  return kv_capacity_tokens(iteration_.model(), iteration_.precision(), iteration_.shard(),
                            engine_.constants, hbm_, context);
}

ClosedLoopResult Deployment::serve(const ClosedLoopLoad& load) const {
  const double context =
      (load.prompt_low + load.prompt_high + load.answer_low + load.answer_high) / 2;
  return run_closed_loop(table_, engine_, kv_tokens(context), iteration_.model().vocab, load);
}

ReplayResult Deployment::replay(const ReplayLoad& load) const {
  double tokens = 0;
  for (const TimedRequest& r : load.requests) tokens += r.prompt + r.answer;
  const double context = tokens / std::max<double>(1, static_cast<double>(load.requests.size()));
  return run_replay(table_, engine_, kv_tokens(context), iteration_.model().vocab, load);
}

double Deployment::tokens_per_accelerator(const ClosedLoopResult& served,
                                          const ClosedLoopLoad& load) const {
  const double answer = (load.answer_low + load.answer_high) / 2;
  return served.requests.in(1.0 / units::second) * answer / shard().group();
}

void Deployment::set_engine(const Engine& engine) {
  engine_ = engine;
  table_.set_overheads(launches() * engine.constants.kernel, engine.constants.sequence,
                       host_bound_layers() * engine.constants.prompt_layer);
}

}  // namespace astrolabe::parallel
