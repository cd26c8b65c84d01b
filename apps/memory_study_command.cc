#include <CLI/CLI.hpp>

#include "apps/memory_command.h"

namespace astrolabe {

void add_memory_study_commands(CLI::App* memory, Invocation* invocation) {
  static_cast<void>(memory);
  static_cast<void>(invocation);
}

}  // namespace astrolabe
