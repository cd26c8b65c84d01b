#include "astrolabe/memory/operator_traffic.h"

#include <variant>

namespace astrolabe::memory {

std::vector<OperatorTraffic> operator_traffic(const workload::OperatorList& operators,
                                              Bytes kv_page) {
  std::vector<OperatorTraffic> traffic;
  for (const workload::Operator& o : operators) {
    OperatorTraffic t;
    const auto* collective = std::get_if<workload::CollectiveShape>(&o.shape);
    const Bytes payload = collective == nullptr ? Bytes{} : collective->payload;
    t.streamed = (o.weights + o.activations / 2 + payload) * o.count;
    t.gathered = o.kv * o.count;
    t.written = (o.activations / 2 + payload) * o.count;
    t.page = kv_page;
    if ((t.streamed + t.gathered + t.written).base() > 0) traffic.push_back(t);
  }
  return traffic;
}

}  // namespace astrolabe::memory
