#pragma once

// Search over all ways to serve a class of requests with one kind of accelerator: every layout as
// an aggregated engine, and every pair of layouts as prefill and decode pools matched in rate.
//
//   pools of whole workers:  r = min(P R_p, D R_d) / (P n_p + D n_d),  P n_p + D n_d <=
//   accelerators of a fleet (divisible):  r = 1 / (n_p / R_p + n_d / R_d)
// R_p is what P workers behind one queue take within the limit of TTFT; where decode is the
// narrower pool, prompts wait less. A worker of a fleet has a queue of its own.
// R requests a second and n accelerators of a worker; P, D workers. The front: points that no other
// one beats both in output tokens a second and accelerator and in tokens a second and user
// (1/TPOT), of those that keep the limit of TTFT. Every layout that is not on it is listed with the
// reason. Assumes uniform load between workers; failures and load below the peak are not in here.

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "astrolabe/parallel/serving_candidate.h"
#include "astrolabe/parallel/serving_energy.h"

namespace astrolabe::parallel {

struct SearchOptions {
  bool allows_aggregated = true, allows_pools = true;
  bool is_fleet = false;      // pools are divisible, and only the best point is wanted
  int most_accelerators = 0;  // of a deployment (of a fleet: of a worker); 0: one domain, 16 to 256
  std::vector<Layout> layouts;  // to choose from; empty: all
};

// One deployment. Rates and power are per accelerator of it.
struct DeploymentPoint {
  bool is_pools = false;
  Layout layout, prefill_layout;  // of the aggregated engine or a decode worker
  SteadyState state;              // of that engine or worker
  BatchLimit limit = BatchLimit::kNone;
  PrefillPoint prefill;  // of a prefill worker
  double workers = 1, prefill_workers = 0;
  double prefill_share = 0;  // of the accelerators
  Duration ttft, tpot;
  Frequency requests;
  TokenRate output_tokens;
  ServingWork work;
  double band = 0, ttft_band = 0;  // half widths of 10-90 % in log, of rates and TPOT; of TTFT

  double accelerators() const;
  double tokens_per_user() const { return 1 / tpot.in(units::second); }
  Energy energy_per_output_token() const { return work.power / output_tokens * units::token; }
  double energy_band() const { return std::hypot(band, std::log(work.p90 / work.p10) / 2); }
  // Board power where IT power is not known.
  Energy it_energy_per_token() const {
    return work.it_power.value_or(work.power) / output_tokens * units::token;
  }
};

enum class Exclusion : unsigned char {
  kIndivisible,
  kDoesNotFit,
  kNoSequence,
  kTtftFloor,
  kTpotFloor,
  kDominated
};
inline constexpr int kExclusions = 6;
const char* exclusion_name(Exclusion exclusion);  // "does not divide", ...

struct ExcludedLayout {
  Layout layout;
  Exclusion exclusion = Exclusion::kIndivisible;
  std::string reason;
  double miss = 0;  // how far out, to tell the nearest: GB, or seconds above the limit
};

struct SearchResult {
  std::vector<DeploymentPoint> front;         // fastest for the accelerator first
  std::optional<DeploymentPoint> best;        // most tokens an accelerator within both limits
  std::optional<DeploymentPoint> thriftiest;  // of a fleet: least IT energy a token within both
  std::vector<ExcludedLayout> excluded;       // by exclusion, the nearest miss of each first
  int layouts = 0, points = 0, most_accelerators = 0;
};

// Of a deployment that the options allow.
int most_accelerators(const device::Accelerator& accelerator, const SearchOptions& options);

SearchResult search_layouts(const ServingChip& chip, const ServingRequest& request,
                            const SearchOptions& options = {});

// An aggregated engine of one layout at so many requests in flight (0: the most within the limits).
// Nothing when the limits are missed by one request alone.
std::optional<DeploymentPoint> aggregated_point(const ServingChip& chip,
                                                const ServingCandidate& candidate,
                                                double in_flight);
// Of any state of an aggregated engine.
DeploymentPoint deployment_point(const ServingChip& chip, const ServingCandidate& candidate,
                                 const EnginePoint& point);

}  // namespace astrolabe::parallel
