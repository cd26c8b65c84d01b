#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/catalog/queries.h"

namespace astrolabe {

namespace {

using Question = std::function<catalog::Answer(const catalog::Catalog&, const std::string&)>;

int answer(const Question& question, const std::string& about, const Invocation& invocation) {
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  const catalog::Answer found = question(facts, about);
  if (invocation.is_json) {
    print_json(to_json(found.table));
  } else {
    std::fputs(found.text.c_str(), stdout);
  }
  return kSuccess;
}

void add_question(CLI::App* parent, Invocation* invocation, const std::string& name,
                  const std::string& description, const std::string& argument, bool is_required,
                  const Question& question) {
  CLI::App* command = parent->add_subcommand(name, description);
  const auto about = std::make_shared<std::string>();
  command->add_option(argument, *about)->required(is_required);
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, about, question] {
    invocation->run = [invocation, about, question] {
      return answer(question, *about, *invocation);
    };
  });
}

}  // namespace

void add_catalog_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("catalog",
                                          "Look up facts, their sources, and why one is used.\n"
                                          "\n"
                                          "  astrolabe catalog list sites\n"
                                          "  astrolabe catalog show pohang\n"
                                          "  astrolabe catalog why pohang.announced_power\n");
  command->require_subcommand(1);
  add_question(
      command, invocation, "list", "Kinds of facts, or the entities of one kind", "kind", false,
      [](const catalog::Catalog& c, const std::string& kind) { return catalog::list(c, kind); });
  add_question(command, invocation, "show", "The used value of every attribute of an entity",
               "entity", true, [](const catalog::Catalog& c, const std::string& entity) {
                 return catalog::show(c, entity);
               });
  add_question(
      command, invocation, "sources", "All sources, or the facts that rest on one", "source", false,
      [](const catalog::Catalog& c, const std::string& id) { return catalog::sources(c, id); });
  add_question(
      command, invocation, "why", "Every row of entity.attribute and the choice made", "fact", true,
      [](const catalog::Catalog& c, const std::string& key) { return catalog::why(c, key); });
}

}  // namespace astrolabe
