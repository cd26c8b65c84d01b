#pragma once

// Which kernels of experts a release of an engine runs where they are not those of its tables,
// which are of one release each: data/serving/kernels.csv, a row for each release with which a
// framework changed its choice.

#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/parallel/engine.h"

namespace astrolabe::parallel {

// In the names of kernels that were written in Triton, of every framework.
inline constexpr char kTritonExperts[] = "moe_triton";

class ExpertKernels {
 public:
  // InputError for a file that cannot be read, an unknown framework and what is no release
  // ("0.20.0").
  static ExpertKernels read(const std::string& path);

  // A part of the names of the kernels that it runs for weights of this type (a word of the
  // tables); "" = those of the tables, also for what is no release.
  std::string_view of(Framework framework, std::string_view version, std::string_view dtype) const;

 private:
  struct Row {
    Framework framework = Framework::kTrtllm;
    double before = 0;  // network::version_number
    std::string dtype, kernel;
  };
  std::vector<Row> rows_;
};

}  // namespace astrolabe::parallel
