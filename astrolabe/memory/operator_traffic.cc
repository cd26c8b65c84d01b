#include "astrolabe/memory/operator_traffic.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace astrolabe::memory {

namespace {

Bytes bytes_of_expert(const workload::ExpertsShape& s) {
  const double matrices = s.is_gated ? 3 : 2;
  return matrices * s.hidden * s.expert_ffn / s.moe_tp * workload::traits(s.format).weight;
}

// `result` of one execution as part of all.
void add(const RunResult& result, double executions, RunResult* all) {
  Statistics s = result.statistics;
  s.scale(executions);
  const Tick clocks = all->statistics.clocks + s.clocks;
  all->statistics.merge(s);
  all->statistics.clocks = clocks;
  all->time += executions * result.time;
  all->cpu_seconds += result.cpu_seconds;
  all->simulated_requests += result.simulated_requests;
  all->simulated_channels = std::max(all->simulated_channels, result.simulated_channels);
  all->relative_interval = std::max(all->relative_interval, result.relative_interval);
  all->is_partial = all->is_partial || result.is_partial;
}

}  // namespace

std::vector<OperatorTraffic> operator_traffic(const workload::OperatorList& operators,
                                              Bytes kv_page) {
  std::vector<OperatorTraffic> traffic;
  for (const workload::Operator& o : operators) {
    const auto* collective = std::get_if<workload::CollectiveShape>(&o.shape);
    const auto* experts = std::get_if<workload::ExpertsShape>(&o.shape);
    const Bytes payload = collective == nullptr ? Bytes{} : collective->payload;
    OperatorTraffic t;
    t.name = o.name;
    t.count = o.count;
    t.streamed = o.activations / 2 + payload;
    t.written = o.activations / 2 + payload;
    (experts == nullptr ? t.streamed : t.gathered) += o.weights;
    t.gathered += o.kv;
    t.page = experts == nullptr ? kv_page : bytes_of_expert(*experts);
    if (t.accesses() > 0) traffic.push_back(t);
  }
  return traffic;
}

OperatorRuns simulate_operators(const MemoryConfig& config,
                                const std::vector<OperatorTraffic>& operators,
                                const RunOptions& options) {
  OperatorRuns runs;
  for (const OperatorTraffic& o : operators) {
    Traffic traffic;
    traffic.kind = Traffic::Kind::kOperators;
    traffic.operators = {o};
    traffic.requests = o.accesses();
    runs.operators.push_back(simulate(config, traffic, options));
    add(runs.operators.back(), o.count, &runs.all);
    if (runs.all.is_partial) break;
  }
  return runs;
}

}  // namespace astrolabe::memory
