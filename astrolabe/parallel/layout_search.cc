#include "astrolabe/parallel/layout_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace astrolabe::parallel {
namespace {

constexpr int kSmallestSearch = 16, kLargestSearch = 256;
constexpr std::size_t kPrefillChoices = 8;

double combined(double a, double b) { return std::hypot(a, b); }

void set_bands(const ServingChip& chip, DeploymentPoint* p) {
  const EngineConstants& c = chip.engine.constants;
  const double kernels = kernel_source_band(chip.source);
  p->band = combined(p->is_pools ? c.pool_tpot_band : c.tpot_band, kernels);
  p->ttft_band = combined(p->is_pools ? c.pool_ttft_band : c.ttft_band, kernels);
}

// Of the model and of one that drafts beside it. sequences: of a rank and stage.
ServingWork work_of(const ServingChip& chip, const ServingCandidate& engine, double sequences,
                    Frequency steps, double pieces, Frequency chunks) {
  const SteadyLoad& load = engine.curves().load();
  ServingWork work = serving_work(engine.iteration(), chip, load, sequences, steps, pieces, chunks);
  if (const EngineIteration* draft = engine.draft_iteration()) {
    SteadyLoad drafted = load;
    drafted.speculation = {};
    const Frequency passes = load.speculation.draft_tokens * steps;
    add_work_of_drafts(chip, serving_work(*draft, chip, drafted, sequences, passes, pieces, chunks),
                       &work);
  }
  return work;
}

void add_work(const ServingChip& chip, const ServingCandidate& engine, DeploymentPoint* p) {
  const SteadyState& s = p->state;
  const double stages = p->layout.shard.pipeline;
  const SteadyLoad& load = engine.curves().load();
  // Of a stage: it runs `stages` micro-batches in turn.
  const Frequency steps = stages / (s.tpot * load.speculation.acceptance_length);
  const Frequency chunks = p->is_pools ? Frequency() : s.chunks_per_step * steps;
  p->work = work_of(chip, engine, s.sequences / stages, steps, s.pieces, chunks);
}

struct PrefillChoice {
  const ServingCandidate* candidate = nullptr;
  PrefillPoint point;                // alone
  std::vector<PrefillPoint> crowds;  // among 1, 2, ... workers, as busy as TTFT allows

  double size() const { return candidate->layout().accelerators(); }
  double per_accelerator() const { return point.requests.base() / size(); }
};

class LayoutSearch {
 public:
  LayoutSearch(const ServingChip& chip, const ServingRequest& request, const SearchOptions& options,
               int most)
      : chip_(chip), request_(request), options_(options), most_(most) {}

  SearchResult run();

 private:
  // A point without its energy, and the candidates that it came from.
  struct Offer {
    DeploymentPoint point;
    const ServingCandidate* engine = nullptr;
    const ServingCandidate* prefill = nullptr;
    bool is_within = false;  // both limits
  };

  void prepare();
  void choose_prefills();
  void add_crowds(PrefillChoice* choice) const;
  void offer_aggregated(const ServingCandidate& c);
  void offer_pools(const ServingCandidate& c);
  void offer(Offer offer);
  void keep_for_energy(const Offer& offer);
  std::optional<Offer> match(const ServingCandidate& c, const EnginePoint& p,
                             const PrefillChoice& prefill) const;
  Offer pools(const ServingCandidate& c, const EnginePoint& p, const PrefillChoice& prefill,
              double workers, double prefill_workers) const;
  void finish(Offer* offer) const;
  void explain(SearchResult* out) const;
  ExcludedLayout why_not(const ServingCandidate& c) const;

  const ServingChip& chip_;
  const ServingRequest& request_;
  const SearchOptions& options_;
  int most_;
  std::vector<ServingCandidate> candidates_;
  std::vector<PrefillChoice> prefills_;
  std::vector<Offer> front_;
  std::optional<Offer> best_;
  std::vector<Offer> within_;  // of a fleet: the best of each layout within both limits
  int points_ = 0;
};

void LayoutSearch::prepare() {
  const std::vector<Layout> layouts =
      options_.layouts.empty() ? candidate_layouts(request_.model, chip_.accelerator, most_)
                               : options_.layouts;
  candidates_.reserve(layouts.size());
  for (const Layout& layout : layouts) candidates_.emplace_back(chip_, request_, layout);
}

// The best point of each layout; of those, the ones that no smaller worker beats.
void LayoutSearch::choose_prefills() {
  std::vector<PrefillChoice> all;
  for (const ServingCandidate& c : candidates_) {
    if (!c.can_serve()) continue;
    const std::vector<PrefillPoint> points = c.prefill_points();
    const auto best = std::max_element(
        points.begin(), points.end(),
        [](const PrefillPoint& a, const PrefillPoint& b) { return a.requests < b.requests; });
    if (best != points.end()) all.push_back({&c, *best, {}});
  }
  std::sort(all.begin(), all.end(), [](const PrefillChoice& a, const PrefillChoice& b) {
    return a.per_accelerator() > b.per_accelerator();
  });
  double smallest = 1e9;
  for (const PrefillChoice& choice : all) {
    if (choice.size() >= smallest) continue;
    smallest = choice.size();
    prefills_.push_back(choice);
    if (!options_.is_fleet) add_crowds(&prefills_.back());
    if (options_.is_fleet || prefills_.size() == kPrefillChoices) break;
  }
}

void LayoutSearch::add_crowds(PrefillChoice* choice) const {
  for (double workers = 1; workers * choice->size() < most_; ++workers) {
    choice->crowds.push_back(choice->point.among(workers, request_.work.ttft));
  }
}

void LayoutSearch::offer(Offer o) {
  ++points_;
  const DeploymentPoint& p = o.point;
  if (p.ttft > request_.work.ttft) return;
  o.is_within = p.tpot <= request_.work.tpot;
  if (o.is_within && options_.is_fleet) keep_for_energy(o);
  const auto beats = [](const DeploymentPoint& a, const DeploymentPoint& b) {
    return a.output_tokens >= b.output_tokens && a.tpot <= b.tpot;
  };
  if (o.is_within &&
      (!best_ || p.output_tokens > best_->point.output_tokens || beats(p, best_->point))) {
    best_ = o;
  }
  for (const Offer& other : front_) {
    if (beats(other.point, p)) return;
  }
  std::erase_if(front_, [&](const Offer& other) { return beats(p, other.point); });
  front_.push_back(o);
}

// The points of a layout come one after the other; the one with most tokens needs least energy.
void LayoutSearch::keep_for_energy(const Offer& o) {
  const bool is_known = !within_.empty() && within_.back().engine == o.engine &&
                        within_.back().point.is_pools == o.point.is_pools;
  if (!is_known) {
    within_.push_back(o);
  } else if (o.point.output_tokens > within_.back().point.output_tokens) {
    within_.back() = o;
  }
}

void LayoutSearch::offer_aggregated(const ServingCandidate& c) {
  std::vector<EnginePoint> points = c.points(false);
  if (const auto limited = c.within_limits(false)) points.push_back(*limited);
  for (const EnginePoint& e : points) {
    Offer o;
    o.engine = &c;
    DeploymentPoint& p = o.point;
    p.layout = p.prefill_layout = c.layout();
    p.state = e.state;
    p.limit = e.limit;
    p.ttft = e.state.ttft;
    p.tpot = e.state.tpot;
    p.requests = e.state.requests / c.layout().accelerators();
    p.output_tokens = p.requests * (c.curves().load().answer * units::token);
    offer(o);
  }
}

LayoutSearch::Offer LayoutSearch::pools(const ServingCandidate& c, const EnginePoint& e,
                                        const PrefillChoice& prefill, double workers,
                                        double prefill_workers) const {
  Offer o;
  o.engine = &c;
  o.prefill = prefill.candidate;
  DeploymentPoint& p = o.point;
  p.is_pools = true;
  p.layout = c.layout();
  p.prefill_layout = prefill.candidate->layout();
  p.state = e.state;
  p.limit = e.limit;
  const std::size_t crowd = prefill.crowds.empty() ? 0 : static_cast<std::size_t>(prefill_workers);
  p.prefill = crowd > 0 ? prefill.crowds[crowd - 1] : prefill.point;
  p.workers = workers;
  p.prefill_workers = prefill_workers;
  p.prefill_share = prefill_workers * prefill.size() / p.accelerators();
  p.tpot = e.state.tpot;
  const Frequency rate = std::min(workers * e.state.requests, prefill_workers * p.prefill.requests);
  if (crowd > 0) p.prefill = p.prefill.at_rate(prefill_workers, rate / prefill_workers);
  p.ttft = p.prefill.ttft;
  p.requests = rate / p.accelerators();
  p.output_tokens = p.requests * (c.curves().load().answer * units::token);
  return o;
}

std::optional<LayoutSearch::Offer> LayoutSearch::match(const ServingCandidate& c,
                                                       const EnginePoint& e,
                                                       const PrefillChoice& prefill) const {
  const double ratio = e.state.requests / prefill.point.requests;
  if (options_.is_fleet) return pools(c, e, prefill, 1, ratio);
  std::optional<Offer> best;
  const double size = c.layout().accelerators();
  for (double workers = 1; workers * size + prefill.size() <= most_; ++workers) {
    for (const double prefill_workers : {std::floor(workers * ratio), std::ceil(workers * ratio)}) {
      if (prefill_workers < 1 || workers * size + prefill_workers * prefill.size() > most_)
        continue;
      Offer o = pools(c, e, prefill, workers, prefill_workers);
      if (!best || o.point.requests > best->point.requests) best = o;
    }
  }
  return best;
}

void LayoutSearch::offer_pools(const ServingCandidate& c) {
  std::vector<EnginePoint> points = c.points(true);
  if (const auto limited = c.within_limits(true)) points.push_back(*limited);
  for (const EnginePoint& e : points) {
    for (const PrefillChoice& prefill : prefills_) {
      if (auto o = match(c, e, prefill)) offer(*o);
    }
  }
}

// Energy, for the few points that are shown.
void LayoutSearch::finish(Offer* o) const {
  DeploymentPoint& p = o->point;
  set_bands(chip_, &p);
  add_work(chip_, *o->engine, &p);
  if (!p.is_pools) return;
  const EngineCurves& curves = o->prefill->curves();
  const PrefillState s = prefill_state(curves, p.prefill.prompts);
  const double busy = (p.requests * p.accelerators() / p.prefill_workers) / s.requests;
  const double pieces =
      std::max(1.0, std::ceil(curves.load().prompt / chip_.engine.schedule.token_budget));
  const Frequency chunks =
      busy * p.prefill.prompts * pieces * p.prefill_layout.shard.pipeline / s.step;
  const ServingWork w = work_of(chip_, *o->prefill, 0, Frequency(), pieces, chunks);
  const double x = p.prefill_share;
  p.work.power = (1 - x) * p.work.power + x * w.power;
  p.work.p10 = (1 - x) * p.work.p10 + x * w.p10;
  p.work.p90 = (1 - x) * p.work.p90 + x * w.p90;
  if (w.it_power) p.work.it_power = (1 - x) * *p.work.it_power + x * *w.it_power;
  p.work.hbm_bandwidth = (1 - x) * p.work.hbm_bandwidth + x * w.hbm_bandwidth;
  p.work.flops = (1 - x) * p.work.flops + x * w.flops;
}

ExcludedLayout LayoutSearch::why_not(const ServingCandidate& c) const {
  const auto ms = [](Duration d) { return d.in(units::millisecond); };
  if (!c.conflict().empty()) return {c.layout(), Exclusion::kIndivisible, c.conflict()};
  const MemoryFit& m = c.memory();
  if (!m.holds_weights())
    return {c.layout(), Exclusion::kDoesNotFit, m.reason(), m.missing().in(units::GB)};
  if (!m.holds_a_sequence())
    return {c.layout(), Exclusion::kNoSequence, m.reason(), m.missing().in(units::GB)};
  const workload::DemandClass& work = request_.work;
  if (c.ttft_floor() > work.ttft) {
    return {c.layout(), Exclusion::kTtftFloor,
            fmt::format("TTFT of one prompt alone {:.0f} ms, limit {:.0f} ms", ms(c.ttft_floor()),
                        ms(work.ttft)),
            (c.ttft_floor() - work.ttft).in(units::second)};
  }
  if (c.tpot_floor() > work.tpot) {
    return {c.layout(), Exclusion::kTpotFloor,
            fmt::format("TPOT of one sequence alone {:.1f} ms, limit {:.1f} ms", ms(c.tpot_floor()),
                        ms(work.tpot)),
            (c.tpot_floor() - work.tpot).in(units::second)};
  }
  return {c.layout(), Exclusion::kDominated, "another layout is faster for accelerator and user"};
}

void LayoutSearch::explain(SearchResult* out) const {
  for (const ServingCandidate& c : candidates_) {
    const auto uses = [&c](const Offer& o) { return o.engine == &c || o.prefill == &c; };
    if (std::any_of(front_.begin(), front_.end(), uses)) continue;
    if (best_ && uses(*best_)) continue;
    out->excluded.push_back(why_not(c));
  }
  std::stable_sort(out->excluded.begin(), out->excluded.end(),
                   [](const ExcludedLayout& a, const ExcludedLayout& b) {
                     return a.exclusion != b.exclusion ? a.exclusion < b.exclusion
                                                       : a.miss < b.miss;
                   });
}

SearchResult LayoutSearch::run() {
  prepare();
  if (options_.allows_pools) choose_prefills();
  for (const ServingCandidate& c : candidates_) {
    if (!c.can_serve()) continue;
    if (options_.allows_aggregated) offer_aggregated(c);
    if (options_.allows_pools) offer_pools(c);
  }
  std::sort(front_.begin(), front_.end(), [](const Offer& a, const Offer& b) {
    return a.point.output_tokens > b.point.output_tokens;
  });
  SearchResult out;
  out.layouts = static_cast<int>(candidates_.size());
  out.points = points_;
  out.most_accelerators = most_;
  explain(&out);
  if (!options_.is_fleet) {
    for (Offer& o : front_) {
      finish(&o);
      out.front.push_back(o.point);
    }
  }
  if (best_) {
    finish(&*best_);
    out.best = best_->point;
  }
  for (Offer& o : within_) {
    finish(&o);
    if (!out.thriftiest || o.point.it_energy_per_token() < out.thriftiest->it_energy_per_token()) {
      out.thriftiest = o.point;
    }
  }
  return out;
}

}  // namespace

const char* exclusion_name(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::kIndivisible:
      return "does not divide";
    case Exclusion::kDoesNotFit:
      return "does not fit";
    case Exclusion::kNoSequence:
      return "KV cache for no sequence";
    case Exclusion::kTtftFloor:
      return "TTFT floor missed";
    case Exclusion::kTpotFloor:
      return "TPOT floor missed";
    case Exclusion::kDominated:
      break;
  }
  return "dominated";
}

double DeploymentPoint::accelerators() const {
  const double decode = workers * layout.accelerators();
  return is_pools ? decode + prefill_workers * prefill_layout.accelerators() : decode;
}

int most_accelerators(const device::Accelerator& accelerator, const SearchOptions& options) {
  if (options.most_accelerators > 0) return options.most_accelerators;
  return std::clamp(accelerator.scale_up_domain, kSmallestSearch, kLargestSearch);
}

SearchResult search_layouts(const ServingChip& chip, const ServingRequest& request,
                            const SearchOptions& options) {
  const int most = most_accelerators(chip.accelerator, options);
  return LayoutSearch(chip, request, options, most).run();
}

DeploymentPoint deployment_point(const ServingChip& chip, const ServingCandidate& c,
                                 const EnginePoint& e) {
  DeploymentPoint p;
  p.layout = p.prefill_layout = c.layout();
  p.state = e.state;
  p.limit = e.limit;
  p.ttft = e.state.ttft;
  p.tpot = e.state.tpot;
  p.requests = e.state.requests / c.layout().accelerators();
  p.output_tokens = p.requests * (c.curves().load().answer * units::token);
  set_bands(chip, &p);
  add_work(chip, c, &p);
  return p;
}

std::optional<DeploymentPoint> aggregated_point(const ServingChip& chip, const ServingCandidate& c,
                                                double in_flight) {
  if (in_flight <= 0) {
    const auto e = c.within_limits(false);
    if (!e) return std::nullopt;
    return deployment_point(chip, c, *e);
  }
  const EnginePoint most = c.largest(false);
  EnginePoint e{steady_at_concurrency(c.curves(), in_flight, most.state.sequences)};
  if (in_flight > 1.001 * e.state.in_flight) e.limit = most.limit;
  return deployment_point(chip, c, e);
}

}  // namespace astrolabe::parallel
