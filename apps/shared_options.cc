#include <CLI/CLI.hpp>

#include "apps/commands.h"

namespace astrolabe {

void add_data_option(CLI::App* command, Invocation* invocation) {
  invocation->data_dir = ASTROLABE_SOURCE_DIR "/data";
  command->add_option("--data", invocation->data_dir, "Directory of the fact tables")
      ->envname("ASTROLABE_DATA")
      ->type_name("DIR")
      ->capture_default_str();
}

void add_json_option(CLI::App* command, Invocation* invocation) {
  command->add_flag("--json", invocation->is_json, "Result as JSON on stdout, errors too");
}

}  // namespace astrolabe
