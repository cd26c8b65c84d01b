#include "astrolabe/study/token_costs.h"

#include <cmath>
#include <vector>

namespace astrolabe::study {

using planning::Problem;
namespace scale = planning::scale;

void TokenCost::add(const TokenCost& o) {
  ttokens += o.ttokens;
  discounted_ttokens += o.discounted_ttokens;
  accelerators += o.accelerators;
  site += o.site;
  energy += o.energy;
  operations += o.operations;
  other += o.other;
}

namespace {

using Key = std::pair<std::size_t, std::size_t>;
constexpr double kNothing = 1e-9;

class Division {
 public:
  explicit Division(const PlanView& view)
      : view_(view),
        p_(view.problem()),
        f_(view.formulation),
        by_column_(f_.model().num_variables()) {
    for (const auto& item : f_.costs()) {
      if (item.name == planning::kUnservedDemand) continue;
      const bool is_other = item.name == "fab and packaging expansions" ||
                            item.name == "stock of memory" ||
                            item.name == "cost of funds against the discount rate";
      other_ += item.cost.constant;
      for (const milp::Term& term : item.cost.terms) {
        const double cost = term.coefficient * view.solution.x[term.variable.index()];
        if (is_other) {
          other_ += cost;
        } else {
          Column& column = by_column_[term.variable.index()];
          (item.name == "operations" ? column.operations : column.cost) += cost;
        }
      }
    }
    charge_zone_energy();
  }

  std::map<Key, TokenCost> run() {
    unit_costs();
    for (int t = 0; t < p_.horizon(); ++t) {
      for (std::size_t z = 0; z < f_.zones().size(); ++z) divide_zone(z, t);
    }
    spread_other();
    return std::move(result_);
  }

 private:
  struct Column {
    double cost = 0, operations = 0;
  };
  // A share of what a zone draws and serves in a quarter.
  struct Piece {
    Key key;
    TokenCost cost;
  };

  double cost_of(milp::VariableId v) const { return v.is_valid() ? by_column_[v.index()].cost : 0; }
  // The column behind an expression of one term; invalid if there is none.
  static milp::VariableId column(const planning::Linear& e) {
    return e.terms.empty() ? milp::VariableId{} : e.terms.front().variable;
  }
  double fleet(std::size_t a, std::size_t s, int t) const {
    return view_.value(f_.in_service(a, s, t));
  }

  void charge_zone_energy();
  void unit_costs();
  void divide_zone(std::size_t z, int t);
  void divide_fleet(std::size_t a, std::size_t z, int t, std::vector<Piece>* pieces) const;
  double contracts(std::size_t z, int t) const;
  void spread_other();

  const PlanView& view_;
  const Problem& p_;
  const planning::Formulation& f_;
  std::vector<Column> by_column_;
  double other_ = 0;
  std::vector<double> per_unit_, per_megawatt_, after_horizon_;  // discounted, by a, s, zone
  std::map<Key, TokenCost> result_;
};

// Where what a zone draws has a column of its own, its cost belongs to what draws it.
void Division::charge_zone_energy() {
  for (std::size_t z = 0; z < f_.zones().size(); ++z) {
    for (int t = 0; t < p_.horizon(); ++t) {
      const milp::VariableId total = f_.zone_energy_column(z, t);
      if (!total.is_valid() || view_.value(total) <= kNothing) continue;
      const double each = cost_of(total) / view_.value(total);
      const planning::Linear drawn = f_.zone_energy_terms(z, t);
      for (const milp::Term& term : drawn.terms) {
        by_column_[term.variable.index()].cost +=
            each * term.coefficient * view_.solution.x[term.variable.index()];
      }
      other_ += each * drawn.constant;
    }
  }
}

// Capital over discounted quarters in service; what was never in service stays with `other`.
void Division::unit_costs() {
  per_unit_.assign(p_.accelerators.size(), 0);
  per_megawatt_.assign(p_.sites.size(), 0);
  auto each_quarter_once = [&](auto at, auto&& use) {
    milp::VariableId before;
    for (int t = 0; t < p_.horizon(); ++t) {
      const milp::VariableId v = at(t);
      if (v.is_valid() && v != before) use(v);
      before = v;
    }
  };
  auto divided = [&](double capital, double service) {
    if (service > kNothing) return capital / service;
    other_ += capital;
    return 0.0;
  };
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
    double capital = 0, service = 0;
    each_quarter_once([&](int t) { return column(f_.delivered(a, t)); },
                      [&](milp::VariableId v) { capital += cost_of(v); });
    for (std::size_t s = 0; s < p_.sites.size(); ++s) {
      for (int t = 0; t < p_.horizon(); ++t) service += p_.discount_factor(t) * fleet(a, s, t);
    }
    per_unit_[a] = divided(capital, service);
  }
  for (std::size_t s = 0; s < p_.sites.size(); ++s) {
    double capital = 0, service = 0;
    auto add = [&](milp::VariableId v) { capital += cost_of(v); };
    each_quarter_once([&](int t) { return f_.phases(s, t); }, add);
    each_quarter_once([&](int t) { return f_.grid_power(s, t); }, add);
    for (int t = 0; t < p_.horizon(); ++t) {
      service += p_.discount_factor(t) * view_.value(f_.it_power(s, t));
    }
    per_megawatt_[s] = divided(capital, service);
  }
  for (std::size_t z = 0; z < f_.zones().size(); ++z) {
    double after = 0;
    for (std::size_t e = 0; e < p_.energy.size(); ++e) {
      for (int k = 0; k < planning::kSeasons; ++k) after += cost_of(f_.use_after(e, z, k));
    }
    after_horizon_.push_back(after);
  }
}

// Renewable contracts of the zone in the quarter, less what they replace. The cost of a contract
// after the horizon stands with its last quarter, and so does what it earns there.
double Division::contracts(std::size_t z, int t) const {
  double cost = cost_of(f_.renewable_use(z, t));
  for (std::size_t e = 0; e < p_.energy.size(); ++e) cost += cost_of(f_.contracts(e, z, t));
  if (t + 1 == p_.horizon()) cost += after_horizon_[z];
  return cost;
}

// Type a of the zone: one piece for each class and site, or idle.
void Division::divide_fleet(std::size_t a, std::size_t z, int t, std::vector<Piece>* pieces) const {
  const double discount = p_.discount_factor(t);
  double total = 0, used = 0;
  for (std::size_t s : f_.zones()[z].sites) total += fleet(a, s, t);
  if (total <= kNothing) return;
  std::vector<const planning::Allocation*> served;
  for (std::size_t i : f_.allocations_of(z, t)) {
    const planning::Allocation& x = f_.allocations()[i];
    if (x.accelerator != a || view_.value(x.column) <= kNothing) continue;
    served.push_back(&x);
    used += view_.value(x.column);
  }
  for (std::size_t s : f_.zones()[z].sites) {
    const double here = fleet(a, s, t);
    if (here <= kNothing) continue;
    const milp::VariableId v = column(f_.in_service(a, s, t));
    const double megawatts =
        here * p_.accelerators[a].it_power.in(units::MW) / scale::kAccelerators;
    TokenCost cell;
    cell.accelerators = discount * here * per_unit_[a];
    cell.site = discount * megawatts * per_megawatt_[s];
    cell.operations = by_column_[v.index()].operations;
    cell.energy = cost_of(v);
    if (served.empty()) pieces->push_back({{kIdle, s}, cell});
    for (const planning::Allocation* x : served) {
      const double share = view_.value(x->column) / used;
      Piece piece{{x->work, s}, {}};
      piece.cost.accelerators = share * cell.accelerators;
      piece.cost.site = share * cell.site;
      piece.cost.operations = share * cell.operations;
      piece.cost.energy = share * cell.energy + cost_of(x->column) * here / total;
      piece.cost.ttokens =
          view_.value(x->column) * x->tokens * here / total * units::quarter.in(units::day);
      piece.cost.discounted_ttokens = discount * piece.cost.ttokens;
      pieces->push_back(piece);
    }
  }
}

void Division::divide_zone(std::size_t z, int t) {
  std::vector<Piece> pieces;
  for (std::size_t a = 0; a < p_.accelerators.size(); ++a) divide_fleet(a, z, t, &pieces);
  double energy = 0;
  for (const Piece& piece : pieces) energy += piece.cost.energy;
  const double extra = contracts(z, t);
  if (energy <= kNothing) other_ += extra;
  for (Piece& piece : pieces) {
    if (energy > kNothing) piece.cost.energy *= 1 + extra / energy;
    result_[piece.key].add(piece.cost);
  }
}

void Division::spread_other() {
  double all = 0;
  for (const auto& [key, cost] : result_) all += cost.total();
  if (std::fabs(all) <= kNothing) return;
  for (auto& [key, cost] : result_) cost.other = other_ * cost.total() / all;
}

}  // namespace

std::map<std::pair<std::size_t, std::size_t>, TokenCost> token_costs(const PlanView& view) {
  return Division(view).run();
}

Table token_cost_table(const PlanView& view) {
  const Problem& p = view.problem();
  Table table{"token_costs",
              "What a million tokens costs",
              {{"class", "Class of work", {}},
               {"site", "Site", {}},
               {"served_ttokens", "Tokens served over the horizon", {}},
               {"npv_musd", "Net present cost", {}},
               {"usd_per_mtokens", "Cost", {}},
               {"accelerators_usd_per_mtokens", "of it accelerators", {}},
               {"site_usd_per_mtokens", "buildings and grid", {}},
               {"energy_usd_per_mtokens", "electricity and carbon", {}},
               {"operations_usd_per_mtokens", "operations", {}},
               {"other_usd_per_mtokens", "fabs, stocks, cost of funds", {}}},
              {}};
  auto add_row = [&](const std::string& work, const std::string& site, const TokenCost& c) {
    // Billion USD over 1e12 tokens is 1,000 USD a million.
    const double per = c.discounted_ttokens > kNothing ? 1e3 / c.discounted_ttokens : 0;
    table.add_row({work, site, c.ttokens, 1e3 * c.total(), per * c.total(), per * c.accelerators,
                   per * c.site, per * c.energy, per * c.operations, per * c.other});
  };
  std::map<std::size_t, TokenCost> by_class, by_site;
  const auto costs = token_costs(view);
  for (const auto& [key, cost] : costs) {
    by_class[key.first].add(cost);
    if (key.first != kIdle) by_site[key.second].add(cost);
  }
  auto class_name = [&](std::size_t c) { return c == kIdle ? "idle" : p.classes[c].name; };
  for (const auto& [c, cost] : by_class) add_row(class_name(c), "all sites", cost);
  for (const auto& [s, cost] : by_site) add_row("all classes", p.sites[s].name, cost);
  for (const auto& [key, cost] : costs) {
    add_row(class_name(key.first), p.sites[key.second].name, cost);
  }
  for (const auto& a : p.accelerators) table.columns[4].facts.push_back(a.name + ".price");
  for (const auto& s : p.sites) table.columns[4].facts.push_back(s.name + ".shell_capex");
  return table;
}

}  // namespace astrolabe::study
