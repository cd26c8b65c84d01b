#include "astrolabe/network/parameters.h"

#include <cmath>
#include <cstdlib>
#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

constexpr int kNewestGeneration = 20;

constexpr std::array<ParameterMeaning, kCollectiveParameters> kCollectiveMeanings = {{
    {"launch", "us", 1, 30, 5},
    {"step", "us", 0.1, 5, 1},
    {"low_latency_share", "1", 0.002, 0.6, 0.25},
    {"bulk_start", "us", 0.1, 60, 8},
    {"bulk_share", "1", 0.02, 1, 0.75},
    {"direct_launch", "us", 1, 30, 6},
    {"direct_peer", "us", 0.01, 5, 0.2},
    {"direct_share", "1", 0.02, 1, 0.7},
    {"switch_start", "us", 1, 100, 20},
    {"switch_share", "1", 0.1, 1, 0.65},
    {"custom_launch", "us", 1, 20, 4},
    {"custom_barrier", "us", 0.01, 4, 0.15},
    {"one_shot_share", "1", 0.01, 1, 0.5},
    {"two_shot_start", "us", 0.1, 30, 3},
    {"two_shot_share", "1", 0.01, 1, 0.5},
    {"eager_host", "us", 5, 120, 25},
    {"copy_share", "1", 0.2, 1, 0.85},
    {"send_launch", "us", 1, 30, 5},
    {"send_share", "1", 0.02, 1, 0.8},
    {"crowding", "1", 0.001, 4, 0.05},
    {"network_latency", "us", 1, 60, 12},
    {"network_share", "1", 0.02, 1, 0.8},
}};

constexpr std::array<ParameterMeaning, kExchangeParameters> kExchangeMeanings = {{
    {"launch", "us", 3, 100, 15},
    {"peer", "us", 0.001, 5, 0.2},
    {"expert", "us", 0.0001, 2, 0.05},
    {"token_cost", "ns", 0.01, 2000, 5},
    {"row_cost", "ns", 0.01, 200, 1},
    {"link_share", "1", 0.05, 1, 0.6},
    {"sm_rate", "GB/s", 1, 200, 20},
    {"memory_share", "1", 0.02, 1, 0.6},
    {"node_latency", "us", 0.1, 100, 25},
    {"network_share", "1", 0.05, 1, 0.8},
}};

// The element of `map` under "<class><suffix>" for the fabric's link or its nearest generation.
template <class Map>
const typename Map::mapped_type* find_nearest(const Map& map, const FabricFacts& f,
                                              const std::string& suffix) {
  for (int distance = 0; distance <= kNewestGeneration; ++distance) {
    for (const int g : {f.link_generation - distance, f.link_generation + distance}) {
      const auto it = map.find(link_class(f.link, g) + suffix);
      if (it != map.end()) return &it->second;
    }
  }
  return nullptr;
}

template <std::size_t N>
void place(const CsvTable& table, const CsvTable::Row& row,
           const std::array<ParameterMeaning, N>& meanings, std::array<double, N>& values) {
  const std::string& name = table.cell(row, "parameter");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < N; ++i) {
    names.emplace_back(meanings[i].name);
    if (name != meanings[i].name) continue;
    const std::string& text = table.cell(row, "value");
    const double v = parse_number(text, table.position(row), name);
    if (v < meanings[i].lower || v > meanings[i].upper) {
      throw InputError(
          table.position(row), name, text,
          std::to_string(meanings[i].lower) + " to " + std::to_string(meanings[i].upper));
    }
    values[i] = v;
    return;
  }
  throw InputError(table.position(row), "parameter", name, join_alternatives(names, N));
}

template <class Map>
void demand_complete(const Map& map, const std::string& path) {
  for (const auto& [key, p] : map) {
    for (const double v : p.values) {
      if (!(v > 0)) throw InputError({path, 0}, key, "a parameter without a row", "every one");
    }
  }
}

}  // namespace

const std::array<ParameterMeaning, kCollectiveParameters>& collective_meanings() {
  return kCollectiveMeanings;
}
const std::array<ParameterMeaning, kExchangeParameters>& exchange_meanings() {
  return kExchangeMeanings;
}

std::string link_class(LinkKind kind, int generation) {
  return std::string(kind == LinkKind::kPcie ? "pcie" : "nvlink") + std::to_string(generation);
}

NetworkParameters NetworkParameters::read(const std::string& path) {
  const CsvTable table = CsvTable::read(path);
  NetworkParameters p;
  for (const CsvTable::Row& row : table.rows()) {
    const std::string &model = table.cell(row, "model"), &key = table.cell(row, "class");
    if (model == "collective") {
      place(table, row, kCollectiveMeanings, p.collective_[key].values);
    } else if (model == "exchange") {
      place(table, row, kExchangeMeanings, p.exchange_[key].values);
    } else if (model == "band") {
      const std::string& name = table.cell(row, "parameter");
      const double v = parse_number(table.cell(row, "value"), table.position(row), name);
      if (name != "p10" && name != "p90") {
        throw InputError(table.position(row), "parameter", name, "p10 or p90");
      }
      (name == "p10" ? p.bands_[key].p10 : p.bands_[key].p90) = v;
    } else {
      throw InputError(table.position(row), "model", model, "collective, exchange or band");
    }
  }
  demand_complete(p.collective_, path);
  demand_complete(p.exchange_, path);
  if (p.collective_.empty()) throw InputError({path, 0}, "model", "no collective", "at least one");
  return p;
}

const CollectiveParameters& NetworkParameters::collective(const FabricFacts& fabric) const {
  const CollectiveParameters* p = find_nearest(collective_, fabric, "");
  if (p == nullptr) p = &collective_.begin()->second;
  return *p;
}

const ExchangeParameters* NetworkParameters::exchange(const FabricFacts& fabric,
                                                      std::string_view exchange) const {
  return find_nearest(exchange_, fabric, "." + std::string(exchange));
}

LogBand NetworkParameters::band(std::string_view name) const {
  const auto it = bands_.find(name);
  if (it == bands_.end()) {
    throw InputError({"network_parameters.csv", 0}, "band", std::string(name),
                     "a band that the fit has written");
  }
  return it->second;
}

void NetworkParameters::set_collective(const std::string& c, const CollectiveParameters& p) {
  collective_[c] = p;
}
void NetworkParameters::set_exchange(const std::string& key, const ExchangeParameters& p) {
  exchange_[key] = p;
}
void NetworkParameters::clear_fits() {
  collective_.clear();
  exchange_.clear();
}
void NetworkParameters::set_band(const std::string& name, LogBand band) { bands_[name] = band; }

}  // namespace astrolabe::network
