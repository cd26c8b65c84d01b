#include "astrolabe/workload/config_reader.h"

#include <gtest/gtest.h>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::workload {
namespace {

const catalog::Catalog& project_catalog() {
  static const catalog::Catalog catalog =
      catalog::Catalog::load(std::string(ASTROLABE_SOURCE_DIR) + "/data");
  return catalog;
}

// The dimensions below are those of the published configurations; the catalogue has them from
// another reading of the same files.
void expect_as_in_the_catalogue(const char* config, const char* entity) {
  const ModelArchitecture read = parse_model_config(config, "config.json").model;
  const ModelArchitecture listed = read_model(project_catalog(), entity);
  EXPECT_DOUBLE_EQ(read.total_parameters(), listed.total_parameters()) << entity;
  EXPECT_DOUBLE_EQ(read.active_parameters(), listed.active_parameters()) << entity;
  EXPECT_DOUBLE_EQ(read.mtp_parameters(), listed.mtp_parameters()) << entity;
  EXPECT_DOUBLE_EQ(kv_bytes(read, {}, 10000).base(), kv_bytes(listed, {}, 10000).base()) << entity;
  EXPECT_EQ(read.n_layers(), listed.n_layers()) << entity;
  EXPECT_EQ(read.has_qk_norm, listed.has_qk_norm) << entity;
  EXPECT_EQ(read.has_rotary, listed.has_rotary) << entity;
}

TEST(ConfigReaderTest, DenseModels) {
  expect_as_in_the_catalogue(R"({"model_type": "llama", "hidden_size": 8192,
    "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": false})",
                             "llama_3_1_70b");
  expect_as_in_the_catalogue(R"({"model_type": "qwen3", "hidden_size": 1024, "head_dim": 128,
    "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "vocab_size": 151936, "tie_word_embeddings": true,
    "sliding_window": null, "use_sliding_window": false})",
                             "qwen3_0_6b");
  expect_as_in_the_catalogue(R"({"model_type": "qwen3", "hidden_size": 5120, "head_dim": 128,
    "intermediate_size": 17408, "num_hidden_layers": 40, "num_attention_heads": 40,
    "num_key_value_heads": 8, "vocab_size": 151936, "tie_word_embeddings": false,
    "sliding_window": null, "max_window_layers": 40, "use_sliding_window": false})",
                             "qwen3_14b");
  expect_as_in_the_catalogue(R"({"model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 32, "vocab_size": 32000, "tie_word_embeddings": false})",
                             "llama_2_7b");
  expect_as_in_the_catalogue(R"({"model_type": "phi3", "hidden_size": 5120,
    "intermediate_size": 17920, "num_hidden_layers": 40, "num_attention_heads": 40,
    "num_key_value_heads": 10, "vocab_size": 100352, "tie_word_embeddings": false,
    "sliding_window": null})",
                             "phi_4");
  expect_as_in_the_catalogue(R"({"model_type": "mistral", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 32000, "tie_word_embeddings": false,
    "sliding_window": 4096})",
                             "mistral_7b_v0_1");
}

// Names of its own, no width of the feed-forward part (four times the hidden one), tied.
TEST(ConfigReaderTest, Bloom) {
  const char* const config = R"({"model_type": "bloom", "n_embed": 14336, "n_layer": 70,
    "num_attention_heads": 112, "n_inner": null, "vocab_size": 250880})";
  expect_as_in_the_catalogue(config, "bloom_176b");
  const ModelArchitecture m = parse_model_config(config, "config.json").model;
  EXPECT_FALSE(m.has_gated_ffn);
  EXPECT_FALSE(m.has_rotary);
  EXPECT_EQ(m.dense_ffn, 57344);
  const char* const given = R"({"model_type": "bloom", "hidden_size": 64, "n_layer": 2,
    "n_head": 8, "n_inner": 100, "vocab_size": 1000})";
  EXPECT_EQ(parse_model_config(given, "config.json").model.dense_ffn, 100);
}

TEST(ConfigReaderTest, MixturesOfExperts) {
  expect_as_in_the_catalogue(R"({"model_type": "mixtral", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 32000, "num_local_experts": 8,
    "num_experts_per_tok": 2, "sliding_window": null})",
                             "mixtral_8x7b");
  expect_as_in_the_catalogue(R"({"model_type": "qwen3_moe", "hidden_size": 4096, "head_dim": 128,
    "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_hidden_layers": 94,
    "num_attention_heads": 64, "num_key_value_heads": 4, "vocab_size": 151936,
    "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "tie_word_embeddings": false})",
                             "qwen3_235b_a22b");
  expect_as_in_the_catalogue(R"({"model_type": "gpt_oss", "hidden_size": 2880, "head_dim": 64,
    "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
    "num_key_value_heads": 8, "vocab_size": 201088, "num_local_experts": 128,
    "num_experts_per_tok": 4, "sliding_window": 128})",
                             "gpt_oss_120b");
}

TEST(ConfigReaderTest, LanguageModelInsideAMultimodalOne) {
  expect_as_in_the_catalogue(R"({"model_type": "llama4", "text_config": {
    "attention_chunk_size": 8192, "head_dim": 128, "hidden_size": 5120,
    "interleave_moe_layer_step": 2, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
    "model_type": "llama4_text", "num_attention_heads": 40, "num_experts_per_tok": 1,
    "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 128,
    "vocab_size": 202048}, "vision_config": {"hidden_size": 1408, "num_hidden_layers": 34}})",
                             "llama_4_maverick");
  // As published: without the vocabulary, the tied embeddings and the pattern of the windows.
  expect_as_in_the_catalogue(R"({"model_type": "gemma3", "image_token_index": 262144,
    "text_config": {"head_dim": 128, "hidden_size": 5376, "intermediate_size": 21504,
    "model_type": "gemma3_text", "num_attention_heads": 32, "num_hidden_layers": 62,
    "num_key_value_heads": 16, "sliding_window": 1024},
    "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27}})",
                             "gemma_3_27b");
}

TEST(ConfigReaderTest, LatentAndSparseAttention) {
  expect_as_in_the_catalogue(R"({"model_type": "deepseek_v3", "hidden_size": 7168,
    "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
    "num_attention_heads": 128, "num_key_value_heads": 128, "vocab_size": 129280,
    "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
    "first_k_dense_replace": 3, "q_lora_rank": 1536, "kv_lora_rank": 512,
    "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    "num_nextn_predict_layers": 1})",
                             "deepseek_v3");
  expect_as_in_the_catalogue(R"({"model_type": "glm_moe_dsa", "hidden_size": 6144,
    "intermediate_size": 12288, "moe_intermediate_size": 2048, "num_hidden_layers": 78,
    "num_attention_heads": 64, "vocab_size": 154880, "n_routed_experts": 256,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3,
    "q_lora_rank": 2048, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 192,
    "v_head_dim": 256, "index_topk": 2048, "index_n_heads": 32, "index_head_dim": 128,
    "num_nextn_predict_layers": 1})",
                             "glm_5");
}

TEST(ConfigReaderTest, WindowsWithHeadsOfTheirOwn) {
  expect_as_in_the_catalogue(R"({"model_type": "mimo_v2_flash", "hidden_size": 4096,
    "num_hidden_layers": 48, "vocab_size": 152576, "num_attention_heads": 64,
    "num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128, "swa_num_attention_heads": 64,
    "swa_num_key_value_heads": 8, "swa_head_dim": 192, "swa_v_head_dim": 128,
    "sliding_window_size": 128, "hybrid_layer_pattern": [0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1,
    1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1,
    1, 0], "moe_layer_freq": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
    "intermediate_size": 16384, "tie_word_embeddings": false})",
                             "mimo_v2_flash");
  expect_as_in_the_catalogue(R"({"model_type": "gemma4", "text_config": {
    "model_type": "gemma4_text", "hidden_size": 2816, "intermediate_size": 2112,
    "moe_intermediate_size": 704, "num_hidden_layers": 30, "num_attention_heads": 16,
    "num_key_value_heads": 8, "num_global_key_value_heads": 2, "head_dim": 256,
    "global_head_dim": 512, "attention_k_eq_v": true, "enable_moe_block": true,
    "num_experts": 128, "top_k_experts": 8, "sliding_window": 1024, "vocab_size": 262144,
    "sliding_window_pattern": 6}})",
                             "gemma_4_26b_a4b");
}

TEST(ConfigReaderTest, LinearAttention) {
  expect_as_in_the_catalogue(R"({"model_type": "qwen3_5_moe", "text_config": {
    "model_type": "qwen3_5_moe_text", "attn_output_gate": true, "full_attention_interval": 4,
    "head_dim": 256, "hidden_size": 4096, "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 64,
    "linear_value_head_dim": 128, "moe_intermediate_size": 1024, "mtp_num_hidden_layers": 1,
    "num_attention_heads": 32, "num_experts": 512, "num_experts_per_tok": 10,
    "num_hidden_layers": 60, "num_key_value_heads": 2, "shared_expert_intermediate_size": 1024,
    "vocab_size": 248320}, "tie_word_embeddings": false})",
                             "qwen3_5_397b_a17b");
  std::string kda;
  for (int layer = 1; layer <= 92; ++layer) {
    if (layer % 4 != 0) kda += (kda.empty() ? "" : ", ") + std::to_string(layer);
  }
  const std::string kimi = R"({"model_type": "kimi_k3", "text_config": {
    "model_type": "kimi_linear", "hidden_size": 7168, "num_hidden_layers": 93,
    "num_attention_heads": 96, "vocab_size": 163840, "intermediate_size": 33792,
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "num_experts": 896, "num_experts_per_token": 16, "num_shared_experts": 2,
    "moe_intermediate_size": 3072, "routed_expert_hidden_size": 3584, "first_k_dense_replace": 1,
    "mla_use_output_gate": true, "linear_attn_config": {"num_heads": 96, "head_dim": 128,
    "short_conv_kernel_size": 4, "use_full_rank_gate": true, "kda_layers": [)" +
                           kda + "]}}}";
  expect_as_in_the_catalogue(kimi.c_str(), "kimi_k3");
}

TEST(ConfigReaderTest, StateSpaceHybrid) {
  // 23 M, 23 E and 6 *, in an order that does not matter here.
  std::string pattern = "******";
  for (int i = 0; i < 23; ++i) pattern += "ME";
  const std::string config = R"({"model_type": "nemotron_h", "hidden_size": 2688,
    "num_hidden_layers": 52, "num_attention_heads": 32, "num_key_value_heads": 2,
    "head_dim": 128, "vocab_size": 131072, "mamba_num_heads": 64, "mamba_head_dim": 64,
    "ssm_state_size": 128, "n_groups": 8, "n_routed_experts": 128, "num_experts_per_tok": 6,
    "n_shared_experts": 1, "moe_intermediate_size": 1856,
    "moe_shared_expert_intermediate_size": 3712, "mlp_hidden_act": "relu2",
    "hybrid_override_pattern": ")" +
                             pattern + "\"}";
  expect_as_in_the_catalogue(config.c_str(), "nemotron_3_nano_30b_a3b");
  const char* const dense = R"({"model_type": "nemotron_h", "hidden_size": 5120,
    "num_hidden_layers": 62, "num_attention_heads": 40, "num_key_value_heads": 8,
    "head_dim": 128, "intermediate_size": 20480, "vocab_size": 131072, "mamba_num_heads": 128,
    "mamba_head_dim": 80, "ssm_state_size": 128, "n_groups": 8, "mlp_hidden_act": "relu2",
    "hybrid_override_pattern": "M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M*-M-M-M-M-"})";
  expect_as_in_the_catalogue(dense, "nemotron_nano_12b_v2");
  EXPECT_FALSE(parse_model_config(dense, "config.json").model.has_rotary);
}

TEST(ConfigReaderTest, CompressedAttention) {
  std::string ratios = "0, 0";
  for (int layer = 2; layer < 43; ++layer) ratios += layer % 2 == 0 ? ", 4" : ", 128";
  const std::string config = R"({"model_type": "deepseek_v4", "head_dim": 512,
    "hidden_size": 4096, "index_head_dim": 128, "index_n_heads": 64, "index_topk": 512,
    "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_attention_heads": 64, "num_experts_per_tok": 6, "num_hidden_layers": 43,
    "num_key_value_heads": 1, "num_nextn_predict_layers": 1, "o_groups": 8, "o_lora_rank": 1024,
    "q_lora_rank": 1024, "qk_rope_head_dim": 64, "sliding_window": 128,
    "vocab_size": 129280, "compress_ratios": [)" +
                             ratios + ", 0]}";
  expect_as_in_the_catalogue(config.c_str(), "deepseek_v4_flash");
}

TEST(ConfigReaderTest, PrunedBlocks) {
  // Two blocks: attention of 8 / 4 KV heads and a part 2 x 2 x 768 / 3 = 1024 wide; no attention
  // and 2 x 0.5 x 768 / 3 = 256.
  const ModelArchitecture m = parse_model_config(R"({"model_type": "nemotron-nas",
    "hidden_size": 768, "num_hidden_layers": 2, "num_attention_heads": 8,
    "num_key_value_heads": null, "intermediate_size": null, "vocab_size": 1000, "block_configs": [
    {"attention": {"n_heads_in_group": 4, "no_op": false}, "ffn": {"ffn_mult": 2.0}},
    {"attention": {"n_heads_in_group": null, "no_op": true}, "ffn": {"ffn_mult": 0.5}}]})",
                                                 "config.json")
                                  .model;
  EXPECT_EQ(m.n_full_attention, 1);
  EXPECT_EQ(m.kv_heads, 2);
  EXPECT_EQ(m.n_dense_ffn, 2);
  EXPECT_EQ(m.dense_ffn, (1024 + 256) / 2);
}

TEST(ConfigReaderTest, PrecisionOfTheCheckpoint) {
  const auto precision = [](const std::string& quantization, const std::string& experts) {
    return parse_model_config(
               R"({"model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 100, "intermediate_size": 128)" +
                   experts + R"(, "quantization_config": )" + quantization + "}",
               "config.json")
        .precision;
  };
  const std::string mixture =
      R"(, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32)";
  EXPECT_EQ(precision(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", "")->ffn,
            GemmFormat::kFp8Block);
  EXPECT_EQ(precision(R"({"quant_method": "awq"})", "")->ffn, GemmFormat::kInt4Weights);
  const auto oss = precision(R"({"quant_method": "mxfp4"})", mixture);
  EXPECT_EQ(oss->experts, GemmFormat::kMxfp4Weights);
  EXPECT_EQ(oss->projections, GemmFormat::kBf16);
  EXPECT_EQ(precision(R"({"quant_method": "gptq", "bits": 8})", "")->ffn, GemmFormat::kInt8Weights);
  EXPECT_EQ(precision(R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
      "config_groups": {"group_0": {"weights": {"num_bits": 4}}}})",
                      "")
                ->ffn,
            GemmFormat::kInt4Weights);
  EXPECT_FALSE(precision("null", "").has_value());
}

// What is wrong, where, and what is allowed.
InputError error_of(const std::string& config) {
  try {
    parse_model_config(config, "config.json");
  } catch (const InputError& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return InputError({}, "", "", "");
}

const std::string kSmall =
    "{\n\"model_type\": \"llama\",\n\"hidden_size\": 64,\n\"num_hidden_layers\": 2,\n"
    "\"num_attention_heads\": 4,\n\"vocab_size\": 100,\n\"intermediate_size\": 128\n}\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(ConfigReaderTest, QuantizationThatIsNotKnownIsNamed) {
  const auto error = [](const std::string& quantization) {
    return error_of(replaced(kSmall, "\"vocab_size\"",
                             "\"quantization_config\": " + quantization + ",\n\"vocab_size\""));
  };
  for (const char* method : {"bananas", "gguf", "bitsandbytes"}) {
    const InputError e = error(std::string("{\"quant_method\": \"") + method + "\"}");
    EXPECT_EQ(e.key(), "quantization_config.quant_method");
    EXPECT_EQ(e.where().text(), "config.json:6");
    EXPECT_EQ(e.given(), method);
    EXPECT_NE(e.allowed().find("compressed-tensors"), std::string::npos);
  }
  EXPECT_EQ(error(R"({"quant_method": "awq", "bits": 3})").given(), "awq, bits 3");
  EXPECT_EQ(error(R"({"quant_method": "gptq"})").given(), "gptq");
  EXPECT_EQ(error(R"({"quant_method": "modelopt", "quant_algo": "W4"})").given(),
            "modelopt, quant_algo W4");
  EXPECT_EQ(error(R"({"quant_method": "compressed-tensors", "format": "pack-quantized"})").given(),
            "compressed-tensors, format pack-quantized");
  EXPECT_EQ(error("{}").given(), "no quant_method");
  EXPECT_EQ(error("\"fp8\"").key(), "quantization_config");
}

TEST(ConfigReaderTest, UnknownArchitectureIsNamedWithItsLine) {
  const InputError e = error_of(replaced(kSmall, "\"llama\"", "\"brand_new\""));
  EXPECT_EQ(e.where().text(), "config.json:2");
  EXPECT_EQ(e.key(), "model_type");
  EXPECT_NE(e.allowed().find("deepseek_v3"), std::string::npos);
  // A name that only begins like a known one is another architecture.
  EXPECT_EQ(error_of(replaced(kSmall, "\"llama\"", "\"gemma3n_text\"")).key(), "model_type");
}

TEST(ConfigReaderTest, MissingKeyIsNamedWithItsMeaning) {
  const InputError e = error_of(replaced(kSmall, ",\n\"intermediate_size\": 128", ""));
  EXPECT_EQ(e.key(), "intermediate_size");
  EXPECT_NE(e.allowed().find("feed-forward"), std::string::npos);
  EXPECT_NE(e.given().find("llama"), std::string::npos);
}

TEST(ConfigReaderTest, ValuesThatMakeNoSenseHaveALine) {
  for (const char* value : {"-4", "0", "\"four\"", "[4]", "1e12", "2.5"}) {
    const InputError e =
        error_of(replaced(kSmall, "_heads\": 4", std::string("_heads\": ") + value));
    EXPECT_EQ(e.where().text(), "config.json:5") << value;
    EXPECT_EQ(e.key(), "num_attention_heads") << value;
  }
}

TEST(ConfigReaderTest, TheLineIsThatOfTheNestedKey) {
  const InputError e =
      error_of("{\"model_type\": \"llava\", \"hidden_size\": 3,\n\"text_config\": " +
               replaced(kSmall, "\"hidden_size\": 64", "\"hidden_size\": \"wide\"") + "}");
  EXPECT_EQ(e.where().text(), "config.json:4");
}

TEST(ConfigReaderTest, WhatIsNoJsonObjectIsRefused) {
  EXPECT_EQ(error_of("").given(), "an empty file");
  EXPECT_EQ(error_of("{\n\"a\": 1,\n").where().line, 3);
  EXPECT_EQ(error_of("[1, 2]").allowed(), "a JSON object");
  EXPECT_EQ(error_of(std::string(100000, '[')).key(), "config");
  EXPECT_EQ(error_of("{}").key(), "model_type");
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_EQ(error_of("{\"model_type\": " + deep + "}").given(), "values nested deeper than 32");
}

TEST(ConfigReaderTest, LayerKindThatIsNotKnownIsNamed) {
  const InputError e = error_of(replaced(
      kSmall, "\"vocab_size\"", "\"layer_types\": [\"full_attention\", \"warp\"], \"vocab_size\""));
  EXPECT_EQ(e.key(), "layer_types[1]");
  EXPECT_EQ(e.given(), "warp");
}

const std::string kSmallDeepSeek = R"({"model_type": "deepseek_v3", "hidden_size": 64,
"intermediate_size": 128, "moe_intermediate_size": 32, "num_hidden_layers": 4,
"num_attention_heads": 4, "vocab_size": 100, "n_routed_experts": 8, "num_experts_per_tok": 2,
"first_k_dense_replace": 1, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8,
"v_head_dim": 8})";
const std::string kSmallQwen = R"({"model_type": "qwen3_moe", "hidden_size": 64,
"intermediate_size": 128, "moe_intermediate_size": 32, "num_hidden_layers": 4,
"num_attention_heads": 4, "vocab_size": 100, "num_experts": 8, "num_experts_per_tok": 2})";

TEST(ConfigReaderTest, KeysOfAMixtureAreNotGuessed) {
  const auto missing = [](const std::string& config, const std::string& pair) {
    const InputError e = error_of(replaced(config, pair + ",", ""));
    EXPECT_EQ(e.given().substr(0, 9), "nothing (") << pair;
    return e.key();
  };
  const auto kLatent = R"("kv_lora_rank": 16)", kDense = R"("first_k_dense_replace": 1)";
  const auto kRouted = R"("n_routed_experts": 8)", kWidth = R"("moe_intermediate_size": 32)";
  EXPECT_EQ(missing(kSmallDeepSeek, kLatent), "kv_lora_rank");
  EXPECT_EQ(missing(kSmallDeepSeek, kDense), "first_k_dense_replace");
  EXPECT_EQ(missing(kSmallDeepSeek, kRouted), "n_routed_experts");
  EXPECT_EQ(missing(kSmallDeepSeek, kWidth), "moe_intermediate_size");
  EXPECT_EQ(missing(kSmallQwen, kWidth), "moe_intermediate_size");
  EXPECT_EQ(missing(kSmallQwen, R"("num_experts": 8)"), "n_routed_experts");
  for (const char* few : {R"("n_routed_experts": 0)", R"("n_routed_experts": 1)"}) {
    const InputError e = error_of(replaced(kSmallDeepSeek, kRouted, few));
    EXPECT_EQ(e.where().text(), "config.json:3");
    EXPECT_EQ(e.key(), "n_routed_experts");
    EXPECT_EQ(e.allowed(), "at least 2 experts");
  }
}

TEST(ConfigReaderTest, WhichLayersAreMixtures) {
  const auto with = [](const std::string& config, const std::string& pair) {
    return replaced(config, "\"vocab_size\"", pair + ", \"vocab_size\"");
  };
  for (const char* bad : {"2", "\"all\"", "[1, 1]", "[0, 1, 2, 1]"}) {
    const std::string pair = std::string("\"moe_layer_freq\": ") + bad;
    EXPECT_EQ(error_of(with(kSmallDeepSeek, pair)).key(), "moe_layer_freq") << bad;
  }
  for (const char* bad : {"[4]", "[-1]", "[1.5]", "[\"1\"]", "2"}) {
    const std::string pair = std::string("\"mlp_only_layers\": ") + bad;
    EXPECT_EQ(error_of(with(kSmallQwen, pair)).key(), "mlp_only_layers") << bad;
  }
  EXPECT_EQ(error_of(with(kSmallQwen, "\"decoder_sparse_step\": 0")).key(), "decoder_sparse_step");
  const auto mixtures = [](const std::string& config) {
    return parse_model_config(config, "config.json").model.n_moe;
  };
  EXPECT_EQ(mixtures(with(kSmallDeepSeek, "\"moe_layer_freq\": 1")), 3);
  EXPECT_EQ(mixtures(with(kSmallDeepSeek, "\"moe_layer_freq\": [0, 0, 1, 1, 1]")), 2);
  EXPECT_EQ(mixtures(with(kSmallQwen, "\"mlp_only_layers\": [0, 0]")), 3);
  // Layers 1 and 3 by the step; of them 3 is listed.
  EXPECT_EQ(mixtures(with(kSmallQwen, "\"decoder_sparse_step\": 2, \"mlp_only_layers\": [0, 3]")),
            1);
}

TEST(ConfigReaderTest, WidthsAreWholeAndKeyValueHeadsDivideTheHeads) {
  EXPECT_EQ(error_of(replaced(kSmall, "_size\": 64", "_size\": 64.5")).allowed(), "a whole number");
  for (const char* heads : {"3", "0", "8"}) {
    const InputError e = error_of(replaced(
        kSmall, "\"vocab", std::string("\"num_key_value_heads\": ") + heads + ", \"vocab"));
    EXPECT_EQ(e.where().text(), "config.json:6") << heads;
    EXPECT_EQ(e.key(), "num_key_value_heads") << heads;
    EXPECT_EQ(e.allowed(), "a divisor of the 4 query heads") << heads;
  }
}

TEST(ConfigReaderTest, NumbersThatOverflowAndKeysGivenTwice) {
  const InputError large = error_of(replaced(kSmall, "100", "1e400"));
  EXPECT_EQ(large.where().text(), "config.json:6");
  EXPECT_EQ(large.given(), "1e400");
  const InputError twice = error_of(replaced(kSmall, "\"vocab", "\"hidden_size\": 32, \"vocab"));
  EXPECT_EQ(twice.where().text(), "config.json:6");
  EXPECT_EQ(twice.key(), "hidden_size");
  EXPECT_EQ(twice.given(), "twice");
  // Objects beside and within each other may share keys.
  const std::string shared = R"("a": {"hidden_size": 1, "b": {"hidden_size": 2}},
      "c": {"hidden_size": 3}, "vocab)";
  EXPECT_NO_THROW(parse_model_config(replaced(kSmall, "\"vocab", shared), "config.json"));
}

TEST(ConfigReaderTest, MoreChosenExpertsThanThereAre) {
  const InputError e = error_of(replaced(
      kSmall, "\"vocab_size\"", "\"num_experts\": 4, \"num_experts_per_tok\": 8, \"vocab_size\""));
  EXPECT_EQ(e.key(), "num_experts_per_tok");
}

}  // namespace
}  // namespace astrolabe::workload
