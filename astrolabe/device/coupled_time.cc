#include "astrolabe/device/coupled_time.h"

#include <algorithm>
#include <thread>

#include "astrolabe/device/table_cache.h"

namespace astrolabe::device {

namespace {

constexpr double kStreamPiece = 1048576;  // bytes: the largest piece of the curve

Accelerator with_memory(Accelerator accelerator, Bandwidth peak) {
  accelerator.hbm_bandwidth = peak;
  return accelerator;
}

}  // namespace

CoupledTime::CoupledTime(const Accelerator& accelerator, const Derating& derating,
                         memory::BandwidthCurve curve, Bytes kv_page)
    : accelerator_(with_memory(accelerator, curve.peak())),
      curve_(std::move(curve)),
      derated_(accelerator_, derating),
      kv_page_(kv_page) {}

Bandwidth CoupledTime::sustained(const workload::Operator& op) const {
  const Bytes all = op.bytes();
  if (all.base() <= 0) return curve_.peak();
  const double writes = 0.5 * (op.activations / all);
  const Bandwidth stream = curve_.bandwidth(kStreamPiece * units::byte, writes);
  if (op.kv.base() <= 0) return stream;
  const Duration time = (all - op.kv) / stream + op.kv / curve_.bandwidth(kv_page_, writes);
  return all / time;
}

OperatorCost CoupledTime::cost(const workload::Operator& op) const {
  return derated_.cost(op, sustained(op) / curve_.peak());
}

CoupledTime couple_memory(const Accelerator& accelerator, const Derating& derating,
                          const std::string& data_dir, const std::string& memory,
                          const SourcePosition& where, const std::string& key) {
  const std::string product = memory == "own" ? accelerator.name : memory;
  memory::check_product(data_dir, product, where, key);
  memory::CurveOptions options;
  options.cache_dir = cache_directory();
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return {accelerator, derating,
          memory::bandwidth_curve(data_dir, memory::load_product(data_dir, product), options)};
}

}  // namespace astrolabe::device
