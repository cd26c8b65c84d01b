#include "astrolabe/parallel/capability.h"

#include <algorithm>
#include <cstdio>

namespace astrolabe::parallel {
namespace {

// Bounds of the search: groups tried across small domains, and inside domains of thousands.
constexpr int kSearchedGroup = 64, kWidestGroup = 256;

std::string milliseconds(Duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", d.in(units::millisecond));
  return text;
}

class CapabilitySearch {
 public:
  CapabilitySearch(const std::vector<Layout>& layouts, const IterationModel& engine,
                   const workload::DemandClass& work, const CapabilityOptions& options)
      : layouts_(layouts), engine_(engine), work_(work), options_(options) {}

  void run(Capability& out);

 private:
  struct Extremes {
    std::vector<ServingPoint> points;  // fastest, and least energy
    void offer(const ServingPoint& p);
  };
  void note_failure(const ServingPoint& p);
  OperatingPoint aggregated(const ServingPoint& p) const;
  OperatingPoint disaggregated(const ServingPoint& prefill, const ServingPoint& decode) const;
  void finish(OperatingPoint& o, Frequency requests, Energy energy, Flop flops,
              Bytes traffic) const;
  void explain(Capability& out) const;

  const std::vector<Layout>& layouts_;
  const IterationModel& engine_;
  const workload::DemandClass& work_;
  const CapabilityOptions& options_;
  std::optional<ServingPoint> nearest_fit_, nearest_ttft_, nearest_tpot_;
};

void CapabilitySearch::Extremes::offer(const ServingPoint& p) {
  if (!p.is_ok()) return;
  if (points.empty()) {
    points.assign(2, p);
    return;
  }
  if (p.requests > points[0].requests) points[0] = p;
  if (p.energy_per_request < points[1].energy_per_request) points[1] = p;
}

// Keeps the miss that came nearest, to say what is missing.
void CapabilitySearch::note_failure(const ServingPoint& p) {
  const auto keep = [&p](std::optional<ServingPoint>& nearest, auto measure) {
    if (!nearest || measure(p) < measure(*nearest)) nearest = p;
  };
  switch (p.status) {
    case PointStatus::kOk:
      break;
    case PointStatus::kDoesNotFit:
      keep(nearest_fit_, [](const ServingPoint& x) { return x.missing; });
      break;
    case PointStatus::kTtftMissed:
      keep(nearest_ttft_, [](const ServingPoint& x) { return x.ttft; });
      break;
    case PointStatus::kTpotMissed:
      keep(nearest_tpot_, [](const ServingPoint& x) { return x.tpot; });
      break;
  }
}

void CapabilitySearch::finish(OperatingPoint& o, Frequency requests, Energy energy, Flop flops,
                              Bytes traffic) const {
  const device::Accelerator& a = engine_.accelerator();
  o.output_tokens = work_.output.mean() * units::token * requests;
  o.input_tokens = work_.input.mean() * units::token * requests;
  o.power = std::min(energy * requests, a.tdp);
  o.it_power = std::max(a.it_power - (a.tdp - o.power), o.power);
  o.energy_per_token = o.power / o.processed_tokens() * units::token;
  o.hbm_bandwidth = traffic * requests;
  o.mfu = flops * requests / a.peak(workload::traits(engine_.precision().ffn).multiplied);
}

OperatingPoint CapabilitySearch::aggregated(const ServingPoint& p) const {
  OperatingPoint o;
  o.decode_layout = o.prefill_layout = p.layout;
  o.decode_batch = p.batch;
  o.prefill_batch = 1;
  o.limit = p.limit;
  o.bound = p.iteration.bound();
  o.ttft = p.ttft;
  o.tpot = p.tpot;
  o.hbm_used = p.hbm_used;
  finish(o, p.requests, p.energy_per_request, p.flops_per_request, p.traffic_per_request);
  return o;
}

OperatingPoint CapabilitySearch::disaggregated(const ServingPoint& prefill,
                                               const ServingPoint& decode) const {
  OperatingPoint o;
  o.is_disaggregated = true;
  o.decode_layout = decode.layout;
  o.prefill_layout = prefill.layout;
  o.decode_batch = decode.batch;
  o.prefill_batch = prefill.batch;
  o.limit = decode.limit;
  o.bound = decode.iteration.bound();
  o.ttft = prefill.ttft;
  o.tpot = decode.tpot;
  o.hbm_used = decode.hbm_used;
  const Duration per_request = 1 / prefill.requests + 1 / decode.requests;
  o.prefill_share = (1 / prefill.requests) / per_request;
  finish(o, 1 / per_request, prefill.energy_per_request + decode.energy_per_request,
         prefill.flops_per_request + decode.flops_per_request,
         prefill.traffic_per_request + decode.traffic_per_request);
  return o;
}

void CapabilitySearch::run(Capability& out) {
  Extremes whole, prefill, decode;
  const auto offer = [this](Extremes& e, const ServingPoint& p) {
    note_failure(p);
    e.offer(p);
  };
  for (const Layout& layout : layouts_) {
    if (options_.allow_aggregated) {
      offer(whole, aggregated_point(engine_, layout, work_, options_.limits));
    }
    if (options_.allow_disaggregated) {
      offer(prefill, prefill_point(engine_, layout, work_, options_.limits));
      offer(decode, decode_point(engine_, layout, work_, options_.limits));
    }
  }
  std::vector<OperatingPoint> candidates;
  for (const ServingPoint& p : whole.points) candidates.push_back(aggregated(p));
  for (const ServingPoint& p : prefill.points) {
    for (const ServingPoint& d : decode.points) candidates.push_back(disaggregated(p, d));
  }
  if (candidates.empty()) {
    explain(out);
    return;
  }
  const auto fastest = std::max_element(candidates.begin(), candidates.end(),
                                        [](const OperatingPoint& a, const OperatingPoint& b) {
                                          return a.output_tokens < b.output_tokens;
                                        });
  const auto thriftiest = std::min_element(candidates.begin(), candidates.end(),
                                           [](const OperatingPoint& a, const OperatingPoint& b) {
                                             return a.energy_per_token < b.energy_per_token;
                                           });
  out.status = CapabilityStatus::kOk;
  out.points.push_back(*fastest);
  out.points.back().name = "throughput";
  if (thriftiest->energy_per_token < fastest->energy_per_token) {
    out.points.push_back(*thriftiest);
    out.points.back().name = "energy";
  }
}

void CapabilitySearch::explain(Capability& out) const {
  if (nearest_tpot_) {
    out.status = CapabilityStatus::kTpotMissed;
    out.reason = "TPOT: best " + milliseconds(nearest_tpot_->tpot) + " with " +
                 nearest_tpot_->layout.text() + ", limit " + milliseconds(work_.tpot);
  }
  if (nearest_ttft_) {
    if (out.status == CapabilityStatus::kNoLayout) out.status = CapabilityStatus::kTtftMissed;
    out.reason += std::string(out.reason.empty() ? "" : "; ") + "TTFT: best " +
                  milliseconds(nearest_ttft_->ttft) + " with " + nearest_ttft_->layout.text() +
                  ", limit " + milliseconds(work_.ttft);
  }
  if (!out.reason.empty()) return;
  if (nearest_fit_) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f GB", nearest_fit_->missing.in(units::GB));
    out.status = CapabilityStatus::kDoesNotFit;
    out.reason = "does not fit in HBM: nearest layout " + nearest_fit_->layout.text() + " misses " +
                 text + " on each accelerator";
    return;
  }
  out.reason = "no layout divides this model over this accelerator";
}

}  // namespace

Capability find_capability_among(const std::vector<Layout>& layouts,
                                 const workload::ModelArchitecture& model,
                                 const workload::Precision& precision,
                                 const device::Accelerator& accelerator,
                                 const device::Derating& derating,
                                 const workload::DemandClass& work,
                                 const CapabilityOptions& options) {
  Capability c;
  c.model = model.name;
  c.accelerator = accelerator.name;
  c.work = work.name;
  c.fidelity = options.fidelity;
  c.layouts_tried = static_cast<int>(layouts.size());
  const auto times = device::make_operator_time(options.fidelity, accelerator, derating);
  const IterationModel engine(model, precision, accelerator, derating, *times);
  CapabilitySearch(layouts, engine, work, options).run(c);
  return c;
}

Capability find_capability(const workload::ModelArchitecture& model,
                           const workload::Precision& precision,
                           const device::Accelerator& accelerator, const device::Derating& derating,
                           const workload::DemandClass& work, const CapabilityOptions& options) {
  const int group = options.max_group > 0
                        ? options.max_group
                        : std::clamp(accelerator.scale_up_domain, kSearchedGroup, kWidestGroup);
  return find_capability_among(enumerate_layouts(model, accelerator, group), model, precision,
                               accelerator, derating, work, options);
}

}  // namespace astrolabe::parallel
