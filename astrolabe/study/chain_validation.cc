#include "astrolabe/study/chain_validation.h"

#include <cmath>
#include <utility>

#include "astrolabe/base/error.h"
#include "astrolabe/site/facility.h"
#include "astrolabe/study/validation_comparison.h"
#include "astrolabe/supply/bill_of_materials.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::study {

namespace {

using catalog::Catalog;

constexpr supply::DefectModel kPoisson{supply::YieldModel::kPoisson};
constexpr const char* kDramLine = "sk_hynix";  // whose commodity bytes per wafer serve for all
constexpr const char* kSite = "abilene";       // a liquid-cooled site with sourced costs
constexpr const char* kNewest[] = {"gb300_nvl72", "vr200_nvl72"};

struct Accelerator {
  std::string entity, reason;
  std::optional<supply::AcceleratorParts> parts;
  supply::BillOfMaterials bill;
};

Accelerator read_parts(const Catalog& catalog, const std::string& entity) {
  Accelerator a;
  a.entity = entity;
  const auto reading = supply::read_accelerator_parts(catalog, entity, kDramLine);
  a.reason = reading.reason;
  a.parts = reading.value;
  if (a.parts) {
    a.bill = supply::compute_bill(*a.parts, kPoisson, kPoisson, supply::conventional_300mm_wafer());
  }
  return a;
}

double site_pue(const Catalog& catalog) { return catalog.get_number(kSite, "pue"); }

// The image field of step-and-scan tools is 26 mm by 33 mm: no die is wider than its short side.
constexpr Length kScannerField = 26.0 * units::mm;

ValidationCase validate_dies(const Catalog& catalog) {
  Comparison c(catalog, "dies_per_wafer",
               "Whole H100 dies (3 mm edge exclusion, 0.1 mm lanes) and good ones on a 300 mm "
               "wafer against published die calculators",
               0.05);
  const Accelerator h100 = read_parts(catalog, "h100_sxm");
  if (!h100.parts) {
    c.not_computed(h100.reason);
    return c.finish();
  }
  const Area area = h100.parts->die.area();
  const std::string gap =
      "ours is the best placement of the grid, found exactly; first-order formulas give fewer "
      "dies, and a square of this area is wider than the scanner field (26 mm), so the real die "
      "is oblong. Bills of materials count a few percent too many logic dies if fabs do not reach "
      "the best placement";
  const supply::WaferGeometry wafer = supply::conventional_300mm_wafer();
  const supply::DieShape square = supply::die_of_area(area);
  const supply::DieShape oblong{kScannerField, area / kScannerField};
  const double first_order =
      supply::approximate_gross_dies(supply::GrossDieFormula::kFitted, square, wafer);
  const double yield = catalog.get_number("check_h100", "die_yield");
  for (const auto& [subject, gross] :
       {std::pair<const char*, double>{"square, as in bills of materials",
                                       supply::gross_dies(square, wafer).count},
        {"as wide as the scanner field", supply::gross_dies(oblong, wafer).count},
        {"square, first-order formula (used here only)", first_order}}) {
    c.of("gross dies per wafer", Evidence::kIndependent, gap);
    c.compare(subject, gross / units::wafer, "check_h100", "gross_dies_per_wafer");
    c.of("good dies per wafer at the published yield", Evidence::kIndependent, gap);
    c.compare(subject, gross * yield / units::wafer, "check_h100", "good_dies_per_wafer");
  }
  c.of("sellable dies per wafer from defects and harvest", Evidence::kCalibrated, gap);
  c.compare("square, as in bills of materials", h100.bill.sellable_logic_dies / units::wafer,
            "check_h100", "good_dies_per_wafer");
  return c.finish();
}

ValidationCase validate_hbm(const Catalog& catalog) {
  Comparison c(catalog, "hbm_per_wafer",
               "Net HBM from one DRAM wafer, base dies included where they are DRAM, and wafers "
               "of HBM for the bits of one wafer of DDR5",
               0.15);
  const auto ddr5 = catalog.get<supply::BytesPerWafer::kDim>(kDramLine, "bits_per_wafer");
  const std::string ratio_gap =
      "ours divides the 2.5 TB that the catalogue assumes for a wafer of DDR5 or LPDDR5X (an "
      "estimate, 1.5 to 2.8) by net HBM; theirs is a planning figure of 2024. For HBM4 the maker "
      "says three or more: the upper bound of the range is an own guess of the catalogue";
  for (const auto& [product, check] :
       {std::pair{"hbm3e_12h", "check_hbm3e"}, std::pair{"hbm4_12h", "check_hbm4"}}) {
    const auto reading = supply::read_hbm_product(catalog, product);
    if (!reading.value) {
      c.not_computed(reading.reason);
      continue;
    }
    const supply::HbmStackYield stack =
        supply::compute_hbm_stack(*reading.value, kPoisson, supply::conventional_300mm_wafer());
    c.of("net HBM per wafer of 2026", Evidence::kCalibrated,
         "theirs is the mix of 2026, mostly HBM3E; the HBM4 die is larger");
    c.compare(product, stack.net_capacity_per_dram_wafer, "check_hbm", "net_capacity_per_wafer");
    c.of("trade ratio to DDR5", Evidence::kCalibrated, ratio_gap);
    c.compare(product, supply::trade_ratio(ddr5, stack.net_capacity_per_dram_wafer), check,
              "trade_ratio");
    c.of("trade ratio to DDR5, core wafers alone", Evidence::kCalibrated, ratio_gap);
    c.compare(product, supply::trade_ratio(ddr5, stack.net_capacity_per_core_wafer), check,
              "trade_ratio");
  }
  return c.finish();
}

// Bytes that all HBM lines ship in 2026 at full use, from the wafers started a cycle earlier.
ValidationCase validate_hbm_bits(const Catalog& catalog) {
  Comparison c(catalog, "hbm_bits_2026",
               "HBM that the lines of the catalogue ship in 2026 when all their HBM capacity is "
               "used for 12-high HBM3E",
               0.25);
  const auto reading = supply::read_hbm_product(catalog, "hbm3e_12h");
  if (!reading.value) {
    c.not_computed(reading.reason);
    return c.finish();
  }
  const supply::HbmStackYield stack =
      supply::compute_hbm_stack(*reading.value, kPoisson, supply::conventional_300mm_wafer());
  const int cycle = supply::whole_quarters(reading.value->cycle_time);
  Wafers started;
  for (const std::string& entity : catalog.entities("dram_lines")) {
    const auto line = supply::read_line(catalog, entity, Quarter(2026, 1) - cycle, 4);
    if (!line.value) continue;
    for (const Wafers& w : line.value->hbm_wafers) started += w;
  }
  c.of("HBM shipped in 2026", Evidence::kCalibrated,
       "short of a published lower bound by less than the error of our net bytes per wafer");
  c.compare("all lines", started * stack.net_capacity_per_dram_wafer, "check_world",
            "hbm_bits@2026Q4");
  return c.finish();
}

ValidationCase validate_gigawatt(const Catalog& catalog) {
  Comparison c(catalog, "wafers_per_gw",
               "DRAM wafers, HBM and main memory, that equip one GW of facility power", 0.15);
  const double pue = site_pue(catalog);
  for (const char* entity : kNewest) {
    const Accelerator a = read_parts(catalog, entity);
    if (!a.parts) {
      c.not_computed(a.reason);
      continue;
    }
    c.of("DRAM wafers per GW", Evidence::kIndependent,
         "theirs assumes 400-500 thousand packages per GW; see accelerators_per_gw");
    c.compare(entity, supply::dram_wafers_per_gw(*a.parts, a.bill, pue) / units::GW, "check_site",
              "wafers_per_gw");
  }
  return c.finish();
}

ValidationCase validate_accelerators(const Catalog& catalog) {
  Comparison c(catalog, "accelerators_per_gw",
               "Accelerator packages in one GW of facility power at provisioned rack power", 0.15);
  for (const char* entity : kNewest) {
    const Accelerator a = read_parts(catalog, entity);
    if (!a.parts) {
      c.not_computed(a.reason);
      continue;
    }
    c.of("accelerators per GW", Evidence::kIndependent,
         "theirs (September 2025) is about 2 kW a package; the catalogue provisions Vera Rubin at "
         "the 230 kW of a Max-P rack, announced later");
    c.compare(entity, supply::accelerators_per_gw(*a.parts, site_pue(catalog)) / units::GW,
              "check_site", "accelerators_per_gw");
  }
  return c.finish();
}

// All-in capital cost over facility power: accelerators with their racks, building, connection.
PowerCost capex_per_power(const Catalog& catalog, const site::SiteFacts& site,
                          const std::string& accelerator) {
  const Money price = catalog.get<Money::kDim>(accelerator, "price");
  const Power it_power = catalog.get<Power::kDim>(accelerator, "it_power");
  return (price / it_power + site.shell_capex) / site.pue + site.grid_capex;
}

ValidationCase validate_capex(const Catalog& catalog) {
  Comparison c(catalog, "capex_per_gw",
               "All-in capital cost of a site: price times accelerators, building, connection",
               0.25);
  const auto abilene = site::read_site(catalog, kSite);
  const auto ulsan = site::read_site(catalog, "ulsan");
  if (!abilene.value || !ulsan.value) {
    c.not_computed(abilene.reason + ulsan.reason);
    return c.finish();
  }
  c.of("capex per GW of facility power", Evidence::kIndependent,
       "theirs spread from 30 to 100 with what is counted (GW of IT or facility, network, power "
       "plant, future generations); ours has no network beyond the rack, no storage, no power "
       "plant and no contingency");
  for (const char* entity : kNewest) {
    c.compare(entity, capex_per_power(catalog, *abilene.value, entity), "check_site",
              "capex_per_gw");
  }
  c.of("capex of Abilene", Evidence::kIndependent,
       "theirs spread by more than two; ours is the full 1.2 GW at the prices of 2026");
  c.compare("gb200_nvl72",
            abilene.value->announced * capex_per_power(catalog, *abilene.value, "gb200_nvl72"),
            "check_programme", "abilene_cost");
  c.of("capex per MW of Ulsan", Evidence::kIndependent,
       "the accelerators and how much of the site they fill are not published");
  c.compare("gb300_nvl72", capex_per_power(catalog, *ulsan.value, "gb300_nvl72"), "check_korea",
            "ulsan_capex");
  return c.finish();
}

ValidationCase validate_fabs(const Catalog& catalog) {
  Comparison c(catalog, "fab_capex",
               "Capital cost of DRAM fab modules per thousand wafer starts a month", 0.25);
  Money all;
  WaferRate capacity;
  for (const std::string& entity : catalog.entities("dram_lines")) {
    const auto line = supply::read_line(catalog, entity, Quarter(2026, 1), 1);
    if (!line.value || line.value->module.limit == 0) continue;
    const supply::ModuleFacts& module = line.value->module;
    all += module.limit * module.capex;
    capacity += module.limit * module.capacity;
    c.of("fab capex per capacity", Evidence::kCalibrated,
         "the newest fabs, at the top of the published range");
    c.compare(entity, module.capex / module.capacity, "check_fab", "capex_per_kwpm", "estimate");
  }
  if (!(capacity > WaferRate())) {
    c.not_computed("no line has modules");
    return c.finish();
  }
  c.of("mean fab capex per capacity", Evidence::kIndependent,
       "theirs is 160 BUSD for 900 thousand a month, half of what Yongin costs as announced; our "
       "modules are the newest fabs, with shells");
  c.compare("all modules", all / capacity, "check_fab", "capex_per_kwpm",
            "jpmorgan_cloudnews_2025_10");
  const WaferRate letter = catalog.get<WaferRate::kDim>("openai", "wafer_letter_of_intent");
  c.of("fabs for the letter of intent", Evidence::kIndependent);
  c.compare("all modules", letter * (all / capacity), "check_fab", "capex_900");
  return c.finish();
}

ValidationCase validate_power(const Catalog& catalog) {
  Comparison c(catalog, "power", "PUE, and renewable power that matches the energy of a site", 0.1);
  double sum = 0;
  const std::vector<std::string> sites = catalog.entities("sites");
  for (const std::string& entity : sites) sum += catalog.get_number(entity, "pue");
  c.of("PUE", Evidence::kIndependent,
       "theirs is the mean over all halls of the industry, most of them old and air-cooled; ours "
       "are new liquid-cooled sites");
  c.compare("mean of all sites", sum / static_cast<double>(sites.size()), "check_site",
            "pue_industry");
  const auto korea = site::read_site(catalog, "pohang");
  const auto wind = site::read_energy_source(catalog, "offshore_wind_honam");
  if (!korea.value || !wind.value) {
    c.not_computed(korea.reason + wind.reason);
    return c.finish();
  }
  c.of("offshore wind per GW of IT", Evidence::kIndependent);
  c.compare(
      "pohang, offshore_wind_honam",
      site::facility_power(units::GW, korea.value->pue) / wind.value->capacity_factor / units::GW,
      "check_site", "offshore_wind_per_gw");
  return c.finish();
}

}  // namespace

const char* evidence_name(Evidence evidence) {
  switch (evidence) {
    case Evidence::kIndependent:
      return "independent";
    case Evidence::kCalibrated:
      return "calibrated";
    case Evidence::kOwnEstimate:
      return "own estimate";
  }
  return "";
}

bool ValidationRow::is_in_range() const {
  return has_range() && (!low || ours >= *low) && (!high || ours <= *high);
}

bool ValidationRow::is_within() const {
  return has_range() ? is_in_range() : std::abs(error()) <= tolerance;
}

bool ValidationCase::is_within() const {
  for (const ValidationRow& row : rows) {
    if (!row.is_within()) return false;
  }
  return not_computed.empty();
}

std::vector<ValidationCase> validate_chain(const Catalog& catalog, const std::string& cases_dir) {
  return {validate_dies(catalog),
          validate_hbm(catalog),
          validate_hbm_bits(catalog),
          validate_world_dram(catalog),
          validate_gigawatt(catalog),
          validate_accelerators(catalog),
          validate_capex(catalog),
          validate_fabs(catalog),
          validate_power(catalog),
          validate_h100_equivalents(catalog),
          validate_deepseek_day(catalog, cases_dir)};
}

}  // namespace astrolabe::study
