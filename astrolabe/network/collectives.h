#pragma once

// Times of collectives on one level (inside a scale-up domain) or two (domains joined by the
// scale-out network). Alpha-beta model: a step costs alpha + bytes / bandwidth.
//
// n ranks, buffer S, bandwidth w per direction (peak times measured fraction):
//   ring all-reduce      2 (n-1) alpha + 2 S (n-1)/n / w
//   tree all-reduce      2 ceil(log2 n) alpha + 2 S (n-1)/n / w   (recursive halving and doubling)
//   gather, scatter      ceil(log2 n) alpha + S (n-1)/n / w
//   all-to-all           alpha_a + S (n-1)/n / w         (S leaves one rank, its own part included)
//   send                 alpha + S / w
// An exchange sends each token to its k experts: an all-to-all of k copies, or, over D domains, one
// copy to each of the D (1 - (1 - 1/D)^k) distinct domains and from there inside (forwarded).
// Two levels, d ranks a domain: reduce-scatter inside, all-reduce of S/d outside, all-gather
// inside; an all-to-all sends the share (n-d)/n outside while the share (d-1)/n goes inside: the
// slower one. The faster of ring and tree, of direct and forwarded, is taken. In-switch reduction
// is not modelled (it would halve large all-reduces), nor congestion, nor routing over a mesh
// without a switch, where two ranks see one link only (MI300X: 48 of 448 GB/s) - there the fraction
// measured at 8 ranks is too good. Source: Thakur, Rabenseifner, Gropp, IJHPCA 19(1), 2005.

#include "astrolabe/base/quantity.h"

namespace astrolabe::network {

struct Fabric {
  int domain = 1;       // ranks of a scale-up domain
  Bandwidth scale_up;   // per rank and direction
  Bandwidth scale_out;  // per rank and direction
  double all_reduce_fraction = 1, all_to_all_fraction = 1, scale_out_fraction = 1;
  Duration step_latency;        // alpha inside a domain
  Duration all_to_all_latency;  // alpha_a inside a domain
  Duration scale_out_latency;   // added by a call that crosses domains
};

Duration ring_all_reduce_time(int ranks, Bytes buffer, Bandwidth bandwidth, Duration step);
Duration tree_all_reduce_time(int ranks, Bytes buffer, Bandwidth bandwidth, Duration step);

// Ranks are packed: n <= domain stays inside one domain. n = 1 takes no time.
Duration all_reduce_time(const Fabric& fabric, int ranks, Bytes buffer);
Duration gather_time(const Fabric& fabric, int ranks, Bytes buffer);  // all-gather, reduce-scatter
Duration all_to_all_time(const Fabric& fabric, int ranks, Bytes sent);
// `sent` holds `copies` of each token, to ranks drawn uniformly.
Duration exchange_time(const Fabric& fabric, int ranks, Bytes sent, double copies);
Duration send_time(const Fabric& fabric, bool crosses_domains, Bytes message);

}  // namespace astrolabe::network
