#include "astrolabe/study/published_measurements.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstring>
#include <map>
#include <sstream>

#include "astrolabe/parallel/checkpoint_precision.h"
#include "astrolabe/study/serving_row.h"

namespace astrolabe::study {
namespace {

constexpr double kMostRate = 1e9;  // tokens a second
constexpr double kMostWatts = 1e9;
constexpr const char* kMlperf = "mlperf_";

// "TensorRT-LLM 1.0", "vLLM (ML.ENERGY)": a framework and its version.
void read_engine(const std::string& published, const ServingNames& names, ServingRow* row,
                 ServingMeasurement* m) {
  constexpr std::array<std::pair<std::string_view, const char*>, 3> kProducts = {
      {{"tensorrt-llm", "trtllm"}, {"vllm", "vllm"}, {"sglang", "sglang"}}};
  std::istringstream words(lower_case(names.engine(published).value_or(published)));
  std::string product;
  words >> product >> m->version;
  for (const auto& [name, ours] : kProducts) {
    if (product == name) product = ours;
  }
  const auto framework = parallel::find_framework(product);
  if (!framework) row->fail("framework " + published + " is unknown");
  m->framework = framework.value_or(parallel::Framework::kVllm);
}

// The word of a checkpoint for what a source calls its precision.
void set_precision(const std::string& published, ServingRow* row, ServingMeasurement* m) {
  constexpr std::array<std::pair<std::string_view, const char*>, 5> kWords = {{{"bfloat16", "bf16"},
                                                                               {"fp16", "bf16"},
                                                                               {"16-bit", "bf16"},
                                                                               {"nvfp4", "fp4"},
                                                                               {"mxfp4", "fp4"}}};
  m->precision = lower_case(published);
  for (const auto& [name, ours] : kWords) {
    if (m->precision == name) m->precision = ours;
  }
  if (!parallel::is_checkpoint_word(m->precision)) {
    row->fail(published.empty() ? "precision is missing"
                                : "precision " + published + " is unknown");
  }
}

// A checkpoint's precision where its name says it; bf16 otherwise.
std::string precision_of_name(const std::string& model) {
  const std::string name = lower_case(model);
  for (const char* word : {"fp8", "fp4", "int4"}) {
    if (name.ends_with(word)) return word;
  }
  return "bf16";
}

std::string engine_of_file(const char* file, const ServingNames& names) {
  return names.engine(file).value_or("");
}

// One closed loop of one length; medians, and the rate over the whole run.
ServingMeasurement read_sweep(const CsvTable& table, const CsvTable::Row& cells,
                              const ServingContext&) {
  ServingRow row(table, cells);
  ServingMeasurement m;
  m.line = cells.line;
  m.group = row.text("file");
  m.source = "sweeps";
  m.model = row.needed_text("model");
  m.system = row.needed_text("system");
  m.precision = precision_of_name(m.model);
  m.framework = row.framework("backend").value_or(parallel::Framework::kVllm);
  const std::string& date = row.text("date");  // YYYYMMDD-hhmmss
  if (date.size() >= 8) {
    m.day = date.substr(0, 4) + "-" + date.substr(4, 2) + "-" + date.substr(6, 2);
  }
  m.engine.shard.tensor = static_cast<int>(row.needed_count("tp", kMostAccelerators));
  m.prompt = row.needed("isl", 1, kMostTokens);
  m.answer = row.needed("osl", 2, kMostTokens);
  m.concurrency = row.needed_count("concurrency", kMostInFlight);
  m.server.requests = row.needed_count("num_prompts", 10 * kMostInFlight);
  m.ttft_ms = row.number("median_ttft_ms", 1e-6, kMostMilliseconds);
  m.tpot_ms = row.number("median_tpot_ms", 1e-6, kMostMilliseconds);
  if (const auto seconds = row.number("duration_s", 1e-6, kMostMilliseconds)) {
    m.output_rate = *m.server.requests * m.answer / *seconds / m.accelerators();
  }
  m.reason = row.reason();
  return m;
}

ServingMeasurement read_batch(const CsvTable& table, const CsvTable::Row& cells,
                              const ServingContext& context) {
  ServingRow row(table, cells);
  ServingMeasurement m;
  m.line = cells.line;
  m.source = "batches";
  m.load = ServingLoad::kBatch;
  m.model = row.needed_text("model");
  m.system = row.needed_text("hardware");
  m.group = m.model + " " + m.system;
  m.precision = "bf16";
  read_engine(engine_of_file("batches", context.names), context.names, &row, &m);
  m.engine.shard.tensor = static_cast<int>(row.needed_count("tp", kMostAccelerators));
  m.prompt = row.needed_count("prompt_tokens", kMostTokens);
  m.answer = row.needed_count("output_tokens", kMostTokens);
  m.concurrency = row.needed_count("batch", kMostInFlight);
  m.is_host_exposed = true;
  m.ttft_ms = row.number("prompt_ms", 1e-6, kMostMilliseconds);
  m.tpot_ms = row.number("token_ms", 1e-6, kMostMilliseconds);
  m.reason = row.reason();
  return m;
}

// The count that a text starts with (of six digits at most), which ends there or at a semicolon.
std::optional<double> count_at_start(const std::string& text) {
  const std::string number = text.substr(0, text.find(';'));
  const bool is_count =
      !number.empty() && number.size() < 7 && std::all_of(number.begin(), number.end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
      });
  if (!is_count) return {};
  return std::stod(number);
}

// What a figure says of its load: a number, "avg_batch=N", perhaps after the server's limit
// "max_num_seqs=N", or that all requests are queued.
void read_figure_load(ServingRow* row, ServingMeasurement* m) {
  const std::string& text = row->text("concurrency_or_batch");
  const std::string kMean = "avg_batch=", kMost = "max_num_seqs=";
  const std::size_t mean = text.find(kMean);
  if (text.starts_with("max-load")) {
    m->load = ServingLoad::kQueued;
    m->concurrency = 1;
    return;
  }
  if (mean == std::string::npos) m->load = ServingLoad::kBatch;
  const std::string number = mean == std::string::npos ? text : text.substr(mean + kMean.size());
  if (number.empty()) return row->fail("concurrency_or_batch is missing");
  m->concurrency = count_at_start(number).value_or(0);
  if (m->concurrency < 1) row->fail("concurrency_or_batch is neither a count nor max-load");
  if (!text.starts_with(kMost)) return;
  m->server.max_sequences = count_at_start(text.substr(kMost.size()));
  if (m->server.max_sequences.value_or(0) < 1) row->fail("max_num_seqs is no count");
}

void read_figure_layout(ServingRow* row, ServingMeasurement* m) {
  const double all = row->needed_count("n_accelerators", kMostAccelerators);
  const double tensor = row->needed_count("tp", kMostAccelerators);
  const double stages = row->number("pp", 1, kMostAccelerators).value_or(1);
  const double experts = row->number("ep", 1, kMostAccelerators).value_or(1);
  if (stages != 1) row->fail("pp is not 1: the engine has no pipeline stages");
  if (std::fmod(all, tensor) != 0) return row->fail("tp does not divide n_accelerators");
  if (std::fmod(all, experts) != 0) return row->fail("ep does not divide n_accelerators");
  workload::ShardDegrees& shard = m->engine.shard;
  shard.tensor = static_cast<int>(tensor);
  shard.data = static_cast<int>(all / tensor);
  shard.expert = static_cast<int>(experts);
  if (m->framework == parallel::Framework::kVllm && experts == all) {
    std::swap(shard.tensor, shard.data);
  }
}

void read_metric(ServingRow* row, ServingMeasurement* m) {
  const std::string& metric = row->text("metric");
  const auto milliseconds = [&] {
    return row->needed("value", 1e-6, kMostMilliseconds) * (row->text("unit") == "s" ? 1e3 : 1);
  };
  if (metric == "itl_p50" || metric == "tpot" || metric == "tpot_p50") {
    m->tpot_ms = milliseconds();
    m->is_median_interval = metric == "itl_p50";
  } else if (metric == "first_token_latency" || metric == "ttft" || metric == "ttft_p50") {
    m->ttft_ms = milliseconds();
  } else if (metric == "gpu_power_avg_total") {
    m->power_w = row->needed("value", 1e-6, kMostWatts);
  } else if (metric == "gpu_energy_per_output_token") {
    m->energy_j = row->needed("value", 1e-9, kMostWatts);
  } else if (metric == "output_tokens_per_s_total" || metric == "output_tokens_per_s_per_gpu") {
    m->output_rate = row->needed("value", 1e-6, kMostRate);
  } else {
    row->fail("metric " + metric + " is not one that is predicted");
  }
}

// "llama2-70b-99.9" is llama2-70b with another target of accuracy.
std::string mlperf_benchmark(const std::string& model) {
  for (const char* target : {"-99.9", "-99"}) {
    if (model.ends_with(target)) return model.substr(0, model.size() - std::strlen(target));
  }
  return model;
}

// "MLPerf Inf v5.1 Server; TensorRT 10.11": round, scenario and stack.
void read_mlperf_stack(const std::string& text, ServingMeasurement* m) {
  std::istringstream words(text);
  std::string word;
  while (words >> word && !word.starts_with('v')) continue;
  m->source = "mlperf " + word;
  const std::string stack = lower_case(text);
  const auto is_named = [&](const char* name) { return stack.find(name) != std::string::npos; };
  m->is_framework_chosen = !is_named("tensorrt") && !is_named("vllm") && !is_named("sglang");
  m->framework = is_named("sglang") ? parallel::Framework::kSglang
                 : is_named("vllm") ? parallel::Framework::kVllm
                                    : parallel::Framework::kTrtllm;
}

void read_mlperf(const ServingBenchmarks& benchmarks, ServingRow* row, ServingMeasurement* m) {
  m->load = ServingLoad::kSearched;
  read_mlperf_stack(row->text("framework"), m);
  const std::string scenario = lower_case(row->needed_text("concurrency_or_batch"));
  const std::string benchmark = mlperf_benchmark(m->model);
  const auto work = benchmarks.work(benchmark, scenario);
  m->model = benchmark;
  m->output_rate = row->needed("value", 1e-6, kMostRate);
  if (row->text("unit") != "tok/s") row->fail("unit " + row->text("unit") + " is not tok/s");
  m->searched.accelerators =
      static_cast<int>(row->needed_count("n_accelerators", kMostAccelerators));
  *m->output_rate /= m->searched.accelerators;
  m->searched.scenario = scenario;
  m->searched.is_online = scenario != "offline";
  if (!work) return row->fail("benchmark " + benchmark + " is not in data/serving/benchmarks.csv");
  m->searched.work = *work;
  m->searched.longest = benchmarks.longest(benchmark);
  m->prompt = work->input.mean();
  m->answer = work->output.mean();
  m->concurrency = 1;
  if (work->speculation.draft_tokens > 0) {
    row->fail("speculative decoding without an acceptance length");
  }
  const std::string& precision = row->text("precision");
  if (precision.empty() || precision == "UNSET") {
    m->precision = kNarrowest;
  } else {
    set_precision(precision, row, m);
  }
}

ServingMeasurement read_figure(const CsvTable& table, const CsvTable::Row& cells,
                               const ServingContext& context) {
  const ServingNames& names = context.names;
  ServingRow row(table, cells);
  ServingMeasurement m;
  m.line = cells.line;
  m.group = row.text("id");
  m.source = "figures";
  m.has_one_metric = true;
  m.model = row.needed_text("model");
  m.system = row.needed_text("accelerator");
  if (row.text("metric").starts_with(kMlperf)) {
    read_mlperf(context.benchmarks, &row, &m);
    m.reason = row.reason();
    return m;
  }
  read_metric(&row, &m);  // first: most rows of other metrics lack all the rest
  read_engine(row.text("framework"), names, &row, &m);
  set_precision(row.text("precision"), &row, &m);
  read_figure_load(&row, &m);
  read_figure_layout(&row, &m);
  if (row.text("metric").ends_with("_total")) {
    if (m.output_rate) *m.output_rate /= m.accelerators();
    if (m.power_w) *m.power_w /= m.accelerators();
  }
  const auto mean_prompt = names.prompt_tokens(row.text("isl"));
  m.prompt = mean_prompt ? *mean_prompt : row.needed("isl", 1, kMostTokens);
  m.answer = row.needed("osl", 1, kMostTokens);
  // Prompts of users are answered as the model samples.
  m.is_sampled = m.is_host_exposed = m.varies_lengths = mean_prompt.has_value();
  m.reason = row.reason();
  return m;
}

// "RTXPRO6000_Qwen3-32B": where and what; the rest is of the file.
ServingMeasurement replay_of(const std::string& run, const ServingNames& names, ServingRow* row) {
  ServingMeasurement m;
  m.group = run;
  m.source = "requests";
  m.load = ServingLoad::kReplay;
  m.precision = "bf16";
  const std::size_t bar = run.find('_');
  if (bar == std::string::npos) row->fail("run is not SYSTEM_MODEL");
  m.system = run.substr(0, bar);
  m.model = bar == std::string::npos ? "" : run.substr(bar + 1);
  read_engine(engine_of_file("requests", names), names, row, &m);
  return m;
}

std::vector<ServingMeasurement> read_requests(const CsvTable& table, const ServingNames& names) {
  std::vector<ServingMeasurement> runs;
  std::map<std::string, std::size_t> places;
  for (const CsvTable::Row& cells : table.rows()) {
    ServingRow row(table, cells);
    const std::string& run = row.needed_text("run");
    const auto [place, is_new] = places.emplace(run, runs.size());
    if (is_new) {
      ServingRow first(table, cells);
      runs.push_back(replay_of(run, names, &first));
      runs.back().line = cells.line;
      runs.back().reason = first.reason();
    }
    MeasuredRequest r;
    r.line = cells.line;
    r.request.arrival = row.needed("arrival_s", 0, kMostMilliseconds) * units::second;
    r.request.prompt = static_cast<int>(row.needed_count("input_tokens", kMostTokens));
    r.request.answer = static_cast<int>(row.needed_count("output_tokens", kMostTokens));
    const auto queue = row.number("queue_ms", 0, kMostMilliseconds);
    r.ttft_ms = row.number("ttft_ms", 1e-6, kMostMilliseconds);
    r.tpot_ms = row.number("tpot_ms", 1e-6, kMostMilliseconds);
    if (queue && r.ttft_ms && *queue > *r.ttft_ms) row.fail("queue_ms is above ttft_ms");
    r.reason = row.reason();
    runs[place->second].requests.push_back(std::move(r));
  }
  for (ServingMeasurement& m : runs) {
    std::stable_sort(m.requests.begin(), m.requests.end(),
                     [](const MeasuredRequest& a, const MeasuredRequest& b) {
                       return a.request.arrival < b.request.arrival;
                     });
  }
  return runs;
}

bool has_columns(const CsvTable& table, std::initializer_list<std::string_view> names) {
  return std::all_of(names.begin(), names.end(),
                     [&](std::string_view name) { return table.has_column(name); });
}

}  // namespace

std::vector<ServingMeasurement> read_published_measurements(const CsvTable& table,
                                                            const ServingContext& context) {
  if (has_columns(table, {"request_id", "arrival_s"})) return read_requests(table, context.names);
  const auto each = [&](auto read) {
    std::vector<ServingMeasurement> rows;
    for (const CsvTable::Row& cells : table.rows()) rows.push_back(read(table, cells, context));
    return rows;
  };
  if (has_columns(table, {"median_tpot_ms", "num_prompts"})) return each(read_sweep);
  if (has_columns(table, {"prompt_ms", "token_ms"})) return each(read_batch);
  if (has_columns(table, {"metric", "value", "unit"})) return each(read_figure);
  return {};
}

}  // namespace astrolabe::study
