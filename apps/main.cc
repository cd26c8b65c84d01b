// The `astrolabe` program: parses the command line, runs one command, turns errors into exit codes.
// 0 done, 1 internal error, 2 bad input, 3 the plan is infeasible.

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/table_output.h"
#include "apps/terminal.h"
#include "astrolabe/base/error.h"

namespace astrolabe {
namespace {

void print_error(const std::string& kind, const std::string& message) {
  const bool is_red = stderr_has_color();
  std::fprintf(stderr, "astrolabe: %s%s:%s %s\n", is_red ? "\033[31m" : "", kind.c_str(),
               is_red ? "\033[0m" : "", printable(message).c_str());
}

void print_json_error(const nlohmann::json& error) { print_json(nlohmann::json{{"error", error}}); }

int report(const InputError& error, bool is_json) {
  print_error("error", error.what());
  if (is_json) {
    print_json_error({{"message", error.what()},
                      {"file", error.where().file},
                      {"line", error.where().line},
                      {"key", error.key()},
                      {"given", error.given()},
                      {"allowed", error.allowed()}});
  }
  return kBadInput;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// "astrolabe memory run"
std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "astrolabe" : path_of(*parent) + " " + command.get_name();
}

const CLI::App& chosen_command(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

InputError unknown_word(const std::string& word, const CLI::App& command) {
  const bool is_option = word.rfind('-', 0) == 0;
  const std::vector<std::string> known = is_option ? option_names(command) : command_names(command);
  const std::string nearest = nearest_word(word, known);
  const std::string given = "an unknown " + std::string(is_option ? "option" : "argument") +
                            (nearest.empty() ? "" : " (nearest known: " + nearest + ")");
  return InputError({}, word, given,
                    known.empty() ? "no more arguments" : join_alternatives(known));
}

// What CLI11 refused, in the words of every other bad input. Its messages begin with the option:
// "--gap: 1 required FLOAT missing", "Could not convert: --gap = small".
InputError describe(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) return unknown_word(extras.front(), command);
  const std::string name = command.get_name(), kind = error.get_name();
  if (kind == "RequiredError" && !command_names(command).empty()) {
    return InputError({}, name, "no command", join_alternatives(command_names(command)));
  }
  const std::string help = "see " + path_of(command) + " --help";
  std::string text = error.what();
  if (kind == "RequiredError") {
    return InputError({}, text.substr(0, text.find(" is required")), "nothing", help);
  }
  if (kind == "ConversionError") text = text.substr(text.find(": ") + 2);
  const std::string separator = kind == "ConversionError" ? " = " : ": ";
  const std::size_t at = text.find(separator);
  if (at == std::string::npos) return InputError({}, name, text, help);
  const std::string option = text.substr(0, at), rest = text.substr(at + separator.size());
  if (kind == "ArgumentMismatch") {
    const CLI::Option* known = command.get_option_no_throw(option);
    const bool is_repeated = known != nullptr && known->count() > 1;
    return InputError({}, option, is_repeated ? "more than once" : "no value", help);
  }
  return InputError({}, option, rest, help);
}

bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--json") return true;
  }
  return false;
}

// A full disk behind stdout would otherwise look like success.
void check_stdout() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw InputError({}, "standard output", errno != 0 ? std::strerror(errno) : "a write error",
                   "a place with room");
}

int run(int argc, char** argv) {
  CLI::App app(
      "Astrolabe plans AI infrastructure from wafer to token: what to build, where and when,\n"
      "what it costs, and which of wafers, power, sites and money binds.\n"
      "\n"
      "  astrolabe check scenarios/stargate_korea.toml\n"
      "  astrolabe plan scenarios/stargate_korea.toml --out out/korea\n",
      "astrolabe");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 internal error, 2 bad input, 3 the plan is infeasible.\n"
      "docs/guide.md explains commands and scenario files.");
  Invocation invocation;
  add_plan_command(&app, &invocation);
  add_check_command(&app, &invocation);
  add_estimate_command(&app, &invocation);
  add_catalog_command(&app, &invocation);
  add_completion_command(&app, &invocation);
  add_memory_command(&app, &invocation);
  add_validate_command(&app, &invocation);
  add_operator_command(&app, &invocation);
  add_version_command(&app, &invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return report(describe(app, error), asks_for_json(argc, argv));
  }
  try {
    const int exit_code = invocation.run();
    check_stdout();
    return exit_code;
  } catch (const InputError& error) {
    return report(error, invocation.is_json);
  } catch (const std::exception& error) {
    print_error("internal error", error.what());
    if (invocation.is_json) print_json_error({{"message", error.what()}});
    return kInternalError;
  }
}

}  // namespace
}  // namespace astrolabe

int main(int argc, char** argv) { return astrolabe::run(argc, argv); }
