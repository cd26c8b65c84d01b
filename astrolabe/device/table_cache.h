#pragma once

// The compiled tables as one binary file, mapped into memory: magic and version, fingerprint of the
// inputs, size, checksum, then tables in the order of MeasuredTables. The layout is that of this
// machine (byte order, float): a cache is made where it is read, and is never exchanged.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "astrolabe/device/measured_tables.h"

namespace astrolabe::device {

// FNV-like hash of 8 bytes a step. Not cryptographic: it finds damage, not malice.
std::uint64_t checksum(std::string_view bytes, std::uint64_t seed = 0);

class TableCache {
 public:
  // Nothing when there is no such file, or it is of another version, stale or damaged.
  static std::optional<MeasuredTables> read(const std::string& path, std::uint64_t fingerprint);
  // Through a temporary file and a rename. False when it cannot be written.
  static bool write(const std::string& path, std::uint64_t fingerprint,
                    const MeasuredTables& tables);
};

// $ASTROLABE_CACHE_DIR, $XDG_CACHE_HOME/astrolabe or ~/.cache/astrolabe; "" when none of them is
// set.
std::string cache_directory();
// In it, for the tables of `directory`; "" without one.
std::string default_cache_path(const std::string& directory);

}  // namespace astrolabe::device
