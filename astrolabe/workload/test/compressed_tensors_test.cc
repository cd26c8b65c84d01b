#include <gtest/gtest.h>

#include <string>

#include "astrolabe/base/error.h"
#include "astrolabe/workload/config_reader.h"

namespace astrolabe::workload {
namespace {

const std::string kFp8Scheme =
    R"("weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
    "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true})";
const std::string kNvfp4Scheme =
    R"("weights": {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16},
    "input_activations": {"num_bits": 4, "type": "float", "group_size": 16, "dynamic": "local"})";
const std::string kInt4Scheme =
    R"("weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32},
    "input_activations": null)";

const std::string kDenseModel = R"("model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 4,
    "num_attention_heads": 4, "vocab_size": 100, "intermediate_size": 128)";
// One dense layer, then three mixtures with a shared expert, latent attention.
const std::string kMixtureModel = R"("model_type": "deepseek_v3", "hidden_size": 64,
    "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 100, "intermediate_size": 128,
    "q_lora_rank": 32, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
    "v_head_dim": 16, "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    "n_shared_experts": 1, "first_k_dense_replace": 1)";

std::string group(const std::string& name, const std::string& scheme, const std::string& targets) {
  return "\"" + name + "\": {" + scheme + ", \"targets\": [" + targets + "]}";
}

std::string config(const std::string& model, const std::string& groups, const std::string& ignore) {
  return "{\n" + model + ",\n\"quantization_config\": {\"quant_method\": \"compressed-tensors\"," +
         "\"format\": \"mixed-precision\", \"ignore\": [" + ignore + "],\n\"config_groups\": {" +
         groups + "}}}";
}

Precision precision(const std::string& model, const std::string& groups,
                    const std::string& ignore = R"("lm_head")") {
  return *parse_model_config(config(model, groups, ignore), "config.json").precision;
}

InputError error(const std::string& model, const std::string& groups,
                 const std::string& ignore = R"("lm_head")") {
  try {
    precision(model, groups, ignore);
  } catch (const InputError& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return InputError({}, "", "", "");
}

TEST(CompressedTensorsTest, AClassIsAllLinearLayersThatAreNotIgnored) {
  const Precision dense = precision(kDenseModel, group("group_0", kFp8Scheme, R"("Linear")"));
  EXPECT_EQ(dense.projections, GemmFormat::kFp8);
  EXPECT_EQ(dense.output_projection(), GemmFormat::kFp8);
  EXPECT_EQ(dense.ffn, GemmFormat::kFp8);
  EXPECT_EQ(dense.head, GemmFormat::kBf16);
}

// The lists of Kimi K2.5: routed experts alone are int4.
TEST(CompressedTensorsTest, IgnoredExpressionsStayInBf16) {
  const Precision p = precision(kMixtureModel, group("group_0", kInt4Scheme, R"("Linear")"),
                                R"("re:.*self_attn.*", "re:.*shared_experts.*",
         "re:.*mlp\\.(gate|up|gate_up|down)_proj.*", "re:.*lm_head.*", "re:vision_tower.*")");
  EXPECT_EQ(p.experts, GemmFormat::kInt4Weights);
  EXPECT_EQ(p.ffn, GemmFormat::kBf16);
  EXPECT_EQ(p.projections, GemmFormat::kBf16);
  EXPECT_FALSE(p.attention_out.has_value());
}

TEST(CompressedTensorsTest, GroupsOfDifferentFormats) {
  const Precision p = precision(
      kMixtureModel,
      group("group_0", kFp8Scheme, R"("re:.*self_attn\\.(q|kv)_.*", "re:.*shared_experts.*",
                                          "re:.*mlp\\.(gate|up|down)_proj$")") +
          "," + group("group_1", kNvfp4Scheme, R"("re:.*mlp\\.experts\\..*")"),
      R"("lm_head", "re:.*mlp\\.gate$")");
  EXPECT_EQ(p.projections, GemmFormat::kFp8);
  EXPECT_EQ(p.output_projection(), GemmFormat::kBf16);  // in no group
  EXPECT_EQ(p.ffn, GemmFormat::kFp8);
  EXPECT_EQ(p.experts, GemmFormat::kNvfp4);
}

// A name comes before the class, whatever the order of the groups.
TEST(CompressedTensorsTest, NamesComeBeforeTheClass) {
  const Precision p =
      precision(kDenseModel, group("group_0", kNvfp4Scheme, R"("Linear")") + "," +
                                 group("group_1", kFp8Scheme, R"("re:.*self_attn.*")"));
  EXPECT_EQ(p.projections, GemmFormat::kFp8);
  EXPECT_EQ(p.ffn, GemmFormat::kNvfp4);
}

TEST(CompressedTensorsTest, NamesOfEveryLayer) {
  std::string targets;
  for (int layer = 0; layer < 4; ++layer) {
    for (const char* name : {"gate_proj", "up_proj", "down_proj"}) {
      targets += (targets.empty() ? "\"model.layers." : ", \"model.layers.") +
                 std::to_string(layer) + ".mlp." + name + "\"";
    }
  }
  const Precision p = precision(kDenseModel, group("group_0", kFp8Scheme, targets));
  EXPECT_EQ(p.ffn, GemmFormat::kFp8);
  EXPECT_EQ(p.projections, GemmFormat::kBf16);
}

TEST(CompressedTensorsTest, FormatsOfOneKindThatDifferAreRefused) {
  const InputError e =
      error(kDenseModel,
            group("group_0", kFp8Scheme, R"("re:.*self_attn.*", "re:.*layers\\.3\\.mlp.*")") + "," +
                group("group_1", kNvfp4Scheme, R"("re:.*mlp.*")"));
  EXPECT_EQ(e.key(), "quantization_config.config_groups");
  EXPECT_EQ(e.given(), "dense or shared feed-forward parts in fp8 and nvfp4");
  EXPECT_EQ(
      error(kDenseModel, group("group_0", kFp8Scheme, R"("re:.*q_proj", "re:.*mlp.*")")).given(),
      "projections of attention in bf16 and fp8");
}

TEST(CompressedTensorsTest, WhatCannotBeMappedIsNamed) {
  const std::string all = R"("Linear")";
  InputError e =
      error(kDenseModel, group("group_0", R"("weights": {"num_bits": 3, "type": "int"})", all));
  EXPECT_EQ(e.key(), "quantization_config.config_groups.group_0");
  EXPECT_EQ(e.given(), "3-bit int");
  e = error(kDenseModel, group("g", R"("weights": {"num_bits": 4, "type": "int"},
      "input_activations": {"num_bits": 8, "type": "int"})",
                               all));
  EXPECT_EQ(e.given(), "4-bit int, activations 8-bit int");
  e = error(kDenseModel, group("g", kFp8Scheme, R"("re:.*block_of_wonder.*")"));
  EXPECT_EQ(e.key(), "quantization_config.config_groups.g.targets");
  EXPECT_EQ(e.given(), "re:.*block_of_wonder.*, which names no linear layer of the model");
  EXPECT_EQ(error(kDenseModel, group("g", kFp8Scheme, R"("re:(")")).given(), "re:(");
  EXPECT_EQ(error(kDenseModel, group("g", kFp8Scheme, all), "7").given(), "7");
  EXPECT_EQ(error(kDenseModel, group("g", kFp8Scheme, R"("Linear", "lm_head")"), "").given(),
            "lm_head in fp8");
  EXPECT_EQ(error(kDenseModel, R"("g": [])").key(), "quantization_config.config_groups.g");
  EXPECT_EQ(error(kDenseModel, R"("g": {"weights": 8})").given(), "8");
}

// Exponential where an expression is tried by going back.
TEST(CompressedTensorsTest, NoExpressionTakesForever) {
  EXPECT_EQ(error(kDenseModel, group("g", kFp8Scheme, R"("re:(.*.*)*(.*.*)*(.*.*)*x$")")).key(),
            "quantization_config.config_groups.g.targets");
}

}  // namespace
}  // namespace astrolabe::workload
