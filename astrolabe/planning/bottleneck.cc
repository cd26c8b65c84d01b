#include "astrolabe/planning/bottleneck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace astrolabe::planning {

namespace {

// Below a million USD a quarter a row binds by tie-breaking, not by scarcity.
constexpr double kLeastRent = 1e6;

}  // namespace

std::string money_text(double usd) {
  const double size = std::fabs(usd);
  if (size >= 1e9) return fmt::format("{:.3g} billion USD", usd / 1e9);
  if (size >= 1e6) return fmt::format("{:.3g} million USD", usd / 1e6);
  if (size >= 1e3) return fmt::format("{:.3g} kUSD", usd / 1e3);
  return fmt::format("{:.3g} USD", usd);
}

namespace {

// What limits the powered space of a site in quarter t.
std::string power_reason(const Formulation& f, const Solution& solution, std::size_t s, int t) {
  const Problem& p = f.problem();
  const Site& site = p.sites[s];
  const double built = solution.value(f.built_power(s, t));
  const double block = site.block.in(units::MW);
  const double sure = std::max(site.contracted[static_cast<std::size_t>(t)],
                               site.energised[static_cast<std::size_t>(t)])
                          .in(units::MW);
  if (built + block > f.site_power_limit(s, t) + 1e-6) {
    if (t < site.grid_quarters && site.expandable.in(units::MW) > sure) {
      return ": grid connection beyond the contract not before " +
             p.quarter(site.grid_quarters).text();
    }
    return ": the site is full";
  }
  if (t < site.build_quarters && built + block > sure + 1e-6) {
    return ": building time, next phase not before " + p.quarter(site.build_quarters).text();
  }
  return ": whole phases of " + fmt::format("{:.0f} MW", block) + ", money";
}

std::size_t site_index(const Problem& p, const std::string& name) {
  const auto it = std::find_if(p.sites.begin(), p.sites.end(),
                               [&](const Site& site) { return site.name == name; });
  return static_cast<std::size_t>(it - p.sites.begin());
}

std::string entity_text(const std::string& what, const std::string& entity) {
  std::string text = what;
  if (const auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, entity);
  return text;
}

}  // namespace

std::vector<Bottleneck> find_bottlenecks(const Formulation& f, const Solution& solution) {
  std::vector<Bottleneck> found;
  const Problem& p = f.problem();
  for (std::size_t i = 0; i < f.meanings().size(); ++i) {
    const RowMeaning& row = f.meanings()[i];
    const FamilyText& text = family_text(row.family);
    if (!text.is_scarcity) continue;
    const int t = std::clamp(row.t, 0, p.horizon() - 1);
    const double worth =
        -solution.duals[i] / scale::kMoney * text.unit_in_model / p.discount_factor(t);
    double left = 0, right = f.model().upper(milp::ConstraintId(i));
    for (const milp::Term& term : f.model().terms(milp::ConstraintId(i))) {
      const double part = term.coefficient * solution.value(term.variable);
      (term.coefficient > 0 ? left : right) += term.coefficient > 0 ? part : -part;
    }
    if (right < 0) {  // a demand stood on the left of a row without columns there
      left -= right;
      right = 0;
    }
    const double units_used = left / text.unit_in_model;
    Bottleneck b{row.family, row.entity, row.t, 0, worth, text.unit, worth * units_used, ""};
    b.used_percent = right > 0 ? 100 * left / right : 100;
    if (b.rent < kLeastRent) continue;
    std::string reason;
    if (row.family == Family::kSitePower) {
      reason = power_reason(f, solution, site_index(p, row.entity), t);
    }
    b.sentence =
        fmt::format("{}: {}, {} per {}{}", p.quarter(row.t).text(),
                    entity_text(text.what, row.entity), money_text(worth), text.unit, reason);
    found.push_back(std::move(b));
  }
  std::stable_sort(found.begin(), found.end(), [](const Bottleneck& a, const Bottleneck& b) {
    return std::make_tuple(a.t, -a.rent) < std::make_tuple(b.t, -b.rent);
  });
  return found;
}

}  // namespace astrolabe::planning
