#include "astrolabe/network/fabric_facts.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

template <class Enum>
Enum one_of(const catalog::Catalog& catalog, const std::string& entity, const char* attribute,
            std::initializer_list<std::pair<const char*, Enum>> values) {
  const std::string& text = catalog.get_text(entity, attribute);
  std::vector<std::string> names;
  for (const auto& [name, value] : values) {
    if (text == name) return value;
    names.emplace_back(name);
  }
  throw InputError(catalog.find_fact(entity, attribute)->position, entity + "." + attribute, text,
                   join_alternatives(names, names.size()));
}

}  // namespace

FabricFacts read_fabric_facts(const catalog::Catalog& catalog, std::string_view system) {
  const std::string entity = "fabric_" + std::string(system);
  const auto count = [&](const char* attribute) {
    return static_cast<int>(catalog.get_number(entity, attribute));
  };
  FabricFacts f;
  f.system = system;
  f.link = one_of<LinkKind>(
      catalog, entity, "link",
      {{"nvlink", LinkKind::kNvlink}, {"pcie", LinkKind::kPcie}, {"other", LinkKind::kOther}});
  f.host = one_of<HostKind>(catalog, entity, "host",
                            {{"x86", HostKind::kX86}, {"grace", HostKind::kGrace}});
  f.link_generation = count("link_generation");
  f.scale_up_domain = count("scale_up_domain");
  f.node_size = count("node_size");
  f.switch_reduction = catalog.get_number(entity, "switch_reduction") > 0;
  f.scale_up = catalog.get<Bandwidth::kDim>(entity, "scale_up_bandwidth");
  f.host_link = catalog.get<Bandwidth::kDim>(entity, "host_link_bandwidth");
  const auto scale_out = catalog.find<Bandwidth::kDim>(entity, "scale_out_bandwidth");
  f.has_scale_out = scale_out.has_value();
  f.scale_out = scale_out.value_or(f.host_link);
  f.node_scale_out = catalog.find<Bandwidth::kDim>(entity, "node_scale_out_bandwidth")
                         .value_or(static_cast<double>(f.node_size) * f.scale_out);
  f.memory = catalog.find<Bandwidth::kDim>(entity, "hbm_bandwidth").value_or(Bandwidth());
  return f;
}

}  // namespace astrolabe::network
