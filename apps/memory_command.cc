#include "apps/memory_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/graph_options.h"
#include "apps/table_output.h"
#include "astrolabe/base/error.h"
#include "astrolabe/memory/command_trace.h"
#include "astrolabe/memory/error_correction.h"
#include "astrolabe/memory/line_reader.h"
#include "astrolabe/memory/operator_traffic.h"
#include "astrolabe/memory/request_trace.h"
#include "astrolabe/memory/requesters.h"
#include "astrolabe/memory/trace_checker.h"

namespace astrolabe {

namespace {

double percent(memory::Tick part, memory::Tick whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

nlohmann::ordered_json lost_cycles(const memory::Statistics& s) {
  const memory::Tick lost = s.bus_ticks - s.data_ticks;
  nlohmann::ordered_json shares;
  for (std::size_t k = 0; k < memory::kLossCauses; ++k) {
    shares[std::string(memory::kLossNames[k])] = percent(s.lost[k], lost);
  }
  return shares;
}

nlohmann::ordered_json energy_json(const memory::MemoryConfig& config, const memory::RunResult& r,
                                   const std::string& data_dir) {
  const memory::EnergyTable table = memory::load_energy(data_dir, config.spec.standard);
  const double bits = 8.0 * memory::kAccessBytes * static_cast<double>(r.statistics.requests());
  const auto per_bit = [bits](Energy e) { return bits == 0 ? 0 : e.base() * 1e12 / bits; };
  const memory::EnergySplit e = memory::energy_of(table.used, r.statistics, config.spec);
  return {{"total", per_bit(e.total())},
          {"low", per_bit(memory::energy_of(table.low, r.statistics, config.spec).total())},
          {"high", per_bit(memory::energy_of(table.high, r.statistics, config.spec).total())},
          {"activate", per_bit(e.activate)},
          {"core", per_bit(e.core)},
          {"tsv", per_bit(e.tsv)},
          {"phy", per_bit(e.phy)},
          {"refresh", per_bit(e.refresh)},
          {"scrub", per_bit(e.scrub)},
          {"background", per_bit(e.background)}};
}

// Who scrubs, how much of it was seen, and a round of the whole memory: of the DRAM at its refresh
// rate, of a controller that takes a day.
nlohmann::ordered_json scrub_json(const memory::MemoryConfig& config, const memory::Statistics& s) {
  if (!memory::has_on_die_scrub(config.spec)) {
    const Duration day = 86400 * units::second;
    return {{"by", "controller"},
            {"bus_share_of_daily_round", memory::scrub_bus_share(config.spec, day)}};
  }
  const double done = memory::scrubs(s, config.spec);
  nlohmann::ordered_json j = {{"by", "DRAM"}, {"accesses", done}, {"round_s", nullptr}};
  if (done > 0) {
    const double lanes = config.channels * config.spec.organization.pseudo_channels;
    const Duration interval = config.spec.tick() *
                              (static_cast<double>(s.channel_ticks) / config.channels) * lanes /
                              done;
    j["round_s"] = memory::scrub_round(config.spec, interval).in(units::second);
  }
  return j;
}

nlohmann::ordered_json to_json(const memory::MemoryConfig& config, const std::string& traffic,
                               const memory::RunResult& r, const std::string& data_dir) {
  const memory::Statistics& s = r.statistics;
  const double tick_ns = config.spec.tick().in(units::nanosecond);
  const nlohmann::ordered_json energy = energy_json(config, r, data_dir);
  nlohmann::ordered_json j = {
      {"memory", config.name},
      {"channels", config.channels},
      {"traffic", traffic},
      {"partial", r.is_partial},
      {"requests", s.requests()},
      {"reads", s.reads},
      {"writes", s.writes},
      {"clocks", s.clocks},
      {"tick_ns", tick_ns},
      {"seconds_cpu", r.cpu_seconds},
      {"requests_per_cpu_second",
       r.cpu_seconds > 0 ? static_cast<double>(s.requests()) / r.cpu_seconds : 0},
      {"simulated_requests", r.simulated_requests},
      {"simulated_channels", r.simulated_channels},
      {"relative_interval", r.relative_interval},
      {"bandwidth_gb_per_s", s.requests() == 0 ? 0 : r.bandwidth().base() / 1e9},
      {"peak_gb_per_s", config.peak_bandwidth().base() / 1e9},
      {"peak_share", s.requests() == 0 ? 0 : r.bandwidth() / config.peak_bandwidth()},
      {"read_latency_mean_ns", s.read_latency.mean() * tick_ns},
      {"read_latency_p50_ns", s.read_latency.percentile(0.5) * tick_ns},
      {"read_latency_p99_ns", s.read_latency.percentile(0.99) * tick_ns},
      {"row_hits", s.row_hits},
      {"row_misses", s.row_misses},
      {"row_conflicts", s.row_conflicts},
      {"energy_pj_per_bit", energy["total"]},
      {"energy_split_pj_per_bit", energy},
      {"lost_cycles", lost_cycles(s)},
  };
  nlohmann::ordered_json& all = j["cycles"];
  all["data"] = percent(s.data_ticks, s.bus_ticks);
  for (std::size_t k = 0; k < memory::kLossCauses; ++k) {
    all[std::string(memory::kLossNames[k])] = percent(s.lost[k], s.bus_ticks);
  }
  j["utilisation"] = {{"banks_open", percent(s.bank_open_ticks, s.bank_ticks)},
                      {"row_command_bus", percent(s.row_bus_ticks, s.command_bus_ticks)},
                      {"column_command_bus", percent(s.column_bus_ticks, s.command_bus_ticks)},
                      {"power_down", percent(s.power_down_ticks, s.channel_ticks)},
                      {"self_refresh", percent(s.self_refresh_ticks, s.channel_ticks)}};
  for (std::size_t k = 0; k < memory::kCommands; ++k) {
    j["commands"][std::string(memory::kCommandNames[k])] = s.commands[k];
  }
  j["most_refreshes_owed"] = s.most_postponed;
  j["scrub"] = scrub_json(config, s);
  return j;
}

void print_text(const nlohmann::ordered_json& j) {
  const auto n = [&j](const char* key) { return j[key].get<double>(); };
  std::string text = fmt::format("{}, {} channel{}, {}{}\n", j["memory"].get<std::string>(),
                                 j["channels"].get<int>(), n("channels") > 1 ? "s" : "",
                                 j["traffic"].get<std::string>(),
                                 j["partial"].get<bool>() ? " (partial: interrupted)" : "");
  text += fmt::format("bandwidth     {:.1f} GB/s of {:.1f}, {:.1f} %\n", n("bandwidth_gb_per_s"),
                      n("peak_gb_per_s"), 100 * n("peak_share"));
  if (n("relative_interval") > 0) {
    text += fmt::format("              within {:.2f} % (95 %), from {} of {} channels\n",
                        100 * n("relative_interval"), j["simulated_channels"].get<int>(),
                        j["channels"].get<int>());
  }
  text +=
      fmt::format("read latency  {:.1f} ns mean, {:.1f} median, {:.1f} p99\n",
                  n("read_latency_mean_ns"), n("read_latency_p50_ns"), n("read_latency_p99_ns"));
  text += fmt::format("rows          {} hits, {} misses, {} conflicts\n",
                      j["row_hits"].get<std::int64_t>(), j["row_misses"].get<std::int64_t>(),
                      j["row_conflicts"].get<std::int64_t>());
  const nlohmann::ordered_json& e = j["energy_split_pj_per_bit"];
  text += fmt::format("energy        {:.2f} pJ/bit ({:.2f} to {:.2f})\n", e["total"].get<double>(),
                      e["low"].get<double>(), e["high"].get<double>());
  text += "cycles       ";
  for (const auto& [key, value] : j["cycles"].items()) {
    text += fmt::format(" {} {:.1f} %", key, value.get<double>());
  }
  text += fmt::format("\n{} requests in {:.2f} s of CPU, {:.2f} million a second\n",
                      j["requests"].get<std::int64_t>(), n("seconds_cpu"),
                      n("requests_per_cpu_second") / 1e6);
  std::fputs(text.c_str(), stdout);
}

struct CloseFile {
  void operator()(std::FILE* f) const { static_cast<void>(std::fclose(f)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

void write(const std::string& text, const std::string& path, std::FILE* file) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size() || std::fflush(file) != 0) {
    throw InputError({path, 0}, "--commands", "a write error", "a place with room");
  }
}

// `is_limited`: --requests is given.
int run(const MemoryOptions& options, bool is_limited, const Invocation& invocation) {
  const memory::MemoryConfig config = memory_config(options, invocation.data_dir);
  memory::RunOptions run_options = memory_run_options(options);
  File file;
  std::string text = memory::kCommandTraceHeader;
  if (!options.commands.empty()) {
    file.reset(std::fopen(options.commands.c_str(), "wb"));
    if (file == nullptr) {
      throw InputError({options.commands, 0}, "--commands", "not writable", "a writable path");
    }
    run_options.steady_tolerance = 0;
    run_options.on_commands = [&](const std::vector<memory::ChannelCommand>& commands) {
      memory::append_csv(commands, config.spec.organization, &text);
      write(text, options.commands, file.get());
      text.clear();
    };
  }
  std::string traffic = options.trace.empty() ? options.traffic : options.trace;
  memory::RunResult result;
  if (!options.trace.empty()) {
    const std::uint64_t most = is_limited ? memory_traffic(options).requests : 0;
    result = memory::simulate_trace(config, options.trace, most, run_options);
  } else if (!options.requesters.empty()) {
    traffic += " of " + options.requesters;
    const memory::RequesterShape shape =
        memory::parse_requesters(options.requesters, {}, "--requesters");
    result = memory::simulate_requesters(
        config, memory::load_requesters(invocation.data_dir, config, shape, {}, "--requesters"),
        memory_traffic(options), run_options);
  } else {
    result = memory::simulate(config, memory_traffic(options), run_options);
  }
  const nlohmann::ordered_json j = to_json(config, traffic, result, invocation.data_dir);
  if (invocation.is_json) {
    print_json(j);
  } else {
    print_text(j);
  }
  return result.is_partial ? kInterrupted : kSuccess;
}

struct ModelTraffic {
  GraphOptions graph;
  double kv_page = 65536;
};

// A row for each operator that was simulated.
Table operator_table(const memory::MemoryConfig& config,
                     const std::vector<memory::OperatorTraffic>& operators,
                     const std::vector<memory::RunResult>& runs, const std::string& data_dir) {
  Table table;
  table.name = "operators";
  for (const char* name : {"operator", "times", "streamed_mb", "gathered_mb", "written_mb",
                           "page_bytes", "time_us", "bandwidth_gb_per_s", "peak_share",
                           "row_hit_share", "energy_pj_per_bit", "relative_interval"}) {
    table.columns.push_back({name, name, {}});
  }
  const double mb = 1e6;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const memory::OperatorTraffic& o = operators[i];
    const memory::RunResult& r = runs[i];
    const double all = std::max<double>(1, static_cast<double>(r.statistics.requests()));
    table.add_row({o.name, o.count, o.streamed.base() / mb, o.gathered.base() / mb,
                   o.written.base() / mb, o.gathered.base() > 0 ? o.page.base() : 0.0,
                   r.time.in(units::microsecond), r.bandwidth().base() / 1e9,
                   r.bandwidth() / config.peak_bandwidth(),
                   static_cast<double>(r.statistics.row_hits) / all,
                   energy_json(config, r, data_dir)["total"].get<double>(), r.relative_interval});
  }
  return table;
}

// Every operator of one iteration of a model by itself, and all of them one after the other.
int run_model(const MemoryOptions& options, const ModelTraffic& model,
              const Invocation& invocation) {
  const memory::MemoryConfig config = memory_config(options, invocation.data_dir);
  const Graph graph = make_graph(model.graph, catalog::Catalog::load(invocation.data_dir));
  const std::vector<memory::OperatorTraffic> operators =
      memory::operator_traffic(graph.operators, model.kv_page * units::byte);
  memory::RunOptions run_options = memory_run_options(options);
  if (options.steady == 0) run_options.steady_tolerance = 0.01;
  const memory::OperatorRuns runs = memory::simulate_operators(config, operators, run_options);
  nlohmann::ordered_json j =
      to_json(config, graph.model.name + " " + model.graph.phase, runs.all, invocation.data_dir);
  j["seconds"] = runs.all.time.in(units::second);
  const Table table = operator_table(config, operators, runs.operators, invocation.data_dir);
  if (invocation.is_json) {
    j["operators"] = to_json(table)["rows"];
    print_json(j);
  } else {
    print_text(j);
    std::printf("one iteration %.3f ms\n\n%s", runs.all.time.in(units::millisecond),
                aligned_text(table).c_str());
  }
  return runs.all.is_partial ? kInterrupted : kSuccess;
}

struct CheckOptions {
  std::string trace, standard = "hbm3", refresh = "any";
  double temperature = 85;
};

int check(const CheckOptions& options, const Invocation& invocation) {
  const bool is_path = options.standard.find('/') != std::string::npos;
  const std::string path =
      is_path ? options.standard
              : invocation.data_dir + "/memory/rules/" + options.standard + ".rules";
  memory::TraceRules rules = memory::TraceRules::read(path);
  rules.refresh_interval /= memory::refresh_rate(options.temperature);
  rules.counts_refresh_all = options.refresh == "any" || options.refresh == "all_bank";
  rules.counts_refresh_bank = options.refresh == "any" || options.refresh == "per_bank";
  memory::TraceChecker checker(rules);
  memory::LineReader reader(options.trace);
  for (std::string_view line; reader.next(&line);) checker.check_line(line, reader.position());
  if (reader.position().line == 0) {
    throw InputError({options.trace, 1}, "header", "an empty file", "a command trace");
  }
  if (invocation.is_json) {
    nlohmann::ordered_json j = {{"commands", checker.commands()},
                                {"violations", checker.violation_count()}};
    j["first"] = nlohmann::ordered_json::array();
    for (const memory::Violation& v : checker.violations()) {
      j["first"].push_back({{"line", v.line}, {"text", v.text}});
    }
    print_json(j);
  } else {
    for (const memory::Violation& v : checker.violations()) {
      std::printf("%s:%lld: %s\n", options.trace.c_str(), static_cast<long long>(v.line),
                  v.text.c_str());
    }
    std::printf("%lld commands, %lld violations\n", static_cast<long long>(checker.commands()),
                static_cast<long long>(checker.violation_count()));
  }
  return checker.violation_count() == 0 ? kSuccess : kInfeasible;
}

// Options that mean nothing without --model ask for it.
void add_model_traffic(CLI::App* command, ModelTraffic* model) {
  const std::size_t first = command->get_options().size();
  CLI::Option* name = add_graph_options(command, &model->graph);
  command
      ->add_option("--kv-page", model->kv_page, "Bytes of the cache of a layer that lie together")
      ->check(number_within(memory::kAccessBytes, 1e9))
      ->capture_default_str();
  const std::vector<CLI::Option*> options = command->get_options();
  for (std::size_t i = first; i < options.size(); ++i) {
    options[i]->group("Traffic of one iteration of a model, as for `astrolabe operator graph`");
    if (options[i] != name) options[i]->needs(name);
  }
}

void refuse_other_traffic(const CLI::App& command) {
  for (const char* other : {"--traffic", "--trace", "--requesters", "--requests", "--rate",
                            "--footprint-gib", "--commands", "--partial-writes"}) {
    if (command.count(other) > 0) {
      throw InputError({}, std::string("--model, ") + other, "both",
                       "one: the model says what is read and written");
    }
  }
}

void add_run(CLI::App* memory, Invocation* invocation) {
  CLI::App* command = memory->add_subcommand("run", "Simulate traffic on a memory");
  const auto options = std::make_shared<MemoryOptions>();
  const auto model = std::make_shared<ModelTraffic>();
  add_memory_options(command, options.get());
  add_traffic_options(command, options.get());
  CLI::Option* trace = command->add_option("--trace", options->trace,
                                           "Accesses from a file instead (text, gz, zst)");
  CLI::Option* commands =
      command->add_option("--commands", options->commands, "Write the command trace as CSV");
  CLI::Option* requesters = command->add_option(
      "--requesters", options->requesters,
      "The thread blocks of the accelerator ask: BLOCKSxTHREADS resident on a processor, such as "
      "2x1024, or BLOCKSxTHREADSxBYTES that a thread has in flight");
  for (const char* other :
       {"--traffic", "--rate", "--footprint-gib", "--partial-writes", "--seed", "--steady"}) {
    trace->excludes(other);
  }
  requesters->needs("--product")->excludes(trace)->excludes(commands);
  for (const char* other :
       {"--rate", "--footprint-gib", "--partial-writes", "--power-down-ns", "--self-refresh-ns"}) {
    requesters->excludes(other);
  }
  add_model_traffic(command, model.get());
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, command, options, model] {
    invocation->run = [invocation, command, options, model] {
      if (command->count("--model") == 0) {
        return run(*options, command->count("--requests") > 0, *invocation);
      }
      refuse_other_traffic(*command);
      return run_model(*options, *model, *invocation);
    };
  });
}

void add_check(CLI::App* memory, Invocation* invocation) {
  CLI::App* command = memory->add_subcommand(
      "check", "Check a command trace against the rules of a standard (exit 3 if it breaks one)");
  const auto options = std::make_shared<CheckOptions>();
  command->add_option("trace", options->trace, "CSV as written by run --commands")->required();
  command->add_option("--standard", options->standard, "A file of data/memory/rules, or a path")
      ->capture_default_str();
  command
      ->add_option("--refresh", options->refresh,
                   "Commands that refresh a bank: any, all_bank or per_bank; none: refreshes may "
                   "be missing")
      ->check(CLI::IsMember({"any", "all_bank", "per_bank", "none"}))
      ->capture_default_str();
  add_temperature_option(command, &options->temperature);
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, options] {
    invocation->run = [invocation, options] { return check(*options, *invocation); };
  });
}

}  // namespace

void add_memory_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "memory",
      "HBM, cycle by cycle: bandwidth, latency and energy of an access stream.\n"
      "\n"
      "  astrolabe memory run --product h100 --traffic random --requests 1e7\n"
      "  astrolabe memory run --preset hbm3-6.4-16gb-8hi --commands out.csv\n"
      "  astrolabe memory run --product h100 --model llama_3_1_8b --batch 16 --isl 4096\n"
      "  astrolabe memory check out.csv --standard hbm3\n");
  command->require_subcommand(1);
  add_run(command, invocation);
  add_check(command, invocation);
  add_memory_study_commands(command, invocation);
}

}  // namespace astrolabe
