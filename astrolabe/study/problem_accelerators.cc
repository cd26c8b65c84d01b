#include <fmt/format.h>

#include <algorithm>

#include "astrolabe/study/problem_parts.h"
#include "astrolabe/supply/bill_of_materials.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::study {

using catalog::Catalog;
using planning::Problem;

namespace {

template <class Id, class Items>
Id find_by_name(const Items& items, const std::string& name) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].name == name) return Id(i);
  }
  return {};
}

// Yields by quarter of wafer start, and the table that shows them once a year.
class YieldsByQuarter {
 public:
  YieldsByQuarter(const Scenario& scenario, supply::DefectModel model, Table* table)
      : scenario_(scenario), model_(model), table_(*table) {}

  // Good stacks per DRAM wafer started in quarter q, finished `cycle` quarters later.
  double stacks_per_wafer(const supply::AcceleratorParts& parts,
                          const supply::BillOfMaterials& bill, Quarter q, int cycle) {
    const supply::HbmProduct& hbm = parts.hbm;
    const DefectDensity defects = density(hbm.defects, q + cycle);
    const auto chain = supply::with_defects(bill.stack, hbm, model_, defects);
    const double stacks = 1 / chain.dram_wafers_per_stack.in(units::wafer);
    add_row(parts.hbm_product, "good stacks", q, defects, chain.core_die_yield, stacks);
    return stacks;
  }

  // Logic wafers started in quarter q for one accelerator.
  double logic_wafers(const supply::AcceleratorParts& parts, const supply::BillOfMaterials& bill,
                      Quarter q) {
    const DefectDensity defects = density(parts.logic_defects, q);
    const auto at = supply::with_logic_defects(bill, parts, model_, defects);
    add_row(parts.entity, "dies that can be sold", q, defects, at.logic_die_yield,
            at.sellable_logic_dies);
    return at.logic_wafers.in(units::wafer);
  }

 private:
  DefectDensity density(const supply::ProcessDefects& process, Quarter q) const {
    return scenario_.has_yield_learning ? process.in(q) : process.mature;
  }
  void add_row(const std::string& what, const char* unit, Quarter q, DefectDensity defects,
               double die_yield, double per_wafer) {
    if (q.quarter() != 4) return;
    table_.add_row({std::to_string(q.year()), what, std::string(unit), defects.in(1.0 / units::cm2),
                    100 * die_yield, per_wafer});
  }

  const Scenario& scenario_;
  const supply::DefectModel model_;
  Table& table_;
};

Table yields_table() {
  return {"yields",
          "Yields, wafers started in the fourth quarter",
          {{"year", "Year", {}},
           {"what", "Product or accelerator", {}},
           {"counted", "What is counted", {}},
           {"defects_per_cm2", "Defect density", {}},
           {"die_yield_percent", "Dies without a defect", {}},
           {"good_per_wafer", "Good ones per wafer", {}}},
          {}};
}

// The HBM product, added with a recipe at every DRAM line of the scenario. ASSUMPTION: every maker
// reaches the yield of the product's facts; makers' own yields are published for few of them.
planning::HbmId hbm_product(const Catalog& catalog, const supply::AcceleratorParts& parts,
                            const supply::BillOfMaterials& bill, YieldsByQuarter* yields,
                            Problem* problem) {
  const std::string& name = parts.hbm_product;
  const auto known = find_by_name<planning::HbmId>(problem->hbm, name);
  if (known.is_valid()) return known;
  planning::HbmProduct product;
  product.name = name;
  product.stack_price = parts.hbm.stack_price;
  const int cycle = supply::whole_quarters(parts.hbm.cycle_time);
  const Quarter start = catalog.get_quarter(name, "volume_start");
  std::vector<double> stacks_per_wafer;
  for (int t = 0; t < problem->quarters; ++t) {
    // Wafers of the first volume quarter were started one cycle before it.
    const Quarter q = problem->quarter(t);
    const bool is_made = q + cycle >= start;
    stacks_per_wafer.push_back(is_made ? yields->stacks_per_wafer(parts, bill, q, cycle) : 0);
  }
  for (std::size_t l = 0; l < problem->lines.size(); ++l) {
    if (problem->lines[l].kind != planning::LineKind::kDram) continue;
    product.recipes.push_back({planning::LineId(l), stacks_per_wafer, cycle});
  }
  problem->hbm.push_back(std::move(product));
  return planning::HbmId(problem->hbm.size() - 1);
}

Table materials_table() {
  return {"materials",
          "What one accelerator and one gigawatt are made of",
          {{"accelerator", "Accelerator", {}},
           {"hbm_product", "HBM", {}},
           {"stacks", "Stacks, assembly losses included", {}},
           {"hbm_stacks_per_wafer", "Good stacks per DRAM wafer", {}},
           {"hbm_net_tb_per_wafer", "Net HBM per DRAM wafer", {}},
           {"hbm_dram_wafers", "HBM wafers per accelerator", {}},
           {"host_dram_wafers", "Host DRAM wafers per accelerator", {}},
           {"logic_wafers", "Logic wafers per accelerator", {}},
           {"packaging_wafers", "Packaging wafers per accelerator", {}},
           {"it_power_kw", "IT power per accelerator", {}},
           {"accelerators_per_gw", "Accelerators per GW of IT power", {}},
           {"dram_kwafers_per_gw", "DRAM wafers per GW of IT power", {}},
           {"price_usd", "Price", {}}},
          {}};
}

// The first fact that keeps a type out, or "".
std::string missing_fact(const Catalog& catalog, const std::string& name) {
  for (const char* attribute : {"launch", "price", "it_power", "hbm_bandwidth", "hbm_capacity",
                                "dense_bf16", "scale_up_domain", "scale_up_bandwidth", "tdp"}) {
    if (!catalog.has_value(name, attribute)) {
      const catalog::Fact* fact = catalog.find_fact(name, attribute);
      return fmt::format("missing: {}.{}{}", name, attribute,
                         fact == nullptr ? "" : " (" + fact->position.text() + ")");
    }
  }
  return "";
}

std::string dram_line(const Problem& p) {
  for (const planning::SupplyLine& line : p.lines) {
    if (line.kind == planning::LineKind::kDram) return line.name;
  }
  return "";
}

void add_material_row(const planning::AcceleratorType& type, const supply::AcceleratorParts& parts,
                      const supply::BillOfMaterials& bill, Table* table) {
  const auto tb_per_wafer = units::TB / units::wafer;
  table->add_row({type.name, parts.hbm_product, bill.hbm_stacks,
                  1 / bill.stack.dram_wafers_per_stack.in(units::wafer),
                  bill.stack.net_capacity_per_dram_wafer.in(tb_per_wafer),
                  bill.hbm_dram_wafers.in(units::wafer), bill.host_dram_wafers.in(units::wafer),
                  bill.logic_wafers.in(units::wafer), bill.packaging_wafers.in(units::wafer),
                  type.it_power.in(units::kW), supply::accelerators_per_gw(parts, 1.0),
                  supply::dram_wafers_per_gw(parts, bill, 1.0).in(units::kwafer),
                  type.price.in(units::usd)});
}

}  // namespace

namespace {

supply::DefectModel defect_model(const Scenario& scenario) {
  for (const auto model : {supply::YieldModel::kPoisson, supply::YieldModel::kMurphy,
                           supply::YieldModel::kNegativeBinomial, supply::YieldModel::kSeeds}) {
    if (scenario.yield_model == supply::yield_model_name(model)) {
      return {model, scenario.cluster_alpha};
    }
  }
  throw InputError({scenario.file, 0}, "yield_model", scenario.yield_model,
                   "poisson, murphy, negative_binomial or seeds");
}

void add_facts(const Catalog& catalog, const catalog::Reading<supply::AcceleratorParts>& reading,
               BuiltProblem* built) {
  for (const std::string& fact : reading.facts) {
    built->materials.columns[11].facts.push_back(fact);
  }
  for (const std::string& of : {reading.value->hbm_product, reading.value->process_node}) {
    for (const char* attribute :
         {"defect_density", "defect_density_start", "yield_learning_time"}) {
      if (!catalog.has_value(of, attribute)) continue;
      built->yields.columns[3].facts.push_back(of + "." + attribute);
    }
  }
}

}  // namespace

void add_accelerators(const Scenario& scenario, const Catalog& catalog, BuiltProblem* built) {
  Problem& p = built->problem;
  built->materials = materials_table();
  built->yields = yields_table();
  const supply::DefectModel defects = defect_model(scenario);
  YieldsByQuarter yields(scenario, defects, &built->yields);
  const supply::WaferGeometry wafer = supply::conventional_300mm_wafer();
  const int life =
      supply::whole_quarters(catalog.get<Duration::kDim>("finance_base", "accelerator_life"));
  for (const AcceleratorInput& input : scenario.accelerators) {
    const std::string& name = input.name;
    const std::string missing = missing_fact(catalog, name);
    const auto reading = supply::read_accelerator_parts(catalog, name, dram_line(p));
    if (!missing.empty() || !reading.value) {
      built->excluded.push_back(name + ": " + (missing.empty() ? reading.reason : missing));
      continue;
    }
    const supply::AcceleratorParts& parts = *reading.value;
    planning::AcceleratorType type;
    type.logic = find_by_name<planning::LineId>(p.lines, parts.process_node);
    type.packaging = find_by_name<planning::LineId>(p.lines, parts.packaging);
    if (!type.logic.is_valid() || !type.packaging.is_valid()) {
      built->excluded.push_back(
          fmt::format("{}: needs {} and {}, of which {} is no supplier of this scenario", name,
                      parts.process_node, parts.packaging,
                      type.logic.is_valid() ? parts.packaging : parts.process_node));
      continue;
    }
    const supply::BillOfMaterials bill = compute_bill(parts, defects, defects, wafer);
    type.name = name;
    type.vendor = catalog.get_text(name, "vendor");
    const Quarter launch = input.first_delivery.value_or(catalog.get_quarter(name, "launch"));
    const auto last =
        input.last_order ? input.last_order : catalog.find_quarter(name, "last_order");
    type.first_delivery = std::max(0, launch - p.start);
    type.last_delivery = last ? std::min(*last - p.start, p.quarters - 1) : p.quarters - 1;
    type.life_quarters = life;
    type.hbm = hbm_product(catalog, parts, bill, &yields, &p);
    type.stacks = bill.hbm_stacks;
    for (int t = 0; t < p.quarters; ++t) {
      type.logic_wafers.push_back(yields.logic_wafers(parts, bill, p.quarter(t)));
    }
    type.packaging_wafers = bill.packaging_wafers.in(units::wafer);
    type.host_dram_wafers = bill.host_dram_wafers.in(units::wafer);
    type.packaging_quarters =
        supply::whole_quarters(catalog.get<Duration::kDim>(parts.packaging, "cycle_time"));
    type.logic_quarters =
        supply::whole_quarters(catalog.get<Duration::kDim>(parts.process_node, "cycle_time"));
    type.it_power = catalog.get<Power::kDim>(name, "it_power");
    type.price = catalog.get<Money::kDim>(name, "price");
    type.position = input.position;
    add_material_row(type, parts, bill, &built->materials);
    add_facts(catalog, reading, built);
    p.accelerators.push_back(std::move(type));
  }
  for (const planning::HbmProduct& product : p.hbm) {
    if (const auto cost = catalog.find<WaferPrice::kDim>(product.name, "wafer_cost")) {
      p.dram_wafer_value = std::max(p.dram_wafer_value, *cost);
    }
  }
}

}  // namespace astrolabe::study
