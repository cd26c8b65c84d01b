#include "astrolabe/memory/line_reader.h"

#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace astrolabe::memory {

namespace {

constexpr std::size_t kChunk = 1 << 16;
constexpr std::size_t kLongestLine = 4096;

struct CloseFile {
  void operator()(std::FILE* f) const { static_cast<void>(std::fclose(f)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

// Plain or decompressed bytes.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;
  // Appends some bytes; false at the end. `problem` if the stream is damaged.
  virtual bool read(std::string* to, std::string* problem) = 0;
};

namespace {

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(File file) : file_(std::move(file)) {}
  bool read(std::string* to, std::string* problem) override {
    std::array<char, kChunk> chunk;
    const std::size_t n = std::fread(chunk.data(), 1, chunk.size(), file_.get());
    if (n == 0 && std::ferror(file_.get()) != 0) *problem = std::strerror(errno);
    to->append(chunk.data(), n);
    return n > 0;
  }

 private:
  File file_;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(const std::string& path) : file_(gzopen(path.c_str(), "rb")) {}
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override {
    if (file_ != nullptr) gzclose_r(file_);
  }
  bool read(std::string* to, std::string* problem) override {
    std::array<char, kChunk> chunk;
    const int n = file_ == nullptr ? -1 : gzread(file_, chunk.data(), kChunk);
    int code = Z_OK;
    if (file_ != nullptr) gzerror(file_, &code);
    if (n < 0 || (n == 0 && code != Z_OK && code != Z_STREAM_END)) {
      *problem = code == Z_BUF_ERROR ? "a truncated gzip stream" : "a damaged gzip stream";
      return false;
    }
    to->append(chunk.data(), static_cast<std::size_t>(n));
    if (n == 0 && code == Z_BUF_ERROR) *problem = "a truncated gzip stream";
    return n > 0;
  }

 private:
  gzFile file_;
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(File file) : file_(std::move(file)), context_(ZSTD_createDStream()) {
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27);
  }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;
  ~ZstdStream() override { ZSTD_freeDStream(context_); }
  bool read(std::string* to, std::string* problem) override {
    const std::size_t before = to->size();
    while (to->size() == before) {
      if (input_.pos == input_.size) {
        const std::size_t n = std::fread(compressed_.data(), 1, compressed_.size(), file_.get());
        if (n == 0) {
          if (is_inside_frame_) *problem = "a truncated zstd stream";
          return false;
        }
        input_ = {compressed_.data(), n, 0};
      }
      ZSTD_outBuffer output = {plain_.data(), plain_.size(), 0};
      const std::size_t code = ZSTD_decompressStream(context_, &output, &input_);
      if (ZSTD_isError(code) != 0U) {
        *problem = std::string("a damaged zstd stream: ") + ZSTD_getErrorName(code);
        return false;
      }
      is_inside_frame_ = code != 0;
      to->append(plain_.data(), output.pos);
    }
    return true;
  }

 private:
  File file_;
  ZSTD_DStream* context_;
  std::array<char, kChunk> compressed_{}, plain_{};
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool is_inside_frame_ = false;
};

std::unique_ptr<ByteStream> open_stream(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw InputError({path, 0}, "file", "a directory", "a text file, plain, gzip or zstd");
  }
  File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    throw InputError({path, 0}, "file", std::strerror(errno), "a readable file");
  }
  std::array<unsigned char, 4> magic{};
  const std::size_t n = std::fread(magic.data(), 1, magic.size(), file.get());
  if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) return std::make_unique<GzipStream>(path);
  std::rewind(file.get());
  if (n == 4 && magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) {
    return std::make_unique<ZstdStream>(std::move(file));
  }
  return std::make_unique<PlainStream>(std::move(file));
}

}  // namespace

LineReader::LineReader(const std::string& path) : path_(path), stream_(open_stream(path)) {}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

bool LineReader::next(std::string_view* line) {
  std::size_t end = buffer_.find('\n', at_);
  while (end == std::string::npos) {
    if (buffer_.size() - at_ > kLongestLine) {
      throw InputError({path_, line_ + 1}, "line", "over 4096 bytes", "short lines that end in LF");
    }
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t from = buffer_.size();
    std::string problem;
    const bool more = stream_->read(&buffer_, &problem);
    if (!problem.empty()) {
      throw InputError({path_, line_ + 1}, "file", problem, "a whole file");
    }
    if (!more) {
      if (buffer_.empty()) return false;
      throw InputError({path_, line_ + 1}, "line", "no end of line at the end of the file",
                       "lines that end in LF");
    }
    end = buffer_.find('\n', from);
  }
  ++line_;
  *line = std::string_view(buffer_).substr(at_, end - at_);
  at_ = end + 1;
  if (!line->empty() && line->back() == '\r') {
    throw InputError(position(), "line", "CRLF", "lines that end in LF");
  }
  if (line->find('\0') != std::string_view::npos) {
    throw InputError(position(), "line", "a NUL byte", "text");
  }
  return true;
}

}  // namespace astrolabe::memory
