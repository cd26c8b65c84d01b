#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "astrolabe/base/csv.h"
#include "astrolabe/base/table.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/study/chain_validation.h"

namespace astrolabe {

namespace {

struct ChainOptions {
  std::string cases_dir = ASTROLABE_SOURCE_DIR "/validation";
  std::string write;
};

nlohmann::json to_json(const Table& table) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& row : table.rows) {
    nlohmann::json object = nlohmann::json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::visit([&](const auto& value) { object[table.columns[i].name] = value; }, row[i]);
    }
    rows.push_back(object);
  }
  return {{"name", table.name}, {"title", table.title}, {"rows", rows}};
}

int validate_chain(const ChainOptions& options, const Invocation& invocation) {
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  const auto cases = study::validate_chain(facts, options.cases_dir);
  if (!options.write.empty()) {
    const std::string document = read_text_file(options.write);
    write_file_atomically(
        options.write,
        study::replace_generated(document, study::validation_markdown(cases), options.write));
  }
  if (invocation.is_json) {
    std::printf("%s\n", to_json(study::validation_table(cases)).dump(2).c_str());
  } else {
    std::fputs(study::validation_text(cases).c_str(), stdout);
  }
  return kSuccess;
}

}  // namespace

void add_validate_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("validate",
                                          "Our figures against published ones.\n"
                                          "\n"
                                          "  astrolabe validate chain\n");
  command->require_subcommand(1);
  CLI::App* chain = command->add_subcommand(
      "chain", "The chain from wafer to token, each figure beside the published ones");
  const auto options = std::make_shared<ChainOptions>();
  chain
      ->add_option("--write", options->write,
                   "Replace the generated part of this file, between its two markers")
      ->type_name("FILE");
  chain->add_option("--cases", options->cases_dir, "Directory of the validation cases")
      ->type_name("DIR")
      ->capture_default_str();
  add_data_option(chain, invocation);
  add_json_option(chain, invocation);
  chain->callback([invocation, options] {
    invocation->run = [invocation, options] { return validate_chain(*options, *invocation); };
  });
}

}  // namespace astrolabe
