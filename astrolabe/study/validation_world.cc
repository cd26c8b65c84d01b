#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "astrolabe/device/accelerator.h"
#include "astrolabe/study/validation_comparison.h"
#include "astrolabe/supply/bill_of_materials.h"
#include "astrolabe/supply/capacity.h"

namespace astrolabe::study {

namespace {

using catalog::Catalog;

constexpr supply::DefectModel kPoissonYield{supply::YieldModel::kPoisson};

// Sum over the lines of a kind, without expansion.
template <class Select>
WaferRate world_rate(const Catalog& catalog, Quarter q, const Select& select,
                     const std::string& country = "") {
  Wafers sum;
  for (const std::string& entity : catalog.entities("dram_lines")) {
    const auto line = supply::read_line(catalog, entity, q, 1);
    if (!line.value || (!country.empty() && line.value->country != country)) continue;
    if (!select(*line.value).empty()) sum += select(*line.value).front();
  }
  return sum / units::quarter;
}

const std::vector<Wafers>& all_wafers(const supply::LineCapacity& line) { return line.wafers; }
const std::vector<Wafers>& hbm_wafers(const supply::LineCapacity& line) { return line.hbm_wafers; }

// Lines of wafers, by the quarter of their start.
struct WaferPaths {
  Quarter start;
  std::vector<Wafers> packaging, hbm;
  std::map<std::string, std::vector<Wafers>> logic;  // by node
};

void add_path(const std::vector<Wafers>& path, const supply::ModuleFacts* module, int decision,
              std::vector<Wafers>* sum) {
  for (std::size_t t = 0; t < path.size(); ++t) {
    (*sum)[t] += path[t];
    if (module == nullptr || module->limit == 0) continue;
    (*sum)[t] += module->limit * module->output(static_cast<int>(t) - decision);
  }
}

// Every line at 100 %; with `with_modules`, every module is decided as early as it can be.
WaferPaths wafer_paths(const Catalog& catalog, Quarter start, Quarter first_decision, int quarters,
                       bool with_modules) {
  const std::vector<Wafers> zero(static_cast<std::size_t>(quarters));
  WaferPaths paths{start, zero, zero, {}};
  for (const char* kind : {"packaging", "dram_lines", "process_nodes"}) {
    for (const std::string& entity : catalog.entities(kind)) {
      const auto line = supply::read_line(catalog, entity, start, quarters);
      if (!line.value) continue;
      const supply::ModuleFacts* module = with_modules ? &line.value->module : nullptr;
      const Quarter decided =
          std::max(first_decision, line.value->module.earliest_decision.value_or(first_decision));
      if (kind == std::string("packaging")) {
        add_path(line.value->wafers, module, decided - start, &paths.packaging);
      } else if (kind == std::string("dram_lines")) {
        add_path(line.value->hbm_wafers, module, decided - start, &paths.hbm);
      } else {
        paths.logic[entity] = line.value->wafers;
      }
    }
  }
  return paths;
}

struct Generation {
  Quarter launch;
  supply::BillOfMaterials bill;
  std::string node;
  int packaging_quarters = 0, hbm_quarters = 0, logic_quarters = 0;
  double h100_fp8 = 0, h100_bf16 = 0;  // dense rate over that of H100
};

Generation read_generation(const Catalog& catalog, const std::string& entity, Comparison* c) {
  Generation g;
  const auto parts = supply::read_accelerator_parts(catalog, entity, "sk_hynix");
  if (!parts.value) {
    c->not_computed(entity + ": " + parts.reason);
    return g;
  }
  g.launch = catalog.get_quarter(entity, "launch");
  g.node = parts.value->process_node;
  g.bill = supply::compute_bill(*parts.value, kPoissonYield, kPoissonYield,
                                supply::conventional_300mm_wafer());
  const auto cycle = [&](const std::string& of) {
    return supply::whole_quarters(catalog.get<Duration::kDim>(of, "cycle_time"));
  };
  g.packaging_quarters = cycle(parts.value->packaging);
  g.hbm_quarters = cycle(parts.value->hbm_product);
  g.logic_quarters = cycle(g.node);
  const device::Accelerator a = device::read_accelerator(catalog, entity);
  const device::Accelerator h100 = device::read_accelerator(catalog, "h100_sxm");
  using workload::NumberFormat;
  g.h100_fp8 = a.peak(NumberFormat::kFp8) / h100.peak(NumberFormat::kFp8);
  g.h100_bf16 = a.peak(NumberFormat::kBf16) / h100.peak(NumberFormat::kBf16);
  return g;
}

struct Stock {
  double fp8 = 0, bf16 = 0;                  // H100-equivalents
  std::array<int, 3> binding_quarters = {};  // packaging, HBM, logic
};

// What is made in `quarters` quarters from `first` on: the newest generation, the smallest line.
Stock production(const std::vector<Generation>& generations, const WaferPaths& paths, Quarter first,
                 int quarters) {
  Stock stock;
  for (int i = 0; i < quarters; ++i) {
    const Quarter q = first + i;
    const Generation* newest = nullptr;
    for (const Generation& g : generations) {
      if (g.launch <= q && (newest == nullptr || g.launch > newest->launch)) newest = &g;
    }
    if (newest == nullptr) continue;
    const int packaged = (q - paths.start) - newest->packaging_quarters;
    const auto at = [](const std::vector<Wafers>& path, int t) {
      return path.at(static_cast<std::size_t>(t));
    };
    const std::array<double, 3> most = {
        at(paths.packaging, packaged) / newest->bill.packaging_wafers,
        at(paths.hbm, packaged - newest->hbm_quarters) / newest->bill.hbm_dram_wafers,
        at(paths.logic.at(newest->node), packaged - newest->logic_quarters) /
            newest->bill.logic_wafers};
    const auto least = std::min_element(most.begin(), most.end());
    ++stock.binding_quarters[static_cast<std::size_t>(least - most.begin())];
    stock.fp8 += *least * newest->h100_fp8;
    stock.bf16 += *least * newest->h100_bf16;
  }
  return stock;
}

std::string binding_text(const Stock& stock) {
  constexpr std::array<const char*, 3> kNames = {"packaging", "HBM", "logic"};
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (stock.binding_quarters[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kNames[i], stock.binding_quarters[i]);
  }
  return "quarters bound by " + text;
}

}  // namespace

ValidationCase validate_world_dram(const Catalog& catalog) {
  Comparison c(catalog, "world_dram",
               "The capacity paths of the DRAM makers in the catalogue add up to published totals",
               0.15);
  const Quarter end_2025(2025, 4);
  c.of("DRAM wafer starts, end of 2025", Evidence::kIndependent,
       "our lines are wafer starts by Omdia of four makers; the total counts capacity, and makers "
       "that the catalogue does not list");
  c.compare("all lines", world_rate(catalog, end_2025, all_wafers), "check_world",
            "dram_wafer_starts@2025Q4");
  c.of("Korean DRAM wafer starts, end of 2025", Evidence::kCalibrated);
  c.compare("lines in KR", world_rate(catalog, end_2025, all_wafers, "KR"), "check_world",
            "korean_dram_wafer_starts@2025Q4");
  c.of("HBM capacity, end of 2025", Evidence::kCalibrated);
  c.compare("all lines", world_rate(catalog, end_2025, hbm_wafers), "check_world",
            "hbm_capacity@2025Q4");
  c.of("HBM share of DRAM wafers", Evidence::kCalibrated,
       "the HBM paths were set with this share of a world as large as the published total in view; "
       "the DRAM paths are a smaller world (row above), so the share comes out high. A plan that "
       "fills all HBM capacity has more HBM than is published");
  for (const int year : {2025, 2026, 2027}) {
    const Quarter q(year, 4);
    c.compare(q.text(), world_rate(catalog, q, hbm_wafers) / world_rate(catalog, q, all_wafers),
              "check_world", "hbm_wafer_share@" + q.text());
  }
  c.of("DRAM wafer starts of 2026", Evidence::kCalibrated);
  for (const char* maker : {"samsung", "sk_hynix", "micron"}) {
    const auto line = supply::read_line(catalog, maker, Quarter(2026, 1), 4);
    if (!line.value) {
      c.not_computed(line.reason);
      continue;
    }
    const Wafers year =
        std::accumulate(line.value->wafers.begin(), line.value->wafers.end(), Wafers());
    c.compare(maker, year, "check_makers", std::string(maker) + "_wafers@2026Q4");
  }
  return c.finish();
}

ValidationCase validate_h100_equivalents(const Catalog& catalog) {
  Comparison c(catalog, "h100_equivalents_2030",
               "H100-equivalents in the world at the end of 2030 when capital is no limit: the "
               "stock of 2025 and five years of every packaging, HBM and logic line of the "
               "catalogue, all of it for accelerators",
               0);
  const Quarter first(2026, 1), last(2030, 4);
  const int quarters = last - first + 1, history = 8;  // starts that arrive in the first quarter
  std::vector<Generation> generations;
  for (const char* entity : {"gb300_nvl72", "vr200_nvl72"}) {
    generations.push_back(read_generation(catalog, entity, &c));
  }
  const double stock_2025 = catalog.get_number("check_world", "h100e_2025");
  const char* gap =
      "an upper bound: every HBM wafer of the world becomes a Vera Rubin, none serves other "
      "accelerators, and no quarter is lost. Its fp8 rate has grown faster than its memory, so the "
      "count in fp8 is twice that in bf16; theirs is of 2024, before that chip";
  for (const bool with_modules : {false, true}) {
    const WaferPaths paths =
        wafer_paths(catalog, first - history, first, quarters + history, with_modules);
    const Stock made = production(generations, paths, first, quarters);
    const std::string expansion = with_modules ? "all expansion modules at once" : "no new modules";
    c.of("H100-equivalents by 2030", Evidence::kIndependent, gap);
    for (const bool is_fp8 : {true, false}) {
      c.compare(
          fmt::format("dense {}, {}; {}", is_fp8 ? "fp8" : "bf16", expansion, binding_text(made)),
          stock_2025 + (is_fp8 ? made.fp8 : made.bf16), "check_world", "h100e_2030");
    }
  }
  return c.finish();
}

}  // namespace astrolabe::study
