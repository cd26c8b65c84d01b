#include "astrolabe/study/network_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/zstd_file.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/tiled_chip.h"
#include "astrolabe/network/predictor.h"

namespace astrolabe::study {
namespace {

using network::MeasurementSchema;

std::string name_of(const network::CollectiveKey& k) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", k.system, k.library, k.kernel, k.version,
                     k.dtype, static_cast<int>(k.shape.operation),
                     static_cast<int>(k.shape.implementation), k.shape.ranks,
                     k.shape.ranks_per_node);
}

std::string name_of(const network::ExchangeKey& k) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", k.system, k.library, k.kernel,
                     k.version, k.operation, k.dtype, k.shape.ranks, k.shape.nodes, k.shape.hidden,
                     k.shape.topk, k.shape.experts, k.shape.sms);
}

// Curves by key: each is costly, its rows are many.
using Curves = std::map<std::string, network::TimeCurve>;

template <class Key, class Make>
const network::TimeCurve& curve_of(const Key& key, Curves* curves, Make make) {
  const std::string name = name_of(key);
  auto it = curves->find(name);
  if (it == curves->end()) it = curves->emplace(name, make()).first;
  return it->second;
}

void score(const network::NetworkEstimate& e, Duration measured,
           const std::vector<GroupKeys>& groups, AccuracyScorer* scorer) {
  scorer->add(groups, measured.base(), e.time.base(), e.p10.base(), e.p90.base());
}

template <class Rows>
void count_excluded(const Rows& rows, AccuracyScorer* scorer) {
  for (const auto& [reason, n] : rows.excluded) {
    for (int i = 0; i < n; ++i) scorer->add_unscored({}, reason);
  }
}

void score_collectives(const network::NetworkPredictor& predictor,
                       const network::MeasuredRows<network::CollectiveRow>& rows,
                       AccuracyScorer* scorer) {
  Curves curves;
  for (const network::CollectiveRow& row : rows.rows) {
    const std::vector<GroupKeys> groups = {{{"system", row.key.system}},
                                           {{"library", row.key.library}},
                                           {{"ranks", std::to_string(row.key.shape.ranks)}}};
    if (predictor.fabrics().find(row.key.system) == predictor.fabrics().end()) {
      scorer->add_unscored(groups, "unknown accelerator " + row.key.system);
      continue;
    }
    const network::TimeCurve& curve =
        curve_of(row.key, &curves, [&] { return predictor.collective(row.key); });
    score(curve.at(row.buffer), row.time, groups, scorer);
  }
  count_excluded(rows, scorer);
}

void score_exchanges(const network::NetworkPredictor& predictor,
                     const network::MeasuredRows<network::ExchangeRow>& rows,
                     AccuracyScorer* scorer) {
  Curves curves;
  for (const network::ExchangeRow& row : rows.rows) {
    const std::vector<GroupKeys> groups = {{{"system", row.key.system}},
                                           {{"library", row.key.library}},
                                           {{"operation", row.key.operation}}};
    if (predictor.fabrics().find(row.key.system) == predictor.fabrics().end()) {
      scorer->add_unscored(groups, "unknown accelerator " + row.key.system);
      continue;
    }
    const network::TimeCurve& curve =
        curve_of(row.key, &curves, [&] { return predictor.exchange(row.key); });
    score(curve.at(row.tokens), row.time, groups, scorer);
  }
  count_excluded(rows, scorer);
}

// Systems by the names of their fabrics, or as device::system_names has them.
std::vector<std::string> systems_named(const catalog::Catalog& facts,
                                       const std::vector<std::string>& wanted) {
  const std::vector<std::string> fabrics = facts.entities("fabrics");
  const std::vector<device::TiledChip> chips = device::read_tiled_chips(facts);
  std::vector<std::string> names;
  for (const std::string& name : wanted) {
    const bool is_fabric =
        std::find(fabrics.begin(), fabrics.end(), "fabric_" + name) != fabrics.end();
    names.push_back(is_fabric ? name : device::system_names(chips, {name}).front());
  }
  return names;
}

}  // namespace

std::optional<AccuracyReport> validate_network(const OperatorValidationRequest& request) {
  const std::string text = read_zstd_file(request.measurements);
  std::size_t begin = 0;  // of the header line, which comments may precede
  while (text.compare(begin, 1, "#") == 0) {
    const std::size_t end = text.find('\n', begin);
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  const CsvTable header =
      CsvTable::parse(text.substr(0, text.find('\n', begin) + 1), request.measurements);
  const MeasurementSchema schema = network::schema_of(header);
  if (schema == MeasurementSchema::kOther) return std::nullopt;
  const CsvTable table = CsvTable::parse(text, request.measurements);
  if (table.rows().empty()) {
    throw InputError({request.measurements, 0}, "", "no measurement", "at least one row");
  }
  const auto facts = catalog::Catalog::load(request.data);
  const auto predictor = network::NetworkPredictor::load(
      facts, request.data, systems_named(facts, request.without_tables));
  AccuracyScorer scorer;
  if (schema == MeasurementSchema::kMoeAlltoall) {
    score_exchanges(predictor, network::read_moe_alltoall(table, predictor.node_sizes()), &scorer);
  } else {
    score_collectives(predictor,
                      schema == MeasurementSchema::kCollectives
                          ? network::read_collectives(table)
                          : network::read_vidur_network(table),
                      &scorer);
  }
  return scorer.report();
}

}  // namespace astrolabe::study
