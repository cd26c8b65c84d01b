#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/commands.h"

namespace astrolabe {

void add_version_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("version", "Print the version");
  command->callback([invocation] {
    invocation->run = [] {
      std::printf("astrolabe %s\n", ASTROLABE_VERSION);
      return kSuccess;
    };
  });
}

}  // namespace astrolabe
