#include "astrolabe/memory/operator_traffic.h"

namespace astrolabe::memory {

std::vector<OperatorTraffic> operator_traffic(const workload::OperatorList& operators,
                                              Bytes kv_page) {
  std::vector<OperatorTraffic> traffic;
  for (const workload::Operator& o : operators) {
    OperatorTraffic t;
    const Bytes payload = workload::is_collective(o.kind) ? o.payload : Bytes{};
    t.streamed = (o.weights + o.activations / 2 + payload) * o.count;
    t.gathered = o.kv * o.count;
    t.written = (o.activations / 2 + payload) * o.count;
    t.page = kv_page;
    if ((t.streamed + t.gathered + t.written).base() > 0) traffic.push_back(t);
  }
  return traffic;
}

}  // namespace astrolabe::memory
