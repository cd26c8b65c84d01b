#include "astrolabe/workload/demand_class.h"

#include <fmt/format.h>

#include "astrolabe/base/error.h"

namespace astrolabe::workload {

void require_speculation(const Speculation& s, const ModelArchitecture& model, bool has_draft_model,
                         const SourcePosition& where) {
  if (s.draft_tokens > 0 && model.mtp_layers == 0 && !has_draft_model) {
    throw InputError(
        where, "draft_tokens", fmt::format("{:g}", s.draft_tokens),
        "0 without a draft model: " + model.name + " has no layers of multi-token prediction");
  }
  if (s.draft_tokens <= 0 && has_draft_model) {
    throw InputError(where, "draft_tokens", "0", "1 or more with a draft model");
  }
  if (s.acceptance_length < 1 || s.acceptance_length > s.verified()) {
    throw InputError(
        where, "acceptance_length", fmt::format("{:g}", s.acceptance_length),
        fmt::format("1 to {:g}, the drafts and the token of the step itself", s.verified()));
  }
}

}  // namespace astrolabe::workload
