#pragma once

// Public benchmarks whose results name neither lengths nor layout, because every result is of the
// same requests and each submitter chooses the layout: MLPerf Inference.
// data/serving/benchmarks.csv has their facts, each with its source:
//   prompt_tokens, answer_tokens           means
//   prompt_tokens_p90, answer_tokens_p90   90th percentiles; none: all are as long
//   prompt_tokens_most, answer_tokens_most longest of all
//   ttft@SCENARIO, tpot@SCENARIO           limits, ms; none: no limit
//   draft_tokens@SCENARIO                  of speculative decoding, where it may be used

#include <map>
#include <optional>
#include <string>

#include "astrolabe/base/error.h"
#include "astrolabe/parallel/open_loop.h"
#include "astrolabe/workload/demand_class.h"

namespace astrolabe::study {

class ServingBenchmarks {
 public:
  ServingBenchmarks() = default;  // none is known
  // InputError for a file that cannot be read, a fact that is unknown, in another unit, not above
  // zero or given twice, and lengths without a mean.
  static ServingBenchmarks read(const std::string& path);

  // The requests and limits of a scenario in lower case ("offline", "server"); nothing for a
  // benchmark that has no row. Limits are infinite where there is none.
  std::optional<workload::DemandClass> work(const std::string& benchmark,
                                            const std::string& scenario) const;

  parallel::LongestRequest longest(const std::string& benchmark) const;

 private:
  struct Fact {
    double value;
    SourcePosition where;
  };
  const Fact* find(const std::string& benchmark, const std::string& fact) const;

  std::map<std::string, Fact> facts_;  // "benchmark fact"
};

}  // namespace astrolabe::study
