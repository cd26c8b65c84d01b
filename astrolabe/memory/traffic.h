#pragma once

// Access streams. A pattern is a series of segments: so many accesses of 32 bytes from an address
// on, read or written. Every channel goes through the same series and keeps its own part, so a
// stream does not depend on how channels are spread over threads.
//
//   sequential          one segment after the other; `mixed21` writes every third access
//   stride4k            one access every 4 KiB (strideN: every N bytes, N with k or m)
//   random              one access anywhere
//   copy                a read stream and a write stream in turn, 4 KiB each
//   weights             matrices of 32 MiB one after another, tiles of 16 KiB
//   kv_gather           pages (64 KiB, or kv_gather:BYTES) anywhere
//   moe_gather          experts of 8 MiB (or moe_gather:BYTES) anywhere
//   all_reduce          read two buffers, write one, 8 KiB chunks in turn
//   checkpoint          sequential writes
//   operators           bytes streamed, gathered and written side by side, see OperatorTraffic
// Assumption: caches are not modelled; a stream is what misses them.

#include <memory>
#include <string>
#include <vector>

#include "astrolabe/base/quantity.h"
#include "astrolabe/base/random.h"
#include "astrolabe/memory/address_mapping.h"
#include "astrolabe/memory/request.h"

namespace astrolabe::memory {

struct Segment {
  std::uint64_t first = 0, accesses = 0;  // in units of 32 bytes
  bool is_write = false;
};

// What an operator moves in one execution (operator_traffic.h).
struct OperatorTraffic {
  std::string name;
  double count = 1;  // executions
  Bytes streamed;    // read front to back: weights, activations
  Bytes gathered;    // read in pages: KV cache, experts
  Bytes written;
  Bytes page;  // of what is gathered

  std::uint64_t accesses() const;
};

struct Traffic {
  enum class Kind : std::uint8_t {
    kSequential,
    kStride,
    kRandom,
    kCopy,
    kWeights,
    kGather,
    kAllReduce,
    kOperators
  };
  Kind kind = Kind::kSequential;
  std::uint64_t bytes = 0;     // stride or page
  int write_every = 0;         // each so many-th access is a write; 1: all; 0: none
  double footprint_gib = 0;    // of random and gather; 0: all of the memory
  std::uint64_t requests = 0;  // of the whole memory
  std::uint64_t seed = 1;
  double rate_gb_per_s = 0;   // open loop, of the whole memory; 0: closed loop
  double partial_writes = 0;  // share of the writes (error_correction.h); their reads come on top
  std::vector<OperatorTraffic> operators;
};

// InputError for an unknown name, with the known ones.
Traffic parse_traffic(const std::string& name);
std::vector<std::string> traffic_names();

// The part of a channel; `tick` is needed for the arrivals of an open loop.
std::unique_ptr<RequestSource> make_source(const Traffic& traffic, const AddressMapping& mapping,
                                           const ChannelMapping& channels, std::uint64_t channel,
                                           Duration tick);

}  // namespace astrolabe::memory
