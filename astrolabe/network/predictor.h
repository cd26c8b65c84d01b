#pragma once

// Times of collectives and of exchanges between experts at the fidelity `measured`: curves of the
// tables blended over neighbours (time_curve.h), physics where there is none, and a 10-90 % band
// fitted on withheld rows for each kind of evidence.
//
// Distance of two curves (each term is a factor e in weight per unit):
//   collectives: kernel, payload type, version, number of ranks (per doubling), system
//   exchanges: the same, and log of hidden size, copies, experts and SMs
//   systems: another link generation, host, size of domain; other kind of link last
// A curve is resolved once for a deployment (up to some milliseconds); evaluating it takes tens of
// nanoseconds.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/network/measurements.h"
#include "astrolabe/network/time_curve.h"

namespace astrolabe::network {

class NetworkPredictor {
 public:
  // Facts of every fabric of the catalogue; no tables yet.
  NetworkPredictor(const catalog::Catalog& catalog, NetworkParameters parameters);

  // With the tables and parameters of `data_dir`; rows of the systems `without` are left out.
  static NetworkPredictor load(const catalog::Catalog& catalog, const std::string& data_dir,
                               const std::vector<std::string>& without = {});

  void add(const std::vector<CollectiveRow>& rows);
  void add(const std::vector<ExchangeRow>& rows);
  void clear_tables();

  // InputError for a system that the catalogue has no fabric of.
  TimeCurve collective(const CollectiveKey& key) const;  // over bytes
  TimeCurve exchange(const ExchangeKey& key) const;      // over tokens per rank

  const FabricFacts& fabric(std::string_view system) const;
  const std::map<std::string, FabricFacts, std::less<>>& fabrics() const { return fabrics_; }
  std::map<std::string, int> node_sizes() const;
  NetworkParameters& parameters() { return parameters_; }

  PhysicsCurve physics(const CollectiveKey& key) const;
  PhysicsCurve physics(const ExchangeKey& key) const;

 private:
  template <class Key>
  struct KeyedCurve {
    Key key;
    MeasuredCurve curve;
  };
  template <class Key>
  TimeCurve resolve(const Key& key, const std::vector<KeyedCurve<Key>>& curves) const;
  double system_distance(const std::string& a, const std::string& b) const;
  // Infinite when curves of `b` say nothing of `a`.
  double distance(const CollectiveKey& a, const CollectiveKey& b) const;
  double distance(const ExchangeKey& a, const ExchangeKey& b) const;
  Bands bands(const std::string& group) const;

  std::map<std::string, FabricFacts, std::less<>> fabrics_;
  NetworkParameters parameters_;
  std::vector<KeyedCurve<CollectiveKey>> collectives_;
  std::vector<KeyedCurve<ExchangeKey>> exchanges_;
};

// Rows whose errors are alike share a band: "library", "custom", "eager", "cluster" (vidur_network:
// other clusters), and for exchanges the library.
std::string band_group(const CollectiveKey& key);
std::string band_group(const ExchangeKey& key);

// Comparable number of a version: "1.3.0rc20" is above "1.3.0rc10", below "1.3.0".
double version_number(std::string_view version);
// Whether it is one; others are branches ("nightly-0.19.0") or nothing.
bool is_version(std::string_view text);

}  // namespace astrolabe::network
