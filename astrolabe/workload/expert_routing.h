#pragma once

// How tokens are spread over experts, and what the hottest rank of a layer gets.
//
// t tokens choose k of E experts, which sit E/p on each of p ranks.
//   kBalanced  every expert gets t k / E rows; min(E, t k) experts are touched.
//   kUniform   each token draws k experts at random: E (1 - (1 - k/E)^t) are touched; the hottest
//              rank has `imbalance` times the mean rows (1: the mean).
//   kPowerLaw  rows of an expert ~ x^-alpha on [1, 0.8 t] (on [0.01, 2] while t k <= E), scaled to
//              t k in all: the distribution under which kernels are benchmarked.
// Power law, mean m, deviation s and quantile Q(u) of one expert in closed form, g = E/p: the
// excess of the hottest rank over its mean g m is (a^3 + b^3)^(1/3) of
//   a = Q(1 - 1/2E) - m           one big expert
//   b = s sqrt(g) (sqrt(2 ln p) - 0.6)   many middling ones (mean of the largest of p normals)
// (within 15 % of sampling it). An expert gets no more rows than there are tokens. An expert is
// touched when it gets at least half a row, on the hottest rank sqrt(its ratio) times as many.
// Assumes experts are placed without regard to load. Fails where a balancer moves hot experts.
// Source: token-distribution generator of aiconfigurator's MoE benchmark (read as documentation).

namespace astrolabe::workload {

enum class RoutingModel : unsigned char { kBalanced, kUniform, kPowerLaw };

struct Routing {
  RoutingModel model = RoutingModel::kUniform;
  double imbalance = 1;  // kUniform: rows and traffic of the hottest rank over the mean, >= 1
  double alpha = 0;      // kPowerLaw: exponent, above 1
};

struct RankLoad {
  double rows = 0;     // token-expert pairs
  double experts = 0;  // distinct experts touched
};

// E (1 - (1 - k/E)^t): experts that t tokens touch, uniform routing.
double expected_distinct_experts(double experts, double topk, double tokens);

// Rows of the hottest of `ranks` ranks over the mean, at least 1.
double hottest_rank_ratio(const Routing& routing, double experts, double topk, double tokens,
                          int ranks);

RankLoad hottest_rank_load(const Routing& routing, double experts, double topk, double tokens,
                           int ranks);

}  // namespace astrolabe::workload
