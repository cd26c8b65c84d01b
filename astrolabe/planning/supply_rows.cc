#include <algorithm>

#include "astrolabe/planning/builders.h"

namespace astrolabe::planning {

namespace {

std::size_t clamp_to_start(int t) { return static_cast<std::size_t>(std::max(t, 0)); }

}  // namespace

void RowBuilder::stack_rows() {
  for (std::size_t h = 0; h < p_.hbm.size(); ++h) {
    const HbmProduct& product = p_.hbm[h];
    for (int t = -f_.history_; t < p_.horizon(); ++t) {
      Linear stock, made;
      stock.add(f_.stacks(h, t), 1);
      if (t > -f_.history_) made.add(f_.stacks(h, t - 1), 1);
      for (std::size_t r = 0; r < product.recipes.size(); ++r) {
        const int started = t - product.recipes[r].cycle_quarters;
        if (started < -f_.history_) continue;
        const double per_wafer = product.recipes[r].stacks_per_wafer[clamp_to_start(started)];
        made.add(f_.wafers(h, r, started), per_wafer * scale::kStacks / scale::kWafers);
      }
      equal(Family::kStackBalance, product.name, t, stock, made);
      Linear used;
      for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
        const AcceleratorType& type = p_.accelerators[a];
        if (!type.hbm.is_valid() || type.hbm.index() != h) continue;
        const Linear p = f_.delivered(a, t + type.packaging_quarters);
        used.add(p, type.stacks * scale::kStacks / scale::kAccelerators);
      }
      if (!used.terms.empty()) at_most(Family::kStackUse, product.name, t, used, stock);
    }
  }
}

void RowBuilder::host_dram_rows() {
  for (int t = -f_.history_; t < p_.horizon(); ++t) {
    Linear stock, made, used;
    stock.add(f_.host_stock_.at(0, 0, f_.supply_index(t)), 1);
    if (t > -f_.history_) made.add(f_.host_stock_.at(0, 0, f_.supply_index(t - 1)), 1);
    for (std::size_t l = 0; l < p_.lines.size(); ++l) {
      made.add(f_.host_wafers(l, t - p_.lines[l].cycle_quarters), 1);
    }
    equal(Family::kHostDramBalance, "", t, stock, made);
    for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
      const AcceleratorType& type = p_.accelerators[a];
      used.add(f_.delivered(a, t + type.packaging_quarters),
               type.host_dram_wafers * scale::kWafers / scale::kAccelerators);
    }
    if (!used.terms.empty()) at_most(Family::kHostDramUse, "", t, used, stock);
  }
}

void RowBuilder::dram_line_rows() {
  std::vector<Linear> all(static_cast<std::size_t>(p_.horizon() + f_.history_));
  for (std::size_t l = 0; l < p_.lines.size(); ++l) {
    const SupplyLine& line = p_.lines[l];
    if (line.kind != LineKind::kDram) continue;
    for (int t = -f_.history_; t < p_.horizon(); ++t) {
      Linear hbm;
      for (std::size_t h = 0; h < p_.hbm.size(); ++h) {
        for (std::size_t r = 0; r < p_.hbm[h].recipes.size(); ++r) {
          if (p_.hbm[h].recipes[r].line.index() == l) hbm.add(f_.wafers(h, r, t), 1);
        }
      }
      Linear dram = hbm, hbm_limit, dram_limit;
      dram.add(f_.host_wafers(l, t), 1);
      hbm_limit.add(f_.module_output(l, t), line.module.hbm_share);
      hbm_limit.constant = line.hbm_capacity[clamp_to_start(t)].in(units::kwafer);
      dram_limit.add(f_.module_output(l, t), 1);
      dram_limit.constant = line.capacity[clamp_to_start(t)].in(units::kwafer);
      if (!hbm.terms.empty()) at_most(Family::kHbmWafers, line.name, t, hbm, hbm_limit);
      at_most(Family::kDramWafers, line.name, t, dram, dram_limit);
      all[f_.supply_index(t)].add(dram, 1);
    }
  }
  if (p_.dram_ceiling.empty()) return;
  for (int t = -f_.history_; t < p_.horizon(); ++t) {
    Linear ceiling;
    ceiling.constant = p_.dram_ceiling[clamp_to_start(t)].in(units::kwafer);
    at_most(Family::kDramCeiling, "", t, all[f_.supply_index(t)], ceiling);
  }
}

void RowBuilder::logic_and_packaging_rows() {
  for (std::size_t l = 0; l < p_.lines.size(); ++l) {
    const SupplyLine& line = p_.lines[l];
    if (line.kind == LineKind::kDram) continue;
    const bool is_logic = line.kind == LineKind::kLogic;
    for (int t = -f_.history_; t < p_.horizon(); ++t) {
      Linear used;
      for (std::size_t a = 0; a < p_.accelerators.size(); ++a) {
        const AcceleratorType& type = p_.accelerators[a];
        const LineId id = is_logic ? type.logic : type.packaging;
        const double wafers =
            is_logic ? type.logic_wafers[clamp_to_start(t)] : type.packaging_wafers;
        const int lead = type.packaging_quarters + (is_logic ? type.logic_quarters : 0);
        if (!id.is_valid() || id.index() != l) continue;
        // What is delivered in the first quarter was made in one quarter before it.
        used.add(f_.delivered(a, t + lead), wafers);
        used.add(f_.delivered(a, t + lead - 1), -wafers);
      }
      if (used.terms.empty()) continue;
      Linear limit = f_.module_output(l, t);
      limit.constant = line.capacity[clamp_to_start(t)].in(units::kwafer);
      at_most(is_logic ? Family::kLogicWafers : Family::kPackagingWafers, line.name, t, used,
              limit);
    }
  }
}

void RowBuilder::module_rows() {
  for (std::size_t l = 0; l < p_.lines.size(); ++l) {
    for (int t = 1; t < p_.horizon(); ++t) {
      const auto before = f_.modules(l, t - 1), now = f_.modules(l, t);
      if (!before.is_valid() || before == now) continue;
      Linear left, right;
      left.add(before, 1);
      right.add(now, 1);
      at_most(Family::kModuleGrowth, p_.lines[l].name, t, left, right);
    }
  }
}

}  // namespace astrolabe::planning
