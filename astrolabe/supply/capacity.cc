#include "astrolabe/supply/capacity.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::supply {

namespace {

double value_at(std::span<const std::pair<Quarter, double>> points, Quarter q,
                Interpolation interpolation) {
  const auto after = std::upper_bound(points.begin(), points.end(), q,
                                      [](Quarter a, const auto& p) { return a < p.first; });
  if (after == points.begin()) return points.front().second;
  const auto& [q0, v0] = *(after - 1);
  if (after == points.end() || interpolation == Interpolation::kStep) return v0;
  const auto& [q1, v1] = *after;
  return v0 + (v1 - v0) * (q - q0) / (q1 - q0);
}

std::vector<Wafers> wafers_by_quarter(const std::vector<std::pair<Quarter, double>>& points,
                                      Quarter start, int quarters) {
  std::vector<Wafers> wafers;
  if (points.empty()) return wafers;
  for (double rate : interpolate_path(points, start, quarters)) {
    wafers.push_back(WaferRate::from_base(rate) * units::quarter);
  }
  return wafers;
}

// All of the module's figures, or none and the reason.
void read_module(const catalog::Catalog& catalog, LineCapacity* line,
                 catalog::FactReader* line_facts) {
  catalog::FactReader facts(catalog, line->entity);
  ModuleFacts m;
  m.capacity = facts.quantity<WaferRate::kDim>("module_capacity");
  m.capex = facts.quantity<Money::kDim>("module_capex");
  m.lead_quarters = whole_quarters(facts.quantity<Duration::kDim>("module_lead_time"));
  m.ramp_quarters = whole_quarters(facts.quantity<Duration::kDim>("module_ramp_time"));
  m.limit = static_cast<int>(std::lround(facts.number("module_limit")));
  if (catalog.kind_of(line->entity) == "dram_lines") {
    m.earliest_decision = facts.optional_quarter("module_earliest");
  }
  catalog::Reading<ModuleFacts> reading = facts.finish(m);
  if (reading.value) {
    line->module = line_facts->take(std::move(reading));
  } else {
    line->no_module_reason = reading.reason;
  }
}

}  // namespace

std::vector<double> interpolate_path(std::span<const std::pair<Quarter, double>> points,
                                     Quarter start, int quarters, Interpolation interpolation) {
  ASTROLABE_DEMAND(!points.empty(), "a path has points");
  std::vector<double> values;
  for (int t = 0; t < quarters; ++t) {
    values.push_back(value_at(points, start + t, interpolation));
  }
  return values;
}

std::vector<double> ramp_profile(int ramp_quarters, int quarters) {
  std::vector<double> profile;
  for (int k = 0; k < quarters; ++k) {
    profile.push_back(std::min(1.0, (k + 1.0) / std::max(1, ramp_quarters)));
  }
  return profile;
}

int whole_quarters(Duration d) {
  // Months are twelfths of a year in binary fractions: forgive a millionth of a quarter.
  return static_cast<int>(std::ceil(d.in(units::quarter)-1e-6));
}

Wafers ModuleFacts::output(int t) const {
  const int k = t - lead_quarters;
  if (k < 0) return Wafers();
  return ramp_profile(ramp_quarters, k + 1).back() * (capacity * units::quarter);
}

catalog::Reading<LineCapacity> read_line(const catalog::Catalog& catalog, const std::string& entity,
                                         Quarter start, int quarters) {
  const std::string& kind = catalog.kind_of(entity);
  const bool is_dram = kind == "dram_lines";
  ASTROLABE_DEMAND(is_dram || kind == "process_nodes" || kind == "packaging", kind);
  catalog::FactReader facts(catalog, entity);
  LineCapacity line;
  line.entity = entity;
  line.maker = facts.text("maker");
  line.wafers = wafers_by_quarter(facts.path("capacity", WaferRate::kDim), start, quarters);
  if (is_dram) {
    line.country = facts.text("country");
    line.hbm_wafers =
        wafers_by_quarter(facts.path("hbm_capacity", WaferRate::kDim), start, quarters);
    line.commodity_bytes_per_wafer = facts.quantity<Dim{.byte = 1, .wafer = -1}>("bits_per_wafer");
    line.electricity_per_wafer =
        facts.quantity<Dim{.joule = 1, .wafer = -1}>("electricity_per_wafer") * units::wafer;
  } else {
    line.cycle_quarters = whole_quarters(facts.quantity<Duration::kDim>("cycle_time"));
  }
  if (kind == "process_nodes") {
    line.no_module_reason = "expansion of logic fabs is not modelled";
  } else {
    read_module(catalog, &line, &facts);
  }
  return facts.finish(std::move(line));
}

}  // namespace astrolabe::supply
