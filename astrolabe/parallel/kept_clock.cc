#include "astrolabe/parallel/kept_clock.h"

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace astrolabe::parallel {

using workload::Operator;

namespace {

template <class Enum>
double number(Enum value) {
  return static_cast<double>(value);
}

// The fields of a shape that a time can depend on.
using Fields = std::initializer_list<double>;

template <class Take>
void visit_fields(const Operator& op, Take take) {
  struct Visitor {
    Take& take;
    void operator()(const workload::GemmShape& s) const {
      take(Fields{s.m, s.n, s.k, number(s.format)});
    }
    void operator()(const workload::ExpertsShape& s) const {
      take(Fields{s.tokens, s.hidden, s.expert_ffn, s.topk, s.experts, s.slots, number(s.moe_tp),
                  number(s.moe_ep), number(s.token_ranks), number(s.is_gated), number(s.format),
                  number(s.routing.model), s.routing.imbalance, s.routing.alpha});
    }
    void operator()(const workload::AttentionShape& s) const {
      take(Fields{s.sequences, s.query_tokens, s.context, s.heads, s.kv_heads, s.head_dim,
                  s.value_dim, s.window, s.entry_tokens, number(s.values_are_keys),
                  number(s.is_shared), s.square_ratio, number(s.compute), number(s.kv_cache)});
    }
    void operator()(const workload::LatentShape& s) const {
      take(Fields{s.sequences, s.query_tokens, s.context, s.heads, s.kv_rank, s.rope_dim,
                  s.nope_dim, s.value_dim, s.topk, s.square_ratio, number(s.compute),
                  number(s.kv_cache)});
    }
    void operator()(const workload::AbsorbShape& s) const {
      take(Fields{s.tokens, s.heads, s.n, s.k, number(s.format)});
    }
    void operator()(const workload::IndexerShape& s) const {
      take(Fields{s.sequences, s.query_tokens, s.context, s.heads, s.dim, s.topk, s.square_ratio,
                  s.entry_tokens});
    }
    void operator()(const workload::LinearShape& s) const {
      take(Fields{number(s.is_decode), number(s.is_mamba), s.sequences, s.query_tokens, s.hidden,
                  s.k_heads, s.k_dim, s.v_heads, s.v_dim, s.conv_width, s.chunk});
    }
    void operator()(const workload::QuantizeShape& s) const {
      take(Fields{s.m, s.k, number(s.format)});
    }
    void operator()(const workload::ElementwiseShape& s) const {
      take(Fields{s.tokens, s.read, s.written});
    }
    void operator()(const workload::CollectiveShape& s) const {
      take(Fields{number(s.ranks), s.payload.base(), s.copies, s.tokens, s.hidden, s.topk,
                  s.experts, number(s.format)});
    }
  };
  std::visit(Visitor{take}, op.shape);
}

}  // namespace

KeptClock::Key KeptClock::key_of(const Operator& op) {
  Key key;
  key.fields[0] = number(op.kind);
  const auto take = [&key](Fields fields) {
    static_assert(kMostFields > 14);
    std::size_t i = 1;
    for (const double field : fields) key.fields[i++] = field;
  };
  visit_fields(op, take);
  return key;
}

std::size_t KeptClock::Hash::operator()(const Key& key) const {
  std::uint64_t h = 0;
  for (const double field : key.fields) {
    h = (h ^ std::bit_cast<std::uint64_t>(field)) * 0x9E3779B97F4A7C15U;
    h ^= h >> 32;
  }
  return h;
}

Duration KeptClock::time(const Operator& op) const {
  if (workload::is_elementwise(op.kind) || op.kind == workload::OperatorKind::kQuantize) {
    return source_.time(op);
  }
  const Key key = key_of(op);
  const auto found = times_.find(key);
  if (found != times_.end()) return found->second;
  return times_.emplace(key, source_.time(op)).first->second;
}

}  // namespace astrolabe::parallel
