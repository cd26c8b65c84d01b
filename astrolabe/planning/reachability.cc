#include "astrolabe/planning/reachability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace astrolabe::planning {

namespace {

constexpr double kSlack = 1e-6;  // MW

Power sure_power(const Site& site, int t) {
  const auto at = static_cast<std::size_t>(t);
  return std::max(site.contracted[at], site.energised[at]);
}

// The grid step that is too late at t, the building step, or both: "X ordered A + n quarters = B".
std::string lead_text(const Problem& p, const Site& site, int t) {
  std::string text;
  auto add = [&](const char* what, int lead) {
    text += fmt::format("{}{} ordered {} + {} quarters = {}", text.empty() ? "" : ", ", what,
                        p.start.text(), lead, (p.start + lead).text());
  };
  if (t < site.grid_quarters && site.expandable > sure_power(site, t)) {
    add("grid connection", site.grid_quarters);
  }
  if (t < site.build_quarters) add("building", site.build_quarters);
  return text;
}

// Why a site has no more than it has at t, and when it could have what it needs.
std::string site_reason(const Problem& p, const Site& site, int t, Quarter possible) {
  const std::string late = lead_text(p, site, t);
  if (possible < p.start) {
    return fmt::format(
        "the site can never have more than {} of facility power, in whole phases of {}, "
        "at PUE {:.2f} ({})",
        power_text(site.expandable), power_text(site.block), site.pue, site.position.text());
  }
  const int lead = std::max(site.grid_quarters, site.build_quarters);
  if (late.empty() || possible < p.start + lead) {
    return fmt::format("contracts in place reach it in {}{}{} ({})", possible.text(),
                       late.empty() ? "" : "; ", late, site.position.text());
  }
  return fmt::format("{} ({})", late, site.position.text());
}

// First quarter from `from` on in which `is_enough` holds; 1900Q1 when there is none.
template <class Predicate>
Quarter first_possible(const Problem& p, int from, Predicate is_enough) {
  for (int t = from; t < p.horizon(); ++t) {
    if (is_enough(t)) return p.quarter(t);
  }
  return Quarter(1900, 1);
}

Quarter latest_order(const Problem& p, const Site& site, int t) {
  int lead = 0;
  if (t < site.grid_quarters) lead = site.grid_quarters;
  if (t < site.build_quarters) lead = std::max(lead, site.build_quarters);
  return p.quarter(t) - lead;
}

std::optional<Shortfall> site_shortfall(const Problem& p, std::size_t index) {
  const SiteRequirement& r = p.requirements[index];
  const Site& site = p.sites[r.site.index()];
  const double needed = r.it_power.in(units::MW);
  auto available = [&](int t) {
    return std::max(reachable_it_power(p, r.site, t).in(units::MW), 0.0);
  };
  for (int t = r.from; t < p.horizon(); ++t) {
    if (available(t) >= needed - kSlack) continue;
    Shortfall s;
    s.index = index;
    s.site = r.site;
    s.t = t;
    s.needed = r.it_power;
    s.available = available(t) * units::MW;
    s.latest_order = latest_order(p, site, t);
    s.possible = first_possible(p, t, [&](int q) { return available(q) >= needed - kSlack; });
    s.sentence = fmt::format("site {} needs {} of IT power in {} ({}); available {}: {}", site.name,
                             power_text(s.needed), p.quarter(t).text(), r.position.text(),
                             power_text(s.available), site_reason(p, site, t, s.possible));
    return s;
  }
  return std::nullopt;
}

std::optional<Shortfall> fixed_load_shortfall(const Problem& p, std::size_t index) {
  const Site& site = p.sites[index];
  auto load = [&](int t) { return site.fixed_load[static_cast<std::size_t>(t)].in(units::MW); };
  // What is energised for accelerators already is not there for another load.
  auto available = [&](int t) {
    const Power live = site.energised[static_cast<std::size_t>(t)];
    return (reachable_grid_power(p, SiteId(index), t) - live).in(units::MW);
  };
  for (int t = 0; t < p.horizon(); ++t) {
    if (available(t) >= load(t) - kSlack) continue;
    Shortfall s;
    s.kind = Shortfall::Kind::kFixedLoad;
    s.index = index;
    s.site = SiteId(index);
    s.t = t;
    s.needed = load(t) * units::MW;
    s.available = available(t) * units::MW;
    s.latest_order = latest_order(p, site, t);
    s.possible = first_possible(p, t, [&](int q) { return available(q) >= load(q) - kSlack; });
    s.sentence = fmt::format(
        "site {} carries {} of other load in {} ({}); available {} of facility "
        "power: {}",
        site.name, power_text(s.needed), p.quarter(t).text(), site.fixed_load_position.text(),
        power_text(s.available), site_reason(p, site, t, s.possible));
    return s;
  }
  return std::nullopt;
}

// Accelerators of a type that its packaging line alone could have delivered by the end of t, when
// it packages nothing else and every module is ordered at once.
double most_deliveries(const Problem& p, const AcceleratorType& a, int t) {
  const SupplyLine& line = p.lines[a.packaging.index()];
  const ExpansionModule& m = line.module;
  double wafers = 0;
  for (int d = std::max(0, a.first_delivery); d <= std::min(t, a.last_delivery); ++d) {
    const int made = std::max(0, d - a.packaging_quarters);
    wafers += line.capacity[static_cast<std::size_t>(made)].in(units::wafer);
    if (m.limit > 0 && made >= m.earliest_order + m.lead_quarters) {
      wafers += m.limit * m.capacity_wafers_per_quarter;
    }
  }
  return a.packaging_wafers > 0 ? wafers / a.packaging_wafers : 0;
}

std::optional<Shortfall> vendor_shortfall(const Problem& p, std::size_t index) {
  const VendorCommitment& c = p.commitments[index];
  Power most;
  std::string types;
  Quarter first(2200, 1);
  for (const AcceleratorType& a : p.accelerators) {
    if (a.vendor != c.vendor || !a.packaging.is_valid()) continue;
    // One line packages one type at a time: the best type bounds them all.
    most = std::max(most, most_deliveries(p, a, c.by) * a.it_power);
    types += (types.empty() ? "" : ", ") + a.name;
    first = std::min(first, p.quarter(std::max(0, a.first_delivery)));
  }
  if (most.in(units::MW) >= c.it_power.in(units::MW)-1e-6) return std::nullopt;
  Shortfall s;
  s.kind = Shortfall::Kind::kVendorPower;
  s.index = index;
  s.vendor = c.vendor;
  s.t = c.by;
  s.needed = c.it_power;
  s.available = most;
  s.latest_order = p.start;
  s.possible = Quarter(1900, 1);
  for (int later = c.by + 1; later < p.horizon() && s.possible < p.start; ++later) {
    for (const AcceleratorType& a : p.accelerators) {
      if (a.vendor == c.vendor && a.packaging.is_valid() &&
          most_deliveries(p, a, later) * a.it_power >= c.it_power) {
        s.possible = p.quarter(later);
        break;
      }
    }
  }
  s.sentence = fmt::format(
      "{} is to deliver {} by {} ({}); its packaging can have made {} by then: {}", c.vendor,
      power_text(c.it_power), p.quarter(c.by).text(), c.position.text(), power_text(most),
      types.empty() ? "no accelerator of this vendor takes part"
                    : types + ", first deliveries " + first.text());
  return s;
}

}  // namespace

std::string power_text(Power power) {
  std::string text =
      fmt::format("{:.1f}", std::fabs(power.in(units::MW)) < 0.05 ? 0.0 : power.in(units::MW));
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text + " MW";
}

Power reachable_grid_power(const Problem& p, SiteId id, int t) {
  const Site& site = p.sites[id.index()];
  const Power sure = sure_power(site, t);
  return t >= site.grid_quarters ? std::max(site.expandable, sure) : sure;
}

Power reachable_facility_power(const Problem& p, SiteId id, int t) {
  const Site& site = p.sites[id.index()];
  const auto at = static_cast<std::size_t>(t);
  const Power live = site.energised[at];
  const Power grid =
      t >= site.build_quarters ? reachable_grid_power(p, id, t) : sure_power(site, t);
  const double phases = std::floor((grid - site.fixed_load[at] - live) / site.block + 1e-9);
  return live + std::max(phases, 0.0) * site.block;
}

Power reachable_it_power(const Problem& p, SiteId id, int t) {
  return reachable_facility_power(p, id, t) / p.sites[id.index()].pue;
}

std::vector<Shortfall> find_shortfalls(const Problem& problem) {
  std::vector<Shortfall> found;
  auto keep = [&](std::optional<Shortfall> s) {
    if (s) found.push_back(std::move(*s));
  };
  for (std::size_t i = 0; i < problem.requirements.size(); ++i) keep(site_shortfall(problem, i));
  for (std::size_t i = 0; i < problem.commitments.size(); ++i) keep(vendor_shortfall(problem, i));
  for (std::size_t i = 0; i < problem.sites.size(); ++i) keep(fixed_load_shortfall(problem, i));
  return found;
}

}  // namespace astrolabe::planning
