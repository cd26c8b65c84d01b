#include "astrolabe/device/operator_time.h"

#include <gtest/gtest.h>

#include "astrolabe/base/error.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::device {
namespace {

using workload::NumberFormat;
using workload::Operator;
using workload::OperatorKind;

// 100 FLOP/s in bf16, 200 in fp8, 10 B/s.
Accelerator small_accelerator() {
  Accelerator a;
  a.name = "small";
  a.hbm_capacity = 1000.0 * units::byte;
  a.hbm_bandwidth = 10.0 * units::byte / units::second;
  a.rates[0] = 100.0 * units::flop / units::second;
  a.rates[1] = 200.0 * units::flop / units::second;
  a.tdp = 100.0 * units::watt;
  a.it_power = 150.0 * units::watt;
  return a;
}

Derating half_of_everything() {
  Derating d;
  d.gemm = {0.5, 0.5, 0.5, 0.5};
  d.grouped_gemm = {0.25, 0.25, 0.25, 0.25};
  d.attention_prefill = d.attention_decode = 0.4;
  d.hbm_bandwidth = 0.5;
  d.kernel_overhead = 0.1 * units::second;
  return d;
}

Operator gemm(double m, double n, double k) {
  return workload::make_gemm({.m = m, .n = n, .k = k});
}

TEST(OperatorTimeTest, RooflineIsTheSlowerOfArithmeticAndMemory) {
  const RooflineTime roofline(small_accelerator());
  Operator op;
  op.flops = 300.0 * units::flop;
  op.weights = 20.0 * units::byte;
  EXPECT_DOUBLE_EQ(roofline.cost(op).time.in(units::second), 3);
  EXPECT_EQ(roofline.cost(op).bound, Resource::kCompute);
  op.kv = 30.0 * units::byte;
  EXPECT_DOUBLE_EQ(roofline.cost(op).time.in(units::second), 5);
  EXPECT_EQ(roofline.cost(op).bound, Resource::kMemory);
}

TEST(OperatorTimeTest, DeratedAddsLaunchAndDividesByFractions) {
  const DeratedTime derated(small_accelerator(), half_of_everything());
  Operator op;
  op.flops = 300.0 * units::flop;
  op.weights = 20.0 * units::byte;
  EXPECT_DOUBLE_EQ(derated.cost(op).time.in(units::second), 0.1 + 6);
  op.kind = OperatorKind::kExperts;
  EXPECT_DOUBLE_EQ(derated.cost(op).time.in(units::second), 0.1 + 12);
  op.kind = OperatorKind::kAttentionPrefill;
  EXPECT_DOUBLE_EQ(derated.cost(op).time.in(units::second), 0.1 + 7.5);
}

TEST(OperatorTimeTest, FormatWithoutARateRunsAsBf16) {
  const Accelerator a = small_accelerator();
  EXPECT_EQ(a.executed_format(NumberFormat::kFp8), NumberFormat::kFp8);
  EXPECT_EQ(a.executed_format(NumberFormat::kFp4), NumberFormat::kBf16);
  EXPECT_EQ(a.peak(NumberFormat::kFp4).base(), 100);
}

// The contract of every fidelity.
class OperatorTimeContract : public testing::TestWithParam<Fidelity> {
 protected:
  std::unique_ptr<OperatorTime> times(const Derating& d) const {
    return make_operator_time(GetParam(), small_accelerator(), d);
  }
};

// Kernels that multiply a cache of fp8 as it is are no faster than this; others have the bf16 rate.
TEST(OperatorTimeTest, TheRooflineOfAnFp8CacheIsThatOfFp8) {
  const Accelerator accelerator = small_accelerator();
  const RooflineTime roofline(accelerator);
  workload::LatentShape shape;
  shape.sequences = 64, shape.heads = 128, shape.context = 4096, shape.kv_rank = 512;
  const auto time = [&] { return roofline.cost(workload::make_latent_decode(shape)).time.base(); };
  const double wide = time();
  shape.kv_cache = workload::NumberFormat::kFp8;
  const double ratio = accelerator.peak(workload::NumberFormat::kBf16) /
                       accelerator.peak(workload::NumberFormat::kFp8);
  EXPECT_NEAR(time() / wide, ratio, 1e-9);
  EXPECT_LT(ratio, 1);
}

TEST_P(OperatorTimeContract, NoOperatorIsFasterThanItsRoofline) {
  Derating too_good = half_of_everything();
  too_good.gemm.fill(1.3);  // a measurement with hot caches
  too_good.hbm_bandwidth = 1.2;
  too_good.kernel_overhead = {};
  for (const Derating& d : {half_of_everything(), too_good}) {
    const auto t = times(d);
    for (const double m : {1.0, 7.0, 300.0}) {
      for (const NumberFormat f : {NumberFormat::kBf16, NumberFormat::kFp8, NumberFormat::kFp4}) {
        Operator op = gemm(m, 5, 9);
        op.format = f;
        const double bound =
            std::max(op.flops.base() / small_accelerator().peak(f).base(), op.bytes().base() / 10);
        EXPECT_GE(t->cost(op).time.base(), bound);
      }
    }
  }
}

TEST_P(OperatorTimeContract, TimeGrowsWithWork) {
  const auto t = times(half_of_everything());
  double last = 0;
  for (double m = 1; m < 1e4; m *= 1.7) {
    const double now = t->cost(gemm(m, 5, 9)).time.base();
    EXPECT_GT(now, last);
    last = now;
  }
}

INSTANTIATE_TEST_SUITE_P(Fidelities, OperatorTimeContract,
                         testing::Values(Fidelity::kRoofline, Fidelity::kDerated),
                         [](const auto& tested) {
                           return tested.param == Fidelity::kRoofline ? "Roofline" : "Derated";
                         });

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

TEST(AcceleratorTest, EveryCatalogueAcceleratorReadsWithItsDerating) {
  for (const std::string& name : project_catalog().entities("accelerators")) {
    const Accelerator a = read_accelerator(project_catalog(), name);
    EXPECT_GT(a.peak(NumberFormat::kBf16).base(), 0) << name;
    const Derating d = read_derating(project_catalog(), name);
    EXPECT_LE(d.gemm[0], 1) << name;
    EXPECT_EQ(d.facts.size(), 24u) << name;
  }
}

TEST(DeratingTest, OwnMeasurementComesBeforeTheDefault) {
  const Derating h200 = read_derating(project_catalog(), "h200_sxm");
  EXPECT_NEAR(h200.gemm[0], project_catalog().get_number("derating_h200_sxm", "gemm_bf16"), 1e-12);
  EXPECT_GT(h200.measured, 5);
  EXPECT_NEAR(h200.scale_out_bandwidth,
              project_catalog().get_number("derating_default", "scale_out_bandwidth"), 1e-12);
  EXPECT_EQ(read_derating(project_catalog(), "no_such_chip").measured, 0);
}

// Figures of data/chips.csv and data/fabrics.csv.
TEST(AcceleratorTest, AChipAloneHasTheLinksOfItsFabricAndNoItPower) {
  const Accelerator a = read_accelerator(project_catalog(), "l40s_chip");
  EXPECT_EQ(a.name, "l40s");
  EXPECT_NEAR(a.hbm_bandwidth.in(units::GB / units::second), 864, 1e-9);
  EXPECT_NEAR(a.scale_up_bandwidth.in(units::GB / units::second), 32, 1e-9);
  EXPECT_EQ(a.scale_up_domain, 8);
  EXPECT_NEAR(a.tdp.in(units::watt), 350, 1e-9);
  EXPECT_FALSE(a.it_power.has_value());
  EXPECT_THROW(read_accelerator(project_catalog(), "h100_chip"), InputError);  // it names h100_sxm
}

TEST(AcceleratorTest, IsFoundByItsNameOrThatOfItsSystem) {
  EXPECT_EQ(accelerator_entity(project_catalog(), "gb200"), "gb200_nvl72");
  EXPECT_EQ(accelerator_entity(project_catalog(), "h100"), "h100_sxm");
  EXPECT_EQ(accelerator_entity(project_catalog(), "h100_pcie"), "h100_pcie_chip");
  EXPECT_EQ(accelerator_entity(project_catalog(), "rtx_pro_6000"), "rtx_pro_6000_chip");
  EXPECT_THROW(accelerator_entity(project_catalog(), "llama_3_1_8b"), InputError);
}

TEST(AcceleratorTest, ReadingAModelIsAnInputError) {
  EXPECT_THROW(read_accelerator(project_catalog(), "deepseek_r1"), InputError);
}

}  // namespace
}  // namespace astrolabe::device
