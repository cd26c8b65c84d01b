#include "astrolabe/workload/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::workload {
namespace {

const catalog::Catalog& models_catalog() {
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

// Where the digest's own formula does not hold, and by how much of its figure ours differs.
struct Deviation {
  const char* model;
  double total, active, kv, window_kv;  // ours over the digest's, at most; 1 where equal
  const char* why;
};
constexpr Deviation kDeviations[] = {
    {"mimo_v2_flash", 0.003, 0.041, 1, 2,
     "values narrower than keys (128 of 192); windowed layers have 8 KV heads, not 4"},
    {"gemma_4_26b_a4b", 0, 0, 0.5, 1,
     "full layers have 2 KV heads of width 512, not 8 of 256; the digest counts no parameters"},
    {"minimax_m3", 0.002, 0.03, 1, 1, "dense layers are 12288 wide; an indexer on 57 layers"},
    {"deepseek_v4_flash", 0, 0, 0, 0, "compressed cache"},
    {"deepseek_v4_pro", 0, 0, 0, 0, "compressed cache"},
    {"nemotron_super_49b", 0, 0, 49 * 8 / (80 * 64.0), 1,
     "49 of 80 blocks attend, with 8 KV heads, not 64"},
};

const Deviation* find_deviation(const std::string& name) {
  for (const Deviation& d : kDeviations) {
    if (name == d.model) return &d;
  }
  return nullptr;
}

// Columns params_total, params_active and kv_elems_per_token of the catalogue were computed from
// the same configurations by another program. Gated delta nets differ by their two gate
// projections (0.15 %).
TEST(ModelTest, EveryCatalogueModelHasItsParametersAndCache) {
  const catalog::Catalog& facts = models_catalog();
  int counted = 0, cached = 0;
  for (const std::string& name : facts.entities("models")) {
    const ModelArchitecture m = read_model(facts, name);
    const Deviation* known = find_deviation(name);
    if (const auto total = facts.find_number(name, "params_total")) {
      EXPECT_NEAR(m.total_parameters() / *total, 1, known ? known->total : 1.5e-3) << name;
      EXPECT_NEAR(m.active_parameters() / facts.get_number(name, "params_active"), 1,
                  known ? known->active : 2e-3)
          << name;
      ++counted;
    }
    if (m.attention == AttentionKind::kCompressed) continue;
    EXPECT_DOUBLE_EQ(m.kv_elements_per_token(),
                     (known ? known->kv : 1) * facts.get_number(name, "kv_elems_per_token"))
        << name;
    EXPECT_EQ(m.window_kv_elements_per_token(),
              (known ? known->window_kv : 1) *
                  facts.find_number(name, "kv_elems_per_token_window").value_or(0))
        << name;
    ++cached;
  }
  EXPECT_EQ(counted, 55);
  EXPECT_EQ(cached, 59);
}

// Against the vendors' own figures, which round to the billion and sometimes count the prediction
// layers (DeepSeek-V3.2 and V4) or a vision tower.
TEST(ModelTest, TotalsAgreeWithTheVendors) {
  const catalog::Catalog& facts = models_catalog();
  int compared = 0;
  for (const std::string& name : facts.entities("models")) {
    const auto published = facts.find_number(name, "published_total");
    if (!published) continue;
    const ModelArchitecture m = read_model(facts, name);
    const double least = m.total_parameters(), most = least + m.mtp_parameters();
    EXPECT_GT(*published, 0.985 * least) << name;
    EXPECT_LT(*published, 1.015 * most + (name == "gemma_4_26b_a4b" ? 0.5e9 : 0)) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 52);
}

// Against counts of every parameter of a checkpoint: only norms and biases are missing.
TEST(ModelTest, TotalsAgreeWithCountsOfTheCheckpoints) {
  const catalog::Catalog& facts = models_catalog();
  int compared = 0;
  for (const std::string& name : facts.entities("models")) {
    const catalog::Fact* published = facts.find_fact(name, "published_total");
    if (published == nullptr ||
        (published->source != "hub_checkpoint_counts" && published->source != "bloom_card")) {
      continue;
    }
    const double ours = read_model(facts, name).total_parameters() / *published->value;
    EXPECT_LE(ours, 1.00005) << name;
    EXPECT_GE(ours, 1 - 3e-4) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 14);
}

TEST(ModelTest, HybridOfMambaAndAttentionByHand) {
  // NVIDIA-Nemotron-Nano-9B-v2: 27 Mamba-2 layers of 128 heads of 80 with 8 groups of 128, 25 of
  // squared ReLU, 4 of attention with 8 KV heads. The checkpoint has 8,888,227,328 parameters;
  // without norms, convolutions and the vectors of the heads it has these.
  const ModelArchitecture m = read_model(models_catalog(), "nemotron_nano_9b_v2");
  const double inner = 128 * 80, mamba = 4480 * (2 * inner + 2 * 8 * 128 + 128) + inner * 4480;
  const double attention = 2 * 4480.0 * 40 * 128 + 2 * 4480.0 * 8 * 128;
  EXPECT_EQ(m.total_parameters(),
            27 * mamba + 25 * 2 * 4480.0 * 15680 + 4 * attention + 2 * 131072.0 * 4480);
  const double vectors = 27 * (4 * 12288 + 12288 + 3 * 128 + 10240) + 57 * 4480;
  EXPECT_EQ(m.total_parameters() + vectors, 8888227328);
  EXPECT_FALSE(m.has_rotary);
}

TEST(ModelTest, BloomHasTwoMatricesAndItsCheckpointsParameters) {
  // A layer: norms 4 h, biases 3 h + h + 4 h + h; outside norms of the embedding and the end.
  const ModelArchitecture m = read_model(models_catalog(), "bloom_176b");
  const double h = 14336;
  EXPECT_EQ(m.total_parameters(), 250880 * h + 70 * 12 * h * h);
  EXPECT_EQ(m.total_parameters() + 70 * 13 * h + 4 * h, 176247271424);
  EXPECT_EQ(m.kv_elements_per_token(), 70 * 2 * h);
  EXPECT_FALSE(m.has_gated_ffn);
  EXPECT_FALSE(m.has_rotary);
}

// The card of K3 says 2.8 T parameters, 104 B active; we count the input embedding in.
TEST(ModelTest, KimiDeltaAttentionGivesTheActiveParametersOfK3) {
  const ModelArchitecture m = read_model(models_catalog(), "kimi_k3");
  EXPECT_NEAR(m.active_parameters(), 104e9 + 163840.0 * 7168, 1.5e9);
  EXPECT_NEAR(m.total_parameters(), 2800e9, 0.01 * 2800e9);
}

TEST(ModelTest, CompressedAttentionByHand) {
  const ModelArchitecture m = read_model(models_catalog(), "deepseek_v4_flash");
  // Down and up for queries, one key-value head, grouped output; compressors 2 x h x 512 on every
  // compressed layer and once more on the 21 of ratio 4.
  const double core =
      4096 * 1024 + 1024 * 64 * 512 + 4096 * 512.0 + 64 * 512 * 1024.0 + 8 * 1024 * 4096.0;
  const double compressors = 2 * 4096 * 512 * (41 + 21.0);
  const double indexers = 21 * (1024 * 64 * 128 + 4 * 4096 * 128.0 + 4096 * 64);
  EXPECT_NEAR(m.mixer_parameters(), 43 * core + compressors + indexers, 1);
  // 512 elements for 4 tokens on 21 layers and for 128 on 20; a window of 128 on all 43.
  const double elements = 512 * (21 / 4.0 + 20 / 128.0) * 8192 + 512 * 43 * 128.0;
  const double keys = 128 * 21 / 4.0 * 8192;
  EXPECT_NEAR(kv_bytes(m, {}, 8192).in(units::byte), 2 * elements + keys, 1);
}

TEST(ModelTest, PredictionLayerOfDeepSeekIsFourteenBillion) {
  // DeepSeek-V3's card: 671 B of the main model and 14 B of the prediction module, which counts
  // the shared embedding and head (1.85 B) in.
  const ModelArchitecture m = read_model(models_catalog(), "deepseek_v3");
  EXPECT_NEAR(m.mtp_parameters() + m.embedding_parameters(), 14e9, 0.6e9);
}

TEST(ModelTest, ModelsWithoutACountAreMarked) {
  EXPECT_TRUE(read_model(models_catalog(), "deepseek_r1").is_formula_confirmed);
  EXPECT_FALSE(read_model(models_catalog(), "deepseek_v4_pro").is_formula_confirmed);
}

TEST(ModelTest, DeepSeekR1CachesSeventyThousandBytesATokenInBf16) {
  // 61 layers x (512 + 64) elements x 2 bytes.
  const ModelArchitecture m = read_model(models_catalog(), "deepseek_r1");
  EXPECT_EQ(kv_bytes(m, {}, 1).in(units::byte), 70272);
}

TEST(ModelTest, Llama70bWeighsTwoBytesAParameterInBf16AndHalfThatInFp8) {
  const ModelArchitecture m = read_model(models_catalog(), "llama_3_1_70b");
  // Per layer 8192 x 64 x 128 x 2 + 2 x 8192 x 8 x 128 + 3 x 8192 x 28672; 128256 x 8192 x 2
  // outside.
  const double layers = 80 * (8192.0 * 64 * 128 * 2 + 2 * 8192.0 * 8 * 128 + 3 * 8192.0 * 28672);
  const double outside = 128256.0 * 8192 * 2;
  EXPECT_DOUBLE_EQ(weight_bytes(m, {}).in(units::byte), 2 * (layers + outside));
  const Precision fp8 = parse_precision("fp8", {"test", 1});
  EXPECT_DOUBLE_EQ(weight_bytes(m, fp8).in(units::byte), layers + 2 * outside);
}

TEST(ModelTest, OutputProjectionsMayHaveTheirOwnFormat) {
  // DeepSeek-R1: 61 layers of 128 heads x 128 values x 7168, an fp4 element 0.5625 bytes for 2.
  const ModelArchitecture m = read_model(models_catalog(), "deepseek_r1");
  const double outputs = 61 * 128.0 * 128 * 7168;
  EXPECT_EQ(m.output_parameters(), outputs);
  Precision p;
  p.attention_out = GemmFormat::kNvfp4;
  EXPECT_NEAR((weight_bytes(m, {}) - weight_bytes(m, p)).in(units::byte), outputs * (2 - 0.5625),
              1e-3);
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

TEST(ModelTest, PrunedModelHasTheMeanWidthOfItsBlocks) {
  const ModelArchitecture m = read_model(models_catalog(), "nemotron_super_49b");
  const double attention = 49 * (2 * 8192.0 * 8192 + 2 * 8192.0 * 1024);
  const double widths = 49 * 28672.0 + 17920 + 6 * 14336 + 10 * 7168 + 8 * 5632 + 6 * 2816;
  EXPECT_NEAR(m.total_parameters(), attention + 3 * 8192 * widths + 2 * 128256.0 * 8192, 1);
  EXPECT_EQ(m.n_layers(), 80);
}

TEST(ModelTest, ValuesThatAreKeysAreProjectedOnce) {
  ModelArchitecture m = tiny_model();
  m.has_values_as_keys = true;
  EXPECT_EQ(m.attention_parameters(), 64 + 32 + 64);
  EXPECT_EQ(m.kv_elements_per_layer(), 2 * 4);  // both are still cached
}

TEST(ModelTest, WindowedLayersMayHaveOtherHeads) {
  ModelArchitecture m = tiny_model();
  m.n_window_attention = 3;
  m.window = 4;
  m.window_kv_heads = 2;
  m.window_head_dim = 3;
  m.window_value_dim = 2;
  EXPECT_EQ(m.window_attention_parameters(), 8 * 2 * 3 + 8 * 2 * (3 + 2) + 2 * 2 * 8);
  EXPECT_EQ(m.window_kv_elements_per_token(), 3 * 2 * 2 * 3);
  EXPECT_EQ(m.kv_elements_per_token(), 2 * 2 * 4);
}

TEST(ModelTest, ReadingSomethingElseIsAnInputError) {
  EXPECT_THROW(read_model(models_catalog(), "h200_sxm"), InputError);
  EXPECT_THROW(read_model(models_catalog(), "deepseek_r9"), InputError);
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
