#pragma once

// What a memory sustains, as a table: bandwidth, latency and energy per bit against the bytes that
// are read in one piece, the share of writes, the footprint, and the load.
//
// Each point is a steady-state simulation (memory_system.h) of pieces of one size at random places.
// Between points: linear in the logarithm of the size and in the share of writes. Load points are
// open loops of streaming reads at a share of what the closed loop sustains; latency is theirs.
// The table depends on the product's tables alone, so it is computed once and kept in a file that
// is named after a hash of all that it rests on. Assumption: address streams spread over channels;
// one requester or many is the same to the DRAM.

#include <functional>
#include <string>
#include <vector>

#include "astrolabe/base/table.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {

struct CurvePoint {
  double piece_bytes = 0;
  double write_share = 0;    // of accesses
  double footprint_gib = 0;  // 0: all of the memory
  double load = 0;           // of the sustained streaming bandwidth; 0: closed loop
  Bandwidth bandwidth;
  double peak_share = 0;
  Duration latency, latency_p99;
  double pj_per_bit = 0;
  double relative_interval = 0;
};

class BandwidthCurve {
 public:
  BandwidthCurve(std::string memory, Bandwidth peak, std::vector<CurvePoint> points,
                 bool is_partial = false);

  const std::string& memory() const { return memory_; }
  Bandwidth peak() const { return peak_; }
  const std::vector<CurvePoint>& points() const { return points_; }
  bool is_partial() const { return is_partial_; }  // it was interrupted: points are missing

  // Sustained bandwidth and energy of pieces of a size; sizes outside the table take its ends.
  Bandwidth bandwidth(Bytes piece, double write_share = 0) const;
  double pj_per_bit(Bytes piece, double write_share = 0) const;
  // Mean read latency at a share of the sustained streaming bandwidth.
  Duration latency(double load) const;
  Table table() const;

 private:
  double interpolate(Bytes piece, double write_share,
                     const std::function<double(const CurvePoint&)>& of) const;

  std::string memory_;
  Bandwidth peak_;
  std::vector<CurvePoint> points_;
  bool is_partial_;
};

struct CurveOptions {
  double tolerance = 0.01;
  int threads = 1;
  std::string cache_dir;  // empty: not kept
  const std::atomic<bool>* interrupt = nullptr;
  std::function<void(std::size_t done, std::size_t all)> on_progress;  // by the calling thread
};

// From the cache if it is there, else simulated (and kept). An interrupted one has the points that
// were simulated to their ends, and is not kept.
BandwidthCurve bandwidth_curve(const std::string& data_dir, const MemoryConfig& config,
                               const CurveOptions& options);

// The file of `options.cache_dir` that holds or will hold it.
std::string curve_cache_path(const std::string& data_dir, const MemoryConfig& config,
                             const CurveOptions& options);
// With a checksum of its rows. No points from a file that is absent, cut short or changed: the
// curve is then simulated again. `write_curve_file` makes the directory; false = could not write.
bool write_curve_file(const std::string& path, const BandwidthCurve& curve);
std::vector<CurvePoint> read_curve_file(const std::string& path);

}  // namespace astrolabe::memory
