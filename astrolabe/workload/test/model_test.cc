#include "astrolabe/workload/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::workload {
namespace {

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

// Hidden 8, 2 heads of width 4, 1 KV head, ffn 16, vocabulary 10, 2 layers.
ModelArchitecture tiny_model() {
  ModelArchitecture m;
  m.hidden = 8;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 4;
  m.dense_ffn = 16;
  m.vocab = 10;
  m.n_full_attention = m.n_dense_ffn = 2;
  return m;
}

TEST(ModelTest, ParametersOfATinyModelByHand) {
  // Q 8x8, K and V 8x4 each, O 8x8.
  EXPECT_EQ(tiny_model().attention_parameters(), 64 + 2 * 32 + 64);
  EXPECT_EQ(tiny_model().dense_ffn_parameters(), 3 * 8 * 16);
  EXPECT_EQ(tiny_model().total_parameters(), 2 * 10 * 8 + 2 * (192 + 384));
  ModelArchitecture tied = tiny_model();
  tied.has_tied_embeddings = true;
  EXPECT_EQ(tied.total_parameters(), 10 * 8 + 2 * (192 + 384));
}

TEST(ModelTest, ExpertsCountOnceForTotalAndTopkForActive) {
  ModelArchitecture m = tiny_model();
  m.n_dense_ffn = 0;
  m.n_moe = 2;
  m.experts = 6;
  m.topk = 2;
  m.expert_ffn = 4;
  m.shared_ffn = 4;
  // An expert 3 x 8 x 4 = 96, the router 8 x 6 = 48.
  EXPECT_EQ(m.total_parameters(), 160 + 2 * (192 + 6 * 96 + 96 + 48));
  EXPECT_EQ(m.active_parameters(), 160 + 2 * (192 + 2 * 96 + 96 + 48));
}

// Columns params_total, params_active and kv_elems_per_token of the catalogue were computed from
// the same configurations by another program. MiMo-V2-Flash is 0.3 % (active 5.4 %) lower here,
// because its values are narrower than its keys (128 of 192), which that program did not know;
// gated delta nets differ by their two gate projections (0.15 %).
TEST(ModelTest, EveryCatalogueModelHasItsParametersAndCache) {
  int checked = 0;
  for (const std::string& name : project_catalog().entities("models")) {
    if (name == "nemotron_super_49b") continue;  // pruned: every layer has its own width
    const ModelArchitecture m = read_model(project_catalog(), name);
    if (const auto total = project_catalog().find_number(name, "params_total")) {
      const bool is_mimo = m.model_type == "mimo_v2_flash";
      EXPECT_NEAR(m.total_parameters() / *total, 1, is_mimo ? 3e-3 : 1.5e-3) << name;
      const double active = project_catalog().get_number(name, "params_active");
      EXPECT_NEAR(m.active_parameters() / active, 1, is_mimo ? 0.055 : 2e-3) << name;
      ++checked;
    }
    EXPECT_EQ(m.kv_elements_per_token(), project_catalog().get_number(name, "kv_elems_per_token"))
        << name;
    EXPECT_EQ(m.window_kv_elements_per_token(),
              project_catalog().find_number(name, "kv_elems_per_token_window").value_or(0))
        << name;
  }
  EXPECT_GE(checked, 38);
}

TEST(ModelTest, ModelsWithoutACountAreMarked) {
  EXPECT_TRUE(read_model(project_catalog(), "deepseek_r1").is_formula_confirmed);
  EXPECT_FALSE(read_model(project_catalog(), "deepseek_v4_pro").is_formula_confirmed);
}

TEST(ModelTest, DeepSeekR1CachesSeventyThousandBytesATokenInBf16) {
  // 61 layers x (512 + 64) elements x 2 bytes.
  const ModelArchitecture m = read_model(project_catalog(), "deepseek_r1");
  EXPECT_EQ(kv_bytes(m, {}, 1).in(units::byte), 70272);
}

TEST(ModelTest, Llama70bWeighsTwoBytesAParameterInBf16AndHalfThatInFp8) {
  const ModelArchitecture m = read_model(project_catalog(), "llama_3_1_70b");
  // Per layer 8192 x 64 x 128 x 2 + 2 x 8192 x 8 x 128 + 3 x 8192 x 28672; 128256 x 8192 x 2
  // outside.
  const double layers = 80 * (8192.0 * 64 * 128 * 2 + 2 * 8192.0 * 8 * 128 + 3 * 8192.0 * 28672);
  const double outside = 128256.0 * 8192 * 2;
  EXPECT_DOUBLE_EQ(weight_bytes(m, {}).in(units::byte), 2 * (layers + outside));
  const Precision fp8 = parse_precision("fp8", {"test", 1});
  EXPECT_DOUBLE_EQ(weight_bytes(m, fp8).in(units::byte), layers + 2 * outside);
}

TEST(ModelTest, WindowBoundsTheCacheAndStateDoesNotGrow) {
  ModelArchitecture m = tiny_model();
  m.n_full_attention = 0;
  m.n_window_attention = 1;
  m.window = 100;
  EXPECT_EQ(kv_bytes(m, {}, 50).in(units::byte), 50 * 2 * 4 * 2);
  EXPECT_EQ(kv_bytes(m, {}, 5000).in(units::byte), 100 * 2 * 4 * 2);
  m.n_window_attention = 0;
  m.n_linear = 3;
  m.mamba_heads = 2;
  m.mamba_head_dim = 4;
  m.mamba_state = 8;
  EXPECT_EQ(kv_bytes(m, {}, 10).in(units::byte), 3 * 2 * 4 * 8 * 4);
  EXPECT_EQ(kv_bytes(m, {}, 99999).in(units::byte), 3 * 2 * 4 * 8 * 4);
}

TEST(ModelTest, PrunedModelWithoutLayerWidthsIsAnInputError) {
  EXPECT_THROW(read_model(project_catalog(), "nemotron_super_49b"), InputError);
}

TEST(ModelTest, ReadingSomethingElseIsAnInputError) {
  EXPECT_THROW(read_model(project_catalog(), "h200_sxm"), InputError);
  EXPECT_THROW(read_model(project_catalog(), "deepseek_r9"), InputError);
}

TEST(NumberFormatTest, Fp4CarriesAScaleForSixteenElements) {
  EXPECT_EQ(bytes_per_element(NumberFormat::kFp4).in(units::byte), 0.5 + 1.0 / 16);
  EXPECT_EQ(bytes_per_element(NumberFormat::kFp8).in(units::byte), 1);
}

TEST(NumberFormatTest, UnknownPrecisionNamesTheAllowedOnes) {
  try {
    parse_precision("fp16", {"scenario.toml", 7});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_EQ(e.where().line, 7);
    EXPECT_EQ(e.given(), "fp16");
  }
}

}  // namespace
}  // namespace astrolabe::workload
