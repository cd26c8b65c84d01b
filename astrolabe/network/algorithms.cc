#include "astrolabe/network/algorithms.h"

#include <algorithm>
#include <cmath>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

AlgorithmWork all_reduce_work(Algorithm algorithm, double n) {
  const double both_ways = 2 * (n - 1) / n;
  switch (algorithm) {
    case Algorithm::kRing:
      return {2 * (n - 1), both_ways};
    case Algorithm::kTree:
      return {2 * std::ceil(std::log2(n)), both_ways};
    case Algorithm::kSwitch:
      return {2, 1 + 1 / n};
    case Algorithm::kOneShot:
      return {1, n - 1};
    case Algorithm::kTwoShot:
      return {2, both_ways};
    case Algorithm::kDirect:
      break;
  }
  ASTROLABE_DEMAND(false, "no such all-reduce");
  return {};
}

}  // namespace

AlgorithmWork algorithm_work(Operation operation, Algorithm algorithm, int ranks) {
  ASTROLABE_ASSERT(ranks >= 1, "ranks are a count");
  if (ranks == 1) return {};
  const double n = ranks;
  switch (operation) {
    case Operation::kAllReduce:
      return all_reduce_work(algorithm, n);
    case Operation::kAllGather:
    case Operation::kReduceScatter:
      return {algorithm == Algorithm::kSwitch ? 1 : n - 1, (n - 1) / n};
    case Operation::kAllToAll:
      return {1, (n - 1) / n};
    case Operation::kSend:
      return {1, 1};
  }
  return {};
}

double least_wire(Operation operation, int ranks, bool switch_reduction) {
  if (operation != Operation::kAllReduce) {
    return algorithm_work(operation, Algorithm::kRing, ranks).wire;
  }
  const double ring = algorithm_work(operation, Algorithm::kRing, ranks).wire;
  if (!switch_reduction) return ring;
  return std::min(ring, algorithm_work(operation, Algorithm::kSwitch, ranks).wire);
}

double distinct_others(int ranks, double copies) {
  if (ranks <= 1) return 0;
  const double n = ranks;
  return n * (1 - std::pow(1 - 1 / n, copies)) * (n - 1) / n;
}

}  // namespace astrolabe::network
