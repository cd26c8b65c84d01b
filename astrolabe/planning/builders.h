#pragma once

// The three steps of Formulation::build, one per concern: columns with their bounds, rows by
// constraint family (supply_rows.cc, fleet_rows.cc, site_rows.cc), and money: costs, spending,
// funds.

#include <string>

#include "astrolabe/planning/formulation.h"

namespace astrolabe::planning {

class ColumnBuilder {
 public:
  explicit ColumnBuilder(Formulation* f) : f_(*f), p_(*f->problem_) {}
  void build();

 private:
  milp::VariableId add(const std::string& name, double upper, bool is_integer = false);
  void supply_columns();
  void fleet_columns();
  void allocation_columns();
  void site_columns();
  void energy_columns();

  Formulation& f_;
  const Problem& p_;
};

class RowBuilder {
 public:
  explicit RowBuilder(Formulation* f) : f_(*f), p_(*f->problem_) {}
  void build();

 private:
  // left <= right as one row; constants move to the right-hand side. A row without columns is kept
  // when it cannot hold (the program is then infeasible) and dropped when it always holds.
  void at_most(Family family, const std::string& entity, int t, const Linear& left,
               const Linear& right);
  void equal(Family family, const std::string& entity, int t, const Linear& left,
             const Linear& right);
  void add_row(Family family, const std::string& entity, int t, double lower, double upper,
               const Linear& e);

  void stack_rows();
  void host_dram_rows();
  void dram_line_rows();
  void logic_and_packaging_rows();
  void module_rows();
  void demand_rows();
  void in_country_rows();
  void fleet_rows();
  void delivery_rows();
  void commitment_rows();
  void site_rows();
  void energy_rows();
  void contract_rows();
  void after_horizon_rows();

  Formulation& f_;
  const Problem& p_;

  friend class MoneyBuilder;
};

class MoneyBuilder {
 public:
  explicit MoneyBuilder(Formulation* f) : f_(*f), p_(*f->problem_), rows_(f) {}
  void build();

 private:
  // One unit of something bought at t: what is paid in which quarter (base: USD), and what it is
  // still worth when the horizon ends.
  struct Payment {
    int t;
    double usd;
  };
  std::vector<Payment> spread(double usd, int from, int quarters) const;
  double present_value(const std::vector<Payment>& payments) const;
  double end_discount() const;

  void accelerator_costs();
  void building_costs();
  void grid_costs();
  void module_costs();
  void running_costs();
  void operations_costs();
  void energy_costs();
  void contracts_after_horizon();
  void stock_costs();
  void unserved_costs();
  void fund_rows();
  void spend(AssetClass asset, const std::string& country, const std::vector<Payment>& payments,
             milp::VariableId column, double factor);
  // Running costs of a quarter, USD; charged to funds only where they cover them.
  void spend_running(const std::string& country, int t, const Linear& usd);
  std::size_t spending_row(AssetClass asset, const std::string& country, int t) const;
  void objective();
  std::size_t year_index(int t) const;
  bool is_fund_limited(AssetClass asset) const;

  Formulation& f_;
  const Problem& p_;
  RowBuilder rows_;
  std::vector<Linear> spending_;  // [asset][country][year], billion USD
};

}  // namespace astrolabe::planning
