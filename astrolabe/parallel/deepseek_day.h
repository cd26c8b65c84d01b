#pragma once

// Nodes that a day of production traffic needs, with the deployment its operator published: a check
// of the serving model against one real fleet. Every figure is an argument; nothing is fitted.
//
//   prefill nodes = uncached prompts at s tokens in flight on each rank / rate of a prefill node
//   decode nodes  = output tokens a second / (b dp / TPOT) of a decode node
// with the published layouts, mean context and output speed. Prefill runs at full utilisation and
// the decode batch is the largest that holds the published speed, so the count is that of a fleet
// without idle time: it is below the real one by the load factor of the day.

#include "astrolabe/parallel/serving_candidate.h"

namespace astrolabe::parallel {

struct ProductionDay {
  Tokens input, output;       // of the day; input with cache hits
  Duration span;              // of the traffic
  double cached_input = 0;    // share of input tokens found in the prefix cache
  double prompt_tokens = 0;   // mean prompt (not published: an assumption of the caller)
  double decode_context = 0;  // mean tokens in the cache per output token
  Duration tpot;              // published output speed
  Layout prefill, decode;
  int accelerators_per_node = 0;
  double prefill_tokens_per_rank = 0;  // of one iteration
};

// What one iteration of all layers is made of, each part as if nothing were hidden behind another.
struct StepParts {
  Duration attention, products, experts, exchange, launches, head;

  Duration sum() const { return attention + products + experts + exchange + launches + head; }
};

struct ProductionDayResult {
  bool is_ok = false;
  std::string reason;
  double prefill_nodes = 0, decode_nodes = 0;
  TokenRate prefill_per_node;  // input tokens, cached ones included, as published
  TokenRate decode_per_node;   // output tokens
  double decode_batch = 0;     // sequences on a rank
  BatchLimit limit = BatchLimit::kNone;
  double prefill_prompts = 0;  // on a rank, in one iteration
  Duration prefill_iteration, decode_step;
  StepParts prefill_parts, decode_parts;

  double nodes() const { return prefill_nodes + decode_nodes; }
};

ProductionDayResult production_day_nodes(const ServingChip& chip,
                                         const workload::ModelArchitecture& model,
                                         const workload::Precision& precision,
                                         const ProductionDay& day);

}  // namespace astrolabe::parallel
