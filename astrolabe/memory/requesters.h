#pragma once

// The accesses of a kernel as an accelerator makes them: a closed loop of thread blocks.
//
// `processors` x `groups` thread blocks are resident. A block's warps start `issue` apart for each
// array they access; a warp reads its piece of each array, and `path` after the DRAM has given the
// last of them it writes its pieces. A block ends when its last warp has all data, or has handed
// over all writes; after `turnover` the next block in address order starts in its place. So
//
//   bandwidth <= bytes of the resident blocks / (turnover + issue x warps + path + DRAM)  (Little)
//
// and the DRAM's part is simulated: queues, refresh, rows, and that a block waits for its slowest
// access. A write is handed over when its channel's write queue takes it.
//
// Channels share the blocks, so they run side by side in slices: an answer at t asks for nothing
// before t + the least of path and turnover, the length of a slice. The outcome is exact, the same
// on any number of threads.
//
// Assumption: caches hold nothing, the way to the memory is never full, address translation costs
// nothing, blocks are of equal size. Read latency of the statistics is the DRAM's alone.

#include <string>

#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {

struct Requesters {
  int processors = 1;              // streaming multiprocessors, compute units
  int groups = 1;                  // thread blocks resident on each
  int warps = 1;                   // of a block
  std::uint64_t piece_bytes = 32;  // of an array that a warp accesses at a time
  int pieces = 1;                  // of each array that a warp has in flight
  Duration path;                   // of a read besides the DRAM
  Duration turnover;               // from the end of a block to the first access of the next
  Duration issue;                  // from a warp to the next of its block, for each piece
};

// "2x1024" or "2x1024x64": blocks resident on a processor, threads of a block, bytes that a thread
// has in flight of each array (8). InputError at the place and key.
struct RequesterShape {
  int groups = 1, threads = 1, thread_bytes = 8;
};
RequesterShape parse_requesters(const std::string& text, const SourcePosition& where,
                                const std::string& key);

// With the facts of `data_dir`/memory/requesters.csv about the accelerator that has the memory.
// InputError at the place and key for one without facts, or a shape that does not fit it.
Requesters load_requesters(const std::string& data_dir, const MemoryConfig& config,
                           const RequesterShape& shape, const SourcePosition& where,
                           const std::string& key);

// Sequential traffic, copy or all_reduce (InputError for others), in whole blocks, at least
// `traffic.requests`; the arrays lie one after another, over and over in a memory too small. The
// controller must not power channels down.
RunResult simulate_requesters(const MemoryConfig& config, const Requesters& requesters,
                              const Traffic& traffic, const RunOptions& options);

}  // namespace astrolabe::memory
