#include "astrolabe/network/collective_physics.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::network {
namespace {

using P = CollectiveParameter;

// All in microseconds and bytes: rates in bytes per microsecond.
struct Terms {
  const CollectiveParameters& p;
  const Crossing& c;
  Operation operation;
  double bytes;

  double crowding() const { return std::pow(0.5 * std::max(2, c.inside), p[P::kCrowding]); }
  double rate(P share) const { return p[share] * c.up.base() * 1e-6 / crowding(); }
};

double rate_of(Bandwidth b) { return b.base() * 1e-6; }

// A library's tree is a chain inside a node and doubles from node to node.
double tree_steps(int ranks, int node_size) {
  const int chain = std::min(ranks, node_size);
  return 2 * (chain - 1) + 2 * std::ceil(std::log2(static_cast<double>(ranks) / chain));
}

double ring_inside(const FabricFacts& f, const Terms& t) {
  const AlgorithmWork w = algorithm_work(t.operation, Algorithm::kRing, t.c.inside);
  double steps = w.steps;
  if (t.operation == Operation::kAllReduce) {
    steps = std::min(steps, tree_steps(t.c.inside, f.node_size));
  }
  const double latency = t.p[P::kLaunch] + steps * t.p[P::kStep];
  const double wire = w.wire * t.bytes;
  return latency + std::min(wire / t.rate(P::kLowLatencyShare),
                            t.p[P::kBulkStart] + wire / t.rate(P::kBulkShare));
}

double library_inside(const FabricFacts& f, const Terms& t) {
  const int n = t.c.inside;
  if (t.operation == Operation::kAllToAll) {
    const double wire = algorithm_work(t.operation, Algorithm::kDirect, n).wire * t.bytes;
    const double latency = t.p[P::kDirectLaunch] + (n - 1) * t.p[P::kDirectPeer];
    return latency + std::min(wire / t.rate(P::kLowLatencyShare),
                              t.p[P::kBulkStart] + wire / t.rate(P::kDirectShare));
  }
  double time = ring_inside(f, t);
  if (t.operation == Operation::kAllReduce && f.switch_reduction) {
    const AlgorithmWork w = algorithm_work(t.operation, Algorithm::kSwitch, n);
    time = std::min(time, t.p[P::kLaunch] + w.steps * t.p[P::kStep] + t.p[P::kSwitchStart] +
                              w.wire * t.bytes / t.rate(P::kSwitchShare));
  }
  return time;
}

double custom_inside(const FabricFacts& f, const Terms& t) {
  const int n = t.c.inside;
  const double barrier = (n - 1) * t.p[P::kCustomBarrier];
  const double one = algorithm_work(t.operation, Algorithm::kOneShot, n).wire * t.bytes;
  const double two = algorithm_work(t.operation, Algorithm::kTwoShot, n).wire * t.bytes;
  const double one_shot = t.p[P::kCustomLaunch] + barrier + one / t.rate(P::kOneShotShare);
  const double two_shot =
      t.p[P::kCustomLaunch] + 2 * barrier + t.p[P::kTwoShotStart] + two / t.rate(P::kTwoShotShare);
  return std::min({one_shot, two_shot, library_inside(f, t)});
}

double inside(const FabricFacts& f, const Terms& t, Implementation implementation) {
  if (t.c.inside <= 1) return 0;
  const bool is_custom =
      implementation != Implementation::kLibrary && t.operation == Operation::kAllReduce;
  if (!is_custom) return library_inside(f, t);
  const double kernel = custom_inside(f, t);
  if (implementation == Implementation::kCustom) return kernel;
  const double memory = rate_of(f.memory);
  const double copies = memory > 0 ? 2 * t.bytes / (t.p[P::kCopyShare] * memory) : 0;
  return std::max(t.p[P::kEagerHost], kernel) + copies;
}

// Latency and wire of the part between domains.
AlgorithmWork outside_work(const Terms& t) {
  const double domains = t.c.domains, inside = t.c.inside, n = domains * inside;
  const double log_steps = std::ceil(std::log2(domains));
  switch (t.operation) {
    case Operation::kAllReduce:
      return {std::min(2 * (domains - 1), 2 * log_steps), 2 * (domains - 1) / domains / inside};
    case Operation::kAllGather:
    case Operation::kReduceScatter:
      return {std::min(domains - 1, log_steps), (domains - 1) / domains / inside};
    case Operation::kAllToAll:
      return {1, (n - inside) / n};
    case Operation::kSend:
      return {1, 1};
  }
  return {};
}

// Of one rank, in bytes per microsecond: its adapter's, and its part of what a node has; `share`:
// of the host link, where that joins the domains.
double out_rate(const FabricFacts& f, const Terms& t, P share) {
  if (!t.c.over_network) return t.p[share] * rate_of(t.c.out);
  const Bandwidth of_node = f.node_scale_out / static_cast<double>(t.c.inside);
  return t.p[P::kNetworkShare] * rate_of(std::min(t.c.out, of_node));
}

double between_domains(const FabricFacts& f, const Terms& t, Implementation implementation) {
  const AlgorithmWork w = outside_work(t);
  const bool is_direct = t.operation == Operation::kAllToAll;
  const double step = t.c.over_network ? t.p[P::kNetworkLatency] : t.p[P::kBulkStart];
  const double wire =
      w.wire * t.bytes / out_rate(f, t, is_direct ? P::kDirectShare : P::kBulkShare);
  const Terms empty{t.p, t.c, t.operation, 0};
  const double fixed = t.c.inside > 1 ? inside(f, empty, implementation) : t.p[P::kLaunch];
  const double local = t.c.inside > 1 ? inside(f, t, implementation) - fixed : 0;
  return fixed + w.steps * step + std::max(wire, local);
}

double send(const FabricFacts& f, const Terms& t) {
  if (t.c.domains == 1) return t.p[P::kSendLaunch] + t.bytes / t.rate(P::kSendShare);
  const double step = t.c.over_network ? t.p[P::kNetworkLatency] : t.p[P::kBulkStart];
  return t.p[P::kSendLaunch] + step + t.bytes / out_rate(f, t, P::kSendShare);
}

}  // namespace

Crossing crossing(const FabricFacts& f, const CollectiveShape& shape) {
  Crossing c;
  c.up = f.scale_up;
  int inside = std::min(shape.ranks, f.scale_up_domain);
  // A domain may span nodes (NVL72); where it does not, the ranks of a node are all it can hold.
  if (shape.ranks_per_node > 0 && f.scale_up_domain <= f.node_size) {
    inside = std::min(inside, shape.ranks_per_node);
  }
  c.inside = inside;
  c.domains = (shape.ranks + inside - 1) / inside;
  const int per_node = shape.ranks_per_node > 0 ? shape.ranks_per_node : f.node_size;
  c.over_network = c.domains > 1 && shape.ranks > per_node;
  c.out = c.over_network ? f.scale_out : f.host_link;
  return c;
}

Duration collective_bound(const FabricFacts& f, const CollectiveShape& shape, Bytes buffer) {
  if (shape.ranks <= 1) return {};
  const Crossing c = crossing(f, shape);
  if (c.domains == 1) {
    return least_wire(shape.operation, c.inside, f.switch_reduction) * buffer / c.up;
  }
  const CollectiveParameters none{};
  return outside_work({none, c, shape.operation, buffer.base()}).wire * buffer / c.out;
}

Duration collective_time(const FabricFacts& f, const CollectiveParameters& p,
                         const CollectiveShape& shape, Bytes buffer) {
  if (shape.ranks <= 1) return {};
  const Crossing c = crossing(f, shape);
  const Terms t{p, c, shape.operation, buffer.base()};
  double us = 0;
  if (shape.operation == Operation::kSend) {
    us = send(f, t);
  } else if (c.domains == 1) {
    us = inside(f, t, shape.implementation);
  } else {
    us = between_domains(f, t, shape.implementation);
  }
  return std::max(us * units::microsecond, collective_bound(f, shape, buffer));
}

}  // namespace astrolabe::network
