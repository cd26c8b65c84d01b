#pragma once

// How one copy of a model is spread over accelerators: tensor x data (attention-DP) x pipeline,
// with experts over 1 .. tensor * data ranks.
//
// Rules: heads, KV heads (or copies of them), widths and experts must divide; tensor groups stay
// inside a scale-up domain; experts are either cut by width (expert = 1) or spread over the whole
// stage when data > 1. Copies of hot experts fill the last ranks when experts do not divide; over
// several scale-up domains there is one for every eight experts besides, as DeepSeek publishes it.
// Left out: sequence and context parallelism, experts over part of a stage.

#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/workload/model.h"
#include "astrolabe/workload/operator_graph.h"

namespace astrolabe::parallel {

struct Layout {
  workload::ShardDegrees shard;

  int accelerators() const { return shard.group() * shard.pipeline; }
  std::string text() const;  // "TP8", "TP1 DP32 EP32", "TP4 PP2"
};

// Empty when the layout can be built, else the reason it cannot.
std::string layout_conflict(const workload::ModelArchitecture& model,
                            const device::Accelerator& accelerator, const Layout& layout);

// "TP8 EP8 DP1 PP1" in any order and case; degrees left out are 1. InputError, of the option that
// says it, for anything else; conflicts are layout_conflict's.
Layout parse_layout(const workload::ModelArchitecture& model,
                    const device::Accelerator& accelerator, std::string_view text,
                    const std::string& option = "--layout");

// Layouts worth a try of at most `max_accelerators`, with or without conflict. Degrees are powers
// of two, and three and nine times them; pipelines of up to 8 stages where there is one DP rank.
std::vector<Layout> candidate_layouts(const workload::ModelArchitecture& model,
                                      const device::Accelerator& accelerator, int max_accelerators);

}  // namespace astrolabe::parallel
