#pragma once

// Facts about the links of one system, from the catalogue's kind `fabrics`: entity
// "fabric_<system>", the system as the measurement tables name it (h100_sxm, gb200, l40s, ...).

#include <string>
#include <string_view>

#include "astrolabe/base/quantity.h"
#include "astrolabe/catalog/catalog.h"

namespace astrolabe::network {

enum class LinkKind { kNvlink, kPcie, kOther };  // other: NVLink's constants stand in
enum class HostKind { kX86, kGrace };

struct FabricFacts {
  std::string system;
  LinkKind link = LinkKind::kNvlink;
  int link_generation = 1;
  HostKind host = HostKind::kX86;
  int scale_up_domain = 1;        // accelerators that reach each other over `link`
  int node_size = 1;              // accelerators of one operating system
  bool switch_reduction = false;  // SHARP in the switch of the domain (NVLS)
  Bandwidth scale_up;             // per accelerator and direction, as all below
  Bandwidth host_link;            // PCI Express: joins domains of one node
  Bandwidth scale_out;            // network; the host link, its upper bound, when unpublished
  Bandwidth node_scale_out;  // of all adapters of a node; as many as accelerators, when unpublished
  bool has_scale_out = false;  // published
  Bandwidth memory;            // HBM or GDDR, peak; zero when unpublished
};

// InputError with the nearest name for a system the catalogue does not have.
FabricFacts read_fabric_facts(const catalog::Catalog& catalog, std::string_view system);

}  // namespace astrolabe::network
