#pragma once

// One layout as an engine of a chip: whether it can be built, what it holds, and its points of
// operation for a class of requests in three roles: an aggregated engine, a worker of a prefill
// pool or of a decode pool (steady_state.h).
//
// Points: batches in steps of sqrt(2) from one request in flight to what memory, the engine and the
// prompts allow, and the largest batch that keeps a service level.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/layout.h"
#include "astrolabe/parallel/memory_fit.h"
#include "astrolabe/parallel/steady_state.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::parallel {

// A smaller model that drafts the tokens of speculative decoding, each tensor group its own copy.
struct DraftModel {
  workload::ModelArchitecture model;
  workload::Precision precision;
};

struct ServingRequest {
  workload::ModelArchitecture model;
  workload::Precision precision;
  workload::DemandClass work;  // limits of TTFT and TPOT; infinite where there is none
  std::optional<double> block_count;
  std::optional<DraftModel> draft = {};  // none: multi-token prediction of the model itself
};

// What a layout holds for the drafts of a request whose sequences have so many tokens at their end.
DraftMemory draft_memory(const ServingRequest& request, const workload::ShardDegrees& shard,
                         double tokens_of_sequence);

// Limits that no request misses.
inline constexpr Duration kNoLimit = Duration::from_base(1e300);

SteadyLoad steady_load(const workload::DemandClass& work);

// What keeps a batch from growing further.
enum class BatchLimit : unsigned char { kNone, kHbmCapacity, kEngine, kPrompts, kTpot, kTtft };
const char* batch_limit_name(BatchLimit limit);  // "none", "HBM capacity", ...

struct EnginePoint {
  SteadyState state;
  BatchLimit limit = BatchLimit::kNone;
};

// Workers of a prefill pool behind one queue, each busy `load` of its time. A prompt waits
//   (1 + cv^2) / 2 step load^(sqrt(2 (c + 1)) - 1) / (c (1 - load))
// for one of c workers (Sakasegawa 1977; for one the formula of Pollaczek and Khinchine).
struct PrefillPoint {
  double prompts = 1;    // on a rank at once
  double load = 1;       // share of the time that a worker is busy
  Duration ttft;         // with queue, transfer and what lies outside the engine
  Frequency requests;    // of a worker at that load
  Frequency capacity;    // of a worker that is never idle
  Duration step;         // from the first token in to the last out
  Duration outside;      // transfer, client, server
  double variation = 1;  // (1 + cv^2) / 2 of the length of prompts

  // The same worker as one of c, as busy as the limit allows, or at `requests` each.
  PrefillPoint among(double workers, Duration limit) const;
  PrefillPoint at_rate(double workers, Frequency requests) const;
};

class ServingCandidate {
 public:
  // `chip` and `request` must outlive this.
  ServingCandidate(const ServingChip& chip, const ServingRequest& request, const Layout& layout);

  const Layout& layout() const { return layout_; }
  const std::string& conflict() const { return conflict_; }  // empty: it can be built
  const MemoryFit& memory() const { return memory_; }
  bool can_serve() const { return conflict_.empty() && memory_.fits(); }

  // Only of candidates that can serve.
  const EngineCurves& curves() const { return *curves_; }
  const EngineIteration& iteration() const { return *iteration_; }
  const EngineIteration* draft_iteration() const { return draft_iteration_.get(); }  // or none
  Duration ttft_floor() const { return parallel::ttft_floor(*curves_); }
  Duration tpot_floor() const;
  EnginePoint largest(bool is_decode_pool) const;  // without a service level
  std::vector<EnginePoint> points(bool is_decode_pool) const;
  // The largest batch within the limits of TPOT and, but for decode pools, of TTFT; nothing when
  // one request alone misses them.
  std::optional<EnginePoint> within_limits(bool is_decode_pool) const;
  std::vector<PrefillPoint> prefill_points() const;  // of one worker alone

 private:
  SteadyState state(double sequences, bool is_decode_pool) const;
  double fewest() const { return 1.0 / layout_.shard.data; }  // one request in flight
  BatchLimit missed(const SteadyState& state, bool is_decode_pool) const;
  Duration transfer() const;  // of the KV cache of a prompt to the decode pool
  void build();

  const ServingChip& chip_;
  const ServingRequest& request_;
  Layout layout_;
  std::string conflict_;
  MemoryFit memory_;
  std::unique_ptr<EngineIteration> iteration_, draft_iteration_;
  std::unique_ptr<EngineCurves> curves_;
};

}  // namespace astrolabe::parallel
