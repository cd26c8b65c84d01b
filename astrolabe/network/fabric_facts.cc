#include "astrolabe/network/fabric_facts.h"

#include "astrolabe/base/error.h"

namespace astrolabe::network {
namespace {

template <class Enum>
Enum one_of(const catalog::Catalog& catalog, const std::string& entity, const char* attribute,
            const char* first, Enum first_value, const char* second, Enum second_value) {
  const std::string& text = catalog.get_text(entity, attribute);
  if (text == first) return first_value;
  if (text == second) return second_value;
  throw InputError(catalog.find_fact(entity, attribute)->position, entity + "." + attribute, text,
                   std::string(first) + " or " + second);
}

}  // namespace

FabricFacts read_fabric_facts(const catalog::Catalog& catalog, std::string_view system) {
  const std::string entity = "fabric_" + std::string(system);
  const auto count = [&](const char* attribute) {
    return static_cast<int>(catalog.get_number(entity, attribute));
  };
  FabricFacts f;
  f.system = system;
  f.link = one_of(catalog, entity, "link", "nvlink", LinkKind::kNvlink, "pcie", LinkKind::kPcie);
  f.host = one_of(catalog, entity, "host", "x86", HostKind::kX86, "grace", HostKind::kGrace);
  f.link_generation = count("link_generation");
  f.scale_up_domain = count("scale_up_domain");
  f.node_size = count("node_size");
  f.switch_reduction = catalog.get_number(entity, "switch_reduction") > 0;
  f.scale_up = catalog.get<Bandwidth::kDim>(entity, "scale_up_bandwidth");
  f.host_link = catalog.get<Bandwidth::kDim>(entity, "host_link_bandwidth");
  const auto scale_out = catalog.find<Bandwidth::kDim>(entity, "scale_out_bandwidth");
  f.has_scale_out = scale_out.has_value();
  f.scale_out = scale_out.value_or(f.host_link);
  f.memory = catalog.find<Bandwidth::kDim>(entity, "hbm_bandwidth").value_or(Bandwidth());
  return f;
}

}  // namespace astrolabe::network
