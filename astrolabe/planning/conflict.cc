#include "astrolabe/planning/conflict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/milp/deletion_filter.h"
#include "astrolabe/planning/reachability.h"

namespace astrolabe::planning {

namespace {

// The most a limit is asked to grow before no figure is named: times its size, and MW at a site.
constexpr double kMostGrowth = 100, kMostPower = 1e5;
// Rounding up to whole wafers and percent forgives what the solver's tolerance may have added.
constexpr double kRoundingUp = 1e-4;
// From so many on, sites are named in one line.
constexpr std::size_t kManySites = 3;

bool is_money(Family family) {
  return family == Family::kFundYear || family == Family::kFundSize || family == Family::kSpending;
}

// Families that limit, in the order in which they are tried for removal.
constexpr Family kLimitFamilies[] = {
    Family::kSpending,        Family::kFundYear,    Family::kFundSize,   Family::kVendorCeiling,
    Family::kEnergyGrowth,    Family::kSiteGrid,    Family::kDramWafers, Family::kLogicWafers,
    Family::kPackagingWafers, Family::kDramCeiling, Family::kSitePower,  Family::kHbmWafers};

// The two rows of a fund, and the two of a site's power, are one limit to a person.
Family group_family(Family family) {
  if (family == Family::kFundSize) return Family::kFundYear;
  if (family == Family::kSiteGrid) return Family::kSitePower;
  return family;
}

std::vector<Limit> list_limits(const Formulation& f) {
  std::vector<Limit> limits;
  for (Family family : kLimitFamilies) {
    const Family group = group_family(family);
    for (std::size_t i = 0; i < f.meanings().size(); ++i) {
      const RowMeaning& row = f.meanings()[i];
      if (row.family != family) continue;
      const auto it = std::find_if(limits.begin(), limits.end(), [&](const Limit& l) {
        return l.family == group && l.entity == row.entity;
      });
      Limit& limit = it != limits.end() ? *it : limits.emplace_back(Limit{group, row.entity, {}});
      limit.rows.emplace_back(i);
    }
  }
  return limits;
}

const SupplyLine* find_line(const Problem& p, const std::string& name) {
  for (const SupplyLine& line : p.lines) {
    if (line.name == name) return &line;
  }
  return nullptr;
}

std::optional<std::size_t> find_site(const Problem& p, const std::string& name) {
  for (std::size_t s = 0; s < p.sites.size(); ++s) {
    if (p.sites[s].name == name) return s;
  }
  return std::nullopt;
}

// Quarters from a wafer started at the line to the delivery it goes into, at best.
int quarters_to_delivery(const Problem& p, const SupplyLine& line) {
  const auto index = static_cast<std::size_t>(&line - p.lines.data());
  int least = 1000;
  for (const AcceleratorType& a : p.accelerators) {
    if (line.kind == LineKind::kPackaging && a.packaging == LineId(index)) {
      least = std::min(least, a.packaging_quarters);
    } else if (line.kind == LineKind::kLogic && a.logic == LineId(index)) {
      least = std::min(least, a.packaging_quarters + a.logic_quarters);
    } else if (line.kind == LineKind::kDram && a.hbm.is_valid()) {
      for (const HbmRecipe& r : p.hbm[a.hbm.index()].recipes) {
        if (r.line != LineId(index)) continue;
        least = std::min(least, a.packaging_quarters + r.cycle_quarters);
      }
    }
  }
  return least == 1000 ? line.cycle_quarters : least;
}

// "800 wafers started in time; a wafer started in 2026Q1 is in an accelerator delivered in 2026Q3".
std::string line_text(const Formulation& f, const ConflictingLimit& c, int t) {
  const Problem& p = f.problem();
  const SupplyLine& line = *find_line(p, c.limit.entity);
  const int lead = quarters_to_delivery(p, line);
  double wafers = 0;
  for (milp::ConstraintId row : c.limit.rows) {
    if (f.meanings()[row.index()].t <= t - lead) wafers += f.model().upper(row) * 1e3;
  }
  std::string text =
      fmt::format("{:.0f} wafers can be started in time for {}", wafers, p.quarter(t).text());
  if (c.relief)
    text += fmt::format(", {:.0f} are needed", std::ceil(wafers * (1 + *c.relief) - kRoundingUp));
  text += fmt::format("; wafer started {} + {} quarters = delivery {}", p.start.text(), lead,
                      (p.start + lead).text());
  const ExpansionModule& m = line.module;
  if (m.limit > 0) {
    const Quarter order = p.quarter(std::max(0, m.earliest_order));
    text += fmt::format("; module ordered {} + {} quarters = first wafers {}", order.text(),
                        m.lead_quarters, (order + m.lead_quarters).text());
  }
  return text + fmt::format(" ({})", line.position.text());
}

std::string site_text(const Problem& p, std::size_t s, int t) {
  const Site& site = p.sites[s];
  std::string text = fmt::format("{} of IT power in {}",
                                 power_text(std::max(Power{}, reachable_it_power(p, SiteId(s), t))),
                                 p.quarter(t).text());
  if (t < site.grid_quarters) {
    text += fmt::format(", grid connection ordered {} + {} quarters = {}", p.start.text(),
                        site.grid_quarters, (p.start + site.grid_quarters).text());
  }
  if (t < site.build_quarters) {
    text += fmt::format(", building ordered {} + {} quarters = {}", p.start.text(),
                        site.build_quarters, (p.start + site.build_quarters).text());
  }
  if (t >= site.grid_quarters && t >= site.build_quarters) {
    text += fmt::format(", the most the site can have is {} of facility power",
                        power_text(site.expandable));
  }
  return text + fmt::format(" ({})", site.position.text());
}

// Many sites in one line, with the first of them that can have more.
std::string sites_text(const Problem& p, const std::vector<std::size_t>& sites, int t) {
  Power sum;
  std::string names;
  std::optional<std::size_t> first;
  auto lead = [&](std::size_t s) {
    return std::max(p.sites[s].grid_quarters, p.sites[s].build_quarters);
  };
  for (std::size_t s : sites) {
    sum += std::max(Power{}, reachable_it_power(p, SiteId(s), t));
    names += (names.empty() ? "" : ", ") + p.sites[s].name;
    if (lead(s) > t && (!first || lead(s) < lead(*first))) first = s;
  }
  std::string text = fmt::format("powered space at {}: together {} of IT power in {}", names,
                                 power_text(sum), p.quarter(t).text());
  if (first)
    text += "; first to have more: " + p.sites[*first].name + ", " + site_text(p, *first, t);
  return text;
}

// Mean MW that every source of the site's grid makes in quarter t when all its potential is taken.
double renewable_potential(const Problem& p, const Site& site, int t) {
  const auto season = static_cast<std::size_t>(p.quarter(t).quarter() - 1);
  double mean = 0;
  for (const EnergySource& e : p.energy) {
    if (e.grid != site.grid || t < e.lead_quarters) continue;
    mean += e.capacity_factor * e.seasonal[season] *
            e.potential[static_cast<std::size_t>(t)].in(units::MW);
  }
  return mean;
}

std::string renewable_text(const Problem& p, const Site& site, int t) {
  std::string text;
  for (const EnergySource& e : p.energy) {
    if (e.grid != site.grid) continue;
    const bool is_late = t < e.lead_quarters;
    text += fmt::format("{}{} {} in {}", text.empty() ? "" : ", ", e.name,
                        is_late ? "0 MW" : power_text(e.potential[static_cast<std::size_t>(t)]),
                        p.quarter(t).text());
    if (is_late) {
      text += fmt::format(", contract {} + {} quarters = {}", p.start.text(), e.lead_quarters,
                          (p.start + e.lead_quarters).text());
    }
    text += fmt::format(" ({})", e.position.text());
  }
  return fmt::format("renewable contracts on grid {}: {}", site.grid,
                     text.empty() ? "no source" : text);
}

std::string describe(const Formulation& f, const ConflictingLimit& c, int t) {
  const Problem& p = f.problem();
  std::string what = family_text(c.limit.family).what;
  if (const auto at = what.find("{}"); at != std::string::npos) {
    what.replace(at, 2, c.limit.entity);
  }
  if (find_line(p, c.limit.entity) != nullptr) return what + ": " + line_text(f, c, t);
  if (const auto s = find_site(p, c.limit.entity); s && c.limit.family == Family::kSitePower) {
    return what + ": " + site_text(p, *s, t);
  }
  if (const auto s = find_site(p, c.limit.entity);
      s && c.limit.family == Family::kRenewableEnergy) {
    what = renewable_text(p, p.sites[*s], t);
  }
  if (is_money(c.limit.family)) {
    for (const Fund& fund : p.funds) {
      if (fund.name != c.limit.entity) continue;
      what = fmt::format("fund {}: {:.3g} billion USD ({})", fund.name,
                         fund.size.in(units::billion_usd), fund.position.text());
    }
  }
  for (const VendorCeiling& ceiling : p.ceilings) {
    if (ceiling.vendor != c.limit.entity || c.limit.family != Family::kVendorCeiling) continue;
    what = fmt::format("{}: at most {} of its accelerators delivered by {} ({})", what,
                       power_text(ceiling.it_power[static_cast<std::size_t>(t)]),
                       p.quarter(t).text(), ceiling.position.text());
  }
  for (const EnergySource& e : p.energy) {
    if (e.name != c.limit.entity || c.limit.family != Family::kEnergyGrowth) continue;
    what = fmt::format("{}: {} can be under contract in {} ({})", e.name,
                       power_text(e.potential[static_cast<std::size_t>(t)]), p.quarter(t).text(),
                       e.position.text());
  }
  if (c.relief)
    what += fmt::format("; {:.0f}% more is needed", std::ceil(100 * *c.relief - kRoundingUp));
  return what;
}

// What is left to name when no limit is in the set: the demand asks for what no column can give.
std::string without_limits(const Problem& p) {
  Quarter first(2200, 1);
  for (const AcceleratorType& a : p.accelerators) {
    first = std::min(first, p.quarter(std::max(0, a.first_delivery)));
  }
  if (p.accelerators.empty()) return "no accelerator takes part";
  return "no limit that could be raised stands behind it; first deliveries of any accelerator " +
         first.text();
}

// What one unit of relief adds to the rows of a limit: its size again, 1 MW at a site from t on.
std::vector<RowRelief> relief_rows(const Formulation& f, const Limit& limit, int t) {
  std::vector<RowRelief> relief;
  const auto site = find_site(f.problem(), limit.entity);
  for (milp::ConstraintId row : limit.rows) {
    const double upper = f.model().upper(row);
    const RowMeaning& meaning = f.meanings()[row.index()];
    if (limit.family == Family::kRenewableEnergy) {
      const Site& where = f.problem().sites[*site];
      relief.push_back({row, renewable_potential(f.problem(), where, meaning.t)});
    } else if (meaning.family == Family::kSitePower) {
      if (meaning.t >= t) relief.push_back({row, 1});
    } else if (meaning.family != Family::kSiteGrid && std::isfinite(upper) && upper > 0) {
      relief.push_back({row, upper});
    }
  }
  return relief;
}

std::string conflict_sentence(const Formulation& f, const Conflict& c) {
  const Problem& p = f.problem();
  const bool is_alone = c.demands.size() + c.limits.size() == 1;
  std::string text = fmt::format("in {} {}", p.quarter(c.t).text(),
                                 is_alone ? "this cannot hold:" : "these cannot hold together:");
  for (const ConflictingDemand& d : c.demands) {
    text += "\n  - " + describe(p, d.demand);
    if (d.relief) {
      text += fmt::format("; possible beside the rest: {}",
                          amount_text(p, d.demand, std::max(0.0, 1 - *d.relief)));
    }
  }
  std::vector<std::string> lines;
  std::vector<std::size_t> sites;
  for (const ConflictingLimit& l : c.limits) {
    const auto s = find_site(p, l.limit.entity);
    if (s && l.limit.family == Family::kSitePower) sites.push_back(*s);
  }
  if (sites.size() >= kManySites) lines.push_back(sites_text(p, sites, c.t));
  for (const ConflictingLimit& l : c.limits) {
    if (sites.size() >= kManySites && l.limit.family == Family::kSitePower) continue;
    const std::string line = describe(f, l, c.t);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  for (const std::string& line : lines) text += "\n  - " + line;
  if (c.limits.empty()) text += "\n  - " + without_limits(p);
  if (!c.is_minimal) text += "\n  (the time limit may have left some that are not needed)";
  return text;
}

class ConflictSearch {
 public:
  ConflictSearch(const Problem& p, const ProbeOptions& options)
      : f_(Formulation::build(p)),
        options_(options),
        demands_(list_hard_demands(p)),
        limits_(list_limits(f_)) {
    for (const HardDemand& d : demands_) rows_.push_back(demand_rows(f_, d));
  }
  std::optional<Conflict> run();

 private:
  bool is_late() const { return options_.time_for_solve() <= Duration{}; }
  // A fixed load stands in the rows of its site's power; it has no rows of its own to drop.
  bool has_own_rows(std::size_t i) const {
    return demands_[i].kind != HardDemand::Kind::kFixedLoad && !rows_[i].empty();
  }
  std::vector<milp::ConstraintId> rows_after(int t) const;
  std::optional<int> first_failing_quarter() const;
  bool filter(Conflict* conflict) const;
  void measure(Conflict* conflict) const;

  Formulation f_;
  ProbeOptions options_;
  std::vector<HardDemand> demands_;
  std::vector<Limit> limits_;
  std::vector<std::vector<milp::ConstraintId>> rows_;  // by demand
};

std::vector<milp::ConstraintId> ConflictSearch::rows_after(int t) const {
  std::vector<milp::ConstraintId> later;
  for (const auto& rows : rows_) {
    for (milp::ConstraintId row : rows) {
      if (f_.meanings()[row.index()].t > t) later.push_back(row);
    }
  }
  return later;
}

std::optional<int> ConflictSearch::first_failing_quarter() const {
  FeasibilityProbe all(f_.model(), options_);
  if (all.solve() != Feasibility::kInfeasible) return std::nullopt;
  int low = -1, high = f_.problem().horizon() - 1;  // feasible up to low, infeasible up to high
  while (high - low > 1 && !is_late()) {
    const int middle = (low + high) / 2;
    const bool fails = all.solve_without(rows_after(middle)) == Feasibility::kInfeasible;
    (fails ? high : low) = middle;
  }
  return high;
}

bool ConflictSearch::filter(Conflict* conflict) const {
  milp::Model model = f_.model();
  for (milp::ConstraintId row : rows_after(conflict->t)) {
    model.set_row_bounds(row, -milp::kInfinity, milp::kInfinity);
  }
  std::vector<milp::ConstraintGroup> groups;
  for (const Limit& limit : limits_) groups.push_back({limit.entity, limit.rows});
  std::vector<std::size_t> owner;  // of the groups after the limits
  for (std::size_t i = 0; i < demands_.size(); ++i) {
    milp::ConstraintGroup group{describe(f_.problem(), demands_[i]), {}};
    for (milp::ConstraintId row : rows_[i]) {
      if (f_.meanings()[row.index()].t <= conflict->t) group.rows.push_back(row);
    }
    if (!has_own_rows(i) || group.rows.empty()) continue;
    groups.push_back(std::move(group));
    owner.push_back(i);
  }
  milp::DeletionOptions options;
  options.solver = options_.solver;
  options.with_integers = options_.with_integers;
  options.time_limit = std::max(options_.time_for_solve(), 1.0 * units::second);
  options.threads = options_.threads;
  const milp::InfeasibleSubset found = milp::find_infeasible_subset(model, groups, options);
  if (found.status == milp::SubsetStatus::kFeasible) return false;
  conflict->is_minimal = found.status != milp::SubsetStatus::kStopped;
  for (std::size_t g : found.groups) {
    if (g < limits_.size()) {
      conflict->limits.push_back({limits_[g], {}});
    } else {
      conflict->demands.push_back({demands_[owner[g - limits_.size()]], {}});
    }
  }
  // What can be contracted bounds columns, not rows: it is named with the share it cannot meet.
  for (const ConflictingDemand& d : conflict->demands) {
    if (d.demand.kind != HardDemand::Kind::kRenewableShare) continue;
    const std::string& name = f_.problem().sites[d.demand.index].name;
    conflict->limits.push_back(
        {{Family::kRenewableEnergy, name, demand_rows(f_, d.demand)}, std::nullopt});
  }
  // Power at a site with a fixed load is that load's demand as well as a limit.
  for (const auto& demand : demands_) {
    if (demand.kind != HardDemand::Kind::kFixedLoad) continue;
    const std::string& name = f_.problem().sites[demand.index].name;
    const bool is_there =
        std::any_of(conflict->limits.begin(), conflict->limits.end(), [&](const auto& c) {
          return c.limit.family == Family::kSitePower && c.limit.entity == name;
        });
    if (is_there) conflict->demands.push_back({demand, {}});
  }
  return true;
}

void ConflictSearch::measure(Conflict* conflict) const {
  auto measured = [&](const std::vector<RowRelief>& relief, double most) -> std::optional<double> {
    if (relief.empty() || is_late()) return std::nullopt;
    return least_relief(f_.model(), relief, most, options_);
  };
  for (ConflictingDemand& d : conflict->demands) {
    d.relief = measured(relief_rows(f_, d.demand), 1);
  }
  for (ConflictingLimit& l : conflict->limits) {
    l.relief = measured(relief_rows(f_, l.limit, conflict->t),
                        l.limit.family == Family::kSitePower ? kMostPower : kMostGrowth);
  }
}

std::optional<Conflict> ConflictSearch::run() {
  const std::optional<int> t = first_failing_quarter();
  if (!t) return std::nullopt;
  Conflict conflict;
  conflict.t = *t;
  if (!filter(&conflict)) return std::nullopt;
  measure(&conflict);
  conflict.sentence = conflict_sentence(f_, conflict);
  return conflict;
}

}  // namespace

std::optional<Conflict> find_conflict(const Problem& problem, const ProbeOptions& options,
                                      Duration time_limit) {
  ProbeOptions bounded = options;
  const auto ticks = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(time_limit.in(units::second)));
  bounded.deadline = std::min(options.deadline, std::chrono::steady_clock::now() + ticks);
  return ConflictSearch(problem, bounded).run();
}

}  // namespace astrolabe::planning
