#pragma once

// The plan as one mixed-integer program (docs/theory/planning.md has every formula).
//
// Cumulative columns carry the state: P delivered, D deployed, Z site phases, M modules, G grid
// power, W renewable contracts; F is the fleet in service, so no long sums appear. Sites that
// the program cannot tell apart (same grid, country, PUE, allowed types and renewable share) form a
// zone; work x is allocated to zones, which is exact, and split over the sites of a zone in
// proportion to their fleets. Supply runs on quarters before the start too: what is in the pipeline
// when the horizon opens is a decision within the first quarter's capacity.

#include <cmath>
#include <vector>

#include "astrolabe/milp/model.h"
#include "astrolabe/planning/family.h"
#include "astrolabe/planning/problem.h"

namespace astrolabe::planning {

// Model units per one accelerator, stack, wafer, token a day, USD (power is in MW).
namespace scale {
inline constexpr double kAccelerators = 1e-3, kStacks = 1e-4, kWafers = 1e-3, kTokensPerDay = 1e-12,
                        kMoney = 1e-9;
}

inline constexpr int kSeasons = 4;  // quarters of a year

// The cost item that is a penalty, not money spent.
inline constexpr const char* kUnservedDemand = "unserved demand";

// Sites that cannot be told apart except by their limits.
struct Zone {
  std::vector<std::size_t> sites;
};
std::vector<Zone> make_zones(const Problem& problem);

// A linear expression; variables that do not exist count as zero.
struct Linear {
  std::vector<milp::Term> terms;
  double constant = 0;
  void add(milp::VariableId v, double coefficient) {
    // What is left of a difference of equal figures is rounding, not a coefficient.
    constexpr double kRounding = 1e-12;
    if (v.is_valid() && std::fabs(coefficient) > kRounding) terms.push_back({v, coefficient});
  }
  void add(const Linear& other, double factor);
};

// Ids of the columns; an id that is_valid() == false stands for a column that does not exist.
class ColumnGrid {
 public:
  ColumnGrid() = default;
  ColumnGrid(std::size_t a, std::size_t b, std::size_t c) : b_(b), c_(c), ids_(a * b * c) {}
  milp::VariableId& at(std::size_t i, std::size_t j, std::size_t k) {
    return ids_[(i * b_ + j) * c_ + k];
  }
  milp::VariableId at(std::size_t i, std::size_t j, std::size_t k) const {
    return ids_[(i * b_ + j) * c_ + k];
  }

 private:
  std::size_t b_ = 0, c_ = 0;
  std::vector<milp::VariableId> ids_;
};

// One allocation column: class c, accelerator a, zone z, operating point o, quarter t.
struct Allocation {
  std::size_t work, accelerator, zone, point;
  int t;
  milp::VariableId column;
  double tokens;     // mean model token units a day per unit of the column
  double megawatts;  // mean IT power above idle per unit of the column
};

// Money drawn from fund f for assets g in country k in year y.
struct Draw {
  std::size_t fund;
  AssetClass asset;
  std::size_t country;
  int year;
  milp::VariableId column;
};

// What a row means to a person.
struct RowMeaning {
  Family family;
  std::string entity;
  int t = 0;  // quarter index; negative before the start; for yearly rows the year's last quarter
};

class Formulation {
 public:
  // Builds every column and row. Cost: linear in the number of nonzeros.
  static Formulation build(const Problem& problem);

  const Problem& problem() const { return *problem_; }
  const milp::Model& model() const { return model_; }
  // How much a dollar of unserved demand weighs in the objective: more than one where only served
  // tokens count. Duals are divided by it.
  double penalty_weight() const { return problem_->objective == Objective::kMostServed ? 1e3 : 1; }
  milp::Model& model() { return model_; }
  const std::vector<RowMeaning>& meanings() const { return meanings_; }  // by constraint index
  const std::vector<Zone>& zones() const { return zones_; }
  std::size_t zone_of(std::size_t site) const { return zone_of_[site]; }

  int history() const { return history_; }  // quarters of supply before the start
  std::size_t supply_index(int t) const { return static_cast<std::size_t>(t + history_); }

  // Expressions in model units. Before the first and after the last quarter they are constant.
  Linear delivered(std::size_t a, int t) const;                  // P
  Linear deployed(std::size_t a, std::size_t s, int t) const;    // D with the existing fleet
  Linear in_service(std::size_t a, std::size_t s, int t) const;  // F, the existing fleet included
  bool may_serve(std::size_t a, std::size_t s, int t) const;     // F can be above zero
  Linear it_power(std::size_t s, int t) const;                   // MW provisioned in service
  Linear built_power(std::size_t s, int t) const;                // MW facility, existing included
  Linear module_output(std::size_t line, int t) const;           // kwafers a quarter from modules
  Linear zone_energy(std::size_t zone, int t) const;             // mean facility MW
  Linear zone_energy_terms(std::size_t zone, int t) const;       // the same by what draws it

  milp::VariableId wafers(std::size_t h, std::size_t recipe, int t) const;
  milp::VariableId host_wafers(std::size_t line, int t) const;
  milp::VariableId stacks(std::size_t h, int t) const { return stacks_.at(h, 0, supply_index(t)); }
  milp::VariableId phases(std::size_t s, int t) const;
  milp::VariableId grid_power(std::size_t s, int t) const;
  milp::VariableId modules(std::size_t line, int t) const;  // cumulative, by order quarter
  milp::VariableId contracts(std::size_t e, std::size_t zone, int t) const;
  milp::VariableId zone_energy_column(std::size_t zone, int t) const {  // where it has one
    return zone_energy_.at(zone, 0, static_cast<std::size_t>(t));
  }
  milp::VariableId renewable_use(std::size_t zone, int t) const;  // mean MW of what is drawn
  milp::VariableId unserved(std::size_t c, int t) const;          // training: t = last
  // Mean MW of source e that the zone can still use in the k-th quarter after the horizon (0..3).
  milp::VariableId use_after(std::size_t e, std::size_t zone, int k) const;
  // The quarter of the horizon whose load stands for the k-th quarter after it.
  int season_before_end(int k) const;
  const std::vector<Allocation>& allocations() const { return allocations_; }
  const std::vector<std::size_t>& allocations_of(std::size_t zone, int t) const {
    return allocations_of_[zone * static_cast<std::size_t>(problem_->horizon()) +
                           static_cast<std::size_t>(t)];
  }
  const std::vector<Draw>& draws() const { return draws_; }
  const std::vector<std::string>& countries() const { return countries_; }
  double site_power_limit(std::size_t s, int t) const;  // MW that can be energised by t at best

  // NPV in billion USD by cost item, for any column values. The objective of kLeastCost is their
  // sum.
  struct CostItem {
    std::string name;
    Linear cost;
  };
  const std::vector<CostItem>& costs() const { return costs_; }

 private:
  friend class ColumnBuilder;
  friend class RowBuilder;
  friend class MoneyBuilder;

  const Problem* problem_ = nullptr;
  milp::Model model_;
  std::vector<RowMeaning> meanings_;
  std::vector<Zone> zones_;
  std::vector<std::size_t> zone_of_;
  std::vector<std::string> countries_;
  int history_ = 0;
  // [a][0][t], [a][s][t], [h][recipe][t + history], [line][0][t + history], ...
  ColumnGrid delivered_, deployed_, in_service_, wafers_, host_wafers_, stacks_, host_stock_,
      phases_, grid_power_, modules_, contracts_, zone_energy_, renewable_use_, use_after_,
      unserved_;
  std::vector<Allocation> allocations_;
  std::vector<std::vector<std::size_t>> allocations_of_;  // [zone * quarters + t]
  std::vector<Draw> draws_;
  std::vector<CostItem> costs_;
};

}  // namespace astrolabe::planning
