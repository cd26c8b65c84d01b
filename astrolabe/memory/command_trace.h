#pragma once

// The command trace as text: `clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column`.
// The clock is the half-tCK tick at which a command starts; -1 stands where a column does not
// apply.

#include <string>
#include <vector>

#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {

inline constexpr const char* kCommandTraceHeader =
    "clock,command,Channel,PseudoChannel,Sid,BankGroup,Bank,Row,Column\n";

void append_csv(const std::vector<ChannelCommand>& commands, const Organization& organization,
                std::string* text);

}  // namespace astrolabe::memory
