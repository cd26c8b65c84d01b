#include "astrolabe/network/predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "astrolabe/base/error.h"
#include "astrolabe/base/zstd_file.h"

namespace astrolabe::network {
namespace {

constexpr std::size_t kMostNeighbours = 16;
constexpr double kFarthest = 12;
constexpr double kNever = std::numeric_limits<double>::infinity();

// Costs of the distance, in factors e of weight.
constexpr double kOtherKernel = 1.5, kOtherType = 0.1, kOtherVersion = 0.6, kVersionStep = 1.0,
                 kPerDoubling = 4, kOtherSystem = 1.0, kPerGeneration = 3.5, kOtherHost = 2,
                 kPerDomainDoubling = 0.25, kOtherLink = 5, kNoVersion = 2;
constexpr double kPerLogHidden = 2.5, kPerLogCopies = 2.5, kPerLogExperts = 1.5, kPerLogSms = 4,
                 kPerNodeDoubling = 2, kOtherPayload = 1.5;

double log_gap(double a, double b) {
  if (a <= 0 || b <= 0) return a == b ? 0 : 1;
  return std::fabs(std::log(a / b));
}

double version_distance(const std::string& a, const std::string& b) {
  if (a == b) return 0;
  if (a.empty() || b.empty()) return kNoVersion;
  const double gap = std::fabs(version_number(a) - version_number(b));
  return kOtherVersion + kVersionStep * std::min(1.0, gap);
}

auto identity(const CollectiveKey& k) {
  return std::tie(k.system, k.library, k.kernel, k.version, k.dtype, k.shape.operation,
                  k.shape.implementation, k.shape.ranks, k.shape.ranks_per_node);
}
auto identity(const ExchangeKey& k) {
  return std::tie(k.system, k.library, k.kernel, k.version, k.operation, k.dtype, k.shape.ranks,
                  k.shape.nodes, k.shape.hidden, k.shape.topk, k.shape.experts, k.shape.sms);
}

double size_of(const CollectiveRow& r) { return r.buffer.base(); }
double size_of(const ExchangeRow& r) { return r.tokens; }

// Rows grouped into curves; `physics_of` a key. Repeated points are averaged (in log).
template <class Row, class Keyed, class PhysicsOf>
void group(const std::vector<Row>& all, std::vector<Keyed>& curves, const PhysicsOf& physics_of) {
  std::vector<const Row*> rows;
  for (const Row& r : all) rows.push_back(&r);
  std::stable_sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) {
    const auto ia = identity(a->key), ib = identity(b->key);
    return ia != ib ? ia < ib : size_of(*a) < size_of(*b);
  });
  for (std::size_t i = 0; i < rows.size();) {
    Keyed keyed{rows[i]->key, {}};
    const PhysicsCurve physics = physics_of(keyed.key);
    while (i < rows.size() && identity(rows[i]->key) == identity(keyed.key)) {
      const double size = size_of(*rows[i]), model = physics.time(size);
      double sum = 0;
      int count = 0;
      for (; i < rows.size() && identity(rows[i]->key) == identity(keyed.key) &&
             size_of(*rows[i]) == size;
           ++i, ++count) {
        sum += std::log(rows[i]->time.base() / model);
      }
      keyed.curve.x.push_back(std::log2(size));
      keyed.curve.ratio.push_back(sum / count);
    }
    curves.push_back(std::move(keyed));
  }
}

template <class Row>
std::vector<Row> left(std::vector<Row> rows, const std::vector<std::string>& without) {
  std::erase_if(rows, [&](const Row& r) {
    return std::find(without.begin(), without.end(), r.key.system) != without.end();
  });
  return rows;
}

}  // namespace

std::string band_group(const CollectiveKey& key) {
  if (key.version.empty()) return "cluster";
  switch (key.shape.implementation) {
    case Implementation::kLibrary:
      return "library";
    case Implementation::kCustom:
      return "custom";
    case Implementation::kCustomEager:
      return "eager";
  }
  return "library";
}
std::string band_group(const ExchangeKey& key) { return key.library; }

bool is_version(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

double version_number(std::string_view version) {
  double number = 0, unit = 1;
  bool is_candidate = false;
  for (std::size_t i = 0; i < version.size();) {
    if (version[i] < '0' || version[i] > '9') {
      is_candidate = is_candidate || version[i] == 'r';
      ++i;
      continue;
    }
    double part = 0;
    for (; i < version.size() && version[i] >= '0' && version[i] <= '9'; ++i) {
      part = 10 * part + (version[i] - '0');
    }
    if (is_candidate) return number - unit + unit * std::min(part, 99.0) / 100;
    number += unit * part;
    unit /= 100;
  }
  return number;
}

NetworkPredictor::NetworkPredictor(const catalog::Catalog& catalog, NetworkParameters parameters)
    : parameters_(std::move(parameters)) {
  constexpr std::string_view kPrefix = "fabric_";
  for (const std::string& entity : catalog.entities("fabrics")) {
    const std::string system = entity.substr(kPrefix.size());
    fabrics_.emplace(system, read_fabric_facts(catalog, system));
  }
}

NetworkPredictor NetworkPredictor::load(const catalog::Catalog& catalog,
                                        const std::string& data_dir,
                                        const std::vector<std::string>& without) {
  NetworkPredictor p(catalog, NetworkParameters::read(data_dir + "/fitted/network_parameters.csv"));
  const auto table = [&](const std::string& name) {
    const std::string path = data_dir + "/measurements/" + name + ".csv.zst";
    return CsvTable::parse(read_zstd_file(path), path);
  };
  p.add(left(read_collectives(table("collectives")).rows, without));
  p.add(left(read_vidur_network(table("vidur_network")).rows, without));
  p.add(left(read_moe_alltoall(table("moe_alltoall"), p.node_sizes()).rows, without));
  return p;
}

std::map<std::string, int> NetworkPredictor::node_sizes() const {
  std::map<std::string, int> sizes;
  for (const auto& [name, f] : fabrics_) sizes[name] = f.node_size;
  return sizes;
}

const FabricFacts& NetworkPredictor::fabric(std::string_view system) const {
  const auto it = fabrics_.find(system);
  if (it != fabrics_.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [name, f] : fabrics_) names.push_back(name);
  throw InputError({"data/fabrics.csv", 0}, "system", std::string(system),
                   join_alternatives(names, names.size()));
}

PhysicsCurve NetworkPredictor::physics(const CollectiveKey& key) const {
  const FabricFacts& f = fabric(key.system);
  const CollectiveParameters& p = parameters_.collective(f);
  const CollectiveShape shape = key.shape;
  return {[f, p, shape](double bytes) {
            return collective_time(f, p, shape, Bytes::from_base(bytes)).base();
          },
          [f, shape](double bytes) {
            return collective_bound(f, shape, Bytes::from_base(bytes)).base();
          }};
}

PhysicsCurve NetworkPredictor::physics(const ExchangeKey& key) const {
  const FabricFacts& f = fabric(key.system);
  const ExchangeParameters* found = parameters_.exchange(f, key.library + "." + key.operation);
  if (found == nullptr) {
    throw InputError({"network_parameters.csv", 0}, "exchange", key.library + "." + key.operation,
                     "an operation that the fit has parameters of, for this kind of link");
  }
  const ExchangeParameters p = *found;
  const ExchangeShape shape = key.shape;
  return {[f, p, shape](double tokens) { return exchange_time(f, p, shape, tokens).base(); },
          [f, shape](double tokens) { return exchange_bound(f, shape, tokens).base(); }};
}

void NetworkPredictor::add(const std::vector<CollectiveRow>& rows) {
  group(rows, collectives_, [&](const CollectiveKey& k) { return physics(k); });
}
void NetworkPredictor::add(const std::vector<ExchangeRow>& rows) {
  group(rows, exchanges_, [&](const ExchangeKey& k) { return physics(k); });
}

void NetworkPredictor::clear_tables() {
  collectives_.clear();
  exchanges_.clear();
}

double NetworkPredictor::system_distance(const std::string& a, const std::string& b) const {
  if (a == b) return 0;
  const FabricFacts &fa = fabric(a), &fb = fabric(b);
  double d = kOtherSystem;
  if (fa.link != fb.link) return d + kOtherLink;
  d += kPerGeneration * std::abs(fa.link_generation - fb.link_generation);
  if (fa.host != fb.host) d += kOtherHost;
  const double domains = static_cast<double>(fa.scale_up_domain) / fb.scale_up_domain;
  return d + kPerDomainDoubling * std::fabs(std::log2(domains));
}

double NetworkPredictor::distance(const CollectiveKey& a, const CollectiveKey& b) const {
  if (a.shape.operation != b.shape.operation || a.shape.implementation != b.shape.implementation) {
    return kNever;
  }
  const Crossing ca = crossing(fabric(a.system), a.shape), cb = crossing(fabric(b.system), b.shape);
  if (ca.over_network != cb.over_network || (ca.domains > 1) != (cb.domains > 1)) return kNever;
  double d = system_distance(a.system, b.system) + version_distance(a.version, b.version);
  if (a.library != b.library || a.kernel != b.kernel) d += kOtherKernel;
  if (a.dtype != b.dtype) d += kOtherType;
  const double ranks = static_cast<double>(a.shape.ranks) / b.shape.ranks;
  const double domains = static_cast<double>(ca.domains) / cb.domains;
  return d + kPerDoubling * std::fabs(std::log2(ranks)) + std::fabs(std::log2(domains));
}

double NetworkPredictor::distance(const ExchangeKey& a, const ExchangeKey& b) const {
  if (a.operation != b.operation || a.library != b.library) return kNever;
  if ((a.shape.nodes > 1) != (b.shape.nodes > 1)) return kNever;
  double d = system_distance(a.system, b.system) + version_distance(a.version, b.version);
  if (a.kernel != b.kernel) d += kOtherKernel;
  if (a.dtype != b.dtype) d += kOtherPayload;
  const double ranks = static_cast<double>(a.shape.ranks) / b.shape.ranks;
  const double nodes = static_cast<double>(a.shape.nodes) / b.shape.nodes;
  d += kPerDoubling * std::fabs(std::log2(ranks)) + kPerNodeDoubling * std::fabs(std::log2(nodes));
  return d + kPerLogHidden * log_gap(a.shape.hidden, b.shape.hidden) +
         kPerLogCopies * log_gap(a.shape.topk, b.shape.topk) +
         kPerLogExperts * log_gap(a.shape.experts, b.shape.experts) +
         kPerLogSms * log_gap(a.shape.sms, b.shape.sms);
}

Bands NetworkPredictor::bands(const std::string& group) const {
  Bands b;
  for (std::size_t i = 0; i < b.size(); ++i) {
    b[i] = parameters_.band(group + "." + evidence_name(static_cast<Evidence>(i)));
  }
  return b;
}

template <class Key>
TimeCurve NetworkPredictor::resolve(const Key& key,
                                    const std::vector<KeyedCurve<Key>>& curves) const {
  const MeasuredCurve* own = nullptr;
  std::vector<Neighbour> others;
  for (const KeyedCurve<Key>& c : curves) {
    if (identity(c.key) == identity(key)) {
      own = &c.curve;
      continue;
    }
    const double d = distance(key, c.key);
    if (d > kFarthest) continue;
    Evidence e = Evidence::kSystem;
    if (c.key.system != key.system) {
      const FabricFacts &a = fabric(key.system), &b = fabric(c.key.system);
      const bool is_sibling = a.link == b.link && a.link_generation == b.link_generation;
      e = is_sibling ? Evidence::kSibling : Evidence::kGeneration;
    }
    others.push_back({&c.curve, d, e});
  }
  const auto nearer = [](const Neighbour& a, const Neighbour& b) {
    return a.distance < b.distance;
  };
  std::stable_sort(others.begin(), others.end(), nearer);
  if (others.size() > kMostNeighbours) others.resize(kMostNeighbours);
  return TimeCurve(physics(key), own, others, bands(band_group(key)));
}

TimeCurve NetworkPredictor::collective(const CollectiveKey& key) const {
  return resolve(key, collectives_);
}
TimeCurve NetworkPredictor::exchange(const ExchangeKey& key) const {
  return resolve(key, exchanges_);
}

}  // namespace astrolabe::network
