#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <csignal>
#include <thread>

#include "apps/memory_command.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/memory/refresh_state.h"

namespace astrolabe {

namespace {

std::atomic<bool> was_interrupted{false};

extern "C" void on_interrupt(int) { was_interrupted = true; }

template <typename T>
T one_of(const std::string& name, const std::string& given,
         const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> names;
  for (const auto& [word, value] : choices) {
    if (word == given) return value;
    names.push_back(word);
  }
  throw InputError({}, name, given, join_alternatives(names));
}

memory::TimingOverrides timing_overrides(const std::vector<std::string>& texts) {
  memory::TimingOverrides overrides;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    std::int64_t value = -1;
    if (equals != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto r = std::from_chars(text.data() + equals + 1, end, value);
      if (r.ec != std::errc() || r.ptr != end) value = -1;
    }
    if (value < 0) throw InputError({}, "--timing", text, "PARAMETER=TCK such as tRP=25");
    overrides[text.substr(0, equals)] = value;
  }
  return overrides;
}

memory::Tick ticks(double ns, const memory::DramSpec& spec) {
  return static_cast<memory::Tick>(std::ceil(ns / spec.tick().in(units::nanosecond)));
}

void set_controller(const MemoryOptions& o, memory::MemoryConfig* config) {
  memory::ControllerSettings& c = config->controller;
  if (!o.refresh.empty()) c.refresh = memory::refresh_mode(o.refresh, {}, "--refresh");
  if (!o.page_policy.empty()) {
    c.page_policy = one_of<memory::PagePolicy>("--page-policy", o.page_policy,
                                               {{"open", memory::PagePolicy::kOpen},
                                                {"closed", memory::PagePolicy::kClosed},
                                                {"adaptive", memory::PagePolicy::kAdaptive}});
  }
  if (o.queue != 0) c.read_queue = c.write_queue = static_cast<std::size_t>(o.queue);
  if (o.hit_cap >= 0) c.hit_cap = o.hit_cap;
  const int most_postponed =
      (memory::kMostIntervalsOwed - 1) * memory::refreshes_per_interval(config->spec, c.refresh);
  if (o.postpone < 0 || o.postpone > most_postponed || o.pull_in < 0 ||
      o.pull_in > most_postponed) {
    throw InputError({}, "--postpone, --pull-in",
                     std::to_string(o.postpone) + ", " + std::to_string(o.pull_in),
                     "0 to " + std::to_string(most_postponed) + " refreshes");
  }
  c.postpone = o.postpone;
  c.pull_in = o.pull_in;
  c.temperature_c = o.temperature;
  if (c.refresh != memory::RefreshMode::kNone) {
    memory::check_refresh(config->spec, memory::refresh_rate(o.temperature), {}, "--temperature");
  }
  if (o.raaimt != 0 && (o.raaimt < 4 || o.raaimt > 10000)) {
    throw InputError({}, "--rfm", std::to_string(o.raaimt), "4 to 10000 activates, or 0");
  }
  c.raaimt = o.raaimt;
  c.power_down_after = ticks(o.power_down_ns, config->spec);
  c.self_refresh_after = ticks(o.self_refresh_ns, config->spec);
}

}  // namespace

const std::atomic<bool>* interrupt_flag() {
  std::signal(SIGINT, on_interrupt);
  return &was_interrupted;
}

void add_traffic_options(CLI::App* command, MemoryOptions* o) {
  command->add_option("--traffic", o->traffic, "sequential, random, mixed21, stride4k, copy, ...")
      ->capture_default_str();
  command->add_option("--requests", o->requests, "Accesses of 32 bytes, of all channels")
      ->check(number_within(1, 1e12))
      ->capture_default_str();
  command->add_option("--rate", o->rate, "Open loop: GB/s injected (default: closed loop)")
      ->check(number_within(1e-6, 1e9));
  command->add_option("--footprint-gib", o->footprint_gib, "Of random traffic (default: all)")
      ->check(number_within(1e-6, 1e6));
  command
      ->add_option("--partial-writes", o->partial_writes,
                   "Share of the writes that are smaller than an access: read, merged, written")
      ->check(number_within(0, 1));
  command->add_option("--seed", o->seed, "Of random traffic and arrivals")->capture_default_str();
}

void add_temperature_option(CLI::App* command, double* celsius) {
  command->add_option("--temperature", *celsius, "C: tREFI halves above 85, again above 95")
      ->check(number_within(-40, 125));
}

void add_memory_options(CLI::App* command, MemoryOptions* o) {
  command->add_option("--product", o->product, "Memory of an accelerator: h100, b200, hbm4e, ...");
  command->add_option("--preset", o->preset, "Channels of one preset: hbm3-6.4-16gb-8hi, ...");
  command->add_option("--channels", o->channels, "Channels (default: the product's; 1 of a preset)")
      ->check(number_within(1, 4096));
  command->add_option("--refresh", o->refresh, "none, all_bank or per_bank");
  command->add_option("--page-policy", o->page_policy, "open, closed or adaptive");
  command->add_option("--mapping", o->mapping, "A name of mappings.csv, or a text");
  command->add_option("--interleave", o->interleave, "Bytes of a channel before the next")
      ->check(number_within(memory::kAccessBytes, 1U << 20));
  command->add_option("--queue", o->queue, "Entries of a channel's read and of its write queue")
      ->check(number_within(2, 512));
  command->add_option("--hit-cap", o->hit_cap, "Younger hits before the oldest request; 0: no cap")
      ->check(number_within(0, 1e9));
  command->add_option("--postpone", o->postpone, "Refreshes that may wait");
  command->add_option("--pull-in", o->pull_in, "Refreshes ahead of time when idle");
  add_temperature_option(command, &o->temperature);
  command->add_option("--rfm", o->raaimt, "RAAIMT: activates of a bank between RFM; 0: none");
  CLI::Option* power_down =
      command
          ->add_option("--power-down-ns", o->power_down_ns, "Idle time until power-down; 0: never")
          ->check(number_within(0, 1e9));
  command
      ->add_option("--self-refresh-ns", o->self_refresh_ns,
                   "Idle time until self-refresh, from power-down; 0: never")
      ->check(number_within(0, 1e9))
      ->needs(power_down);
  command->add_option("--timing", o->timing, "PARAMETER=TCK, instead of the preset's");
  command->add_option("--threads", o->threads, "Over channels (default: all processors)")
      ->check(number_within(1, 1024));
  command
      ->add_option("--steady", o->steady,
                   "Stop a sample of channels once bandwidth is known within this share: 0.01")
      ->check(number_within(0, 1));
}

memory::MemoryConfig memory_config(const MemoryOptions& o, const std::string& data_dir) {
  if (o.product.empty() == o.preset.empty()) {
    throw InputError({}, "--product, --preset", o.product.empty() ? "neither" : "both", "one");
  }
  const memory::TimingOverrides overrides = timing_overrides(o.timing);
  memory::MemoryConfig config = o.preset.empty()
                                    ? memory::load_product(data_dir, o.product, overrides)
                                    : memory::load_preset(data_dir, o.preset, overrides);
  if (o.channels > 0) config.channels = o.channels;
  if (o.interleave != 0) {
    if (o.interleave % memory::kAccessBytes != 0) {
      throw InputError({}, "--interleave", std::to_string(o.interleave),
                       "a multiple of 32 bytes up to 1 MiB");
    }
    config.interleave_bytes = o.interleave;
  }
  if (!o.mapping.empty()) {
    config.mapping = memory::mapping_text(data_dir, o.mapping);
    config.mapping_where = {};
  }
  set_controller(o, &config);
  return config;
}

memory::Traffic memory_traffic(const MemoryOptions& o) {
  memory::Traffic traffic = memory::parse_traffic(o.traffic);
  if (o.requests != std::floor(o.requests)) {
    throw InputError({}, "--requests", format_number(o.requests), "a whole number from 1 to 1e12");
  }
  traffic.requests = static_cast<std::uint64_t>(o.requests);
  traffic.seed = o.seed;
  traffic.rate_gb_per_s = o.rate;
  traffic.footprint_gib = o.footprint_gib;
  traffic.partial_writes = o.partial_writes;
  if (traffic.partial_writes > 0 && o.steady > 0) {
    throw InputError({}, "--partial-writes, --steady", "both", "one: their reads come on top");
  }
  return traffic;
}

memory::RunOptions memory_run_options(const MemoryOptions& o) {
  memory::RunOptions options;
  options.threads = o.threads > 0
                        ? o.threads
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.steady_tolerance = o.steady;
  options.interrupt = interrupt_flag();
  return options;
}

}  // namespace astrolabe
