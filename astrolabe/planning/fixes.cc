#include "astrolabe/planning/fixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/milp/elastic.h"
#include "astrolabe/milp/verify.h"

namespace astrolabe::planning {

namespace {

using Kind = HardDemand::Kind;

constexpr double kPowerSlack = 1e-6;  // MW
constexpr double kRounding = 1e-4;    // of a step, forgiven as the solver's tolerance when rounding
constexpr double kAnyGap = 1e3;       // the first plan suffices

double at(const std::vector<Power>& v, int t) {
  return v[static_cast<std::size_t>(t)].in(units::MW);
}

double sure_megawatts(const Site& site, int t) {
  return std::max(at(site.contracted, t), at(site.energised, t));
}

Candidate make(FixKind kind, std::string sentence, std::function<void(Problem*)> apply) {
  return {kind, {std::move(sentence), false, std::nullopt, std::move(apply)}, {}};
}

// --- Power at a site -----------------------------------------------------------------------------

// The orders that are late for quarter t, placed early enough.
std::optional<Candidate> start_earlier(const Problem& p, std::size_t s, int t) {
  const Site& site = p.sites[s];
  std::string what;
  auto add = [&](const char* step, int lead) {
    what += fmt::format("{}{} ordered by {}", what.empty() ? "" : " and ", step,
                        (p.quarter(t) - lead).text());
  };
  if (t < site.grid_quarters && site.expandable.in(units::MW) > sure_megawatts(site, t)) {
    add("grid connection", site.grid_quarters);
  }
  if (t < site.build_quarters) add("building", site.build_quarters);
  if (what.empty()) return std::nullopt;
  return make(FixKind::kStartEarlier,
              fmt::format("start before {}: {} at {}", p.start.text(), what, site.name),
              [s, t](Problem* q) {
                Site& changed = q->sites[s];
                changed.grid_quarters = std::min(changed.grid_quarters, t);
                changed.build_quarters = std::min(changed.build_quarters, t);
              });
}

// Contracted power raised from t on so that `facility` MW can be built in whole phases by every
// quarter from t on, where `facility` gives the need by quarter (0: none).
std::optional<Candidate> generate_on_site(const Problem& p, std::size_t s, int t,
                                          const std::function<double(int)>& facility) {
  const Site& site = p.sites[s];
  const double block = site.block.in(units::MW);
  double extra = 0;
  for (int q = t; q < p.horizon(); ++q) {
    const double reachable = reachable_facility_power(p, SiteId(s), q).in(units::MW);
    if (reachable >= facility(q) - kPowerSlack) continue;
    if (q < site.build_quarters) return std::nullopt;  // power would come before the building
    const double live = at(site.energised, q);
    const double built = live + std::ceil((facility(q) - live) / block - 1e-9) * block;
    if (built > site.expandable.in(units::MW) + kPowerSlack) return std::nullopt;
    extra = std::max(extra, built - sure_megawatts(site, q));
  }
  extra = std::ceil(extra - kPowerSlack);
  if (extra <= 0) return std::nullopt;
  return make(FixKind::kOnSite,
              fmt::format("allow {} of generation on site at {} from {} (facility power, "
                          "without its own cost)",
                          power_text(extra * units::MW), site.name, p.quarter(t).text()),
              [s, t, extra](Problem* q) {
                Site& changed = q->sites[s];
                for (auto i = static_cast<std::size_t>(t); i < changed.contracted.size(); ++i) {
                  changed.contracted[i] =
                      std::max(changed.contracted[i], changed.energised[i]) + extra * units::MW;
                }
              });
}

// IT power that requirements ask of a site in quarter t.
double required(const Problem& p, std::size_t s, int t) {
  double most = 0;
  for (const SiteRequirement& r : p.requirements) {
    if (r.site.index() == s && r.from <= t) most = std::max(most, r.it_power.in(units::MW));
  }
  return most;
}

// Requirement r keeps what its site can have; the rest is required at `to` on top of what is.
void move_requirement(Problem* p, std::size_t r, double kept, std::size_t to, double moved) {
  const int from = p->requirements[r].from;
  const double there = required(*p, to, from);
  for (SiteRequirement& other : p->requirements) {
    if (other.site.index() == to && other.from > from && other.it_power.base() > 0) {
      other.it_power += moved * units::MW;
    }
  }
  p->requirements[r].it_power = kept * units::MW;
  p->requirements.push_back(
      {SiteId(to), (there + moved) * units::MW, from, p->requirements[r].position});
}

// Relaxed cost of the moved requirement less that of none, in one model: first its rows are free.
std::optional<double> cost_of_move(Problem p, std::size_t r, double kept, std::size_t to,
                                   double moved, const ProbeOptions& options) {
  Problem without = p;
  scale_demand(&without, {Kind::kSiteRequirement, r, 0}, 0);
  move_requirement(&p, r, kept, to, moved);
  const Formulation f = Formulation::build(p);
  std::vector<milp::ConstraintId> rows;
  for (std::size_t i = 0; i < p.requirements.size(); ++i) {
    const bool is_same = i != r && i < without.requirements.size() &&
                         without.requirements[i].it_power == p.requirements[i].it_power;
    if (is_same) continue;
    for (milp::ConstraintId row : demand_rows(f, {Kind::kSiteRequirement, i, 0})) {
      rows.push_back(row);
    }
  }
  const auto solver = milp::make_solver(options.solver);
  solver->load(f.model());
  // A requirement at the target that was raised keeps its old amount in the reference.
  for (milp::ConstraintId row : rows) {
    const double before = required(
        without,
        f.meanings()[row.index()].entity == p.sites[to].name ? to : p.requirements[r].site.index(),
        f.meanings()[row.index()].t);
    solver->set_row_bounds(row, -milp::kInfinity, -before);
  }
  milp::LpOptions lp;
  lp.method = milp::LpMethod::kIpm;
  lp.time_limit = options.time_for_solve();
  lp.threads = options.threads;
  lp.wants_rays = false;
  const milp::SolveResult reference = solver->solve_lp(lp);
  if (!reference.is_optimal()) return std::nullopt;
  for (milp::ConstraintId row : rows) {
    solver->set_row_bounds(row, f.model().lower(row), f.model().upper(row));
  }
  lp.method = milp::LpMethod::kSimplex;
  lp.time_limit = options.time_for_solve();
  if (lp.time_limit <= Duration{}) return std::nullopt;
  const milp::SolveResult result = solver->solve_lp(lp);
  if (!result.is_optimal()) return std::nullopt;
  return result.objective - reference.objective;
}

// What a MW of IT power at full load costs at a site over the horizon: building, and electricity.
double cost_per_megawatt(const Problem& p, const Site& site) {
  double usd = (site.shell_capex * (1.0 * units::MW)).in(units::usd) +
               (site.grid_capex * (site.pue * units::MW)).in(units::usd);
  for (int t = 0; t < p.horizon(); ++t) {
    const Energy energy = site.pue * units::MW * units::quarter;
    usd += (site.electricity_price[static_cast<std::size_t>(t)] * energy)
               .in(units::usd)*p.discount_factor(t);
  }
  return usd;
}

// The site with room for `moved` MW of IT power in every quarter from `from` on that costs least.
std::optional<std::size_t> find_room(const Problem& p, std::size_t without, int from,
                                     double moved) {
  std::optional<std::size_t> best;
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    bool has_room = s != without;
    for (int t = from; has_room && t < p.horizon(); ++t) {
      const double power = reachable_it_power(p, SiteId(s), t).in(units::MW);
      has_room = power - required(p, s, t) >= moved - kPowerSlack;
    }
    if (!has_room) continue;
    const bool is_cheaper =
        !best || cost_per_megawatt(p, p.sites[s]) < cost_per_megawatt(p, p.sites[*best]);
    if (is_cheaper) best = s;
  }
  return best;
}

std::optional<Candidate> move_elsewhere(const Problem& p, std::size_t r) {
  const SiteRequirement& requirement = p.requirements[r];
  const double needed = requirement.it_power.in(units::MW);
  double kept = needed;
  for (int t = requirement.from; t < p.horizon(); ++t) {
    kept = std::min(kept, reachable_it_power(p, requirement.site, t).in(units::MW));
  }
  kept = std::max(0.0, std::floor(kept + kPowerSlack));
  const double moved = needed - kept;
  const auto to = find_room(p, requirement.site.index(), requirement.from, moved);
  if (!to) return std::nullopt;
  Candidate candidate = make(
      FixKind::kMove,
      fmt::format("move {} of IT power to {}", power_text(moved * units::MW), p.sites[*to].name),
      [r, kept, target = *to, moved](Problem* q) { move_requirement(q, r, kept, target, moved); });
  if (p.objective == Objective::kLeastCost) {
    candidate.extra_cost = [p, r, kept, target = *to, moved](const ProbeOptions& options) {
      return cost_of_move(p, r, kept, target, moved, options);
    };
  }
  return candidate;
}

// --- Demands that give way -----------------------------------------------------------------------

// The first quarter from `from` on at which the demand can start, by bisection on the relaxation:
// later is never harder.
std::optional<int> earliest_quarter(const Problem& p, const HardDemand& d, int from,
                                    const ProbeOptions& options) {
  const int last = p.horizon() - 1;
  auto is_possible = [&](int t) {
    Problem delayed = p;
    delay_demand(&delayed, d, t);
    return probe(delayed, options) == Feasibility::kFeasible;
  };
  if (from > last) return std::nullopt;
  if (is_possible(from)) return from;
  if (from == last || !is_possible(last)) return std::nullopt;
  int low = from, high = last;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (is_possible(middle) ? high : low) = middle;
  }
  return high;
}

std::optional<Candidate> delay(const Problem& p, const HardDemand& d, int from,
                               const ProbeOptions& options) {
  if (!can_be_delayed(d)) return std::nullopt;
  const auto t = earliest_quarter(p, d, from, options);
  if (!t) return std::nullopt;
  return make(FixKind::kDelay,
              fmt::format("delay {} to {}", short_name(p, d), p.quarter(*t).text()),
              [d, to = *t](Problem* q) { delay_demand(q, d, to); });
}

// The size of a demand in the steps it is rounded to: whole MW, whole percent.
double size_in_steps(const Problem& p, const HardDemand& d) {
  switch (d.kind) {
    case Kind::kSiteRequirement:
      return p.requirements[d.index].it_power.in(units::MW);
    case Kind::kVendorCommitment:
      return p.commitments[d.index].it_power.in(units::MW);
    case Kind::kInCountry:
      return 100 * p.classes[d.index].in_country[d.part].share;
    case Kind::kRenewableShare: {
      const auto& share = p.sites[d.index].renewable_share;
      return 100 * *std::max_element(share.begin(), share.end());
    }
    case Kind::kMustServe:
    case Kind::kFixedLoad:
      return 100;
  }
  return 100;
}

// The most whole steps that the relaxation can keep.
std::optional<double> steps_kept(const Problem& p, const HardDemand& d,
                                 const ProbeOptions& options) {
  const double size = size_in_steps(p, d);
  if (d.kind != Kind::kRenewableShare) {
    const Formulation f = Formulation::build(p);
    const auto relief = least_relief(f.model(), relief_rows(f, d), 1, options);
    if (!relief) return std::nullopt;
    return std::floor(size * (1 - *relief) + kRounding);
  }
  double low = -1, high = std::ceil(size);  // feasible at low, infeasible at high
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    Problem changed = p;
    scale_demand(&changed, d, middle / size);
    (probe(changed, options) == Feasibility::kFeasible ? low : high) = middle;
  }
  if (low < 0) return std::nullopt;
  return low;
}

std::optional<Candidate> lower(const Problem& p, const HardDemand& d, const ProbeOptions& options) {
  const auto steps = steps_kept(p, d, options);
  if (!steps || *steps <= 0) return std::nullopt;
  const double keep = *steps / size_in_steps(p, d);
  if (keep >= 1) return std::nullopt;
  return make(FixKind::kLower,
              fmt::format("lower {} to {}", short_name(p, d), amount_text(p, d, keep)),
              [d, keep](Problem* q) { scale_demand(q, d, keep); });
}

// --- Limits that grow ----------------------------------------------------------------------------

template <class T>
void grow(std::vector<T>* values, double factor) {
  for (T& v : *values) v = factor * v;
}

void grow_limit(Problem* p, Family family, const std::string& entity, double factor) {
  if (family == Family::kDramCeiling) grow(&p->dram_ceiling, factor);
  for (SupplyLine& line : p->lines) {
    if (line.name != entity) continue;
    grow(family == Family::kHbmWafers ? &line.hbm_capacity : &line.capacity, factor);
  }
  for (Fund& fund : p->funds) {
    if (fund.name != entity || family != Family::kFundYear) continue;
    fund.size = factor * fund.size;
    grow(&fund.yearly_ceiling, factor);
  }
  for (VendorCeiling& ceiling : p->ceilings) {
    if (ceiling.vendor == entity && family == Family::kVendorCeiling) {
      grow(&ceiling.it_power, factor);
    }
  }
  const auto site = std::find_if(p->sites.begin(), p->sites.end(),
                                 [&](const Site& s) { return s.name == entity; });
  for (EnergySource& e : p->energy) {
    const bool is_its_grid =
        family == Family::kRenewableEnergy && site != p->sites.end() && e.grid == site->grid;
    if (is_its_grid || (e.name == entity && family == Family::kEnergyGrowth)) {
      grow(&e.potential, factor);
    }
  }
}

std::optional<Candidate> grow(const ConflictingLimit& c) {
  if (!c.relief || c.limit.family == Family::kSpending) return std::nullopt;
  const double percent = std::ceil(100 * *c.relief - kRounding);
  if (percent <= 0) return std::nullopt;
  std::string what = family_text(c.limit.family).what;
  if (const auto brace = what.find("{}"); brace != std::string::npos) {
    what.replace(brace, 2, c.limit.entity);
  }
  if (c.limit.family == Family::kFundYear) what = "money in fund " + c.limit.entity;
  if (c.limit.family == Family::kRenewableEnergy) {
    what = "renewable contracts for " + c.limit.entity;
  }
  if (c.limit.family == Family::kDramCeiling) what = "DRAM wafers under the ceiling";
  return make(FixKind::kMoreSupply, fmt::format("{:.0f}% more {} in every quarter", percent, what),
              [family = c.limit.family, entity = c.limit.entity, percent](Problem* q) {
                grow_limit(q, family, entity, 1 + percent / 100);
              });
}

std::vector<Candidate> more_power(const Problem& p, const ConflictingLimit& c, int t) {
  std::vector<Candidate> found;
  const auto it = std::find_if(p.sites.begin(), p.sites.end(),
                               [&](const Site& site) { return site.name == c.limit.entity; });
  if (it == p.sites.end()) return found;
  const auto s = static_cast<std::size_t>(it - p.sites.begin());
  if (auto earlier = start_earlier(p, s, t)) found.push_back(std::move(*earlier));
  if (!c.relief || *c.relief <= kPowerSlack) return found;
  auto facility = [&](int q) {
    return reachable_facility_power(p, SiteId(s), q).in(units::MW) + *c.relief;
  };
  auto only_until_grid = [&](int q) { return q < it->grid_quarters ? facility(q) : 0.0; };
  if (auto on_site = generate_on_site(p, s, t, only_until_grid)) {
    found.push_back(std::move(*on_site));
  }
  return found;
}

void keep(std::optional<Candidate> candidate, std::vector<Candidate>* into) {
  if (candidate) into->push_back(std::move(*candidate));
}

// A row is priced by the inverse of the largest bound in its family, so that a megawatt and a token
// count by the share of the demand they are.
std::vector<milp::FamilyPrice> prices_by_share(
    const milp::Model& model, const std::vector<std::vector<milp::ConstraintId>>& rows) {
  std::vector<double> largest(model.num_families(), 0);
  for (const auto& of_demand : rows) {
    for (milp::ConstraintId row : of_demand) {
      double& size = largest[model.family(row).index()];
      size = std::max(size, std::fabs(model.upper(row)));
    }
  }
  std::vector<milp::FamilyPrice> prices;
  for (std::size_t i = 0; i < largest.size(); ++i) {
    if (largest[i] <= 0) continue;
    prices.push_back({model.family_name(milp::FamilyId(i)), 1 / largest[i]});
  }
  return prices;
}

}  // namespace

HardDemand demand_of(const Shortfall& s) {
  switch (s.kind) {
    case Shortfall::Kind::kVendorPower:
      return {Kind::kVendorCommitment, s.index, 0};
    case Shortfall::Kind::kFixedLoad:
      return {Kind::kFixedLoad, s.index, 0};
    case Shortfall::Kind::kSitePower:
      break;
  }
  return {Kind::kSiteRequirement, s.index, 0};
}

std::vector<Candidate> fixes_for(const Problem& p, const Shortfall& s,
                                 const ProbeOptions& options) {
  std::vector<Candidate> found;
  const HardDemand d = demand_of(s);
  if (s.kind != Shortfall::Kind::kVendorPower) {
    const Site& site = p.sites[s.site.index()];
    const double it_need =
        s.kind == Shortfall::Kind::kSitePower ? s.needed.in(units::MW)*site.pue : 0;
    auto facility = [&](int t) { return it_need + at(site.fixed_load, t); };
    keep(start_earlier(p, s.site.index(), s.t), &found);
    keep(generate_on_site(p, s.site.index(), s.t, facility), &found);
  }
  if (s.kind == Shortfall::Kind::kSitePower) keep(move_elsewhere(p, s.index), &found);
  if (s.possible >= p.start) keep(delay(p, d, s.possible - p.start, options), &found);
  keep(lower(p, d, options), &found);
  return found;
}

std::vector<Candidate> fixes_for(const Problem& p, const Conflict& c, const ProbeOptions& options) {
  std::vector<Candidate> found;
  for (const ConflictingLimit& l : c.limits) {
    if (l.limit.family == Family::kSitePower) {
      for (Candidate& candidate : more_power(p, l, c.t)) found.push_back(std::move(candidate));
    } else {
      keep(grow(l), &found);
    }
  }
  for (const ConflictingDemand& d : c.demands) {
    keep(delay(p, d.demand, first_quarter(p, d.demand) + 1, options), &found);
  }
  for (const ConflictingDemand& d : c.demands) keep(lower(p, d.demand, options), &found);
  return found;
}

std::optional<Candidate> lower_together(const Problem& p, const std::vector<HardDemand>& demands,
                                        const ProbeOptions& options) {
  const Formulation f = Formulation::build(p);
  std::vector<std::vector<milp::ConstraintId>> rows;
  for (const HardDemand& d : demands) {
    const bool has_own = d.kind != Kind::kRenewableShare && d.kind != Kind::kFixedLoad;
    rows.push_back(has_own ? demand_rows(f, d) : std::vector<milp::ConstraintId>{});
  }
  const std::vector<milp::FamilyPrice> prices = prices_by_share(f.model(), rows);
  milp::ElasticOptions elastic;
  elastic.solver = options.solver;
  elastic.with_integers = options.with_integers;
  elastic.time_limit = options.time_for_solve();
  elastic.threads = options.threads;
  if (elastic.time_limit <= Duration{}) return std::nullopt;
  const milp::ElasticRepair repair = milp::find_cheapest_repair(f.model(), prices, elastic);
  if (repair.x.empty()) return std::nullopt;
  Candidate together = make(FixKind::kLower, "", {});
  std::vector<std::pair<HardDemand, double>> changes;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    double share = 0;
    for (const milp::Violation& v : repair.violations) {
      if (std::find(rows[i].begin(), rows[i].end(), v.row) == rows[i].end()) continue;
      share = std::max(share, std::fabs(v.amount / f.model().upper(v.row)));
    }
    const double size = size_in_steps(p, demands[i]);
    const double keep = std::max(0.0, std::floor(size * (1 - share) + kRounding)) / size;
    if (share * size <= kRounding) continue;
    together.fix.sentence +=
        fmt::format("{}lower {} to {}", changes.empty() ? "" : ", and ", short_name(p, demands[i]),
                    amount_text(p, demands[i], keep));
    changes.emplace_back(demands[i], keep);
  }
  if (changes.empty()) return std::nullopt;
  together.fix.apply = [changes](Problem* q) {
    for (const auto& [d, keep] : changes) scale_demand(q, d, keep);
  };
  return together;
}

Solution find_any_plan(const Problem& problem, const SolveOptions& options) {
  Formulation f = Formulation::build(problem);
  for (std::size_t i = 0; i < f.model().num_variables(); ++i) {
    f.model().set_cost(milp::VariableId(i), 0);
  }
  f.model().set_objective_offset(0);
  Solution found;
  milp::LpOptions lp;
  lp.time_limit = 0.5 * options.time_limit;
  lp.threads = options.threads;
  lp.wants_rays = false;
  const auto solver = milp::make_solver(options.solver);
  solver->load(f.model());
  const milp::SolveResult relaxed = solver->solve_lp(lp);
  if (relaxed.status == milp::ModelStatus::kInfeasible) {
    found.reason = "the linear relaxation is infeasible";
    return found;
  }
  if (relaxed.is_optimal()) {
    for (std::size_t i = 0; i < f.model().num_variables(); ++i) {
      const milp::VariableId v(i);
      if (!f.model().is_integer(v)) continue;
      const double up = std::ceil(relaxed.x[i] - kRounding);
      const double whole = std::clamp(up, f.model().lower(v), f.model().upper(v));
      solver->set_bounds(v, whole, whole);
    }
    const milp::SolveResult rounded = solver->solve_lp(lp);
    if (rounded.is_optimal() && milp::verify_lp(solver->program(), rounded).passed) {
      found.status = PlanStatus::kSolved;
      found.x = rounded.x;
      return found;
    }
  }
  SolveOptions loose = options;
  loose.gap = kAnyGap;
  loose.time_limit = 0.5 * options.time_limit;
  loose.progress = {};
  return solve(f, loose);
}

bool verify_fix(const Problem& problem, const SolveOptions& options, Fix* fix) {
  Problem changed = problem;
  fix->apply(&changed);
  const PlanStatus status = find_any_plan(changed, options).status;
  fix->is_verified = status == PlanStatus::kSolved || status == PlanStatus::kGapOpen;
  return fix->is_verified;
}

}  // namespace astrolabe::planning
