#include "astrolabe/study/scenario.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/table.h"
#include "astrolabe/study/scenario_schema.h"
#include "astrolabe/study/toml_reader.h"
#include "astrolabe/workload/length_distribution.h"

namespace astrolabe::study {

double Path::at(Quarter q) const {
  if (points.empty()) return 0;
  if (q <= points.front().first) return points.front().second;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto& [q1, v1] = points[i];
    if (q > q1) continue;
    const auto& [q0, v0] = points[i - 1];
    return v0 + (v1 - v0) * static_cast<double>(q - q0) / static_cast<double>(q1 - q0);
  }
  return points.back().second;
}

namespace {

// A name that can stand in column names, file names and constraint names.
void check_name(const TomlTable& table, std::string_view stem) {
  const std::string& name = table.text(stem);
  constexpr std::size_t kLongest = 64;
  const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!is_plain || name.size() > kLongest) {
    table.fail(stem, "the text \"" + name.substr(0, kLongest) + "\"",
               "at most 64 letters, digits and underscores");
  }
}

std::string horizon_text(const Scenario& s) { return s.start.text() + " to " + s.end.text(); }

void check_in_horizon(const TomlTable& table, std::string_view stem, const Scenario& s) {
  const Quarter q = table.quarter(stem);
  if (q < s.start) {
    table.fail(stem, q.text() + ", before the horizon", "a quarter in " + horizon_text(s));
  }
  if (q > s.end) {
    table.fail(stem, q.text() + ", after the horizon", "a quarter in " + horizon_text(s));
  }
}

Path read_path(const TomlTable& table, std::string_view stem, const Scenario& s) {
  Path path;
  if (!table.has(stem)) return path;
  for (const TomlTable::PathPoint& p : table.path(stem)) {
    path.points.emplace_back(p.quarter.value_or(s.start), p.value);
  }
  return path;
}

void read_horizon(const TomlTable& table, Scenario* s) {
  const Quarter earliest(2020, 1);
  s->start = table.quarter("start");
  s->end = table.quarter("end");
  if (s->start < earliest) {
    table.fail("start", s->start.text(), "a quarter not before " + earliest.text());
  }
  if (s->end < s->start) {
    table.fail("end", s->end.text() + ", before the start: an empty horizon",
               "a quarter not before " + s->start.text());
  }
  if (s->end - s->start + 1 > kMaxQuarters) {
    table.fail("end", s->end.text() + ": " + std::to_string(s->end - s->start + 1) + " quarters",
               "a horizon of at most " + std::to_string(kMaxQuarters) + " quarters");
  }
}

void read_general(const TomlTable& root, Scenario* s) {
  const TomlTable scenario = root.tables("scenario").front();
  check_name(scenario, "name");
  s->name = scenario.text("name");
  s->description = scenario.text_or("description", "");
  read_horizon(scenario, s);
  if (scenario.text_or("objective", "least_cost") == "most_served") {
    s->objective = ObjectiveInput::kMostServed;
  }
  if (scenario.has("seed")) s->seed = static_cast<std::uint64_t>(scenario.integer("seed"));
  for (const auto& [note, where] : scenario.texts("notes")) s->notes.push_back(note);
  for (const TomlTable& t : root.tables("finance")) {
    s->fab_capex_charged = t.find_number("fab_capex_charged").value_or(1);
    s->funds_cover_running_costs = t.text_or("funds_cover", "capex") == "capex_and_opex";
  }
  for (const TomlTable& t : root.tables("fleet")) {
    s->availability = t.find_number("availability").value_or(1);
    s->delivered_throughput = t.find_number("delivered_throughput").value_or(1);
    s->idle_power_share = t.find_number("idle_power").value_or(0);
    if (t.has("frameworks")) s->frameworks.clear();
    for (const auto& [name, where] : t.texts("frameworks")) {
      s->frameworks.push_back(parallel::parse_framework(name, where));
    }
    s->software_gain = t.find_number("software_gain").value_or(0) * units::year.base();
    if (t.has("years_of_software_gain")) {
      s->software_gain_years = static_cast<int>(t.integer("years_of_software_gain"));
    }
  }
  for (const TomlTable& t : root.tables("wafers")) {
    s->yield_model = t.text_or("yield_model", "poisson");
    s->cluster_alpha = t.find_number("cluster_alpha").value_or(3);
    s->has_yield_learning = t.text_or("yields", "learning") == "learning";
    if (t.has("ceiling")) s->dram_ceiling = read_path(t, "ceiling", *s);
  }
}

// D0 (1+g)^t, or S / (1 + (S/D0 - 1) (1+g)^-t), at every quarter of the horizon.
Path read_growth(const TomlTable& law, const Scenario& s) {
  const double start = law.number("start");
  const double growth_factor = 1 + law.number("growth") * units::year.base();
  const auto saturation = law.find_number("saturation");
  if (saturation && *saturation <= start) {
    law.fail("saturation", "a level at or below the start", "a level above it");
  }
  Path path;
  for (Quarter q = s.start; q <= s.end; q = q + 1) {
    const double grown = std::pow(growth_factor, static_cast<double>(q - s.start) / 4);
    const double value =
        saturation ? *saturation / (1 + (*saturation / start - 1) / grown) : start * grown;
    if (!std::isfinite(value)) {
      law.fail("growth", "a law that overflows in " + q.text(), "less growth or a saturation");
    }
    path.points.emplace_back(q, value);
  }
  return path;
}

Path read_tokens_per_day(const TomlTable& table, const Scenario& s) {
  const std::vector<TomlTable> laws = table.tables("growth");
  if (table.has("demand") == !laws.empty()) {
    throw InputError(table.position(), "demand.demand_ttokens_per_day",
                     laws.empty() ? "nothing" : "a path and [demand.growth]",
                     "either demand_ttokens_per_day or [demand.growth]");
  }
  Path path = laws.empty() ? read_path(table, "demand", s) : read_growth(laws.front(), s);
  for (auto& [quarter, value] : path.points) value *= units::day.base();
  return path;
}

TokenPrice read_value_unserved(const TomlTable& table, bool must_serve) {
  if (table.has("value_unserved")) return table.get<TokenPrice::kDim>("value_unserved");
  if (!must_serve) {
    throw InputError(table.position(), table.key("value_unserved_usd_per_mtokens"), "nothing",
                     "a value, or must_serve = true");
  }
  return TokenPrice();
}

// Mean and p90 must be those of a law of lengths (workload/length_distribution.h).
void check_lengths(const TomlTable& t, const std::string& stem) {
  workload::LengthDistribution::from_mean_and_p90(t.number(stem), t.find_number(stem + "_p90"),
                                                  t.position(stem + "_p90"), t.key(stem),
                                                  t.key(stem + "_p90"));
}

DemandInput read_demand(const TomlTable& t, const Scenario& s) {
  DemandInput d;
  check_name(t, "name");
  d.name = t.text("name");
  d.model = t.text("model");
  d.precision = t.text("precision");
  d.input_tokens = t.number("input_tokens");
  d.output_tokens = t.number("output_tokens");
  d.input_tokens_p90 = t.find_number("input_tokens_p90");
  d.output_tokens_p90 = t.find_number("output_tokens_p90");
  check_lengths(t, "input_tokens");
  check_lengths(t, "output_tokens");
  d.cached_input = t.find_number("cached_input").value_or(0);
  d.speculation.draft_tokens = t.find_number("draft_tokens").value_or(0);
  d.speculation.acceptance_length = t.find_number("acceptance_length").value_or(1);
  if (d.speculation.acceptance_length > d.speculation.verified()) {
    t.fail("acceptance_length", format_number(d.speculation.acceptance_length),
           "at most draft_tokens + 1");
  }
  d.ttft = t.get<Duration::kDim>("ttft");
  d.tpot = t.get<Duration::kDim>("tpot");
  d.peak_to_average = t.find_number("peak_to_average").value_or(1);
  d.tokens_per_day = read_tokens_per_day(t, s);
  d.must_serve = t.flag("must_serve", false);
  d.value_unserved = read_value_unserved(t, d.must_serve);
  double shares = 0;
  for (const auto& [country, share] : t.shares("in_country")) {
    d.in_country[country] = share;
    shares += share;
  }
  constexpr double kRounding = 1e-9;
  if (shares > 1 + kRounding) {
    t.fail("in_country", format_number(shares * 100) + " % in all", "at most 100 % in all");
  }
  d.position = t.position();
  d.key_lines = t.key_lines();
  return d;
}

TrainingInput read_training(const TomlTable& t, const Scenario& s) {
  TrainingInput r;
  check_name(t, "name");
  r.name = t.text("name");
  r.model = t.text("model");
  r.precision = t.text("precision");
  r.tokens = t.get<Tokens::kDim>("training");
  r.start = t.quarter("start");
  r.deadline = t.quarter("deadline");
  check_in_horizon(t, "start", s);
  check_in_horizon(t, "deadline", s);
  if (r.deadline < r.start) {
    t.fail("deadline", r.deadline.text(), "a quarter not before the start " + r.start.text());
  }
  r.peak_to_average = t.find_number("peak_to_average").value_or(r.peak_to_average);
  r.must_serve = t.flag("must_serve", false);
  r.value_unserved = read_value_unserved(t, r.must_serve);
  r.position = t.position();
  r.key_lines = t.key_lines();
  return r;
}

AcceleratorInput read_accelerator(const TomlTable& t, const Scenario&) {
  AcceleratorInput a;
  a.name = t.text("name");
  a.first_delivery = t.find_quarter("first_delivery");
  a.last_order = t.find_quarter("last_order");
  a.memory = t.text_or("memory", "");
  if (a.first_delivery && a.last_order && *a.last_order < *a.first_delivery) {
    t.fail("last_order", a.last_order->text(),
           "a quarter not before the first delivery " + a.first_delivery->text());
  }
  a.position = t.position();
  a.key_lines = t.key_lines();
  return a;
}

SupplierInput read_supplier(const TomlTable& t, const Scenario& s) {
  SupplierInput line;
  line.line = t.text("line");
  line.share = read_path(t, "share", s);
  line.may_expand = t.flag("may_expand", true);
  line.hbm_share_of_modules = t.find_number("hbm_share_of_modules").value_or(1);
  line.module_limit = t.find_number("module_limit");
  for (const auto& [name, where] : t.texts("needs")) line.needs.push_back(name);
  line.position = t.position();
  line.key_lines = t.key_lines();
  return line;
}

SiteInput read_site(const TomlTable& t, const Scenario& s) {
  SiteInput site;
  site.name = t.text("name");
  for (const auto& [name, where] : t.texts("accelerators")) {
    const auto& seen = site.accelerators;
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      throw InputError(where, t.key("accelerators"), name + " twice", "each type once");
    }
    site.accelerators.push_back(name);
  }
  site.renewable_share = read_path(t, "renewable_share", s);
  site.fixed_load = read_path(t, "fixed_load", s);
  for (const TomlTable& r : t.tables("requirement")) {
    check_in_horizon(r, "from", s);
    for (const SiteInput::Requirement& other : site.requirements) {
      if (other.from == r.quarter("from")) {
        r.fail("from", other.from.text() + " twice for " + site.name, "one requirement a quarter");
      }
    }
    site.requirements.push_back({r.get<Power::kDim>("it_power"), r.quarter("from"), r.position()});
  }
  site.position = t.position();
  site.key_lines = t.key_lines();
  return site;
}

ExistingInput read_existing(const TomlTable& t, const Scenario& s) {
  ExistingInput e;
  e.site = t.text("site");
  e.accelerator = t.text("accelerator");
  if (t.has("accelerators") == t.has("it_power")) {
    throw InputError(t.position(), t.key("accelerators"),
                     t.has("it_power") ? "accelerators and it_power_mw" : "nothing",
                     "either accelerators or it_power_mw");
  }
  e.accelerators = t.find_number("accelerators").value_or(0);
  if (t.has("it_power")) e.it_power = t.get<Power::kDim>("it_power");
  e.installed = t.quarter("installed");
  if (e.installed >= s.start) {
    t.fail("installed", e.installed.text(), "a quarter before the start " + s.start.text());
  }
  e.position = t.position();
  e.key_lines = t.key_lines();
  return e;
}

CommitmentInput read_commitment(const TomlTable& t, const Scenario& s) {
  check_in_horizon(t, "by", s);
  return {t.text("vendor"), t.get<Power::kDim>("it_power"), t.quarter("by"), t.position(),
          t.key_lines()};
}

VendorInput read_vendor(const TomlTable& t, const Scenario& s) {
  return {t.text("name"), read_path(t, "it_power", s), t.position(), t.key_lines()};
}

// Reads every table `name` and refuses a second one with the same key().
template <class T>
void read_list(const TomlTable& root, const std::string& name, const Scenario& s,
               const std::function<T(const TomlTable&, const Scenario&)>& read,
               const std::function<std::string(const T&)>& key, std::vector<T>* list) {
  std::map<std::string, SourcePosition> seen;
  for (const TomlTable& t : root.tables(name)) {
    T item = read(t, s);
    const auto [at, is_new] = seen.emplace(key(item), t.position());
    if (!is_new) {
      throw InputError(t.position(), name, key(item) + " a second time",
                       "each once (first in line " + std::to_string(at->second.line) + ")");
    }
    list->push_back(std::move(item));
  }
}

void read_work(const TomlTable& root, Scenario* s) {
  read_list<DemandInput>(
      root, "demand", *s, read_demand, [](const auto& d) { return d.name; }, &s->demand);
  read_list<TrainingInput>(
      root, "training", *s, read_training, [](const auto& t) { return t.name; }, &s->training);
  for (const TrainingInput& t : s->training) {
    for (const DemandInput& d : s->demand) {
      if (d.name != t.name) continue;
      throw InputError(
          t.position, "training", t.name + " a second time",
          "a name that no [[demand]] has (line " + std::to_string(d.position.line) + ")");
    }
  }
  if (s->demand.empty() && s->training.empty()) {
    throw InputError(root.position(), "demand", "nothing",
                     "at least one [[demand]] or [[training]]");
  }
}

// After suppliers and sites: both names must be among them.
void read_letter(const TomlTable& root, Scenario* s) {
  const auto has = [](const auto& list, const auto& is_it) {
    return std::find_if(list.begin(), list.end(), is_it) != list.end();
  };
  for (const TomlTable& t : root.tables("letter_of_intent")) {
    LetterInput letter{t.text("line"),
                       t.text("site"),
                       static_cast<int>(t.integer("modules_per_fab")),
                       static_cast<int>(t.integer("fabs_on_connection")),
                       t.quarter("from"),
                       t.quarter("until"),
                       t.quarter("full_output")};
    if (!has(s->suppliers, [&](const auto& l) { return l.line == letter.line; })) {
      t.fail("line", letter.line, "a DRAM line that is a [[supplier]] of this scenario");
    }
    if (!has(s->sites, [&](const auto& place) { return place.name == letter.site; })) {
      t.fail("site", letter.site, "a [[site]] of this scenario");
    }
    if (letter.until < letter.from) {
      t.fail("until", letter.until.text(), "a quarter not before " + letter.from.text());
    }
    s->letter = std::move(letter);
  }
}

void read_commitments(const TomlTable& root, Scenario* s) {
  for (const TomlTable& t : root.tables("commitment")) {
    const CommitmentInput c = read_commitment(t, *s);
    for (const auto* list : {&s->commitments, &s->intents}) {
      for (const CommitmentInput& other : *list) {
        if (other.vendor != c.vendor || other.by != c.by) continue;
        t.fail("by", c.vendor + " " + c.by.text() + " a second time", "one a vendor and quarter");
      }
    }
    (t.flag("firm", true) ? s->commitments : s->intents).push_back(c);
  }
}

}  // namespace

Scenario parse_scenario(const std::string& text, const std::string& file) {
  const TomlValue document = parse_toml(text, file);
  const TomlTable root(document, file, scenario_tables(), "");
  Scenario s;
  s.file = file;
  s.hash = content_hash(text);
  read_general(root, &s);
  read_work(root, &s);
  const auto name_of = [](const auto& item) { return item.name; };
  read_list<AcceleratorInput>(root, "accelerator", s, read_accelerator, name_of, &s.accelerators);
  read_list<SupplierInput>(
      root, "supplier", s, read_supplier, [](const auto& l) { return l.line; }, &s.suppliers);
  read_list<SiteInput>(root, "site", s, read_site, name_of, &s.sites);
  read_letter(root, &s);
  read_list<ExistingInput>(
      root, "existing", s, read_existing,
      [](const auto& e) { return e.accelerator + " at " + e.site + " of " + e.installed.text(); },
      &s.existing);
  read_list<FundInput>(
      root, "fund", s,
      [](const TomlTable& t, const Scenario&) {
        return FundInput{t.text("name"), t.position(), t.key_lines()};
      },
      name_of, &s.funds);
  read_list<EnergyInput>(
      root, "energy", s,
      [](const TomlTable& t, const Scenario&) {
        return EnergyInput{t.text("name"), t.position(), t.key_lines()};
      },
      name_of, &s.energy);
  read_list<VendorInput>(
      root, "vendor", s, read_vendor, [](const VendorInput& v) { return v.name; }, &s.vendors);
  read_commitments(root, &s);
  read_list<catalog::Override>(
      root, "fact", s,
      [](const TomlTable& t, const Scenario&) {
        return catalog::Override{t.text("key"), t.number("value"), t.text("unit"), t.text("why"),
                                 t.position()};
      },
      [](const auto& o) { return o.key; }, &s.overrides);
  return s;
}

ScenarioAndCatalog read_scenario(const std::string& path, const std::string& data_dir) {
  Scenario scenario = parse_scenario(read_text_file(path, kMaxScenarioBytes), path);
  catalog::Catalog catalog = catalog::Catalog::load(data_dir, scenario.overrides);
  check_scenario(&scenario, catalog);
  return {std::move(scenario), std::move(catalog)};
}

}  // namespace astrolabe::study
