#include "astrolabe/workload/operator_table.h"

namespace astrolabe::workload {
namespace {

using Fields = std::vector<ShapeField>;

constexpr Flop kGflop = 1e9 * units::flop;

const char* routing_name(const Routing& routing) {
  switch (routing.model) {
    case RoutingModel::kBalanced:
      return "balanced";
    case RoutingModel::kUniform:
      return "uniform";
    case RoutingModel::kPowerLaw:
      return "power_law";
  }
  return "";
}

std::string name_of(GemmFormat format) { return traits(format).name; }
std::string name_of(NumberFormat format) { return number_format_name(format); }

Fields fields_of(const GemmShape& s) {
  return {{"m", s.m}, {"n", s.n}, {"k", s.k}, {"format", name_of(s.format)}};
}

Fields fields_of(const ExpertsShape& s) {
  const double copies = s.slots > s.experts ? s.slots - s.experts : 0;
  return {{"tokens", s.tokens},
          {"hidden", s.hidden},
          {"expert_ffn", s.expert_ffn},
          {"topk", s.topk},
          {"experts", s.experts},
          {"redundant_experts", copies},
          {"moe_tp", static_cast<double>(s.moe_tp)},
          {"moe_ep", static_cast<double>(s.moe_ep)},
          {"gated", s.is_gated ? 1.0 : 0.0},
          {"format", name_of(s.format)},
          {"routing", std::string(routing_name(s.routing))}};
}

Fields fields_of(const AttentionShape& s) {
  return {{"sequences", s.sequences},       {"query_tokens", s.query_tokens},
          {"context", s.context},           {"heads", s.heads},
          {"kv_heads", s.kv_heads},         {"head_dim", s.head_dim},
          {"value_dim", s.value_dim},       {"window", s.window},
          {"entry_tokens", s.entry_tokens}, {"compute", name_of(s.compute)},
          {"kv_cache", name_of(s.kv_cache)}};
}

Fields fields_of(const LatentShape& s) {
  return {{"sequences", s.sequences},
          {"query_tokens", s.query_tokens},
          {"context", s.context},
          {"heads", s.heads},
          {"kv_rank", s.kv_rank},
          {"rope_dim", s.rope_dim},
          {"nope_dim", s.nope_dim},
          {"value_dim", s.value_dim},
          {"topk", s.topk},
          {"compute", name_of(s.compute)},
          {"kv_cache", name_of(s.kv_cache)}};
}

Fields fields_of(const AbsorbShape& s) {
  return {{"tokens", s.tokens},
          {"heads", s.heads},
          {"n", s.n},
          {"k", s.k},
          {"format", name_of(s.format)}};
}

Fields fields_of(const IndexerShape& s) {
  return {{"sequences", s.sequences},
          {"query_tokens", s.query_tokens},
          {"context", s.context},
          {"heads", s.heads},
          {"dim", s.dim},
          {"topk", s.topk},
          {"entry_tokens", s.entry_tokens}};
}

Fields fields_of(const LinearShape& s) {
  return {{"sequences", s.sequences}, {"query_tokens", s.query_tokens},
          {"hidden", s.hidden},       {"k_heads", s.k_heads},
          {"k_dim", s.k_dim},         {"v_heads", s.v_heads},
          {"v_dim", s.v_dim},         {"conv_width", s.conv_width}};
}

Fields fields_of(const QuantizeShape& s) {
  return {{"m", s.m}, {"k", s.k}, {"format", name_of(s.format)}};
}

Fields fields_of(const ElementwiseShape& s) {
  return {{"tokens", s.tokens}, {"read", s.read}, {"written", s.written}};
}

Fields fields_of(const CollectiveShape& s) {
  Fields fields = {{"ranks", static_cast<double>(s.ranks)},
                   {"payload_mb", s.payload.in(units::MB)}};
  if (s.tokens > 0) {
    fields.insert(fields.end(), {{"tokens", s.tokens},
                                 {"hidden", s.hidden},
                                 {"topk", s.topk},
                                 {"experts", s.experts},
                                 {"format", name_of(s.format)}});
  }
  return fields;
}

}  // namespace

std::vector<ShapeField> shape_fields(const Operator& op) {
  return std::visit([](const auto& shape) { return fields_of(shape); }, op.shape);
}

std::string shape_text(const Operator& op) {
  std::string text;
  for (const auto& [name, value] : shape_fields(op)) {
    const double* number = std::get_if<double>(&value);
    if (!text.empty()) text += ' ';
    text += name;
    text += '=';
    text += number != nullptr ? format_number(*number) : std::get<std::string>(value);
  }
  return text;
}

Table operator_table(const OperatorList& operators) {
  Table table;
  table.name = "operators";
  table.title = "Operators of one iteration on one accelerator";
  table.columns = {{"name", "operator", {}},        {"kind", "kind", {}},
                   {"count", "times", {}},          {"gflop", "GFLOP", {}},
                   {"weight_mb", "weights MB", {}}, {"activation_mb", "activations MB", {}},
                   {"kv_mb", "KV MB", {}},          {"shape", "shape", {}}};
  Bytes activations, kv;
  for (const Operator& op : operators) {
    table.add_row({std::string(op.name), std::string(operator_kind_name(op.kind)), op.count,
                   op.flops.in(kGflop), op.weights.in(units::MB), op.activations.in(units::MB),
                   op.kv.in(units::MB), shape_text(op)});
    activations += op.count * op.activations;
    kv += op.count * op.kv;
  }
  table.add_row({std::string("total"), std::string(), 1.0, total_flops(operators).in(kGflop),
                 total_weight_bytes(operators).in(units::MB), activations.in(units::MB),
                 kv.in(units::MB), std::string("over all executions")});
  return table;
}

}  // namespace astrolabe::workload
