#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/study/chain_validation.h"
#include "astrolabe/study/operator_validation.h"
#include "astrolabe/study/serving_validation.h"

namespace astrolabe {

namespace {

struct ChainOptions {
  std::string cases_dir = ASTROLABE_SOURCE_DIR "/validation";
  std::string write;
};

int validate_chain(const ChainOptions& options, const Invocation& invocation) {
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  const auto cases = study::validate_chain(facts, options.cases_dir);
  if (!options.write.empty()) {
    study::write_generated(options.write, study::validation_markdown(cases));
  }
  if (invocation.is_json) {
    print_json(to_json(study::validation_table(cases)));
  } else {
    std::fputs(study::validation_text(cases).c_str(), stdout);
  }
  return kSuccess;
}

int print(const study::AccuracyReport& report, const Invocation& invocation) {
  if (invocation.is_json) {
    print_json(study::to_json(report));
  } else {
    std::fputs(study::to_text(report).c_str(), stdout);
  }
  return kSuccess;
}

void add_operators(CLI::App* command, Invocation* invocation) {
  CLI::App* operators =
      command->add_subcommand("operators",
                              "Predicted times of operators against measured ones\n"
                              "\n"
                              "  astrolabe validate operators --measurements gemm.csv.zst\n"
                              "  astrolabe validate operators --measurements moe.csv "
                              "--accelerator-without-tables h200_sxm");
  const auto request = std::make_shared<study::OperatorValidationRequest>();
  operators
      ->add_option("--measurements", request->measurements,
                   "Table of one family of operators (CSV, plain or zstd), columns as in "
                   "data/measurements/README.md")
      ->type_name("FILE")
      ->required();
  operators
      ->add_option("--accelerator-without-tables", request->without_tables,
                   "Predict this system from its data sheet and the tables of others (repeatable; "
                   "all systems of an architecture: from older architectures)")
      ->type_name("NAME")
      ->delimiter(',');
  operators
      ->add_option("--rows", request->rows,
                   "Write each measurement to this file (CSV): measured, predicted, its 10-90 % "
                   "band, or why it has no prediction")
      ->type_name("FILE");
  add_data_option(operators, invocation);
  add_json_option(operators, invocation);
  operators->callback([invocation, request] {
    invocation->run = [invocation, request] {
      request->data = invocation->data_dir;
      return print(study::validate_operators(*request), *invocation);
    };
  });
}

struct ServingOptions {
  std::string measurements, rows, write;
  std::vector<std::string> without_tables;
};

int validate_serving(const ServingOptions& options, const Invocation& invocation) {
  require_not_input("--rows", options.rows, options.measurements);
  require_not_input("--write", options.write, options.measurements);
  const catalog::Catalog facts = catalog::Catalog::load(invocation.data_dir);
  const auto runs = study::read_serving_measurements(
      options.measurements, study::ServingContext::read(facts, invocation.data_dir));
  const parallel::KernelLibrary library(facts, invocation.data_dir, options.without_tables);
  study::ServingPredictor predictor(facts, library.sources(), library.engines());
  const study::ServingReport report = study::validate_serving(runs, &predictor);
  if (!options.rows.empty()) write_file_atomically(options.rows, to_csv(report.rows));
  if (!options.write.empty()) {
    study::write_generated(options.write, study::to_text(report, true),
                           "astrolabe validate serving");
  }
  if (invocation.is_json) {
    print_json(study::to_json(report));
  } else {
    std::fputs(study::to_text(report).c_str(), stdout);
  }
  return kSuccess;
}

void add_serving(CLI::App* command, Invocation* invocation) {
  CLI::App* serving = command->add_subcommand(
      "serving",
      "Predicted TPOT and TTFT of serving runs against measured ones\n"
      "\n"
      "  astrolabe validate serving --measurements validation/serving/runs.csv\n"
      "  astrolabe validate serving --measurements FILE --accelerator-without-tables gb300");
  const auto options = std::make_shared<ServingOptions>();
  serving
      ->add_option("--measurements", options->measurements,
                   "Measured runs (CSV) in any of the columns of validation/README.md")
      ->type_name("FILE")
      ->required();
  serving
      ->add_option("--accelerator-without-tables", options->without_tables,
                   "Predict these systems from their data sheets and other chips' tables")
      ->type_name("NAME")
      ->delimiter(',');
  serving
      ->add_option("--rows", options->rows,
                   "Write each run to this file (CSV): measured, predicted, its 10-90 % band, or "
                   "why it has no prediction")
      ->type_name("FILE");
  serving
      ->add_option(
          "--write", options->write,
          "Write the tables into the marked part of this page (validation/serving/README.md)")
      ->type_name("FILE");
  add_data_option(serving, invocation);
  add_json_option(serving, invocation);
  serving->callback([invocation, options] {
    invocation->run = [invocation, options] { return validate_serving(*options, *invocation); };
  });
}

}  // namespace

void add_validate_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("validate",
                                          "Our figures against published ones.\n"
                                          "\n"
                                          "  astrolabe validate chain\n"
                                          "  astrolabe validate operators --measurements FILE\n"
                                          "  astrolabe validate serving --measurements FILE\n"
                                          "  astrolabe validate hbm\n");
  command->require_subcommand(1);
  add_operators(command, invocation);
  add_serving(command, invocation);
  add_validate_hbm(command, invocation);
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
