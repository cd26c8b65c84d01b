#include "astrolabe/supply/bill_of_materials.h"

#include <gtest/gtest.h>

#include "astrolabe/supply/test/small_catalog.h"

namespace astrolabe::supply {
namespace {

using namespace units;

const DefectModel kPoisson{YieldModel::kPoisson};

void add_chain(SmallCatalog* files) {
  files->add("hbm", "h1", kHbmFacts);
  files->add("process_nodes", "n1", "defect_density,0.1,1/cm2\nharvest_share,50,%");
  files->add("packaging", "p1", "yield,80,%");
  files->add("dram_lines", "d1", "bits_per_wafer,2,TB/wafer");
  files->add("accelerators", "a1",
             "process_node,n1,\npackaging,p1,\ncompute_dies,2,dies/package\ndie_area,100,mm2\n"
             "packages_per_wafer,10,packages/wafer\nhbm_product,h1,\n"
             "hbm_stacks,8,stacks/accelerator\nhost_dram,500,GB\nit_power,2,kW");
}

TEST(BillOfMaterials, ByHand) {
  SmallCatalog files;
  add_chain(&files);
  const auto parts = read_accelerator_parts(files.load(), "a1", "d1");
  ASSERT_TRUE(parts.value) << parts.reason;
  const WaferGeometry four_dies{28.3 * mm, 0.0 * mm, 0.0 * mm};
  const BillOfMaterials b = compute_bill(*parts.value, kPoisson, kPoisson, four_dies);
  // Logic: exp(-0.1) = 0.9048374 good, half of the rest sold: 0.9524187 of 4 dies = 3.8096748.
  // Two dies over 80 % assembly: 2.5 dies a good package.
  EXPECT_EQ(b.gross_logic_dies, 4);
  EXPECT_NEAR(b.sellable_logic_share, 0.9524187, 1e-7);
  EXPECT_NEAR(b.logic_wafers.in(wafer), 2.5 / 3.8096748, 1e-6);
  EXPECT_NEAR(b.packaging_wafers.in(wafer), 0.125, 1e-12);
  EXPECT_NEAR(b.hbm_stacks, 10, 1e-12);
  // 1.5893814 core wafers a stack (hbm_stack_test), a quarter more for the base.
  EXPECT_NEAR(b.hbm_core_wafers.in(wafer), 15.893814, 1e-5);
  EXPECT_NEAR(b.hbm_dram_wafers.in(wafer), 19.867267, 1e-5);
  EXPECT_NEAR(b.host_dram_wafers.in(wafer), 0.25, 1e-12);
  EXPECT_NEAR(b.dram_wafers.in(wafer), 20.117267, 1e-5);
  // 1 GW / 1.25 / 2 kW = 400,000 accelerators.
  EXPECT_NEAR(accelerators_per_gw(*parts.value, 1.25), 400000, 1e-6);
  EXPECT_NEAR(dram_wafers_per_gw(*parts.value, b, 1.25).in(kwafer), 400 * 20.117267, 1e-2);
}

TEST(BillOfMaterials, NamesTheFactsOfEveryStage) {
  SmallCatalog files;
  add_chain(&files);
  const auto parts = read_accelerator_parts(files.load(), "a1", "d1");
  for (const char* key :
       {"a1.die_area", "n1.defect_density", "p1.yield", "h1.die_area", "d1.bits_per_wafer"}) {
    EXPECT_NE(std::find(parts.facts.begin(), parts.facts.end(), key), parts.facts.end()) << key;
  }
}

TEST(BillOfMaterials, ReasonNamesAMissingFactFarDownTheChain) {
  SmallCatalog files;
  add_chain(&files);
  files.add("packaging", "p2", "maker,M,");
  files.add("accelerators", "a2",
            "process_node,n1,\npackaging,p2,\ncompute_dies,2,dies/package\ndie_area,100,mm2\n"
            "packages_per_wafer,10,packages/wafer\nhbm_product,h1,\n"
            "hbm_stacks,8,stacks/accelerator\nhost_dram,500,GB\nit_power,2,kW");
  const auto parts = read_accelerator_parts(files.load(), "a2", "d1");
  EXPECT_FALSE(parts.value);
  EXPECT_EQ(parts.reason, "missing: p2.yield (not given)");
}

}  // namespace
}  // namespace astrolabe::supply
