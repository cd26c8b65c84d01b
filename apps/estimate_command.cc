#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/device/accelerator.h"
#include "astrolabe/parallel/framework_choice.h"
#include "astrolabe/study/estimate.h"

namespace astrolabe {

namespace {

struct EstimateOptions {
  std::string model, draft_model;
  study::EstimateRequest request;
};

int show_estimate(const EstimateOptions& options, const Invocation& invocation) {
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  study::EstimateRequest request = options.request;
  request.model = read_model_option(options.model, facts);
  if (!options.draft_model.empty()) {
    request.draft_model = read_model_option(options.draft_model, facts);
  }
  const std::string entity = device::accelerator_entity(facts, request.accelerator);
  parallel::choose_framework(facts, entity, request.framework);  // what can be wrong of a chip,
  device::read_accelerator(facts, entity);                       // before all tables
  const parallel::KernelLibrary library(facts, invocation.data_dir);
  const study::Estimate estimate = study::estimate(facts, library, request);
  if (invocation.is_json) {
    print_json(to_json(estimate));
  } else {
    std::fputs(to_text(estimate).c_str(), stdout);
  }
  return estimate.is_served() ? kSuccess : kInfeasible;
}

void add_engine_options(CLI::App* command, EstimateOptions* o) {
  study::EstimateRequest* r = &o->request;
  command
      ->add_option("--model", o->model,
                   "A model of the catalogue, a Hugging Face config.json, or - for one on stdin")
      ->required();
  command->add_option("--accelerator", r->accelerator, "An accelerator of the catalogue")
      ->required();
  add_memory_option(command, &r->memory);
  command->add_option("--framework", r->framework,
                      "trtllm, vllm or sglang; else the first of them that runs there");
  command->add_option("--version", r->version,
                      "Of the framework, where its constants or kernels differ");
  command
      ->add_option("--software-gain", r->software_gain_percent,
                   "Percent a year by which software makes the same hardware faster")
      ->check(number_within(0, 1000));
  command
      ->add_option("--software-years", r->software_years, "For so many years from today's tables")
      ->check(number_within(0, 20));
  command->add_option(
      "--precision", r->precision,
      "bf16, fp8, fp4 or int4 (else the checkpoint's, or fp8 where the chip has it)");
  command->add_option("--layout", r->layout,
                      "Degrees of one layout, \"TP8 EP8 DP1 PP1\"; without it all are searched");
  CLI::Option* prefill = command->add_option("--prefill-pool", r->prefill_pool,
                                             "Workers and the layout of one, \"1 x TP1 DP4 EP4\": "
                                             "pools are simulated, with --concurrency");
  CLI::Option* decode =
      command->add_option("--decode-pool", r->decode_pool, "The same of the decode pool");
  command
      ->add_option("--decode-sequences", r->decode_sequences,
                   "Most sequences on a rank of a decode worker")
      ->check(number_within(1, 1e6))
      ->needs(decode);
  CLI::Option* mode =
      command
          ->add_option("--mode", r->mode, "Aggregated engines, prefill and decode pools, or both")
          ->check(CLI::IsMember({"agg", "disagg", "both"}))
          ->capture_default_str();
  CLI::Option* most =
      command
          ->add_option("--max-accelerators", r->most_accelerators,
                       "Of a deployment; one scale-up domain (16 to 256) if not given")
          ->check(CLI::Range(1, 100000));
  for (CLI::Option* pool : {prefill, decode}) {
    pool->needs(pool == prefill ? decode : prefill)->excludes("--layout");
    pool->excludes(mode)->excludes(most);
  }
}

void add_load_options(CLI::App* command, EstimateOptions* o) {
  study::EstimateRequest* r = &o->request;
  command->add_option("--isl", r->input_tokens, "Tokens of a prompt")
      ->check(number_within(1, 1e7))
      ->capture_default_str();
  command->add_option("--osl", r->output_tokens, "Tokens of an answer")
      ->check(number_within(2, 1e7))
      ->capture_default_str();
  command
      ->add_option("--isl-p90", r->input_tokens_p90,
                   "90th percentile of the tokens of a prompt, at most 2.27 times the mean "
                   "(lognormal); else all are as long")
      ->check(number_within(1, 1e8));
  command->add_option("--osl-p90", r->output_tokens_p90, "The same of an answer")
      ->check(number_within(2, 1e8));
  command->add_option("--cached-percent", r->cached_percent, "Of a prompt, in a prefix cache")
      ->check(number_within(0, 99.9));
  command
      ->add_option("--draft-tokens", r->draft_tokens,
                   "Drafts that a step verifies, by multi-token prediction or by --draft-model")
      ->check(number_within(0, 64));
  command->add_option("--draft-model", o->draft_model,
                      "A smaller model with the same vocabulary, named like --model");
  command
      ->add_option("--acceptance-length", r->acceptance_length,
                   "Tokens that such a step gives, mean: 1 to drafts + 1")
      ->check(number_within(1, 65));
  command->add_option("--ttft", r->ttft_ms, "Longest time to first token, ms, mean")
      ->check(number_within(0.001, 1e9));
  command->add_option("--tpot", r->tpot_ms, "Longest time per output token, ms, mean")
      ->check(number_within(0.001, 1e9));
  CLI::Option* concurrency =
      command->add_option("--concurrency", r->concurrency, "Requests in flight, of one layout")
          ->check(number_within(1, 1e6));
  command
      ->add_option("--percentile", r->percentile,
                   "Of requests that come at random, simulated, that keep --ttft and --tpot, as in "
                   "99: the fastest arrivals that allow it")
      ->check(number_within(1, 99.99))
      ->excludes(concurrency)
      ->excludes("--prefill-pool");
  command->add_option("--num-blocks", r->block_count, "Blocks of KV cache, instead of the computed")
      ->check(number_within(1, 1e9));
}

}  // namespace

void add_estimate_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "estimate",
      "How a model is served by an accelerator: TTFT, TPOT, tokens/s, W, J/token.\n"
      "\n"
      "  astrolabe estimate --model deepseek_r1 --accelerator gb200_nvl72 --precision fp4 "
      "--isl 1024 --osl 1024 --tpot 20\n"
      "  astrolabe estimate --model config.json --accelerator h200_sxm --layout TP8 "
      "--framework vllm\n"
      "  astrolabe estimate --model deepseek_r1 --accelerator gb200_nvl72 --precision fp8 "
      "--isl 8192 --concurrency 63 --prefill-pool \"1 x TP1 DP8 EP8\" "
      "--decode-pool \"3 x TP8 EP8\" --decode-sequences 16\n"
      "  astrolabe estimate --model llama_2_70b --accelerator h200_sxm --isl 294 --isl-p90 598 "
      "--osl 294 --ttft 450 --tpot 40 --percentile 99\n");
  const auto options = std::make_shared<EstimateOptions>();
  add_engine_options(command, options.get());
  add_load_options(command, options.get());
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, options] {
    invocation->run = [invocation, options] { return show_estimate(*options, *invocation); };
  });
}

}  // namespace astrolabe
