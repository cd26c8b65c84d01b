#include <CLI/CLI.hpp>
#include <cstdlib>

#include "apps/commands.h"

namespace astrolabe {

void add_data_option(CLI::App* command, Invocation* invocation) {
  // Not CLI11's envname(): it would let the option of a command that is not run win over --data.
  const char* from_environment = std::getenv("ASTROLABE_DATA");
  invocation->data_dir = from_environment != nullptr && *from_environment != '\0'
                             ? from_environment
                             : ASTROLABE_SOURCE_DIR "/data";
  command
      ->add_option("--data", invocation->data_dir, "Directory of the fact tables (ASTROLABE_DATA)")
      ->type_name("DIR")
      ->capture_default_str();
}

void add_json_option(CLI::App* command, Invocation* invocation) {
  command->add_flag("--json", invocation->is_json, "Result as JSON on stdout, errors too");
}

void add_memory_option(CLI::App* command, std::string* memory) {
  command->add_option("--memory", *memory,
                      "Simulate this memory of data/memory/products.csv, built or not, instead of "
                      "measured kernels: hbm4e, ..., or own for the accelerator's");
}

}  // namespace astrolabe
