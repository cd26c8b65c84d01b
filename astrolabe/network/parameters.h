#pragma once

// Parameters of the physical models of this module: few, per class of link, bounded, each with a
// physical meaning (the table in parameters.cc). The program fit/fit_network fits them on
// data/measurements and writes data/fitted/network_parameters.csv, with standard error, rows and
// residual. A class without rows (a link newer than any measured) takes those of the nearest
// generation of its kind: its bandwidth is its own, what is added to it is the neighbour's.

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "astrolabe/network/fabric_facts.h"

namespace astrolabe::network {

// Of a collective, per link class ("nvlink4", "pcie5").
enum class CollectiveParameter : std::size_t {
  kLaunch,           // us: a library kernel from launch to first message
  kStep,             // us: one step of a ring at low latency
  kLowLatencyShare,  // of the link, at low latency (half of each word is a flag)
  kBulkStart,        // us: added by the bulk protocol
  kBulkShare,        // of the link: ring in bulk
  kDirectLaunch,     // us: a group of sends and receives
  kDirectPeer,       // us: per peer of it
  kDirectShare,      // of the link: all-to-all in bulk
  kSwitchStart,      // us: added by reduction in the switch
  kSwitchShare,      // of the link: reduction in the switch
  kCustomLaunch,     // us: a custom all-reduce kernel in a graph
  kCustomBarrier,    // us: per peer that a barrier waits for
  kOneShotShare,     // of the link: reading the others' buffers
  kTwoShotStart,     // us: second barrier and its memory fence
  kTwoShotShare,     // of the link
  kEagerHost,        // us: host time of an eager call, which hides the kernel behind it
  kCopyShare,        // of the memory bandwidth: an eager call copies its buffer
  kSendLaunch,       // us: a send and its receive
  kSendShare,        // of the link
  kCrowding,         // power of n/2 by which n ranks slow each other (sockets, shared switches)
  kNetworkLatency,   // us: a step over the scale-out network
  kNetworkShare,     // of the scale-out bandwidth
  kCount
};

// Of an exchange between experts, per link class, library and operation
// ("nvlink4.deepep_normal.dispatch").
enum class ExchangeParameter : std::size_t {
  kLaunch,        // us: kernels, handshake and notification
  kPeer,          // us: per rank of the exchange
  kExpert,        // us: per expert of a rank
  kTokenCost,     // ns: per token, arithmetic and addressing
  kRowCost,       // ns: per copy of a token, addressing
  kLinkShare,     // of the scale-up link
  kSmRate,        // GB/s: what one SM moves
  kMemoryShare,   // of the memory bandwidth: the rows written and read locally
  kNodeLatency,   // us: per doubling of the nodes
  kNetworkShare,  // of the scale-out bandwidth
  kCount
};

struct ParameterMeaning {
  const char* name;
  const char* unit;
  double lower, upper, start;
};

inline constexpr std::size_t kCollectiveParameters =
    static_cast<std::size_t>(CollectiveParameter::kCount);
inline constexpr std::size_t kExchangeParameters =
    static_cast<std::size_t>(ExchangeParameter::kCount);

const std::array<ParameterMeaning, kCollectiveParameters>& collective_meanings();
const std::array<ParameterMeaning, kExchangeParameters>& exchange_meanings();

struct CollectiveParameters {
  std::array<double, kCollectiveParameters> values{};
  double operator[](CollectiveParameter p) const { return values[static_cast<std::size_t>(p)]; }
};
struct ExchangeParameters {
  std::array<double, kExchangeParameters> values{};
  double operator[](ExchangeParameter p) const { return values[static_cast<std::size_t>(p)]; }
};

// p10 and p90 of log(measured / estimate), by table and by what the estimate rests on.
struct LogBand {
  double p10 = 0, p90 = 0;
};

std::string link_class(LinkKind kind, int generation);  // "nvlink4"

class NetworkParameters {
 public:
  // InputError for a missing column, class, parameter or band, and for a value out of bounds.
  static NetworkParameters read(const std::string& path);

  const CollectiveParameters& collective(const FabricFacts& fabric) const;
  // `exchange`: "deepep_normal.dispatch". Null when no class of the link's kind has it.
  const ExchangeParameters* exchange(const FabricFacts& fabric, std::string_view exchange) const;
  LogBand band(std::string_view name) const;  // "collectives.sibling"

  void set_collective(const std::string& link_class, const CollectiveParameters& p);
  void set_exchange(const std::string& key, const ExchangeParameters& p);
  void set_band(const std::string& name, LogBand band);
  void clear_fits();  // the bands stay

 private:
  std::map<std::string, CollectiveParameters, std::less<>> collective_;
  std::map<std::string, ExchangeParameters, std::less<>> exchange_;
  std::map<std::string, LogBand, std::less<>> bands_;
};

}  // namespace astrolabe::network
