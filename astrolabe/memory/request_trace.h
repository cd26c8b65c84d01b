#pragma once

// Accesses from a file: one a line, `R 0x1f40` or `W 8000`, optionally followed by the nanosecond
// before which it does not arrive, and that by its QoS class (0, served first, to 3). Addresses in
// bytes, decimal or 0x hexadecimal, to the 32 bytes that hold them; `#` starts a comment line.
// Plain, gzip or zstd (line_reader.h).
//
// The file is read in pieces of `kPiece` accesses that are handed out to their channels; each
// channel runs until it would need the next piece, so that memory does not grow with the file.
// InputError, with file:line: other words, an address outside the memory, times that go back,
// other classes.

#include <string>

#include "astrolabe/memory/line_reader.h"
#include "astrolabe/memory/memory_system.h"

namespace astrolabe::memory {

struct TraceAccess {
  std::uint64_t access = 0;  // address / 32
  double arrival_ns = 0;
  bool is_write = false;
  std::uint8_t qos_class = 0;
};

class RequestTrace {
 public:
  RequestTrace(const std::string& path, std::uint64_t accesses)
      : reader_(path), accesses_(accesses) {}
  bool next(TraceAccess* access);

 private:
  LineReader reader_;
  std::uint64_t accesses_;
  double last_ns_ = 0;
};

// At most `most` accesses of the file (0: all).
RunResult simulate_trace(const MemoryConfig& config, const std::string& path, std::uint64_t most,
                         const RunOptions& options);

}  // namespace astrolabe::memory
