#include "fit/network_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>

namespace astrolabe::fit {

using namespace network;

namespace {

constexpr std::uint64_t kFolds = 16;  // one of them, 6.25 %, is withheld
constexpr std::size_t kFewestForBand = 30;
constexpr Bands kNoBands{};

// FNV-1a, 64 bit, with a final mix.
bool is_withheld(const std::string& text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdu;
  h ^= h >> 33;
  return h % kFolds == 0;
}

const char* operation_name(Operation o) {
  constexpr const char* kNames[] = {"all_reduce", "all_gather", "reduce_scatter", "alltoall",
                                    "send_recv"};
  return kNames[static_cast<std::size_t>(o)];
}

std::string shape_name(const CollectiveRow& r) {
  return fmt::format("{}/{}/{}/{}", operation_name(r.key.shape.operation), r.key.shape.ranks,
                     r.key.shape.ranks_per_node, r.buffer.base());
}
std::string shape_name(const ExchangeRow& r) {
  const ExchangeShape& s = r.key.shape;
  return fmt::format("{}/{}/{}/{}", r.key.library, s.hidden, s.topk, s.experts);
}
std::string point_name(const CollectiveRow& r) {
  return fmt::format("{}/{}/{}/{}/{}/{}", r.key.system, r.key.library, r.key.kernel, r.key.version,
                     r.key.dtype, shape_name(r));
}
std::string point_name(const ExchangeRow& r) {
  const ExchangeShape& s = r.key.shape;
  return fmt::format("{}/{}/{}/{}/{}/{}/{}/{}/{}/{}", r.key.system, r.key.kernel, r.key.version,
                     r.key.operation, r.key.dtype, s.ranks, s.nodes, s.sms, r.tokens,
                     shape_name(r));
}

Scored named(const CollectiveRow& r) {
  const bool is_vidur = r.key.version.empty();
  std::string library = r.key.library;
  if (r.key.shape.implementation == Implementation::kCustom) library += "_graph";
  if (r.key.shape.implementation == Implementation::kCustomEager) library += "_eager";
  std::string operation = operation_name(r.key.shape.operation);
  if (is_vidur && r.key.shape.ranks > r.key.shape.ranks_per_node) operation += "_inter";
  return {is_vidur ? "vidur_network" : "collectives", library, operation, r.key.system,
          band_group(r.key)};
}
Scored named(const ExchangeRow& r) {
  const std::string multi = r.key.shape.nodes > 1 ? "_inter" : "";
  return {"moe_alltoall", r.key.library, r.key.operation + multi, r.key.system, band_group(r.key)};
}

TimeCurve curve_of(const NetworkPredictor& p, const CollectiveKey& k) { return p.collective(k); }
TimeCurve curve_of(const NetworkPredictor& p, const ExchangeKey& k) { return p.exchange(k); }

// Neighbouring rows mostly share a curve: it is resolved once.
template <class Row>
void score_rows(const NetworkPredictor& predictor, const std::vector<Row>& rows,
                std::vector<Scored>& out) {
  std::map<std::string, TimeCurve> curves;
  for (const Row& r : rows) {
    Row no_size = r;
    if constexpr (std::is_same_v<Row, CollectiveRow>) {
      no_size.buffer = {};
    } else {
      no_size.tokens = 0;
    }
    const std::string name = point_name(no_size);
    auto it = curves.find(name);
    if (it == curves.end()) it = curves.emplace(name, curve_of(predictor, r.key)).first;
    const NetworkEstimate e = it->second.at(size_of(r));
    Scored s = named(r);
    s.evidence = e.evidence;
    s.log_ratio = std::log(r.time / e.time);
    s.in_band = r.time >= e.p10 && r.time <= e.p90;
    out.push_back(std::move(s));
  }
}

template <class Row, class Test>
std::pair<std::vector<Row>, std::vector<Row>> split(const std::vector<Row>& rows,
                                                    const Test& is_out) {
  std::pair<std::vector<Row>, std::vector<Row>> kept_and_out;
  for (const Row& r : rows) (is_out(r) ? kept_and_out.second : kept_and_out.first).push_back(r);
  return kept_and_out;
}

template <class Test>
std::vector<Scored> score_split(const NetworkPredictor& fitted, const NetworkTables& tables,
                                const Test& is_out) {
  NetworkPredictor p = fitted;
  p.clear_tables();
  const auto collectives = split(tables.collectives, is_out);
  const auto exchanges = split(tables.exchanges, is_out);
  p.add(collectives.first);
  p.add(exchanges.first);
  std::vector<Scored> out;
  score_rows(p, collectives.second, out);
  score_rows(p, exchanges.second, out);
  return out;
}

std::set<std::string> systems_of(const NetworkTables& tables) {
  std::set<std::string> systems;
  for (const CollectiveRow& r : tables.collectives) systems.insert(r.key.system);
  return systems;
}

// Parameters and curves without `systems`, scored on them. Exchanges that no other system has are
// not predicted: they are left out of the score.
void score_without(const NetworkPredictor& fitted, const NetworkTables& tables,
                   const std::set<std::string>& systems, std::vector<Scored>& out) {
  const auto is_out = [&](const auto& r) { return systems.contains(r.key.system); };
  NetworkTables others;
  others.collectives = split(tables.collectives, is_out).first;
  others.exchanges = split(tables.exchanges, is_out).first;
  NetworkPredictor p = fitted;
  p.parameters().clear_fits();
  fit_network_parameters(p, others);
  NetworkTables all = tables;
  std::erase_if(all.exchanges, [&](const ExchangeRow& r) {
    return p.parameters().exchange(p.fabric(r.key.system), r.key.library + "." + r.key.operation) ==
           nullptr;
  });
  const std::vector<Scored> scored = score_split(p, all, is_out);
  out.insert(out.end(), scored.begin(), scored.end());
}

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  const double at = q * static_cast<double>(v.size() - 1);
  const std::size_t i = static_cast<std::size_t>(at);
  const double share = at - static_cast<double>(i);
  return i + 1 < v.size() ? v[i] + share * (v[i + 1] - v[i]) : v[i];
}

using ResidualsByGroup = std::map<std::string, std::map<std::string, std::vector<double>>>;

// Bands of one group from the worst evidence to the best. With too few rows: those of all groups
// of the same kind; failing that, of the next worse evidence.
std::vector<ParameterRow> group_bands(const std::string& group,
                                      std::map<std::string, std::vector<double>>& own,
                                      std::map<std::string, std::vector<double>>& pooled) {
  std::vector<ParameterRow> out;
  LogBand worse;
  for (std::size_t i = kNoBands.size(); i-- > 0;) {
    const std::string evidence = evidence_name(static_cast<Evidence>(i));
    const std::vector<double>* r = &own[evidence];
    std::string note = i == 0 ? "ESTIMATE: half of the error between points" : "";
    if (r->size() < kFewestForBand) {
      r = &pooled[evidence];
      note = "ESTIMATE: too few withheld rows of its own; of all libraries of its kind";
    }
    LogBand band = worse;
    if (r->size() >= kFewestForBand) {
      band = {std::min(0.0, quantile(*r, 0.1)), std::max(0.0, quantile(*r, 0.9))};
    } else {
      note = "ESTIMATE: too few withheld rows; as the next worse evidence";
    }
    worse = band;
    const std::string key = group + "." + evidence;
    out.push_back({"band", key, "p10", "1", band.p10, 0, -5, 0, 0, r->size(), note});
    out.push_back({"band", key, "p90", "1", band.p90, 0, 0, 5, 0, r->size(), note});
  }
  return out;
}

std::vector<ParameterRow> band_rows(NetworkPredictor& predictor, const NetworkTables& tables,
                                    ResidualsByGroup& residuals) {
  std::set<std::string> exchanges;
  for (const ExchangeRow& r : tables.exchanges) exchanges.insert(band_group(r.key));
  ResidualsByGroup pooled;
  for (auto& [group, by_evidence] : residuals) {
    // A measured point is as certain as its repetition: taken as half of the error between points.
    for (const double r : by_evidence["interpolated"]) by_evidence["measured"].push_back(r / 2);
    if (group == "cluster") continue;
    for (const auto& [evidence, r] : by_evidence) {
      std::vector<double>& all = pooled[exchanges.contains(group) ? "exchange" : ""][evidence];
      all.insert(all.end(), r.begin(), r.end());
    }
  }
  std::vector<ParameterRow> out;
  for (auto& [group, by_evidence] : residuals) {
    const std::vector<ParameterRow> rows =
        group_bands(group, by_evidence, pooled[exchanges.contains(group) ? "exchange" : ""]);
    for (std::size_t i = 0; i < rows.size(); i += 2) {
      predictor.parameters().set_band(rows[i].key, {rows[i].value, rows[i + 1].value});
    }
    out.insert(out.end(), rows.begin(), rows.end());
  }
  return out;
}

std::string score_line(const std::string& name, const std::vector<const Scored*>& rows) {
  std::vector<double> ape;
  double sum = 0, bias = 0;
  int within10 = 0, within20 = 0, covered = 0;
  for (const Scored* s : rows) {
    const double error = std::exp(-s->log_ratio) - 1;  // estimate / measured - 1
    ape.push_back(std::fabs(error));
    sum += std::fabs(error);
    bias += error;
    within10 += std::fabs(error) <= 0.1;
    within20 += std::fabs(error) <= 0.2;
    covered += s->in_band;
  }
  const double n = static_cast<double>(rows.size());
  return fmt::format(
      "| {:<52} | {:>6} | {:>6.1f} | {:>6.1f} | {:>6.1f} | {:>4.0f} | {:>4.0f} | {:>4.0f} |\n",
      name, rows.size(), 100 * sum / n, 100 * quantile(ape, 0.5), 100 * bias / n,
      100 * within10 / n, 100 * within20 / n, 100 * covered / n);
}

}  // namespace

std::vector<Scored> score_points(const NetworkPredictor& fitted, const NetworkTables& tables) {
  return score_split(fitted, tables, [](const auto& r) { return is_withheld(point_name(r)); });
}

std::vector<Scored> score_shapes(const NetworkPredictor& fitted, const NetworkTables& tables) {
  return score_split(fitted, tables, [](const auto& r) { return is_withheld(shape_name(r)); });
}

std::vector<Scored> score_systems(const NetworkPredictor& fitted, const NetworkTables& tables) {
  std::vector<Scored> out;
  for (const std::string& system : systems_of(tables)) {
    score_without(fitted, tables, {system}, out);
  }
  return out;
}

std::vector<Scored> score_generations(const NetworkPredictor& fitted, const NetworkTables& tables) {
  std::map<std::string, std::set<std::string>> classes;
  for (const std::string& system : systems_of(tables)) {
    const FabricFacts& f = fitted.fabric(system);
    classes[link_class(f.link, f.link_generation)].insert(system);
  }
  std::vector<Scored> out;
  for (const auto& [name, systems] : classes) score_without(fitted, tables, systems, out);
  return out;
}

std::vector<Scored> score_physics(const NetworkPredictor& fitted, const NetworkTables& tables) {
  return score_split(fitted, tables, [](const auto&) { return true; });
}

std::string score_table(const std::string& title, const std::vector<Scored>& scored) {
  std::map<std::string, std::vector<const Scored*>> groups;
  for (const Scored& s : scored) {
    groups["all"].push_back(&s);
    groups[s.table].push_back(&s);
    groups[s.table + " " + s.library].push_back(&s);
    groups[s.table + " " + s.library + " " + s.operation].push_back(&s);
    groups[s.table + " " + s.library + " " + s.operation + " " + s.system].push_back(&s);
  }
  std::string text = title +
                     "\n\n| table, library, operation, system | rows | mean APE % | median % | "
                     "bias % | within 10 % | within 20 % | in band % |\n"
                     "|---|---|---|---|---|---|---|---|\n";
  for (const auto& [name, rows] : groups) text += score_line(name, rows);
  return text + "\n";
}

std::vector<ParameterRow> fit_bands(NetworkPredictor& predictor, const NetworkTables& tables) {
  ResidualsByGroup residuals;
  const auto collect = [&](const std::vector<Scored>& scored) {
    for (const Scored& s : scored)
      residuals[s.band][evidence_name(s.evidence)].push_back(s.log_ratio);
  };
  for (const auto& r : tables.collectives) residuals[band_group(r.key)];
  for (const auto& r : tables.exchanges) residuals[band_group(r.key)];
  for (const auto& [group, unused] : residuals) {
    for (std::size_t i = 0; i < kNoBands.size(); ++i) {
      predictor.parameters().set_band(group + "." + evidence_name(static_cast<Evidence>(i)), {});
    }
  }
  collect(score_points(predictor, tables));
  collect(score_shapes(predictor, tables));
  collect(score_systems(predictor, tables));
  collect(score_generations(predictor, tables));
  collect(score_physics(predictor, tables));
  return band_rows(predictor, tables, residuals);
}

}  // namespace astrolabe::fit
