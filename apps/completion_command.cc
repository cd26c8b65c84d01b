// Shell completion, written from the command line itself, so that it cannot miss an option.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "apps/commands.h"

namespace astrolabe {

namespace {

// Subcommands and options of one command, options of its subcommands included.
std::string words_of(const CLI::App& command) {
  std::vector<std::string> words;
  const auto add = [&words](const std::string& word) {
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  };
  const auto add_options = [&add](const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) add("--" + name);
    }
  };
  const bool is_root = command.get_parent() == nullptr;
  for (const CLI::App* sub : command.get_subcommands({})) {
    add(sub->get_name());
    if (!is_root) add_options(*sub);
  }
  add_options(command);
  std::string s;
  for (const std::string& w : words) s += (s.empty() ? "" : " ") + w;
  return s;
}

std::string bash(const CLI::App& app) {
  std::string s =
      "# bash completion of astrolabe: source <(astrolabe completion bash)\n"
      "_astrolabe() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words\n"
      "  case \"${COMP_CWORD}:${COMP_WORDS[1]}\" in\n"
      "    1:*) words=\"" +
      words_of(app) + "\" ;;\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    s += "    *:" + command->get_name() + ") words=\"" + words_of(*command) + "\" ;;\n";
  }
  return s +
         "    *) words=\"\" ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  if [[ ${COMP_CWORD} -gt 1 && \"$current\" != -* ]]; then\n"
         "    COMPREPLY+=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _astrolabe astrolabe\n";
}

std::string zsh(const CLI::App& app) {
  std::string s =
      "#compdef astrolabe\n"
      "# zsh completion of astrolabe: source <(astrolabe completion zsh)\n"
      "_astrolabe() {\n"
      "  if (( CURRENT == 2 )); then compadd -- " +
      words_of(app) +
      "; return; fi\n"
      "  case \"${words[2]}\" in\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    s += "    " + command->get_name() + ") compadd -- " + words_of(*command) + " ;;\n";
  }
  return s +
         "  esac\n"
         "  [[ \"${words[CURRENT]}\" != -* ]] && _files\n"
         "}\n"
         "compdef _astrolabe astrolabe\n";
}

std::string fish(const CLI::App& app) {
  std::string s = "# fish completion of astrolabe: astrolabe completion fish | source\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    s += "complete -c astrolabe -n __fish_use_subcommand -f -a " + command->get_name() + "\n";
    const std::string seen = " -n '__fish_seen_subcommand_from " + command->get_name() + "'";
    for (const CLI::App* sub : command->get_subcommands({})) {
      s += "complete -c astrolabe" + seen + " -f -a " + sub->get_name() + "\n";
    }
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        s += "complete -c astrolabe" + seen + " -l " + name +
             (option->get_expected_min() > 0 ? " -r" : "") + "\n";
      }
    }
  }
  return s;
}

}  // namespace

void add_completion_command(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand("completion",
                                          "Print a completion script for a shell.\n"
                                          "\n"
                                          "  source <(astrolabe completion bash)\n"
                                          "  astrolabe completion fish | source\n");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([app, invocation, shell] {
    invocation->run = [app, shell] {
      const std::string script = *shell == "bash"  ? bash(*app)
                                 : *shell == "zsh" ? zsh(*app)
                                                   : fish(*app);
      std::fputs(script.c_str(), stdout);
      return kSuccess;
    };
  });
}

}  // namespace astrolabe
