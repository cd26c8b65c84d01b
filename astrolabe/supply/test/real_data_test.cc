// The chain on the facts of data/, against published figures and ranges.

#include <gtest/gtest.h>

#include "astrolabe/supply/bill_of_materials.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::supply {
namespace {

using namespace units;

const catalog::Catalog& real_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

const DefectModel kPoissonYield{YieldModel::kPoisson};

TEST(RealData, EveryHbmProductWithItsFactsHasAStack) {
  int complete = 0;
  for (const std::string& entity : real_catalog().entities("hbm")) {
    const auto r = read_hbm_product(real_catalog(), entity);
    if (!r.value) {
      EXPECT_NE(r.reason.find("missing: " + entity), std::string::npos) << entity;
      continue;
    }
    ++complete;
    const HbmStackYield y = compute_hbm_stack(*r.value, kPoissonYield, conventional_300mm_wafer());
    RecordProperty(entity + "_net_tb_per_wafer",
                   std::to_string(y.net_capacity_per_core_wafer.in(TB / wafer)));
    EXPECT_GT(y.end_to_end_yield, 0.2) << entity;
    EXPECT_LT(y.end_to_end_yield, 0.9) << entity;
  }
  EXPECT_GE(complete, 6);
}

TEST(RealData, NetCapacityOfHbm3eIsInThePublishedRange) {
  // 0.8 TB per wafer, 0.7 to 0.95: HBM bits of 2026 over HBM wafers (data/hbm.csv, A52).
  const auto r = read_hbm_product(real_catalog(), "hbm3e_12h");
  ASSERT_TRUE(r.value) << r.reason;
  const HbmStackYield y = compute_hbm_stack(*r.value, kPoissonYield, conventional_300mm_wafer());
  EXPECT_GT(y.net_capacity_per_dram_wafer.in(TB / wafer), 0.7);
  EXPECT_LT(y.net_capacity_per_core_wafer.in(TB / wafer), 0.95);
}

TEST(RealData, EveryLineHasCapacityOrAReason) {
  for (const char* kind : {"dram_lines", "process_nodes", "packaging"}) {
    for (const std::string& entity : real_catalog().entities(kind)) {
      const auto r = read_line(real_catalog(), entity, {2026, 1}, 40);
      if (!r.value) {
        EXPECT_FALSE(r.reason.empty()) << entity;
        continue;
      }
      EXPECT_EQ(r.value->wafers.size(), 40u);
      for (std::size_t t = 0; t < r.value->hbm_wafers.size(); ++t) {
        EXPECT_LE(r.value->hbm_wafers[t], r.value->wafers[t]) << entity << " " << t;
      }
    }
  }
}

TEST(RealData, EveryAcceleratorHasABillOrAReason) {
  for (const std::string& entity : real_catalog().entities("accelerators")) {
    const auto r = read_accelerator_parts(real_catalog(), entity, "sk_hynix");
    if (!r.value) {
      EXPECT_NE(r.reason.find("missing: "), std::string::npos) << entity;
      continue;
    }
    const auto b = compute_bill(*r.value, kPoissonYield, kPoissonYield, conventional_300mm_wafer());
    // A package is smaller than a wafer and larger than a thousandth of one.
    EXPECT_GT(b.logic_wafers.in(wafer), 1e-3) << entity;
    EXPECT_LT(b.logic_wafers.in(wafer), 1) << entity;
    EXPECT_LT(b.dram_wafers.in(wafer), 5) << entity;
  }
}

}  // namespace
}  // namespace astrolabe::supply
