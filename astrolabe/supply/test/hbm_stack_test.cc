#include "astrolabe/supply/hbm_stack.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/supply/test/small_catalog.h"

namespace astrolabe::supply {
namespace {

using namespace units;

const DefectModel kPoissonStack{YieldModel::kPoisson};

// A wafer that holds exactly four 10 x 10 mm dies: diameter just over sqrt(800) = 28.2843.
WaferGeometry four_die_wafer() { return {28.3 * mm, 0.0 * mm, 0.0 * mm}; }

HbmProduct small_product() {
  HbmProduct p;
  p.dies_per_stack = 4;
  p.die_capacity = 1.0 * GB;
  p.core_die = p.base_die = {10.0 * mm, 10.0 * mm};
  p.defects.mature = 0.2 / cm2;
  p.layer_yield = 0.99;
  p.test_yield = 0.8;
  p.is_base_die_dram = true;
  return p;
}

TEST(HbmStack, ChainByHand) {
  const HbmStackYield y = compute_hbm_stack(small_product(), kPoissonStack, four_die_wafer());
  EXPECT_EQ(y.gross_core_dies, 4);
  // exp(-1 cm2 * 0.2) = 0.8187308; 0.99^4 = 0.96059601.
  EXPECT_NEAR(y.core_die_yield, 0.8187308, 1e-7);
  EXPECT_NEAR(y.good_core_dies, 3.2749230, 1e-6);
  EXPECT_NEAR(y.bonding_yield, 0.96059601, 1e-9);
  EXPECT_NEAR(y.end_to_end_yield, 0.8187308 * 0.96059601 * 0.8, 1e-7);
  // 3.274923 * 0.8 / 4 * 0.96059601 = 0.6291756 stacks, 1.5893814 core wafers a stack.
  EXPECT_NEAR(y.stacks_per_wafer, 0.6291756, 1e-6);
  EXPECT_NEAR(y.core_wafers_per_stack.in(wafer), 1.5893814, 1e-6);
  // One base die a stack where the core takes four: a quarter of it.
  EXPECT_NEAR(y.base_wafers_per_stack.in(wafer), 1.5893814 / 4, 1e-6);
  EXPECT_NEAR(y.dram_wafers_per_stack.in(wafer), 1.5893814 * 1.25, 1e-6);
  EXPECT_NEAR(y.stack_capacity.in(GB), 4, 1e-12);
  EXPECT_NEAR(y.net_capacity_per_core_wafer.in(GB / wafer), 4 / 1.5893814, 1e-6);
  EXPECT_NEAR(y.net_capacity_per_dram_wafer.in(GB / wafer), 4 / 1.9867267, 1e-6);
}

TEST(HbmStack, LogicBaseDieTakesNoDramWafer) {
  HbmProduct p = small_product();
  p.is_base_die_dram = false;
  const HbmStackYield y = compute_hbm_stack(p, kPoissonStack, four_die_wafer());
  EXPECT_EQ(y.dram_wafers_per_stack, y.core_wafers_per_stack);
  EXPECT_GT(y.base_wafers_per_stack, Wafers());
}

TEST(HbmStack, TwelveLayersAtNinetyNinePercentMatchThePublishedStackYield) {
  // Published: 99 % a layer makes 92 % for 8 layers and 87 % for 12 (data/hbm.csv, A21, A22);
  // 0.99^8 = 0.9227, 0.99^12 = 0.8864.
  HbmProduct p = small_product();
  p.dies_per_stack = 8;
  EXPECT_NEAR(compute_hbm_stack(p, kPoissonStack, four_die_wafer()).bonding_yield, 0.92, 0.005);
  p.dies_per_stack = 12;
  EXPECT_NEAR(compute_hbm_stack(p, kPoissonStack, four_die_wafer()).bonding_yield, 0.87, 0.02);
}

TEST(HbmStack, AYoungProcessMakesFewerStacks) {
  HbmProduct p = small_product();
  p.defects.learning = {{1.2 / cm2, Quarter(2026, 1), 1.0 * quarter}};
  const HbmStackYield mature = compute_hbm_stack(p, kPoissonStack, four_die_wafer());
  // After half a quarter D = 0.2 + exp(-0.5) = 0.8065307: exp(-D) / exp(-0.2) = exp(-0.6065307).
  const HbmStackYield first =
      with_defects(mature, p, kPoissonStack, p.defects.in(Quarter(2026, 1)));
  EXPECT_NEAR(first.stacks_per_wafer, 0.6291756 * std::exp(-0.6065307), 1e-6);
  EXPECT_NEAR(first.core_wafers_per_stack.in(wafer), 1 / first.stacks_per_wafer, 1e-9);
  EXPECT_EQ(first.gross_core_dies, mature.gross_core_dies);
  const HbmStackYield late = with_defects(mature, p, kPoissonStack, p.defects.in(Quarter(2036, 1)));
  EXPECT_NEAR(late.stacks_per_wafer, 0.6291756, 1e-6);
}

TEST(TradeRatio, IsBytesOverBytes) {
  EXPECT_NEAR(trade_ratio(2.4 * TB / wafer, 0.8 * TB / wafer), 3, 1e-12);
}

TEST(ReadHbmProduct, TakesEveryFactAndNamesThem) {
  SmallCatalog files;
  files.add("hbm", "h1", kHbmFacts);
  const auto r = read_hbm_product(files.load(), "h1");
  ASSERT_TRUE(r.value) << r.reason;
  EXPECT_EQ(r.value->dies_per_stack, 4);
  EXPECT_NEAR(r.value->die_capacity.in(GB), 1, 1e-12);
  EXPECT_NEAR(r.value->core_die.width.in(mm), 10, 1e-12);
  EXPECT_NEAR(r.value->defects.mature.in(1 / cm2), 0.2, 1e-12);
  EXPECT_TRUE(r.value->is_base_die_dram);
  EXPECT_FALSE(r.value->published_trade_ratio);
  EXPECT_NE(std::find(r.facts.begin(), r.facts.end(), "h1.layer_yield"), r.facts.end());
}

TEST(ReadHbmProduct, MissingFactsAreAReasonNotAnException) {
  SmallCatalog files;
  files.add("hbm", "h1",
            "dies_per_stack,4,dies/stack\ndie_capacity,8,Gbit\ndie_area,100,mm2\n"
            "defect_density,0.2,1/cm2\nbase_die_area,100,mm2\nlayer_yield,99,%\n"
            "base_die_node,DRAM process,\ncycle_time,6,months");
  const auto r = read_hbm_product(files.load(), "h1");
  EXPECT_FALSE(r.value);
  EXPECT_EQ(r.reason, "missing: h1.test_yield (not given); missing: h1.stack_price (not given)");
}

}  // namespace
}  // namespace astrolabe::supply
