#pragma once

// How much work an algorithm of a collective is, as closed forms of the number of ranks n.
//
//   steps: messages that follow one another, each of which waits for the one before
//   wire:  bytes that the busier direction of a rank's link carries, per byte of the buffer S
//
//   algorithm               steps            wire
//   ring all-reduce         2 (n-1)          2 (n-1)/n
//   tree all-reduce         2 ceil(log2 n)   2 (n-1)/n      (recursive halving and doubling)
//   ring gather, scatter    n-1              (n-1)/n        (S: the gathered size)
//   switch all-reduce       2                1 + 1/n        NVLS: a rank reduces S/n by reading it
//                                                           through the switch, which fetches it
//                                                           from all n (each sends S in all), and
//                                                           multicasts it (each sends S/n)
//   switch gather, scatter  1                1 - 1/n received or sent whatever the switch does
//   one-shot all-reduce     1                n-1            every rank reads all of the others
//   two-shot all-reduce     2                2 (n-1)/n      reads, reduces S/n; reads the rest
//   direct all-to-all       1                (n-1)/n        (S leaves a rank, own part included)
//   send                    1                1
// n = 1 is no work. Assumes equal shares, links that carry both directions at once, and a switch
// without contention; over a mesh without a switch `wire` is too small.
// Source: Thakur, Rabenseifner, Gropp, IJHPCA 19(1), 2005; ring, one-shot and two-shot as in NCCL
// and the custom kernels of vLLM and TensorRT-LLM.

namespace astrolabe::network {

enum class Operation { kAllReduce, kAllGather, kReduceScatter, kAllToAll, kSend };
enum class Algorithm { kRing, kTree, kSwitch, kOneShot, kTwoShot, kDirect };

struct AlgorithmWork {
  double steps = 0, wire = 0;
};

// The pair must be in the table above (an assertion).
AlgorithmWork algorithm_work(Operation operation, Algorithm algorithm, int ranks);

// Least wire of any algorithm that the fabric allows: with the link's bandwidth the lower bound.
double least_wire(Operation operation, int ranks, bool switch_reduction);

// An exchange sends each token to `copies` experts drawn uniformly over n ranks: how many distinct
// ranks (or nodes) other than its own a token reaches, n (1 - (1 - 1/n)^copies) (n-1)/n.
double distinct_others(int ranks, double copies);

}  // namespace astrolabe::network
