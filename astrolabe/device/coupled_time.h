#pragma once

// Time of an operator on an accelerator whose memory was simulated: no fixed share of the peak.
//
//   t = t_launch + max(F / (f F_peak), B_stream / b(1 MiB, w) + B_kv / b(page, w))
//
// b: bandwidth that the memory sustains of pieces of a size and a share w of writes
// (memory/bandwidth_curve.h); f and t_launch: as derated. Weights and activations are streams, half
// of the activations are written, the KV cache is read a page at a time. Assumptions: the streams
// of one operator take turns; the caches add nothing and the network on chip takes nothing.
// The memory need not be the accelerator's own: an HBM4E that no one has built has a curve too.

#include "astrolabe/device/operator_time.h"
#include "astrolabe/memory/bandwidth_curve.h"

namespace astrolabe::device {

class CoupledTime final : public OperatorTime {
 public:
  // `kv_page`: bytes of the cache of one layer that lie together.
  CoupledTime(const Accelerator& accelerator, const Derating& derating,
              memory::BandwidthCurve curve, Bytes kv_page = 65536.0 * units::byte);

  Fidelity fidelity() const override { return Fidelity::kCoupled; }
  OperatorCost cost(const workload::Operator& op) const override;
  // What the memory sustains of the operator's bytes.
  Bandwidth sustained(const workload::Operator& op) const;
  // The accelerator with this memory: its roofline is the bound.
  const Accelerator& accelerator() const { return accelerator_; }

 private:
  Accelerator accelerator_;
  memory::BandwidthCurve curve_;
  DeratedTime derated_;
  Bytes kv_page_;
};

// `memory` of data/memory/products.csv, or "own": the accelerator's. Its curve is simulated once
// and kept in cache_directory(). InputError at the caller's place and key for an unknown memory.
CoupledTime couple_memory(const Accelerator& accelerator, const Derating& derating,
                          const std::string& data_dir, const std::string& memory,
                          const SourcePosition& where = {}, const std::string& key = "--memory");

}  // namespace astrolabe::device
