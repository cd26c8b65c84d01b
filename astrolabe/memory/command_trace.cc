#include "astrolabe/memory/command_trace.h"

#include <array>
#include <charconv>

namespace astrolabe::memory {

void append_csv(const std::vector<ChannelCommand>& commands, const Organization& organization,
                std::string* text) {
  std::array<char, 24> digits;
  const auto number = [&](std::int64_t v, char end) {
    const auto r = std::to_chars(digits.data(), digits.data() + digits.size(), v);
    text->append(digits.data(), r.ptr);
    text->push_back(end);
  };
  for (const ChannelCommand& c : commands) {
    number(c.command.clock, ',');
    text->append(kCommandNames[index(c.command.command)]);
    text->push_back(',');
    number(c.channel, ',');
    number(c.command.pseudo_channel, ',');
    const int bank = c.command.bank, group = bank / organization.banks;
    number(bank < 0 ? -1 : group / organization.bank_groups, ',');
    number(bank < 0 ? -1 : group % organization.bank_groups, ',');
    number(bank < 0 ? -1 : bank % organization.banks, ',');
    number(c.command.row, ',');
    number(c.command.column, '\n');
  }
}

}  // namespace astrolabe::memory
