#include "astrolabe/device/derating.h"

namespace astrolabe::device {
namespace {

class DeratingReader {
 public:
  DeratingReader(const catalog::Catalog& catalog, std::string_view accelerator, Derating& out)
      : catalog_(catalog), own_("derating_" + std::string(accelerator)), out_(out) {
    has_own_ = catalog_.has_entity(own_);
  }

  double number(std::string_view attribute) {
    return catalog_.get_number(entity_of(attribute), attribute);
  }
  template <class Q>
  Q quantity(std::string_view attribute) {
    return catalog_.get<Q::kDim>(entity_of(attribute), attribute);
  }

 private:
  std::string entity_of(std::string_view attribute) {
    const bool is_own = has_own_ && catalog_.has_value(own_, attribute);
    std::string entity = is_own ? own_ : "derating_default";
    out_.facts.push_back(entity + "." + std::string(attribute));
    if (is_own) ++out_.measured;
    return entity;
  }

  const catalog::Catalog& catalog_;
  std::string own_;
  bool has_own_ = false;
  Derating& out_;
};

}  // namespace

Derating read_derating(const catalog::Catalog& catalog, std::string_view accelerator) {
  Derating d;
  DeratingReader r(catalog, accelerator, d);
  for (int i = 0; i < workload::kNumberFormats; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const std::string format = workload::number_format_name(static_cast<workload::NumberFormat>(i));
    d.gemm[index] = r.number("gemm_" + format);
    d.grouped_gemm[index] = r.number("grouped_gemm_" + format);
  }
  d.attention_prefill = r.number("attention_prefill");
  d.attention_decode = r.number("attention_decode");
  d.hbm_bandwidth = r.number("hbm_bandwidth");
  d.all_reduce_bandwidth = r.number("all_reduce_bandwidth");
  d.all_to_all_bandwidth = r.number("all_to_all_bandwidth");
  d.scale_out_bandwidth = r.number("scale_out_bandwidth");
  d.kernel_overhead = r.quantity<Duration>("kernel_overhead");
  d.iteration_overhead = r.quantity<Duration>("iteration_overhead");
  d.scale_up_latency = r.quantity<Duration>("scale_up_latency");
  d.all_to_all_latency = r.quantity<Duration>("all_to_all_latency");
  d.scale_out_latency = r.quantity<Duration>("scale_out_latency");
  d.expert_imbalance = r.number("expert_imbalance");
  d.hbm_usable = r.number("hbm_usable");
  d.runtime_reserve = r.quantity<Bytes>("runtime_reserve");
  d.power = read_power_parameters(catalog, accelerator);
  d.training_mfu_bf16 = r.number("training_mfu_bf16");
  d.training_mfu_fp8 = r.number("training_mfu_fp8");
  return d;
}

}  // namespace astrolabe::device
