#pragma once

// One accelerator as its data sheet describes it: rates, memory, links, power. Read from the
// catalogue kind `accelerators`, or from `chips` and `fabrics` for a chip of which no more is known
// than that (no wafers, no price, no rack). Rates are dense (no sparsity), of the whole package.
//
// A format without a rate runs as bf16: its weights are stored narrow and widened on the way to the
// tensor cores (weight-only kernels). So fp4 on Hopper saves bytes and no arithmetic.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/workload/number_format.h"

namespace astrolabe::device {

struct Accelerator {
  std::string name;
  Bytes hbm_capacity;
  Bandwidth hbm_bandwidth;
  std::array<std::optional<FlopRate>, workload::kNumberFormats> rates;  // by NumberFormat
  Bandwidth scale_up_bandwidth;                                         // per direction
  int scale_up_domain = 1;                                              // accelerators
  Bandwidth scale_out_bandwidth;                                        // per direction
  Power tdp;                      // limit of the accelerator alone
  std::optional<Power> it_power;  // provisioned, with its share of the rack; not of a chip

  // The format in which the tensor cores multiply when `wanted` is asked for.
  workload::NumberFormat executed_format(workload::NumberFormat wanted) const;
  // `wanted`, or the same weights widened to bf16.
  workload::GemmFormat executed_format(workload::GemmFormat wanted) const;
  // Of each kind of linear layer.
  workload::Precision executed_precision(workload::Precision wanted) const;
  FlopRate peak(workload::NumberFormat wanted) const;  // of the executed format
};

// Of an entity of `accelerators`, or of a chip that names none. InputError when it is neither or
// lacks a required figure.
Accelerator read_accelerator(const catalog::Catalog& catalog, std::string_view entity);

// The entity that is meant: an accelerator by its name or that of its system ("gb200"), a chip
// without one by that of its system ("l40s"). InputError (--accelerator) with the nearest name.
std::string accelerator_entity(const catalog::Catalog& catalog, const std::string& name);

}  // namespace astrolabe::device
