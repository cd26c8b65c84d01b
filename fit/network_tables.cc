#include "fit/network_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/zstd_file.h"

namespace astrolabe::fit {

using namespace network;

namespace {

// The octaves of size of a curve weigh 1 together and alike, whatever the number of their rows.
template <class Row, class NameOf>
std::vector<double> curve_weights(const std::vector<const Row*>& rows, const NameOf& name_of) {
  std::map<std::string, std::map<int, int>> count;  // curve, octave
  const auto octave = [](const Row& r) { return std::ilogb(size_of(r)); };
  for (const Row* r : rows) ++count[name_of(*r)][octave(*r)];
  std::vector<double> weights;
  for (const Row* r : rows) {
    const std::map<int, int>& octaves = count.at(name_of(*r));
    weights.push_back(1.0 / octaves.at(octave(*r)) / static_cast<double>(octaves.size()));
  }
  return weights;
}

std::string curve_name(const CollectiveRow& r) {
  return fmt::format("{}/{}/{}/{}/{}/{}/{}", r.key.system, r.key.kernel, r.key.version, r.key.dtype,
                     static_cast<int>(r.key.shape.operation), r.key.shape.ranks,
                     r.key.shape.ranks_per_node);
}
std::string curve_name(const ExchangeRow& r) {
  return fmt::format("{}/{}/{}/{}/{}/{}/{}/{}/{}", r.key.system, r.key.kernel, r.key.dtype,
                     r.key.shape.ranks, r.key.shape.nodes, r.key.shape.hidden, r.key.shape.topk,
                     r.key.shape.experts, r.key.shape.sms);
}

template <std::size_t N>
std::vector<BoundedParameter> bounded(const std::array<ParameterMeaning, N>& meanings,
                                      const std::array<double, N>& start) {
  std::vector<BoundedParameter> p;
  for (std::size_t i = 0; i < N; ++i) p.push_back({meanings[i].lower, meanings[i].upper, start[i]});
  return p;
}

template <std::size_t N>
std::array<double, N> starts(const std::array<ParameterMeaning, N>& meanings) {
  std::array<double, N> a{};
  for (std::size_t i = 0; i < N; ++i) a[i] = meanings[i].start;
  return a;
}

template <std::size_t N>
void report(std::vector<ParameterRow>& out, const std::string& model, const std::string& key,
            const std::array<ParameterMeaning, N>& meanings, const BoundedFit& fit,
            const std::string& inherited) {
  for (std::size_t i = 0; i < N; ++i) {
    const FittedParameter& f = fit.parameters[i];
    const ParameterMeaning& m = meanings[i];
    std::string note;
    if (f.rows == 0) {
      note = inherited.empty() ? "ESTIMATE: no row depends on it; the start value of the fit"
                               : "ESTIMATE: no row depends on it; value of " + inherited;
    }
    out.push_back({model, key, m.name, m.unit, f.value, f.standard_error, m.lower, m.upper,
                   fit.mean_absolute_residual, f.rows, note});
  }
}

template <std::size_t N>
std::array<double, N> values_of(const BoundedFit& fit) {
  std::array<double, N> a{};
  for (std::size_t i = 0; i < N; ++i) a[i] = fit.parameters[i].value;
  return a;
}

std::string class_of(const NetworkPredictor& p, const std::string& system) {
  const FabricFacts& f = p.fabric(system);
  return link_class(f.link, f.link_generation);
}

// vidur_network (no version): sends, and what crosses a network whose adapters are published. Its
// other rows are of older libraries and would only blur the classes; curves still use them.
bool says_something(const FabricFacts& f, const CollectiveRow& r) {
  if (!r.key.version.empty()) return true;
  const bool is_inter = r.key.shape.ranks > r.key.shape.ranks_per_node;
  if (is_inter) return f.has_scale_out;
  return r.key.shape.operation == Operation::kSend && f.has_scale_out;
}

// A class of nothing but vidur_network is no class: the nearest one serves.
bool has_versions(const std::vector<const CollectiveRow*>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const CollectiveRow* r) { return !r->key.version.empty(); });
}

void fit_collectives(NetworkPredictor& predictor, const NetworkTables& tables,
                     std::vector<ParameterRow>& out) {
  std::map<std::string, std::vector<const CollectiveRow*>> by_class;
  for (const CollectiveRow& r : tables.collectives) {
    if (says_something(predictor.fabric(r.key.system), r)) {
      by_class[class_of(predictor, r.key.system)].push_back(&r);
    }
  }
  std::array<double, kCollectiveParameters> start = starts(collective_meanings());
  std::string inherited, kind;
  std::erase_if(by_class, [](const auto& c) { return !has_versions(c.second); });
  for (const auto& of_class : by_class) {
    const std::string& key = of_class.first;
    const auto& rows = of_class.second;
    if (kind != key.substr(0, 4)) {  // a new kind of link starts anew
      kind = key.substr(0, 4);
      start = starts(collective_meanings());
      inherited.clear();
    }
    std::vector<const FabricFacts*> fabrics;
    for (const CollectiveRow* r : rows) fabrics.push_back(&predictor.fabric(r->key.system));
    const auto residuals = [&](const std::vector<double>& values, std::vector<double>& residual) {
      CollectiveParameters p;
      std::copy(values.begin(), values.end(), p.values.begin());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const CollectiveRow& r = *rows[i];
        residual[i] = std::log(r.time / collective_time(*fabrics[i], p, r.key.shape, r.buffer));
      }
    };
    const auto name = [](const CollectiveRow& r) { return curve_name(r); };
    const BoundedFit fit =
        fit_bounded(bounded(collective_meanings(), start), curve_weights(rows, name), residuals);
    start = values_of<kCollectiveParameters>(fit);
    predictor.parameters().set_collective(key, {start});
    report(out, "collective", key, collective_meanings(), fit, inherited);
    inherited = key;
  }
}

void fit_exchanges(NetworkPredictor& predictor, const NetworkTables& tables,
                   std::vector<ParameterRow>& out) {
  std::map<std::string, std::vector<const ExchangeRow*>> by_class;
  for (const ExchangeRow& r : tables.exchanges) {
    by_class[class_of(predictor, r.key.system) + "." + r.key.library + "." + r.key.operation]
        .push_back(&r);
  }
  std::map<std::string, std::pair<std::string, std::array<double, kExchangeParameters>>> earlier;
  for (const auto& of_class : by_class) {
    const std::string& key = of_class.first;
    const auto& rows = of_class.second;
    std::vector<const FabricFacts*> fabrics;
    for (const ExchangeRow* r : rows) fabrics.push_back(&predictor.fabric(r->key.system));
    const auto residuals = [&](const std::vector<double>& values, std::vector<double>& residual) {
      ExchangeParameters p;
      std::copy(values.begin(), values.end(), p.values.begin());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const ExchangeRow& r = *rows[i];
        residual[i] = std::log(r.time / exchange_time(*fabrics[i], p, r.key.shape, r.tokens));
      }
    };
    const std::string exchange = key.substr(key.find('.') + 1);
    const auto found = earlier.find(exchange);
    const auto start = found == earlier.end() ? starts(exchange_meanings()) : found->second.second;
    const auto name = [](const ExchangeRow& r) { return curve_name(r); };
    const BoundedFit fit =
        fit_bounded(bounded(exchange_meanings(), start), curve_weights(rows, name), residuals);
    const auto values = values_of<kExchangeParameters>(fit);
    predictor.parameters().set_exchange(key, {values});
    report(out, "exchange", key, exchange_meanings(), fit,
           found == earlier.end() ? "" : found->second.first);
    earlier[exchange] = {key.substr(0, key.find('.')), values};
  }
}

// Rows that repeat another system's time to the last digit for the same exchange are copies in the
// source: as measurements of a second system they would flatter every score between systems.
int leave_out_copies(std::vector<ExchangeRow>& rows) {
  std::map<std::string, std::pair<std::string, double>> first;  // exchange -> system, time
  const auto is_copy = [&](const ExchangeRow& r) {
    const ExchangeShape& s = r.key.shape;
    const std::string name = fmt::format("{}/{}/{}/{}/{}/{}/{}/{}/{}/{}/{}", r.key.library,
                                         r.key.version, r.key.operation, r.key.dtype, s.ranks,
                                         s.nodes, s.hidden, s.topk, s.experts, s.sms, r.tokens);
    const auto [it, is_new] = first.try_emplace(name, r.key.system, r.time.base());
    return !is_new && it->second.first != r.key.system && it->second.second == r.time.base();
  };
  const std::size_t before = rows.size();
  std::erase_if(rows, is_copy);
  return static_cast<int>(before - rows.size());
}

}  // namespace

NetworkTables read_network_tables(const NetworkPredictor& facts, const std::string& data_dir) {
  NetworkTables t;
  const auto table = [&](const std::string& name) {
    const std::string path = data_dir + "/measurements/" + name + ".csv.zst";
    return CsvTable::parse(read_zstd_file(path), path);
  };
  const auto remark = [&](const std::string& name, const std::map<std::string, int>& excluded) {
    for (const auto& [reason, n] : excluded) {
      t.remarks.push_back(fmt::format("{}: {} rows left out: {}", name, n, reason));
    }
  };
  auto collectives = read_collectives(table("collectives"));
  auto vidur = read_vidur_network(table("vidur_network"));
  auto exchanges = read_moe_alltoall(table("moe_alltoall"), facts.node_sizes());
  remark("collectives", collectives.excluded);
  remark("vidur_network", vidur.excluded);
  remark("moe_alltoall", exchanges.excluded);
  t.collectives = std::move(collectives.rows);
  t.collectives.insert(t.collectives.end(), vidur.rows.begin(), vidur.rows.end());
  t.exchanges = std::move(exchanges.rows);
  const int copies = leave_out_copies(t.exchanges);
  t.remarks.push_back(
      fmt::format("moe_alltoall: {} rows left out: copies of another system's row", copies));
  return t;
}

std::vector<ParameterRow> fit_network_parameters(NetworkPredictor& predictor,
                                                 const NetworkTables& tables) {
  std::vector<ParameterRow> out;
  fit_collectives(predictor, tables, out);
  fit_exchanges(predictor, tables, out);
  return out;
}

}  // namespace astrolabe::fit
