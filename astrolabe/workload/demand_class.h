#pragma once

// A class of inference work: lengths, prefix-cache hits and service level of its requests.
//
// A request of answer length O stays in the decode batch for O steps, so a sequence found in the
// batch at a random moment is length-biased:
//   E[context] = E[I] + E[O^2] / (2 E[O])    (fixed O: I + O/2)
// Prefill computes the uncached part n = (1 - c) I of each prompt against c I cached tokens; its
// attention grows with n^2, so it scales with E[n^2]/E[n]^2.
// Assumes the cached share is the same for every prompt, and I and O independent.
//
// With speculative decoding a step verifies k drafts of each sequence and keeps A tokens of it on
// average (the acceptance length, the token that verification itself gives included): O / A steps.

#include <string>

#include "astrolabe/base/quantity.h"
#include "astrolabe/workload/length_distribution.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::workload {

struct Speculation {
  double draft_tokens = 0;       // k
  double acceptance_length = 1;  // A, 1 to k + 1

  double verified() const { return 1 + draft_tokens; }  // tokens of a sequence in a step
};

// InputError for drafts that neither layers of the model nor a draft model can make, a draft model
// without drafts, or more tokens a step than were verified.
void require_speculation(const Speculation& speculation, const ModelArchitecture& model,
                         bool has_draft_model, const SourcePosition& where);

struct DemandClass {
  std::string name;
  LengthDistribution input, output;
  double cached_input = 0;  // share of input tokens found in a prefix cache, below 1
  Duration ttft, tpot;      // mean time to first token, mean time per output token: limits
  Speculation speculation;

  double computed_input() const { return input.mean() * (1 - cached_input); }
  double cached_tokens() const { return input.mean() * cached_input; }
  double decode_context() const {
    return input.mean() + output.second_moment() / (2 * output.mean());
  }
};

}  // namespace astrolabe::workload
