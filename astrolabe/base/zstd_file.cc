#include "astrolabe/base/zstd_file.h"

#include <sys/stat.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "astrolabe/base/error.h"

namespace astrolabe {
namespace {

constexpr int kWindowLog = 27;
const char* const kAllowed = "a readable text file, plain or compressed with zstd";

bool is_zstd(const std::string& content) {
  return content.size() >= 4 && std::memcmp(content.data(), "\x28\xB5\x2F\xFD", 4) == 0;
}

void require_size(std::size_t size, const std::string& file, std::size_t max_bytes) {
  if (size <= max_bytes) return;
  throw InputError({file, 0}, "", "more than " + std::to_string(max_bytes) + " bytes of content",
                   "at most " + std::to_string(max_bytes) + " bytes");
}

}  // namespace

std::string read_bytes(const std::string& path, std::size_t max_bytes) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0)
    throw InputError({path, 0}, "", std::strerror(errno), kAllowed);
  if (S_ISDIR(st.st_mode)) throw InputError({path, 0}, "", "a directory", kAllowed);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) throw InputError({path, 0}, "", std::strerror(errno), kAllowed);
  std::string content;
  content.reserve(static_cast<std::size_t>(st.st_size));
  char buffer[65536];
  std::size_t n = 0;
  while (content.size() <= max_bytes &&
         (n = std::fread(buffer, 1, sizeof buffer, file.get())) > 0) {
    content.append(buffer, n);
  }
  if (std::ferror(file.get()) != 0) throw InputError({path, 0}, "", "a read error", kAllowed);
  return content;
}

std::string decompress_zstd(const std::string& compressed, const std::string& file,
                            std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        &ZSTD_freeDCtx);
  ASTROLABE_DEMAND(context != nullptr, "no memory for a zstd context");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  std::string content;
  std::string chunk(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  std::size_t left = 1;  // 0 at the end of a frame
  while (in.pos < in.size || left != 0) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    const std::size_t before = in.pos;
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) {
      throw InputError({file, 0}, "",
                       std::string("a damaged zstd stream: ") + ZSTD_getErrorName(left),
                       "a whole zstd stream");
    }
    content.append(chunk.data(), out.pos);
    require_size(content.size(), file, max_bytes);
    if (left != 0 && out.pos == 0 && in.pos == before && in.pos == in.size) {
      throw InputError({file, 0}, "", "a truncated zstd stream", "a whole zstd stream");
    }
  }
  return content;
}

std::string read_zstd_file(const std::string& path, std::size_t max_bytes) {
  std::string content = read_bytes(path, max_bytes);
  if (is_zstd(content)) {
    content = decompress_zstd(content, path, max_bytes);
  } else {
    require_size(content.size(), path, max_bytes);
  }
  if (content.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw InputError({path, 0}, "", "an empty file", kAllowed);
  }
  if (content.find('\0') != std::string::npos) {
    throw InputError({path, 0}, "", "a binary file (it has NUL bytes)", kAllowed);
  }
  return content;
}

}  // namespace astrolabe
