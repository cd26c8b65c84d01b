#pragma once

// What error correction adds: to the traffic, and within the DRAM.
//
// Writes of less than an access: check bits cover a whole access, so the controller reads it,
// merges and writes it back [intel_hbm2_ip]. The read comes right before the write; nothing holds
// the write back for it, which costs the same on the buses. Without error correction HBM2 masks
// such writes at no cost: none are partial then.
// Scrubbing. HBM3 and later have error correction on the die, and error check and scrub (ECS): one
// access is read, corrected and written back inside the array with each all-bank refresh, and at
// the same pace in self-refresh [ryu2023hbm3, jesd238]. It costs energy and neither bus nor time.
// Per-bank refreshes do not scrub. HBM2 and HBM2E: the controller reads and writes back every
// access of the memory in so long a round [amd_pg313]: 2 tBL each of the data bus. Assumption: one
// access a pseudo-channel and refresh; public sources do not say how many.

#include <memory>
#include <optional>

#include "astrolabe/memory/dram_spec.h"
#include "astrolabe/memory/request.h"
#include "astrolabe/memory/statistics.h"

namespace astrolabe::memory {

// `share` of the writes of `source`, evenly spread, are read first.
std::unique_ptr<RequestSource> read_before_partial_writes(std::unique_ptr<RequestSource> source,
                                                          double share);

bool has_on_die_scrub(const DramSpec& spec);
// Accesses that the DRAM scrubbed.
double scrubs(const Statistics& statistics, const DramSpec& spec);
// How long the DRAM takes for all its accesses, refreshed all-bank at `interval`.
Duration scrub_round(const DramSpec& spec, Duration interval);
// Share of the data bus that a controller takes which scrubs all accesses in `round`.
double scrub_bus_share(const DramSpec& spec, Duration round);

}  // namespace astrolabe::memory
