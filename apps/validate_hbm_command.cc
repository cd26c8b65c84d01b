#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "astrolabe/study/chain_validation.h"
#include "astrolabe/study/hbm_validation.h"
#include "astrolabe/study/simulator_validation.h"

namespace astrolabe {

namespace {

struct HbmOptions {
  std::string measurements, write;
  bool has_simulators = false;
};

template <class Rows>
int give(const Rows& rows, const HbmOptions& options, bool is_json) {
  const std::string text = to_markdown(rows);
  if (!options.write.empty()) {
    const std::string author =
        options.has_simulators ? "astrolabe validate hbm --simulators" : "astrolabe validate hbm";
    study::write_generated(options.write, text, author);
  }
  std::fputs(is_json ? json_text(to_json(rows)).c_str() : text.c_str(), stdout);
  return kSuccess;
}

int validate_hbm(const HbmOptions& options, const Invocation& invocation) {
  const std::string folder = ASTROLABE_SOURCE_DIR "/validation/hbm/";
  const std::string file =
      !options.measurements.empty()
          ? options.measurements
          : folder + (options.has_simulators ? "simulators.csv" : "measured.csv");
  return options.has_simulators
             ? give(study::validate_simulators(file, invocation.data_dir), options,
                    invocation.is_json)
             : give(study::validate_hbm(file, invocation.data_dir), options, invocation.is_json);
}

}  // namespace

void add_validate_hbm(CLI::App* validate, Invocation* invocation) {
  CLI::App* command = validate->add_subcommand(
      "hbm", "Simulated bandwidth of memories of accelerators against measured copies and reads");
  const auto options = std::make_shared<HbmOptions>();
  command->add_flag("--simulators", options->has_simulators,
                    "Against the published figures of other simulators instead");
  command
      ->add_option("--measurements", options->measurements,
                   "CSV as validation/hbm/measured.csv, or simulators.csv (default: these)")
      ->type_name("FILE");
  command
      ->add_option("--write", options->write,
                   "Replace the generated part of this file, between its two markers")
      ->type_name("FILE");
  add_data_option(command, invocation);
  add_json_option(command, invocation);
  command->callback([invocation, options] {
    invocation->run = [invocation, options] { return validate_hbm(*options, *invocation); };
  });
}

}  // namespace astrolabe
