#include "astrolabe/planning/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace astrolabe::planning {

namespace {

// Billion USD below which a relaxed cost is no difference.
constexpr double kNoCost = 1e-3;
constexpr int kMostConflicts = 3;  // beyond what reachability finds
// Shares of the time limit: no further conflict is looked for with less left; one conflict's most.
constexpr double kTimeForFixes = 0.6, kTimeForConflict = 0.3;

// One reason why there is no plan, with the demands that stand in it.
struct Reason {
  std::optional<Shortfall> shortfall;
  std::optional<Conflict> conflict;
  std::vector<HardDemand> demands;
};

class Explainer {
 public:
  Explainer(const Problem& p, const SolveOptions& options)
      : p_(p),
        options_(options),
        limit_(std::min(options.time_limit, kExplanationTime)),
        start_(std::chrono::steady_clock::now()) {
    probe_.solver = options.solver;
    probe_.threads = options.threads;
  }
  Explanation run();

 private:
  Duration time_left() const {
    const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start_;
    return limit_ - used.count() * units::second;
  }
  // Options for probes that all have to be over within that time.
  ProbeOptions until(Duration from_now) const {
    ProbeOptions options = probe_;
    options.time_limit = from_now;
    options.deadline = std::chrono::steady_clock::now() +
                       std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                           std::chrono::duration<double>(from_now.in(units::second)));
    return options;
  }
  bool is_over() {
    if (time_left() > 0 * units::second) return false;
    explanation_.is_cut_short = true;
    return true;
  }
  void find_reasons();
  void find_whole_number_reason();
  void add_conflict(Conflict conflict, Problem* rest);
  std::vector<std::vector<Candidate>> all_candidates();
  void keep_verified(std::vector<Candidate> candidates);
  void price_fixes();
  std::vector<Candidate> joined(const std::vector<std::vector<Candidate>>& by_reason) const;

  const Problem& p_;
  const SolveOptions& options_;
  const Duration limit_;
  const std::chrono::steady_clock::time_point start_;
  ProbeOptions probe_;
  std::vector<Reason> reasons_;
  Explanation explanation_;
  // By index of the fix: what is still to be priced when every fix is verified.
  std::vector<std::pair<std::size_t, std::function<std::optional<double>(const ProbeOptions&)>>>
      unpriced_;
};

void Explainer::add_conflict(Conflict conflict, Problem* rest) {
  Reason reason;
  for (const ConflictingDemand& d : conflict.demands) {
    reason.demands.push_back(d.demand);
    scale_demand(rest, d.demand, 0);
  }
  explanation_.conflicts.push_back(conflict.sentence);
  reason.conflict = std::move(conflict);
  reasons_.push_back(std::move(reason));
}

void Explainer::find_reasons() {
  Problem rest = p_;  // without the demands that are known to be too much
  for (Shortfall& s : find_shortfalls(p_)) {
    const HardDemand d = demand_of(s);
    scale_demand(&rest, d, 0);
    explanation_.conflicts.push_back(s.sentence);
    reasons_.push_back({std::move(s), std::nullopt, {d}});
  }
  for (int i = 0; i < kMostConflicts; ++i) {
    if (time_left() < kTimeForFixes * limit_) {
      explanation_.is_cut_short = true;
      return;
    }
    std::optional<Conflict> conflict = find_conflict(rest, probe_, kTimeForConflict * limit_);
    if (!conflict) return;
    const bool can_go_on = !conflict->demands.empty();
    add_conflict(std::move(*conflict), &rest);
    if (!can_go_on) return;
  }
}

void Explainer::find_whole_number_reason() {
  SolveOptions loose = options_;
  loose.time_limit = std::max(0.4 * time_left(), 1.0 * units::second);
  const Solution s = find_any_plan(p_, loose);
  if (s.status == PlanStatus::kSolved || s.status == PlanStatus::kGapOpen) return;
  if (s.status == PlanStatus::kInfeasible) {
    probe_.with_integers = true;
    Problem rest = p_;
    if (auto conflict = find_conflict(p_, probe_, 0.5 * time_left())) {
      conflict->sentence = "with whole phases and modules, " + conflict->sentence;
      add_conflict(std::move(*conflict), &rest);
      return;
    }
  }
  explanation_.conflicts.push_back("no demand was found to be the reason: " + s.reason);
  explanation_.is_cut_short = true;
}

std::vector<std::vector<Candidate>> Explainer::all_candidates() {
  std::vector<std::vector<Candidate>> by_reason;
  const ProbeOptions probe = until(0.5 * time_left());
  for (std::size_t i = 0; i < reasons_.size() && !is_over(); ++i) {
    Problem base = p_;
    for (std::size_t other = 0; other < reasons_.size(); ++other) {
      if (other == i) continue;
      for (const HardDemand& d : reasons_[other].demands) {
        const auto& own = reasons_[i].demands;
        if (std::find(own.begin(), own.end(), d) == own.end()) scale_demand(&base, d, 0);
      }
    }
    const Reason& reason = reasons_[i];
    by_reason.push_back(reason.shortfall ? fixes_for(base, *reason.shortfall, probe)
                                         : fixes_for(base, *reason.conflict, probe));
  }
  return by_reason;
}

void Explainer::keep_verified(std::vector<Candidate> candidates) {
  for (Candidate& candidate : candidates) {
    if (explanation_.fixes.size() == kMostFixes || is_over()) return;
    SolveOptions options = options_;
    options.time_limit = std::max(0.5 * time_left(), 1.0 * units::second);
    const Duration before = time_left();
    if (!verify_fix(p_, options, &candidate.fix)) {
      // Not verified for want of time is no answer about the change.
      explanation_.is_cut_short |= before - time_left() > 0.9 * options.time_limit;
      continue;
    }
    explanation_.fixes.push_back(candidate.fix);
    if (candidate.extra_cost) {
      unpriced_.emplace_back(explanation_.fixes.size() - 1, candidate.extra_cost);
    }
  }
}

// One change per reason, of the same kind where there is one, else the reason's first.
std::vector<Candidate> Explainer::joined(
    const std::vector<std::vector<Candidate>>& by_reason) const {
  std::vector<Candidate> all;
  const bool is_complete =
      by_reason.size() == reasons_.size() &&
      std::none_of(by_reason.begin(), by_reason.end(), [](const auto& c) { return c.empty(); });
  if (!is_complete) return all;
  for (const Candidate& lead : by_reason.front()) {
    Candidate together{lead.kind, {}, {}};
    std::vector<std::function<void(Problem*)>> changes;
    for (const auto& candidates : by_reason) {
      const auto same = std::find_if(candidates.begin(), candidates.end(),
                                     [&](const Candidate& c) { return c.kind == lead.kind; });
      const Candidate& part = same != candidates.end() ? *same : candidates.front();
      together.fix.sentence += (changes.empty() ? "" : ", and ") + part.fix.sentence;
      changes.push_back(part.fix.apply);
    }
    together.fix.apply = [changes](Problem* q) {
      for (const auto& change : changes) change(q);
    };
    all.push_back(std::move(together));
  }
  return all;
}

void Explainer::price_fixes() {
  for (const auto& [index, extra_cost] : unpriced_) {
    if (is_over()) return;
    Fix& fix = explanation_.fixes[index];
    fix.extra_cost_billion_usd = extra_cost(until(time_left()));
    if (!fix.extra_cost_billion_usd) continue;
    const double extra = *fix.extra_cost_billion_usd;
    if (std::fabs(extra) < kNoCost) {
      fix.sentence += ", at no extra cost";
    } else {
      fix.sentence += fmt::format(
          ", {} billion USD against the plan without this demand",
          std::fabs(extra) >= 10 ? fmt::format("{:+.0f}", extra) : fmt::format("{:+.2g}", extra));
    }
  }
}

Explanation Explainer::run() {
  find_reasons();
  if (reasons_.empty() && !explanation_.is_cut_short) find_whole_number_reason();
  if (reasons_.empty()) return explanation_;
  const auto by_reason = all_candidates();
  std::vector<Candidate> singles;
  for (const auto& candidates : by_reason) {
    singles.insert(singles.end(), candidates.begin(), candidates.end());
  }
  keep_verified(std::move(singles));
  if (explanation_.fixes.empty() && reasons_.size() > 1) {
    explanation_.is_single = false;
    keep_verified(joined(by_reason));
  }
  if (explanation_.fixes.empty() && !is_over()) {
    explanation_.is_single = false;
    auto together = lower_together(p_, list_hard_demands(p_), until(time_left()));
    if (together) keep_verified({std::move(*together)});
  }
  explanation_.is_single |= explanation_.fixes.empty();
  price_fixes();
  return explanation_;
}

}  // namespace

Explanation explain_infeasibility(const Problem& problem, const SolveOptions& options) {
  return Explainer(problem, options).run();
}

std::string Explanation::text() const {
  if (conflicts.empty()) return "";
  std::string text;
  for (const std::string& conflict : conflicts) text += conflict + ".\n";
  if (fixes.empty()) {
    text += is_cut_short ? "No change was verified in time.\n"
                         : "No change of the kinds tried makes a plan possible.\n";
  } else {
    text += is_single ? "Smallest single fixes, each solved again:\n"
                      : "No single change is enough; together, each solved again:\n";
    for (const Fix& fix : fixes) text += "  - " + fix.sentence + "\n";
  }
  if (is_cut_short) text += "The time limit ended the search: there may be more to say.\n";
  return text;
}

}  // namespace astrolabe::planning
