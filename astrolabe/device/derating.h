#pragma once

// What a chip reaches of its data sheet, as measured fractions: matrix products, attention,
// streaming, collectives, launch overheads. Facts of the catalogue kind `derating`: entity
// "derating_<accelerator>", and "derating_default" for what that one does not have.
//
// `measured` says how many of the figures belong to this accelerator; the others are those of
// another generation. Outputs built on it are marked "derated roofline".

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/power.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::device {

struct Derating {
  // Achieved over peak.
  std::array<double, workload::kNumberFormats> gemm{1, 1, 1, 1};          // by NumberFormat
  std::array<double, workload::kNumberFormats> grouped_gemm{1, 1, 1, 1};  // by NumberFormat
  double attention_prefill = 1, attention_decode = 1;
  double hbm_bandwidth = 1;
  double all_reduce_bandwidth = 1, all_to_all_bandwidth = 1, scale_out_bandwidth = 1;

  Duration kernel_overhead;     // of each operator
  Duration iteration_overhead;  // of each iteration, on the host
  Duration scale_up_latency, all_to_all_latency, scale_out_latency;

  double expert_imbalance = 1;  // hottest expert rank over the mean
  double hbm_usable = 1;        // share of HBM that an engine claims
  Bytes runtime_reserve;

  PowerParameters power;  // of the kind `power_parameters`

  double training_mfu_bf16 = 1, training_mfu_fp8 = 1;

  std::vector<std::string> facts;  // "entity.attribute" read, for provenance
  int measured = 0;                // of them, how many are this accelerator's own
};

// InputError when a figure is neither under derating_<accelerator> nor under derating_default.
Derating read_derating(const catalog::Catalog& catalog, std::string_view accelerator);

}  // namespace astrolabe::device
