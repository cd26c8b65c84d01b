#pragma once

// The lines of a text file that may be compressed (gzip, zstd; told by its first bytes), one at a
// time in constant memory. Lines end in LF. InputError, with file:line, for: a file that cannot be
// read, a truncated or damaged compressed stream, CRLF, NUL bytes, a line over 4 KiB, a last line
// without an end.

#include <memory>
#include <string>
#include <string_view>

#include "astrolabe/base/error.h"

namespace astrolabe::memory {

class ByteStream;

class LineReader {
 public:
  explicit LineReader(const std::string& path);
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  // False at the end of the file. The view is good until the next call.
  bool next(std::string_view* line);
  SourcePosition position() const { return {path_, line_}; }

 private:
  std::string path_;
  int line_ = 0;
  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace astrolabe::memory
