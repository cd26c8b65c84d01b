#include "astrolabe/network/collectives.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

double log2_steps(int ranks) { return std::ceil(std::log2(static_cast<double>(ranks))); }

// S (n-1)/n: what leaves a rank.
Bytes leaving(int ranks, Bytes buffer) { return buffer * ((ranks - 1.0) / ranks); }

// Ranks inside a domain and number of domains that n packed ranks need.
struct Levels {
  int inside, domains;
};
Levels levels(const Fabric& fabric, int ranks) {
  ASTROLABE_ASSERT(ranks >= 1 && fabric.domain >= 1, "ranks and domain are counts");
  const int inside = std::min(ranks, fabric.domain);
  return {inside, (ranks + inside - 1) / inside};
}

}  // namespace

Duration ring_all_reduce_time(int ranks, Bytes buffer, Bandwidth bandwidth, Duration step) {
  if (ranks <= 1) return {};
  return 2.0 * (ranks - 1) * step + 2 * leaving(ranks, buffer) / bandwidth;
}

Duration tree_all_reduce_time(int ranks, Bytes buffer, Bandwidth bandwidth, Duration step) {
  if (ranks <= 1) return {};
  return 2 * log2_steps(ranks) * step + 2 * leaving(ranks, buffer) / bandwidth;
}

Duration gather_time(const Fabric& f, int ranks, Bytes buffer) {
  if (ranks <= 1) return {};
  const Levels l = levels(f, ranks);
  Duration t;
  if (l.inside > 1) {
    t += log2_steps(l.inside) * f.step_latency +
         leaving(l.inside, buffer) / (f.all_reduce_fraction * f.scale_up);
  }
  if (l.domains > 1) {
    const Bytes part = buffer / static_cast<double>(l.inside);
    t += f.scale_out_latency + leaving(l.domains, part) / (f.scale_out_fraction * f.scale_out);
  }
  return t;
}

Duration all_reduce_time(const Fabric& f, int ranks, Bytes buffer) {
  if (ranks <= 1) return {};
  const Levels l = levels(f, ranks);
  const Bandwidth inside = f.all_reduce_fraction * f.scale_up;
  if (l.domains == 1) {
    return std::min(ring_all_reduce_time(ranks, buffer, inside, f.step_latency),
                    tree_all_reduce_time(ranks, buffer, inside, f.step_latency));
  }
  const Bytes part = buffer / static_cast<double>(l.inside);
  const Bandwidth outside = f.scale_out_fraction * f.scale_out;
  Fabric one_domain = f;
  one_domain.domain = l.inside;
  return 2 * gather_time(one_domain, l.inside, buffer) +
         tree_all_reduce_time(l.domains, part, outside, f.scale_out_latency);
}

Duration all_to_all_time(const Fabric& f, int ranks, Bytes sent) {
  if (ranks <= 1) return {};
  const Levels l = levels(f, ranks);
  const Bytes inside = sent * ((l.inside - 1.0) / ranks);
  const Bytes outside = sent * (static_cast<double>(ranks - l.inside) / ranks);
  const Duration up = inside / (f.all_to_all_fraction * f.scale_up);
  if (l.domains == 1) return f.all_to_all_latency + up;
  const Duration out = outside / (f.scale_out_fraction * f.scale_out);
  return f.all_to_all_latency + f.scale_out_latency + std::max(up, out);
}

Duration exchange_time(const Fabric& f, int ranks, Bytes sent, double copies) {
  const Duration direct = all_to_all_time(f, ranks, sent);
  const Levels l = levels(f, ranks);
  if (l.domains == 1 || copies <= 1) return direct;
  const double domains = l.domains;
  const double reached = domains * (1 - std::pow(1 - 1 / domains, copies));
  const Bytes outside = sent / copies * (reached * (domains - 1) / domains);
  const Bytes inside = sent * ((l.inside - 1.0) / l.inside);
  const Duration slower = std::max(outside / (f.scale_out_fraction * f.scale_out),
                                   inside / (f.all_to_all_fraction * f.scale_up));
  return std::min(direct, 2 * f.all_to_all_latency + f.scale_out_latency + slower);
}

Duration send_time(const Fabric& f, bool crosses_domains, Bytes message) {
  if (crosses_domains) {
    return f.step_latency + f.scale_out_latency + message / (f.scale_out_fraction * f.scale_out);
  }
  return f.step_latency + message / (f.all_to_all_fraction * f.scale_up);
}

}  // namespace astrolabe::network
