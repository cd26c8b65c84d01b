#include "astrolabe/device/table_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "astrolabe/base/error.h"
#include "astrolabe/base/table.h"

namespace astrolabe::device {
namespace {

constexpr char kMagic[8] = {'A', 'S', 'T', 'R', 'O', 'P', '0', '4'};

struct Header {
  char magic[8];
  std::uint64_t fingerprint, size, checksum;
};

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& s) {
    put(static_cast<std::uint32_t>(s.size()));
    bytes_ += s;
    pad();
  }
  template <class T>
  void array(std::span<const T> values) {
    put(static_cast<std::uint32_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    pad();
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void pad() { bytes_.append((4 - bytes_.size() % 4) % 4, '\0'); }
  std::string bytes_;
};

// Every read is within the payload: the checksum was right, and the writer was this version.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::string text() {
    const auto n = get<std::uint32_t>();
    std::string s(take(n), n);
    take((4 - n % 4) % 4);
    return s;
  }
  template <class T>
  std::span<const T> array() {
    const auto n = get<std::uint32_t>();
    const auto* values = reinterpret_cast<const T*>(take(std::size_t{n} * sizeof(T)));
    take((4 - n * sizeof(T) % 4) % 4);
    return {values, n};
  }

 private:
  const char* take(std::size_t n) {
    ASTROLABE_DEMAND(at_ + n <= bytes_.size(), "a cache shorter than its tables");
    const char* p = bytes_.data() + at_;
    at_ += n;
    return p;
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// The file in memory, for as long as anyone points into it.
std::shared_ptr<const void> map_file(const std::string& path, std::size_t* size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  struct stat st {};
  void* at = MAP_FAILED;
  if (::fstat(file, &st) == 0 && st.st_size >= static_cast<off_t>(sizeof(Header))) {
    *size = static_cast<std::size_t>(st.st_size);
    at = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, file, 0);
  }
  ::close(file);
  if (at == MAP_FAILED) return nullptr;
  return {at, [n = *size](const void* p) { ::munmap(const_cast<void*>(p), n); }};
}

}  // namespace

std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {
  // Four lanes, so that the multiplications overlap.
  std::uint64_t lanes[4] = {seed ^ 0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu,
                            bytes.size()};
  const auto step = [](std::uint64_t h, std::uint64_t v) {
    h = (h ^ v) * 0x9fb21c651e98df25u;
    return h ^ (h >> 32);
  };
  std::size_t i = 0;
  for (; i + 32 <= bytes.size(); i += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t v = 0;
      std::memcpy(&v, bytes.data() + i + 8 * lane, 8);
      lanes[lane] = step(lanes[lane], v);
    }
  }
  for (; i < bytes.size(); ++i) {
    lanes[0] = step(lanes[0], static_cast<unsigned char>(bytes[i]));
  }
  return step(step(step(lanes[0], lanes[1]), lanes[2]), lanes[3]);
}

std::optional<MeasuredTables> TableCache::read(const std::string& path, std::uint64_t fingerprint) {
  std::size_t size = 0;
  const std::shared_ptr<const void> file = map_file(path, &size);
  if (file == nullptr) return std::nullopt;
  const std::string_view bytes(static_cast<const char*>(file.get()), size);
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view payload = bytes.substr(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.fingerprint != fingerprint ||
      header.size != payload.size() || header.checksum != checksum(payload)) {
    return std::nullopt;
  }
  Reader reader(payload);
  MeasuredTables tables;
  tables.interpolations_ = reader.get<Interpolations>();
  tables.tables_.resize(reader.get<std::uint32_t>());
  for (MeasuredTable& table : tables.tables_) {
    table.key.family = static_cast<Family>(reader.get<std::uint32_t>());
    for (std::string* part :
         {&table.key.system, &table.key.framework, &table.key.version, &table.key.kernel}) {
      *part = reader.text();
    }
    for (std::string& category : table.key.categories) category = reader.text();
    table.sister = reader.get<std::int32_t>();
    table.floor_us = reader.get<float>();
    table.points = reader.array<float>();
    table.axes = reader.array<std::uint8_t>();
    table.residuals = reader.array<float>();
    table.differences = reader.array<float>();
  }
  tables.storage_ = file;
  return tables;
}

bool TableCache::write(const std::string& path, std::uint64_t fingerprint,
                       const MeasuredTables& tables) {
  Writer writer;
  writer.put(tables.interpolations_);
  writer.put(static_cast<std::uint32_t>(tables.tables_.size()));
  for (const MeasuredTable& table : tables.tables_) {
    writer.put(static_cast<std::uint32_t>(table.key.family));
    for (const std::string* part :
         {&table.key.system, &table.key.framework, &table.key.version, &table.key.kernel}) {
      writer.text(*part);
    }
    for (const std::string& category : table.key.categories) writer.text(category);
    writer.put(static_cast<std::int32_t>(table.sister));
    writer.put(static_cast<float>(table.floor_us));
    writer.array(table.points);
    writer.array(table.axes);
    writer.array(table.residuals);
    writer.array(table.differences);
  }
  Header header{{}, fingerprint, writer.bytes().size(), checksum(writer.bytes())};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::string content(reinterpret_cast<const char*>(&header), sizeof header);
  content += writer.bytes();
  try {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_file_atomically(path, content);
  } catch (const InputError&) {
    return false;
  } catch (const std::filesystem::filesystem_error&) {
    return false;
  }
  return true;
}

std::string cache_directory() {
  if (const char* own = std::getenv("ASTROLABE_CACHE_DIR")) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME")) return std::string(xdg) + "/astrolabe";
  if (const char* home = std::getenv("HOME")) return std::string(home) + "/.cache/astrolabe";
  return "";
}

std::string default_cache_path(const std::string& directory) {
  const std::string root = cache_directory();
  if (root.empty()) return "";
  std::error_code ignored;
  const std::string absolute = std::filesystem::absolute(directory, ignored).string();
  return fmt::format("{}/operators-{:016x}.cache", root, checksum(absolute));
}

}  // namespace astrolabe::device
