#include "astrolabe/parallel/layout_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "astrolabe/parallel/test/chip_cases.h"

namespace astrolabe::parallel {
namespace {

SearchResult search(const ServingChip& chip, const ServingRequest& request,
                    const SearchOptions& options = {}) {
  return search_layouts(chip, request, options);
}

TEST(LayoutSearchTest, FrontTradesUsersForAcceleratorsAndKeepsTtft) {
  const SmallChip chip;
  const SearchResult r = search(chip.chip(), request_of(small_mixture(), chat()));
  ASSERT_GT(r.front.size(), 3u);
  for (std::size_t i = 1; i < r.front.size(); ++i) {
    EXPECT_LT(r.front[i].output_tokens, r.front[i - 1].output_tokens);
    EXPECT_LT(r.front[i].tpot, r.front[i - 1].tpot);
  }
  for (const DeploymentPoint& p : r.front) {
    EXPECT_LE(p.ttft, chat().ttft);
    EXPECT_LE(p.accelerators(), r.most_accelerators);
    EXPECT_GE(p.work.power.in(units::watt), 99.9);  // idle: 0.2 of 500
    EXPECT_LE(p.work.power.in(units::watt), 500);
    EXPECT_LE(p.work.p10, p.work.power);
    EXPECT_GE(p.work.p90, p.work.power);
    EXPECT_LE(p.work.p90.in(units::watt), 500);
    EXPECT_LE(p.work.hbm_bandwidth.base(), 1e12);
  }
}

TEST(LayoutSearchTest, BestHasMostTokensWithinBothLimits) {
  const SmallChip chip;
  const SearchResult r = search(chip.chip(), request_of(small_mixture(), chat()));
  ASSERT_TRUE(r.best);
  EXPECT_LE(r.best->tpot, chat().tpot);
  EXPECT_LE(r.best->ttft, chat().ttft);
  for (const DeploymentPoint& p : r.front) {
    if (p.tpot > chat().tpot) continue;
    EXPECT_LE(p.output_tokens, r.best->output_tokens);
  }
}

TEST(LayoutSearchTest, EveryLayoutIsUsedOrExcludedForOneReason) {
  const SmallChip chip;
  const SearchResult r = search(chip.chip(), request_of(small_mixture(), chat()));
  std::set<std::string> named;
  for (const DeploymentPoint& p : r.front) {
    named.insert(p.layout.text());
    named.insert(p.prefill_layout.text());
  }
  named.insert(r.best->layout.text());
  named.insert(r.best->prefill_layout.text());
  for (const ExcludedLayout& x : r.excluded) {
    EXPECT_TRUE(named.insert(x.layout.text()).second) << x.layout.text() << " is on the front";
    EXPECT_FALSE(x.reason.empty());
  }
  for (const Layout& l : candidate_layouts(small_mixture(), small_accelerator(), 16)) {
    EXPECT_TRUE(named.contains(l.text())) << l.text();
  }
}

std::map<Exclusion, int> counts(const SearchResult& r) {
  std::map<Exclusion, int> n;
  for (const ExcludedLayout& x : r.excluded) ++n[x.exclusion];
  return n;
}

TEST(LayoutSearchTest, ReasonsAreToldApart) {
  const SmallChip chip;
  // 16 heads: thirds and ninths do not divide.
  EXPECT_GT(counts(search(chip.chip(), request_of(small_dense(), chat())))[Exclusion::kIndivisible],
            0);
  workload::DemandClass fast = chat();
  fast.tpot = 1.0 * units::microsecond;
  const SearchResult slow = search(chip.chip(), request_of(small_dense(), fast));
  EXPECT_FALSE(slow.best);
  workload::DemandClass early = chat();
  early.ttft = 1.0 * units::microsecond;
  const SearchResult late = search(chip.chip(), request_of(small_dense(), early));
  EXPECT_TRUE(late.front.empty());
  EXPECT_GT(counts(late)[Exclusion::kTtftFloor], 0);
  const SmallChip tiny(0.5 * units::GB);
  const SearchResult full = search(tiny.chip(), request_of(small_dense(), chat()));
  EXPECT_GT(counts(full)[Exclusion::kDoesNotFit], 0);
  workload::DemandClass novel = chat();
  novel.input = workload::LengthDistribution::fixed(1e6);  // 16.4 GB of cache on one chip of 8
  const SearchResult long_one = search(chip.chip(), request_of(small_dense(), novel));
  EXPECT_GT(counts(long_one)[Exclusion::kNoSequence], 0);
}

TEST(LayoutSearchTest, PoolsOfAFleetMatchHarmonically) {
  const SmallChip chip;
  ServingRequest request = request_of(small_dense(), chat());
  SearchOptions apart;
  apart.allows_aggregated = false;
  apart.is_fleet = true;
  apart.layouts = {Layout{}};
  const SearchResult r = search(chip.chip(), request, apart);
  ASSERT_TRUE(r.best);
  const ServingCandidate c(chip.chip(), request, {});
  double rp = 0;
  for (const PrefillPoint& p : c.prefill_points()) rp = std::max(rp, p.requests.base());
  const double rd = c.within_limits(true)->state.requests.base();
  EXPECT_NEAR(r.best->output_tokens.base(), 200 * rp * rd / (rp + rd), 1e-6);
  EXPECT_NEAR(r.best->prefill_share, rd / (rp + rd), 1e-9);
}

TEST(LayoutSearchTest, PoolsOfWholeWorkersDeliverTheSlowerOne) {
  const SmallChip chip;
  const ServingRequest request = request_of(small_dense(), chat());
  SearchOptions apart;
  apart.allows_aggregated = false;
  apart.layouts = {Layout{}};
  apart.most_accelerators = 5;
  const SearchResult r = search(chip.chip(), request, apart);
  ASSERT_TRUE(r.best);
  const DeploymentPoint& p = *r.best;
  EXPECT_LE(p.accelerators(), 5);
  const double least =
      std::min(p.workers * p.state.requests.base(), p.prefill_workers * p.prefill.requests.base());
  EXPECT_NEAR(p.requests.base() * p.accelerators(), least, 1e-9 * least);
}

TEST(LayoutSearchTest, LonePrefillWorkersUseTheWholeLimitOfTtft) {
  // 800 tokens need some 10 ms alone; at 30 ms the queue takes what is left, and no more.
  const SmallChip chip;
  workload::DemandClass w = chat();
  w.ttft = 30.0 * units::millisecond;
  SearchOptions apart;
  apart.allows_aggregated = false;
  apart.is_fleet = true;
  const SearchResult r = search(chip.chip(), request_of(small_dense(), w), apart);
  ASSERT_TRUE(r.best);
  EXPECT_LE(r.best->ttft, w.ttft);
  EXPECT_GT(r.best->ttft, 0.9 * w.ttft);
}

// 300 W of which 100 idle; dynamic power is 0.5 to 1.5 times that, so 200 to 400 W: half of ln 2.
TEST(PowerBandTest, IsThatOfKernelsAndOfTheEngine) {
  ServingChip chip;
  chip.accelerator = small_accelerator();
  chip.derating = plain_derating();
  chip.derating.power.dynamic_low = 0.5, chip.derating.power.dynamic_high = 1.5;
  EXPECT_NEAR(power_band(chip, 300.0 * units::watt), std::log(2) / 2, 1e-12);
  chip.engine.constants.power_band = 0.2;
  EXPECT_NEAR(power_band(chip, 300.0 * units::watt), std::hypot(std::log(2) / 2, 0.2), 1e-12);
}

TEST(PrefillPointTest, WorkersBehindOneQueueWaitLess) {
  PrefillPoint p;
  p.capacity = 10.0 / units::second;
  p.step = 0.1 * units::second;
  p.outside = 0.05 * units::second;
  // One worker half busy: 0.5 / (1 - 0.5) = 1 step of queue. Seven: 0.5^3 / (7 * 0.5) = 1/28.
  EXPECT_NEAR(p.at_rate(1, 5.0 / units::second).ttft.in(units::second), 0.25, 1e-12);
  EXPECT_NEAR(p.at_rate(7, 5.0 / units::second).ttft.in(units::second), 0.15 + 0.1 / 28, 1e-12);
  // A limit of one step of queue: half busy alone, seven where load^3 = 7 (1 - load).
  EXPECT_NEAR(p.among(1, 0.25 * units::second).load, 0.5, 1e-6);
  EXPECT_NEAR(p.among(7, 0.25 * units::second).load, 0.896922, 1e-6);
  EXPECT_NEAR(p.among(7, 9.0 * units::second).load, 0.95, 1e-12);
}

TEST(LayoutSearchTest, LooserServiceLevelIsNeverWorse) {
  const SmallChip chip;
  double last = 0;
  for (const double ms : {1.0, 2.0, 5.0, 20.0, 100.0}) {
    workload::DemandClass w = chat();
    w.tpot = ms * units::millisecond;
    const SearchResult r = search(chip.chip(), request_of(small_dense(), w));
    const double now = r.best ? r.best->output_tokens.base() : 0;
    EXPECT_GE(now, last * (1 - 1e-9)) << ms;
    last = now;
  }
}

TEST(SpeculationTest, LayersThatPredictTokensTakeWeightsAndCache) {
  const SmallChip chip;
  ServingRequest request = request_of(small_dense(), chat());
  request.model.mtp_layers = 1;
  const ServingCandidate without(chip.chip(), request, {});
  request.work.speculation = {.draft_tokens = 2, .acceptance_length = 2};
  const ServingCandidate with(chip.chip(), request, {});
  const Bytes layer = workload::mtp_bytes_per_accelerator(request.model, {}, {});
  EXPECT_EQ(with.memory().weights, without.memory().weights + layer);
  EXPECT_NEAR(with.memory().kv_per_token / without.memory().kv_per_token, 17.0 / 16, 1e-12);
}

TEST(SpeculationTest, ADraftModelStepsOnceForEveryDraft) {
  const SmallChip chip;
  ServingRequest request = request_of(small_dense(), chat());
  const ServingCandidate without(chip.chip(), request, {});
  const Duration alone = without.tpot_floor();
  const double held = without.memory().kv_tokens;
  request.work.speculation = {.draft_tokens = 1, .acceptance_length = 2};
  request.draft = DraftModel{small_dense(), {}};  // as large as the model itself
  const ServingCandidate candidate(chip.chip(), request, {});
  ASSERT_TRUE(candidate.can_serve()) << candidate.conflict() << candidate.memory().reason();
  // Two tokens for a step of its own, which verifies two, and one of the same model.
  EXPECT_NEAR(candidate.tpot_floor() / alone, 1, 0.05);
  EXPECT_LT(candidate.memory().kv_tokens, held / 2);
  request.draft->model.heads = 15;
  EXPECT_EQ(ServingCandidate(chip.chip(), request, {{.tensor = 2}}).conflict(),
            "draft model: heads 15 not divisible by tensor degree 2");
}

TEST(SpeculationTest, ADraftModelComputesPromptsInPrefillPoolsToo) {
  const SmallChip chip;
  const workload::DemandClass work = chat();
  const SearchOptions pools{.allows_aggregated = false, .layouts = {{}}};
  // Operations of a request, prompt and answer.
  const auto per_request = [&](const ServingRequest& request) {
    const SearchResult r = search(chip.chip(), request, pools);
    EXPECT_TRUE(r.best);
    return r.best ? r.best->work.flops / r.best->requests : Flop();
  };
  ServingRequest request = request_of(small_dense(), work);
  const Flop alone = per_request(request);
  request.work.speculation = {.draft_tokens = 1, .acceptance_length = 2};
  request.draft = DraftModel{small_dense(), {}};
  const double prompt = work.input.mean(), answer = work.output.mean();
  // Both models compute the prompt; for two tokens of the answer the model verifies two and the
  // draft computes one. Attention and logits are small here.
  const double expected = (2 * prompt + 1.5 * answer) / (prompt + answer);
  EXPECT_NEAR(per_request(request) / alone, expected, 0.1 * expected);
}

}  // namespace
}  // namespace astrolabe::parallel
