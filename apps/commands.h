#pragma once

// The commands of the `astrolabe` program. Each adds itself to the command line; the one that the
// user named puts its work into `Invocation::run`. A command parses, calls the library and prints:
// it holds no formula and catches no InputError, which is main's.

#include <functional>
#include <string>

#include "astrolabe/workload/config_reader.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of CLI11
class App;
class Option;
class Validator;
}  // namespace CLI

namespace astrolabe {

enum ExitCode {
  kSuccess = 0,
  kInternalError = 1,
  kBadInput = 2,
  kInfeasible = 3,
  kInterrupted = 130
};

struct Invocation {
  std::function<int()> run;  // returns an ExitCode
  std::string data_dir;      // --data, ASTROLABE_DATA or the source directory's data/
  bool is_json = false;      // results, and errors too, as JSON on stdout
};

void add_plan_command(CLI::App* app, Invocation* invocation);
void add_check_command(CLI::App* app, Invocation* invocation);
void add_catalog_command(CLI::App* app, Invocation* invocation);
void add_completion_command(CLI::App* app, Invocation* invocation);
void add_memory_command(CLI::App* app, Invocation* invocation);
void add_validate_command(CLI::App* app, Invocation* invocation);
void add_validate_hbm(CLI::App* validate, Invocation* invocation);
void add_operator_command(CLI::App* app, Invocation* invocation);
void add_version_command(CLI::App* app, Invocation* invocation);
void add_estimate_command(CLI::App* app, Invocation* invocation);

// --model: an entity of the catalogue, a config.json, or "-" for one on standard input.
workload::ModelConfig read_model_option(const std::string& model, const catalog::Catalog& facts);

// CLI::Range lets NaN through.
CLI::Validator number_within(double low, double high);

// The options that several commands share: --data; --json; --memory, which is simulated in place of
// measured kernels.
void add_data_option(CLI::App* command, Invocation* invocation);
void add_json_option(CLI::App* command, Invocation* invocation);
void add_memory_option(CLI::App* command, std::string* memory);

}  // namespace astrolabe
