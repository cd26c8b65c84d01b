#pragma once

// Reader of zstd-compressed text files (RFC 8878), several frames and windows of up to 128 MiB
// (`zstd --long=27`) included. A file without the zstd magic number is read as it is.
// Throws InputError for: unreadable path, directory, truncated or damaged stream, empty content,
// more than `max_bytes` of content.

#include <cstddef>
#include <string>

namespace astrolabe {

inline constexpr std::size_t kMaxUncompressedBytes = 1u << 30;

std::string read_zstd_file(const std::string& path, std::size_t max_bytes = kMaxUncompressedBytes);

// The file as it is, of at most `max_bytes`; InputError when it cannot be read.
std::string read_bytes(const std::string& path, std::size_t max_bytes = kMaxUncompressedBytes);

// The content of `compressed`; `file` names it in errors.
std::string decompress_zstd(const std::string& compressed, const std::string& file,
                            std::size_t max_bytes = kMaxUncompressedBytes);

}  // namespace astrolabe
