#include "astrolabe/device/accelerator.h"

#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::device {

using workload::NumberFormat;

NumberFormat Accelerator::executed_format(NumberFormat wanted) const {
  return rates[static_cast<std::size_t>(wanted)] ? wanted : NumberFormat::kBf16;
}

workload::GemmFormat Accelerator::executed_format(workload::GemmFormat wanted) const {
  const NumberFormat multiplied = workload::traits(wanted).multiplied;
  return executed_format(multiplied) == multiplied ? wanted : workload::widened(wanted);
}

workload::Precision Accelerator::executed_precision(workload::Precision p) const {
  p.projections = executed_format(p.projections);
  if (p.attention_out) p.attention_out = executed_format(*p.attention_out);
  p.ffn = executed_format(p.ffn);
  p.experts = executed_format(p.experts);
  p.head = executed_format(p.head);
  p.attention = executed_format(p.attention);
  return p;
}

FlopRate Accelerator::peak(NumberFormat wanted) const {
  const auto& rate = rates[static_cast<std::size_t>(executed_format(wanted))];
  ASTROLABE_DEMAND(rate.has_value(), name + " has no bf16 rate");
  return *rate;
}

Accelerator read_accelerator(const catalog::Catalog& catalog, std::string_view entity) {
  if (catalog.kind_of(entity) != "accelerators") {
    throw InputError({"data/accelerators.csv", 0}, "accelerator", std::string(entity),
                     "an entity of accelerators");
  }
  constexpr Dim kRate = FlopRate::kDim;
  Accelerator a;
  a.name = entity;
  a.hbm_capacity = catalog.get<Bytes::kDim>(entity, "hbm_capacity");
  a.hbm_bandwidth = catalog.get<Bandwidth::kDim>(entity, "hbm_bandwidth");
  const auto set = [&](NumberFormat format, std::optional<FlopRate> rate) {
    a.rates[static_cast<std::size_t>(format)] = rate;
  };
  set(NumberFormat::kBf16, catalog.get<kRate>(entity, "dense_bf16"));
  set(NumberFormat::kFp8, catalog.find<kRate>(entity, "dense_fp8"));
  set(NumberFormat::kInt8, catalog.find<kRate>(entity, "dense_int8"));
  set(NumberFormat::kFp4, catalog.find<kRate>(entity, "dense_fp4"));
  a.scale_up_bandwidth = catalog.get<Bandwidth::kDim>(entity, "scale_up_bandwidth");
  a.scale_up_domain = static_cast<int>(std::lround(catalog.get_number(entity, "scale_up_domain")));
  a.scale_out_bandwidth = catalog.get<Bandwidth::kDim>(entity, "scale_out_bandwidth");
  a.tdp = catalog.get<Power::kDim>(entity, "tdp");
  a.it_power = catalog.get<Power::kDim>(entity, "it_power");
  return a;
}

}  // namespace astrolabe::device
