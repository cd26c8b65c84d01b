// An estimate as text for a terminal and as JSON.

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "astrolabe/study/estimate.h"

namespace astrolabe::study {

using parallel::DeploymentPoint;
using parallel::MemoryFit;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostRows = 24;  // of a front in a text
constexpr TokenRate kPerSecond = units::token / units::second;

double ms(Duration d) { return d.in(units::millisecond); }
double gb(Bytes b) { return b.in(units::GB); }

std::string layout_text(const DeploymentPoint& p) {
  if (!p.is_pools) return p.layout.text();
  return fmt::format("prefill {:.0f} x {}, decode {:.0f} x {}", p.prefill_workers,
                     p.prefill_layout.text(), p.workers, p.layout.text());
}

std::string band_text(double value, double band, int digits) {
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", value, digits, value * std::exp(-band), digits,
                     value * std::exp(band), digits);
}

std::string power_text(const parallel::ServingWork& w) {
  return fmt::format("{:.0f} ({:.0f}-{:.0f})", w.power.in(units::watt), w.p10.in(units::watt),
                     w.p90.in(units::watt));
}

std::string energy_text(const DeploymentPoint& p) {
  const double joules = p.energy_per_output_token().in(units::joule), band = p.energy_band();
  return fmt::format("{:.3g} ({:.2g}-{:.2g})", joules, joules * std::exp(-band),
                     joules * std::exp(band));
}

Json band_json(double value, double band) {
  return {{"value", value}, {"p10", value * std::exp(-band)}, {"p90", value * std::exp(band)}};
}

std::string head_text(const Estimate& e) {
  const EstimateRequest& r = e.request;
  std::string text =
      fmt::format("{} in {} on {}, {}{}, {:.0f} tokens in ({:.0f} % cached), {:.0f} out; {}{}\n",
                  e.model, e.precision, e.accelerator, r.framework,
                  (r.version.empty() ? "" : " " + r.version) +
                      (e.is_version_known ? "" : " (no constants of this version: those of all)"),
                  r.input_tokens, r.cached_percent, r.output_tokens,
                  parallel::kernel_source_name(e.source), r.memory.empty() ? "" : ": " + r.memory);
  if (r.software_gain_percent > 0 && r.software_years > 0) {
    text +=
        fmt::format("software {:g} years on, {:g} % faster a year, no kernel below its roofline\n",
                    r.software_years, r.software_gain_percent);
  }
  if (r.draft_tokens > 0) {
    text += fmt::format("speculative decoding: {:g} drafts{}, {:g} tokens a step\n", r.draft_tokens,
                        r.draft_model ? " of " + r.draft_model->model.name : std::string(),
                        r.acceptance_length);
  }
  if (r.ttft_ms) text += fmt::format("TTFT at most {:g} ms  ", *r.ttft_ms);
  if (r.tpot_ms) text += fmt::format("TPOT at most {:g} ms", *r.tpot_ms);
  if (r.ttft_ms || r.tpot_ms) text += "\n";
  return text;
}

std::string memory_text(const MemoryFit& m) {
  std::string text = fmt::format(
      "memory of one accelerator, GB: {:.1f}, usable {:.1f}; weights {:.1f}, activations {:.1f}, "
      "graph capture {:.1f}, other reserve {:.1f}\n",
      gb(m.capacity), gb(m.usable), gb(m.weights), gb(m.activations), gb(m.graph_capture),
      gb(m.other_reserve));
  if (!m.fits()) return text + m.reason() + "\n";
  return text + fmt::format(
                    "KV cache {:.1f} GB: {:.0f} blocks of {:.0f} tokens, {:.0f} sequences of "
                    "{:.0f} tokens at once on a rank\n",
                    gb(m.kv_per_token) * m.kv_tokens, m.kv_blocks, m.block_tokens,
                    std::floor(m.sequences(m.tokens_of_sequence)), m.tokens_of_sequence);
}

std::string point_heading(const char* first) {
  return fmt::format("{}{:>9} {:>6} {:>26} {:>26} {:>11} {:>24} {:>15} {:>20}  {}\n", first,
                     "in flight", "batch", "TPOT ms (10-90 %)", "TTFT ms (10-90 %)", "tok/s/user",
                     "tok/s/accel. (10-90 %)", "W (10-90 %)", "J/token (10-90 %)", "limit; layout");
}

std::string point_text(const DeploymentPoint& p, const char* mark) {
  const double in_flight = p.is_pools ? p.state.in_flight * p.workers : p.state.in_flight;
  return fmt::format("{}{:>9.0f} {:>6.4g} {:>26} {:>26} {:>11.1f} {:>24} {:>15} {:>20}  {}; {}\n",
                     mark, in_flight, p.state.sequences, band_text(ms(p.tpot), p.band, 2),
                     band_text(ms(p.ttft), p.ttft_band, 0), p.tokens_per_user(),
                     band_text(p.output_tokens.in(kPerSecond), p.band, 0), power_text(p.work),
                     energy_text(p), parallel::batch_limit_name(p.limit), layout_text(p));
}

std::string single_text(const Estimate& e) {
  const LayoutEstimate& s = *e.single;
  std::string text =
      fmt::format("layout {} ({} accelerators)\n", e.layout.text(), e.layout.accelerators());
  text += memory_text(s.memory);
  if (!s.can_serve) return text;
  text += fmt::format(
      "static batch: one prompt on each rank {:.1f} ms; TTFT floor {:.1f} ms; TPOT floor {:.2f} "
      "ms\n\n",
      ms(s.prefill_step), ms(s.ttft_floor), ms(s.tpot_floor));
  text += point_heading(" step ms ");
  for (std::size_t i = 0; i < s.points.size(); ++i) {
    text += point_text(s.points[i], fmt::format("{:>8.2f} ", ms(s.decode_steps[i])).c_str());
  }
  if (!s.best) return text + "\nno batch keeps the limits: one request alone misses them\n";
  text += fmt::format("\n{}:\n", e.request.concurrency ? "asked for" : "best within the limits");
  text += point_text(*s.best, "         ");
  const double in_flight = e.request.concurrency.value_or(s.best->state.in_flight);
  if (in_flight > 1.5 + s.best->state.in_flight) {
    text += fmt::format("the engine takes {:.0f} of the {:.0f} in flight; the others wait\n",
                        s.best->state.in_flight, in_flight);
  }
  if (s.simulated && s.simulated->status == parallel::ClosedLoopStatus::kOk) {
    text += fmt::format(
        "simulated, {:.0f} requests in flight, from start to end: TPOT {:.2f} ms, TTFT {:.0f} "
        "ms\n",
        in_flight, ms(s.simulated->tpot), ms(s.simulated->ttft));
  }
  return text;
}

std::string pools_text(const Estimate& e) {
  const PoolsEstimate& p = *e.pools;
  std::string text = fmt::format(
      "pools: prefill {} x {}, decode {} x {} ({} accelerators)\nprefill worker, {}decode worker, "
      "{}",
      p.prefill_workers, p.prefill.text(), p.decode_workers, p.decode.text(), p.accelerators(),
      memory_text(p.prefill_memory), memory_text(p.decode_memory));
  if (!p.simulated) {
    return text + "\na worker cannot hold one request: lengths are drawn, up to a tenth longer\n";
  }
  const parallel::ClosedLoopResult& r = *p.simulated;
  return text + fmt::format(
                    "\nsimulated, {:.0f} requests in flight, from start to end:\n"
                    "  TPOT ms (10-90 %)            {}\n"
                    "  TTFT ms (10-90 %)            {}\n"
                    "  tokens/s/accel. (10-90 %)    {}\n"
                    "  requests/s                   {:.3g}\n"
                    "  sequences that decode        {:.4g}{}\n"
                    "  prefill workers busy         {:.0f} %\n{}",
                    *e.request.concurrency, band_text(ms(r.tpot), p.tpot_band, 2),
                    band_text(ms(r.ttft), p.ttft_band, 0),
                    band_text(p.output_tokens.in(kPerSecond), p.tpot_band, 0),
                    r.requests.in(1 / units::second), r.in_flight,
                    e.request.decode_sequences
                        ? fmt::format(" of {:.0f}", *e.request.decode_sequences * p.decode_workers *
                                                        p.decode.shard.data)
                        : std::string(),
                    100 * r.prefill_share, p.keeps_limits ? "" : "the limits are not kept\n");
}

std::map<parallel::Exclusion, int> counts_of(const parallel::SearchResult& search) {
  std::map<parallel::Exclusion, int> counts;
  for (const parallel::ExcludedLayout& x : search.excluded) ++counts[x.exclusion];
  return counts;
}

// One layout of each reason: the nearest to fit, where that can be told.
std::string exclusions_text(const parallel::SearchResult& search) {
  std::string text;
  for (const auto& [exclusion, count] : counts_of(search)) {
    text += fmt::format("{:>5} {}", count, parallel::exclusion_name(exclusion));
    for (const parallel::ExcludedLayout& x : search.excluded) {
      if (x.exclusion != exclusion) continue;
      text += fmt::format(", e.g. {}: {}", x.layout.text(), x.reason);
      break;
    }
    text += "\n";
  }
  return text;
}

std::string arrivals_text(const Estimate& e) {
  const double percentile = *e.request.percentile;
  if (!e.arrivals) {
    return fmt::format(
        "at random times: no deployment keeps the limits for {:g} % of the requests\n", percentile);
  }
  const DeploymentPoint& p = e.arrivals->deployment;
  return fmt::format(
      "at random times, limits kept by {:g} % of the requests: {} tokens/s/accelerator, {:.3g} "
      "requests/s of {:.0f} accelerators\n  TTFT {} ms, TPOT {} ms at that percentile; {}\n",
      percentile, band_text(p.output_tokens.in(kPerSecond), p.band, 0),
      p.requests.in(1 / units::second) * p.accelerators(), p.accelerators(),
      band_text(ms(e.arrivals->kept.ttft), p.ttft_band, 0),
      band_text(ms(e.arrivals->kept.tpot), p.band, 2), layout_text(p));
}

std::string search_text(const Estimate& e) {
  const parallel::SearchResult& s = *e.search;
  std::string text = fmt::format("{} layouts of at most {} accelerators, {} points\n\n", s.layouts,
                                 s.most_accelerators, s.points);
  if (s.front.empty()) {
    text += e.request.ttft_ms ? "no layout serves one request within the limit of TTFT\n"
                              : "no layout can hold and serve one request\n";
  } else {
    text += "front of tokens/s/accelerator against tokens/s/user (* best within the limits):\n";
    text += point_heading("  ");
    const std::size_t every = (s.front.size() + kMostRows - 1) / kMostRows;
    const auto is_best = [&](const DeploymentPoint& p) {
      return s.best && p.output_tokens == s.best->output_tokens && p.tpot == s.best->tpot;
    };
    for (std::size_t i = 0; i < s.front.size(); ++i) {
      const bool is_shown = i % every == 0 || i + 1 == s.front.size() || is_best(s.front[i]);
      if (is_shown) text += point_text(s.front[i], is_best(s.front[i]) ? "* " : "  ");
    }
    if (every > 1) text += fmt::format("  ({} points in all, see --json)\n", s.front.size());
    if (!s.best) text += "none of them keeps the limit of TPOT\n";
  }
  if (e.request.percentile) text += "\n" + arrivals_text(e);
  return text + "\nlayouts that are not on the front, by reason:\n" + exclusions_text(s);
}

Json memory_json(const MemoryFit& m) {
  return {{"hbm_gb", gb(m.capacity)},
          {"usable_gb", gb(m.usable)},
          {"weights_gb", gb(m.weights)},
          {"activations_gb", gb(m.activations)},
          {"graph_capture_gb", gb(m.graph_capture)},
          {"other_reserve_gb", gb(m.other_reserve)},
          {"kv_cache_gb", gb(m.kv_per_token) * m.kv_tokens},
          {"kv_blocks", m.kv_blocks},
          {"block_tokens", m.block_tokens},
          {"kv_tokens", m.kv_tokens},
          {"fits", m.fits()},
          {"reason", m.reason()}};
}

void add_pools(const DeploymentPoint& p, Json* j) {
  (*j)["prefill_layout"] = p.prefill_layout.text();
  (*j)["prefill_workers"] = p.prefill_workers;
  (*j)["decode_workers"] = p.workers;
}

Json point_json(const DeploymentPoint& p) {
  Json j = {
      {"mode", p.is_pools ? "disagg" : "agg"},
      {"layout", p.layout.text()},
      {"accelerators", p.accelerators()},
      {"batch", p.state.sequences},
      {"in_flight", p.is_pools ? p.state.in_flight * p.workers : p.state.in_flight},
      {"limit", parallel::batch_limit_name(p.limit)},
      {"ttft_ms", band_json(ms(p.ttft), p.ttft_band)},
      {"tpot_ms", band_json(ms(p.tpot), p.band)},
      {"tokens_per_s_per_user", band_json(p.tokens_per_user(), p.band)},
      {"tokens_per_s_per_accelerator", band_json(p.output_tokens.in(kPerSecond), p.band)},
      {"requests_per_s", p.requests.in(1 / units::second) * p.accelerators()},
      {"accelerator_power_w",
       {{"value", p.work.power.in(units::watt)},
        {"p10", p.work.p10.in(units::watt)},
        {"p90", p.work.p90.in(units::watt)}}},
      {"it_power_w", p.work.it_power ? Json(p.work.it_power->in(units::watt)) : Json(nullptr)},
      {"j_per_output_token",
       band_json(p.energy_per_output_token().in(units::joule), p.energy_band())}};
  if (p.is_pools) {
    add_pools(p, &j);
    j["prefill_batch"] = p.prefill.prompts;
    j["prefill_busy"] = p.prefill.load;
  } else {
    j["prefill_share_of_step"] = p.state.prefill_share;
  }
  return j;
}

Json arrivals_json(const parallel::ArrivalPoint& a, double percentile) {
  const DeploymentPoint& p = a.deployment;
  Json j = {{"percentile", percentile},
            {"mode", p.is_pools ? "disagg" : "agg"},
            {"layout", p.layout.text()},
            {"accelerators", p.accelerators()},
            {"ttft_ms", band_json(ms(a.kept.ttft), p.ttft_band)},
            {"tpot_ms", band_json(ms(a.kept.tpot), p.band)},
            {"tokens_per_s_per_accelerator", band_json(p.output_tokens.in(kPerSecond), p.band)},
            {"requests_per_s", p.requests.in(1 / units::second) * p.accelerators()}};
  if (p.is_pools) add_pools(p, &j);
  return j;
}

Json single_json(const LayoutEstimate& s) {
  Json j = {{"memory", memory_json(s.memory)}};
  if (!s.can_serve) return j;
  j["prefill_step_ms"] = ms(s.prefill_step);
  j["ttft_floor_ms"] = ms(s.ttft_floor);
  j["tpot_floor_ms"] = ms(s.tpot_floor);
  j["points"] = Json::array();
  for (std::size_t i = 0; i < s.points.size(); ++i) {
    Json p = point_json(s.points[i]);
    p["decode_step_ms"] = ms(s.decode_steps[i]);
    j["points"].push_back(std::move(p));
  }
  j["best"] = s.best ? point_json(*s.best) : Json(nullptr);
  if (s.simulated && s.simulated->status == parallel::ClosedLoopStatus::kOk) {
    j["simulated"] = {{"tpot_ms", ms(s.simulated->tpot)}, {"ttft_ms", ms(s.simulated->ttft)}};
  }
  return j;
}

Json pools_json(const PoolsEstimate& p) {
  Json j = {{"prefill_workers", p.prefill_workers},
            {"prefill_layout", p.prefill.text()},
            {"prefill_memory", memory_json(p.prefill_memory)},
            {"decode_workers", p.decode_workers},
            {"decode_layout", p.decode.text()},
            {"decode_memory", memory_json(p.decode_memory)},
            {"accelerators", p.accelerators()}};
  if (!p.simulated) return j;
  const parallel::ClosedLoopResult& r = *p.simulated;
  j["ttft_ms"] = band_json(ms(r.ttft), p.ttft_band);
  j["tpot_ms"] = band_json(ms(r.tpot), p.tpot_band);
  j["tokens_per_s_per_accelerator"] = band_json(p.output_tokens.in(kPerSecond), p.tpot_band);
  j["requests_per_s"] = r.requests.in(1 / units::second);
  j["decoding"] = r.in_flight;
  j["prefill_busy"] = r.prefill_share;
  return j;
}

Json search_json(const parallel::SearchResult& s) {
  Json j = {{"layouts", s.layouts},
            {"points", s.points},
            {"most_accelerators", s.most_accelerators},
            {"best", s.best ? point_json(*s.best) : Json(nullptr)},
            {"front", Json::array()},
            {"excluded_by_reason", Json::object()},
            {"excluded", Json::array()}};
  for (const DeploymentPoint& p : s.front) j["front"].push_back(point_json(p));
  for (const auto& [exclusion, count] : counts_of(s)) {
    j["excluded_by_reason"][parallel::exclusion_name(exclusion)] = count;
  }
  for (const parallel::ExcludedLayout& x : s.excluded) {
    j["excluded"].push_back({{"layout", x.layout.text()},
                             {"accelerators", x.layout.accelerators()},
                             {"kind", parallel::exclusion_name(x.exclusion)},
                             {"reason", x.reason}});
  }
  return j;
}

}  // namespace

std::string to_text(const Estimate& e) {
  return head_text(e) + (e.pools ? pools_text(e) : e.single ? single_text(e) : search_text(e));
}

Json to_json(const Estimate& e) {
  const EstimateRequest& r = e.request;
  Json j = {{"model", e.model},
            {"accelerator", e.accelerator},
            {"framework", r.framework},
            {"version", r.version},
            {"version_is_known", e.is_version_known},
            {"software_gain_percent", r.software_gain_percent},
            {"software_years", r.software_years},
            {"precision", e.precision},
            {"kernels", parallel::kernel_source_name(e.source)},
            {"simulated_memory", e.request.memory},
            {"input_tokens", r.input_tokens},
            {"output_tokens", r.output_tokens},
            {"input_tokens_p90", r.input_tokens_p90 ? Json(*r.input_tokens_p90) : Json(nullptr)},
            {"output_tokens_p90", r.output_tokens_p90 ? Json(*r.output_tokens_p90) : Json(nullptr)},
            {"cached_percent", r.cached_percent},
            {"draft_tokens", r.draft_tokens},
            {"draft_model", r.draft_model ? Json(r.draft_model->model.name) : Json(nullptr)},
            {"acceptance_length", r.acceptance_length},
            {"ttft_limit_ms", r.ttft_ms ? Json(*r.ttft_ms) : Json(nullptr)},
            {"tpot_limit_ms", r.tpot_ms ? Json(*r.tpot_ms) : Json(nullptr)},
            {"mode", r.mode},
            {"served", e.is_served()}};
  if (e.single) {
    j["layout"] = e.layout.text();
    j["accelerators"] = e.layout.accelerators();
    j.update(single_json(*e.single));
  }
  if (e.pools) j["pools"] = pools_json(*e.pools);
  if (e.search) j.update(search_json(*e.search));
  if (r.percentile) {
    j["at_random_times"] = e.arrivals ? arrivals_json(*e.arrivals, *r.percentile) : Json(nullptr);
  }
  return j;
}

}  // namespace astrolabe::study
