#pragma once

// Time of one collective from physics: alpha-beta costs of the algorithms (algorithms.h) under the
// protocols of the libraries, the fastest of those that the implementation has.
//
//   low latency  t = launch + steps a        + wire S / (share_ll w)     (half of a word is a flag)
//   all-reduce over the nodes of one domain (NVL72): the fewer steps of the ring and of a tree, a
//                chain inside a node and doubling between, 2 (d-1) + 2 log2(n/d)
//   bulk         t = launch + steps a + bulk + wire S / (share w)
//   switch       t = launch + start          + wire S / (share_s w)      NVLS, where the switch can
//   custom       one-shot, two-shot (launch and barriers of their own), the library above
//   eager        max(host time, custom) + 2 S / (share_c w_memory)       copies in and out
// n ranks slow each other: every share of a link is divided by (n/2)^crowding.
// Over D nodes of d ranks: steps inside as above, 2 (D-1) network steps outside (tree: 2 log2 D),
// S/d of each buffer outside, over a rank's adapter or its part of those of the node; chunks are
// pipelined, so the slower wire counts.
// Never below least_wire S / w.
// Assumes an idle fabric and ranks in whole nodes. Fails where libraries pick a protocol badly
// (A100, 2 ranks, 1 MiB: twice the neighbours' rate), and on PCI Express boxes whose sockets
// and switches nobody states (L40S, 8 ranks: 2 of 32 GB/s). Parameters: parameters.h.
// Source: as algorithms.h; the protocols are those of NCCL's documentation (LL, LL128, Simple,
// NVLS).

#include "astrolabe/base/quantity.h"
#include "astrolabe/network/algorithms.h"
#include "astrolabe/network/fabric_facts.h"
#include "astrolabe/network/parameters.h"

namespace astrolabe::network {

enum class Implementation { kLibrary, kCustom, kCustomEager };  // library: NCCL, oneCCL

struct CollectiveShape {
  Operation operation = Operation::kAllReduce;
  Implementation implementation = Implementation::kLibrary;
  int ranks = 1;
  int ranks_per_node = 0;  // 0: as many as a scale-up domain holds
};

// Bandwidth of the slowest link that the collective must cross, and whether that is the network.
struct Crossing {
  int inside = 1, domains = 1;  // ranks of a domain, number of domains
  Bandwidth up, out;            // inside a domain; between domains (host link or network)
  bool over_network = false;
};
Crossing crossing(const FabricFacts& fabric, const CollectiveShape& shape);

// `buffer`: all-reduce, its size; gather and scatter, the gathered size; all-to-all, what a rank
// sends, its own part included; send, the message. One rank takes no time (a send needs two).
Duration collective_time(const FabricFacts& fabric, const CollectiveParameters& parameters,
                         const CollectiveShape& shape, Bytes buffer);

// No implementation can be faster.
Duration collective_bound(const FabricFacts& fabric, const CollectiveShape& shape, Bytes buffer);

}  // namespace astrolabe::network
