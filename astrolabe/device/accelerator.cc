#include "astrolabe/device/accelerator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

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

namespace {

// Of chips that no accelerator of the catalogue stands for, by system.
std::map<std::string, std::string> chips_alone(const catalog::Catalog& catalog) {
  std::map<std::string, std::string> entities;
  const std::vector<std::string> kinds = catalog.kinds();
  if (std::find(kinds.begin(), kinds.end(), "chips") == kinds.end()) return entities;
  for (const std::string& chip : catalog.entities("chips")) {
    if (!catalog.find_text(chip, "accelerator")) {
      entities.emplace(catalog.get_text(chip, "system"), chip);
    }
  }
  return entities;
}

}  // namespace

Accelerator read_accelerator(const catalog::Catalog& catalog, std::string_view entity) {
  const std::string& kind = catalog.kind_of(entity);
  const bool is_chip = kind == "chips" && !catalog.find_text(entity, "accelerator");
  if (kind != "accelerators" && !is_chip) {
    throw InputError({"data/accelerators.csv", 0}, "accelerator", std::string(entity),
                     "an entity of accelerators, or of chips without one");
  }
  constexpr Dim kRate = FlopRate::kDim;
  Accelerator a;
  a.name = is_chip ? catalog.get_text(entity, "system") : std::string(entity);
  a.hbm_capacity = catalog.get<Bytes::kDim>(entity, "hbm_capacity");
  a.hbm_bandwidth = catalog.get<Bandwidth::kDim>(entity, "hbm_bandwidth");
  const auto set = [&](NumberFormat format, std::optional<FlopRate> rate) {
    a.rates[static_cast<std::size_t>(format)] = rate;
  };
  set(NumberFormat::kBf16, catalog.get<kRate>(entity, "dense_bf16"));
  set(NumberFormat::kFp8, catalog.find<kRate>(entity, "dense_fp8"));
  set(NumberFormat::kInt8, catalog.find<kRate>(entity, "dense_int8"));
  set(NumberFormat::kFp4, catalog.find<kRate>(entity, "dense_fp4"));
  const std::string links = is_chip ? "fabric_" + a.name : std::string(entity);
  a.scale_up_bandwidth = catalog.get<Bandwidth::kDim>(links, "scale_up_bandwidth");
  a.scale_up_domain = static_cast<int>(std::lround(catalog.get_number(links, "scale_up_domain")));
  a.scale_out_bandwidth = catalog.get<Bandwidth::kDim>(links, "scale_out_bandwidth");
  a.tdp = catalog.get<Power::kDim>(entity, "tdp");
  if (!is_chip) a.it_power = catalog.get<Power::kDim>(entity, "it_power");
  return a;
}

std::string accelerator_entity(const catalog::Catalog& catalog, const std::string& name) {
  std::map<std::string, std::string> accelerators, chips = chips_alone(catalog);
  for (const std::string& entity : catalog.entities("accelerators")) accelerators[entity] = entity;
  std::vector<std::string> all;
  for (const auto* known : {&accelerators, &chips}) {  // h100 is h100_sxm, not h100_pcie
    std::vector<std::string> meant;
    for (const auto& [known_name, entity] : *known) {
      all.push_back(known_name);
      if (known_name == name) return entity;
      if (known_name.starts_with(name + "_")) meant.push_back(entity);
    }
    if (meant.size() == 1 && !chips.contains(name)) return meant.front();
  }
  const std::string nearest = nearest_word(name, all);
  throw InputError({}, "--accelerator",
                   name + (nearest.empty() ? "" : " (nearest known: " + nearest + ")"),
                   join_alternatives(all, all.size()));
}

}  // namespace astrolabe::device
