#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "apps/terminal.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"
#include "astrolabe/study/scenario.h"
#include "astrolabe/study/scenario_schema.h"

namespace astrolabe {

namespace {

using study::Scenario;

constexpr double kTera = 1e12;

double ttokens_per_day(const study::DemandInput& d, Quarter q) {
  return d.tokens_per_day.at(q) / kTera;
}

template <class T, class Name>
std::string listed(const std::vector<T>& items, Name name) {
  std::string s = std::to_string(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) s += (i == 0 ? ": " : ", ") + name(items[i]);
  return s;
}

void print_line(const std::string& label, const std::string& text) {
  std::printf("%-13s %s\n", label.c_str(), text.c_str());
}

void print_demand(const Scenario& s) {
  std::printf("\n%-16s %-24s %-9s %14s %14s %9s %9s\n", "demand", "model", "precision",
              (s.start.text() + " Tt/day").c_str(), (s.end.text() + " Tt/day").c_str(), "TTFT ms",
              "TPOT ms");
  for (const study::DemandInput& d : s.demand) {
    std::printf("%-16s %-24s %-9s %14.6g %14.6g %9.6g %9.6g\n", d.name.c_str(), d.model.c_str(),
                d.precision.c_str(), ttokens_per_day(d, s.start), ttokens_per_day(d, s.end),
                d.ttft.in(units::millisecond), d.tpot.in(units::millisecond));
  }
  if (s.training.empty()) return;
  std::printf("\n%-16s %-24s %-9s %14s %14s %9s\n", "training", "model", "precision", "from", "to",
              "Ttokens");
  for (const study::TrainingInput& t : s.training) {
    std::printf("%-16s %-24s %-9s %14s %14s %9.6g\n", t.name.c_str(), t.model.c_str(),
                t.precision.c_str(), t.start.text().c_str(), t.deadline.text().c_str(),
                t.tokens.in(units::token) / kTera);
  }
}

void print_places(const Scenario& s, const catalog::Catalog& catalog) {
  double existing_mw = 0;
  for (const study::ExistingInput& e : s.existing) {
    existing_mw +=
        (e.accelerators * catalog.get<Power::kDim>(e.accelerator, "it_power")).in(units::MW);
  }
  std::printf("\n");
  print_line("accelerators", listed(s.accelerators, [](const auto& a) { return a.name; }));
  print_line("suppliers", listed(s.suppliers, [](const auto& l) { return l.line; }));
  print_line("sites", listed(s.sites, [](const auto& x) { return x.name; }));
  print_line("existing", format_number(existing_mw) + " MW of IT power");
  print_line("funds", listed(s.funds, [](const auto& f) { return f.name; }));
  print_line("energy", listed(s.energy, [](const auto& e) { return e.name; }));
  const auto commitment = [](const auto& c) {
    return c.vendor + " " + format_number(c.it_power.in(units::MW)) + " MW by " + c.by.text();
  };
  print_line("commitments", listed(s.commitments, commitment));
  print_line("intents", listed(s.intents, commitment));
  const auto change = [](const auto& o) {
    return o.key + " = " + format_number(o.value) + " " + o.unit_text;
  };
  print_line("facts changed", listed(s.overrides, change));
}

void print_text(const study::ScenarioAndCatalog& input) {
  const Scenario& s = input.scenario;
  std::printf("%s is valid\n\n", s.file.c_str());
  print_line("name", s.name);
  print_line("horizon", s.start.text() + " to " + s.end.text() + ", " +
                            std::to_string(s.end - s.start + 1) + " quarters");
  print_line("objective",
             s.objective == study::ObjectiveInput::kMostServed ? "most_served" : "least_cost");
  if (s.dram_ceiling) {
    const double month = units::month.base();
    print_line("DRAM ceiling", format_number(s.dram_ceiling->at(s.start) * month / 1e3) + " to " +
                                   format_number(s.dram_ceiling->at(s.end) * month / 1e3) +
                                   " kwafers/month");
  }
  print_demand(s);
  print_places(s, input.catalog);
  if (!s.notes.empty()) std::printf("\nnotes\n");
  for (const std::string& note : s.notes) std::printf("  - %s\n", printable(note).c_str());
}

nlohmann::json to_json(const Scenario& s) {
  nlohmann::json j = {
      {"file", s.file},          {"name", s.name},      {"description", s.description},
      {"start", s.start.text()}, {"end", s.end.text()}, {"quarters", s.end - s.start + 1},
      {"seed", s.seed},          {"notes", s.notes}};
  for (const study::DemandInput& d : s.demand) {
    j["demand"].push_back({{"name", d.name},
                           {"model", d.model},
                           {"precision", d.precision},
                           {"start_ttokens_per_day", ttokens_per_day(d, s.start)},
                           {"end_ttokens_per_day", ttokens_per_day(d, s.end)},
                           {"ttft_ms", d.ttft.in(units::millisecond)},
                           {"tpot_ms", d.tpot.in(units::millisecond)}});
  }
  for (const study::TrainingInput& t : s.training) {
    j["training"].push_back({{"name", t.name},
                             {"model", t.model},
                             {"training_ttokens", t.tokens.in(units::token) / kTera},
                             {"start", t.start.text()},
                             {"deadline", t.deadline.text()}});
  }
  for (const auto& a : s.accelerators) j["accelerators"].push_back(a.name);
  for (const auto& l : s.suppliers) j["suppliers"].push_back(l.line);
  for (const auto& x : s.sites) j["sites"].push_back(x.name);
  for (const auto& f : s.funds) j["funds"].push_back(f.name);
  for (const auto& e : s.energy) j["energy"].push_back(e.name);
  for (const auto& o : s.overrides) {
    j["facts"].push_back(
        {{"key", o.key}, {"value", o.value}, {"unit", o.unit_text}, {"why", o.why}});
  }
  return j;
}

std::string bounds_text(const study::KeySpec& k) {
  if (!k.choices.empty()) return join_alternatives(k.choices);
  switch (k.type) {
    case study::KeyType::kText:
      return "text";
    case study::KeyType::kTextList:
      return "list of texts";
    case study::KeyType::kBool:
      return "true, false";
    case study::KeyType::kQuarter:
      return "quarter or date";
    default:
      break;
  }
  std::string s = k.type == study::KeyType::kPath      ? "number or path"
                  : k.type == study::KeyType::kShares  ? "country = number"
                  : k.type == study::KeyType::kInteger ? "whole number"
                                                       : "number";
  if (k.min > -std::numeric_limits<double>::infinity()) {
    s += std::string(k.min_is_allowed ? ", >= " : ", > ") + format_number(k.min);
  }
  if (k.max < std::numeric_limits<double>::infinity()) s += ", <= " + format_number(k.max);
  return s;
}

// The reference of docs/guide.md, in Markdown.
int print_keys() {
  for (const study::TableSpec& table : study::scenario_tables()) {
    if (table.name.empty()) continue;
    std::printf("### `%s`\n\n%s%s\n\n", table.header().c_str(), table.meaning.c_str(),
                table.is_required ? " Required." : "");
    std::printf("| key | value | without it | meaning |\n|---|---|---|---|\n");
    for (const study::KeySpec& k : table.keys) {
      const std::string fallback = k.is_required ? "**required**" : k.fallback;
      std::printf("| `%s` | %s | %s | %s |\n", k.key().c_str(), bounds_text(k).c_str(),
                  fallback.c_str(), k.meaning.c_str());
    }
    std::printf("\n");
  }
  return kSuccess;
}

int check(const std::string& scenario, const Invocation& invocation) {
  if (scenario.empty()) throw InputError({}, "check", "no scenario", "SCENARIO or --keys");
  const study::ScenarioAndCatalog input = study::read_scenario(scenario, invocation.data_dir);
  if (invocation.is_json) {
    print_json(to_json(input.scenario));
  } else {
    print_text(input);
  }
  return kSuccess;
}

}  // namespace

void add_check_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("check",
                          "Read a scenario, say what is wrong with it or what it holds.\n"
                          "\n"
                          "  astrolabe check scenarios/stargate_korea.toml\n"
                          "  astrolabe check --keys      every table and key of a scenario\n");
  const auto scenario = std::make_shared<std::string>();
  const auto wants_keys = std::make_shared<bool>(false);
  command->add_option("scenario", *scenario, "Scenario file (TOML)")->type_name("SCENARIO");
  command->add_flag("--keys", *wants_keys, "Print the reference of scenario files (Markdown)");
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, scenario, wants_keys] {
    invocation->run = [invocation, scenario, wants_keys] {
      return *wants_keys ? print_keys() : check(*scenario, *invocation);
    };
  });
}

}  // namespace astrolabe
