// Names of a scenario: each must be an entity of its kind, and what refers to another table of the
// scenario must find it there.

#include <algorithm>
#include <set>

#include "astrolabe/memory/memory_system.h"
#include "astrolabe/study/scenario.h"

namespace astrolabe::study {

namespace {

using catalog::Catalog;

std::string unknown_name(const std::string& name, const std::vector<std::string>& known) {
  const std::string nearest = nearest_word(name, known);
  return "the unknown name " + name + (nearest.empty() ? "" : " (nearest known: " + nearest + ")");
}

// `name` must be an entity of one of `kinds`.
void check_entity(const Catalog& catalog, const std::string& name,
                  const std::vector<std::string>& kinds, const std::string& key,
                  const SourcePosition& where) {
  std::vector<std::string> known;
  for (const std::string& kind : kinds) {
    for (const std::string& entity : catalog.entities(kind)) known.push_back(entity);
  }
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  if (catalog.has_entity(name)) {
    throw InputError(where, key, name + " of " + catalog.kind_of(name),
                     "one of " + join_alternatives(kinds) + ": " + join_alternatives(known));
  }
  throw InputError(where, key, unknown_name(name, known),
                   "one of " + join_alternatives(kinds) + ": " + join_alternatives(known));
}

template <class T>
std::vector<std::string> names_of(const std::vector<T>& items) {
  std::vector<std::string> names;
  for (const T& item : items) names.push_back(item.name);
  return names;
}

// `name` must be in `listed`, the names of the scenario's own tables.
void check_listed(const std::string& name, const std::vector<std::string>& listed,
                  const std::string& table, const std::string& key, const SourcePosition& where) {
  if (std::find(listed.begin(), listed.end(), name) != listed.end()) return;
  throw InputError(where, key, unknown_name(name, listed),
                   "a name that a " + table + " lists: " + join_alternatives(listed));
}

void check_work(const Scenario& s, const Catalog& catalog) {
  std::set<std::string> countries;
  for (const std::string& site : catalog.entities("sites")) {
    countries.insert(catalog.get_text(site, "country"));
  }
  const std::vector<std::string> known(countries.begin(), countries.end());
  for (const DemandInput& d : s.demand) {
    check_entity(catalog, d.model, {"models"}, "demand.model", key_position(d, "model"));
    for (const auto& [country, share] : d.in_country) {
      if (countries.count(country) > 0) continue;
      throw InputError(key_position(d, "in_country"), "demand.in_country_percent",
                       "the country " + country,
                       "a country with a site: " + join_alternatives(known));
    }
  }
  for (const TrainingInput& t : s.training) {
    check_entity(catalog, t.model, {"models"}, "training.model", key_position(t, "model"));
  }
}

// Every accelerator's logic and packaging line must be among the suppliers, else it could be built
// from nothing.
void check_accelerator(const AcceleratorInput& a, const Scenario& s, const Catalog& catalog) {
  check_entity(catalog, a.name, {"accelerators"}, "accelerator.name", key_position(a, "name"));
  if (!a.memory.empty()) {
    memory::check_product(catalog.data_dir(), a.memory == "own" ? a.name : a.memory,
                          key_position(a, "memory"), "accelerator.memory");
  }
  for (const char* attribute : {"process_node", "packaging"}) {
    const std::string& line = catalog.get_text(a.name, attribute);
    const bool is_listed = std::any_of(s.suppliers.begin(), s.suppliers.end(),
                                       [&](const SupplierInput& l) { return l.line == line; });
    if (is_listed) continue;
    throw InputError(key_position(a, "name"), "accelerator.name",
                     a.name + ", whose " + attribute + " " + line + " no [[supplier]] lists",
                     "an accelerator of listed lines, or [[supplier]] line = \"" + line + "\"");
  }
}

// Follows `needs` depth first; a line met while it is still open closes a cycle.
class CycleSearch {
 public:
  explicit CycleSearch(const std::vector<SupplierInput>& suppliers) : suppliers_(suppliers) {}

  void check() {
    for (const SupplierInput& line : suppliers_) visit(line);
  }

 private:
  const SupplierInput& find(const std::string& name) const {
    const auto at = std::find_if(suppliers_.begin(), suppliers_.end(),
                                 [&](const SupplierInput& l) { return l.line == name; });
    ASTROLABE_DEMAND(at != suppliers_.end(), "supplier " + name);
    return *at;
  }

  void visit(const SupplierInput& line) {
    if (done_.count(line.line) > 0) return;
    open_.push_back(line.line);
    for (const std::string& need : line.needs) {
      const auto at = std::find(open_.begin(), open_.end(), need);
      if (at != open_.end()) {
        std::string cycle;
        for (auto i = at; i != open_.end(); ++i) cycle += *i + " -> ";
        throw InputError(key_position(line, "needs"), "supplier.needs", "the cycle " + cycle + need,
                         "lines that do not need themselves");
      }
      visit(find(need));
    }
    open_.pop_back();
    done_.insert(line.line);
  }

  const std::vector<SupplierInput>& suppliers_;
  std::vector<std::string> open_;
  std::set<std::string> done_;
};

void check_suppliers(const Scenario& s, const Catalog& catalog) {
  bool has_dram = false;
  std::vector<std::string> lines;
  for (const SupplierInput& l : s.suppliers) {
    check_entity(catalog, l.line, {"dram_lines", "process_nodes", "packaging"}, "supplier.line",
                 key_position(l, "line"));
    has_dram = has_dram || catalog.kind_of(l.line) == "dram_lines";
    lines.push_back(l.line);
  }
  if (!has_dram) {
    throw InputError(s.suppliers.front().position, "supplier.line", "no DRAM line",
                     "at least one of " + join_alternatives(catalog.entities("dram_lines")));
  }
  for (const SupplierInput& l : s.suppliers) {
    for (const std::string& need : l.needs) {
      check_listed(need, lines, "[[supplier]]", "supplier.needs", key_position(l, "needs"));
    }
  }
  CycleSearch(s.suppliers).check();
}

void check_places(const Scenario& s, const Catalog& catalog) {
  const std::vector<std::string> accelerators = names_of(s.accelerators);
  for (const SiteInput& site : s.sites) {
    check_entity(catalog, site.name, {"sites"}, "site.name", key_position(site, "name"));
    for (const std::string& name : site.accelerators) {
      check_listed(name, accelerators, "[[accelerator]]", "site.accelerators",
                   key_position(site, "accelerators"));
    }
  }
  const std::vector<std::string> sites = names_of(s.sites);
  for (const ExistingInput& e : s.existing) {
    check_listed(e.site, sites, "[[site]]", "existing.site", key_position(e, "site"));
    check_listed(e.accelerator, accelerators, "[[accelerator]]", "existing.accelerator",
                 key_position(e, "accelerator"));
    const Quarter launch = catalog.get_quarter(e.accelerator, "launch");
    if (e.installed < launch) {
      throw InputError(key_position(e, "installed"), "existing.installed", e.installed.text(),
                       "a quarter from the launch of " + e.accelerator + ", " + launch.text());
    }
  }
}

void check_vendors(const Scenario& s, const Catalog& catalog) {
  std::set<std::string> vendors;
  for (const AcceleratorInput& a : s.accelerators)
    vendors.insert(catalog.get_text(a.name, "vendor"));
  const std::vector<std::string> known(vendors.begin(), vendors.end());
  for (const VendorInput& v : s.vendors) {
    if (vendors.count(v.name) > 0) continue;
    throw InputError(key_position(v, "name"), "vendor.name", unknown_name(v.name, known),
                     "the vendor of a listed accelerator: " + join_alternatives(known));
  }
  for (const auto* list : {&s.commitments, &s.intents}) {
    for (const CommitmentInput& c : *list) {
      if (vendors.count(c.vendor) > 0) continue;
      throw InputError(key_position(c, "vendor"), "commitment.vendor",
                       unknown_name(c.vendor, known),
                       "the vendor of a listed accelerator: " + join_alternatives(known));
    }
  }
}

}  // namespace

void check_scenario(Scenario* scenario, const Catalog& catalog) {
  const Scenario& s = *scenario;
  check_work(s, catalog);
  check_suppliers(s, catalog);
  for (const AcceleratorInput& a : s.accelerators) check_accelerator(a, s, catalog);
  check_places(s, catalog);
  for (const FundInput& f : s.funds) {
    check_entity(catalog, f.name, {"funds"}, "fund.name", key_position(f, "name"));
  }
  for (const EnergyInput& e : s.energy) {
    check_entity(catalog, e.name, {"energy"}, "energy.name", key_position(e, "name"));
  }
  check_vendors(s, catalog);
  for (ExistingInput& e : scenario->existing) {
    if (!e.it_power) continue;
    e.accelerators = *e.it_power / catalog.get<Power::kDim>(e.accelerator, "it_power");
  }
}

}  // namespace astrolabe::study
