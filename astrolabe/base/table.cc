#include "astrolabe/base/table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "astrolabe/base/error.h"

namespace astrolabe {

void Table::add_row(std::vector<Cell> row) {
  ASTROLABE_ASSERT(row.size() == columns.size(), "table " + name);
  rows.push_back(std::move(row));
}

std::string format_number(double value) {
  std::string s = fmt::format("{:.9g}", value);
  return s == "-0" ? "0" : s;
}

namespace {

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string to_csv(const Table& table) {
  std::string out;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    out += csv_cell(table.columns[i].name);
  }
  out += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      if (const auto* number = std::get_if<double>(&row[i])) {
        out += format_number(*number);
      } else {
        out += csv_cell(std::get<std::string>(row[i]));
      }
    }
    out += '\n';
  }
  return out;
}

void write_file_atomically(const std::string& path, const std::string& content) {
  const std::string partial = path + ".partial";
  auto fail = [&](const char* what) {
    const std::string reason = std::strerror(errno);
    std::remove(partial.c_str());
    throw InputError({path, 0}, what, reason, "a writable path on a disk with enough space");
  };
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("cannot create");
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      ::close(fd);
      errno = error;
      fail("cannot write");
    }
    done += static_cast<std::size_t>(n);
  }
  const bool synced = ::fsync(fd) == 0;
  const int sync_error = errno;
  const bool closed = ::close(fd) == 0;
  if (!synced) errno = sync_error;
  if (!synced || !closed) fail("cannot write");
  if (std::rename(partial.c_str(), path.c_str()) != 0) fail("cannot rename into place");
}

void require_not_input(std::string_view option, const std::string& path, const std::string& input) {
  std::error_code none_yet;
  if (std::filesystem::equivalent(path, input, none_yet)) {
    throw InputError({}, std::string(option), path, "another file than the one that is read");
  }
}

}  // namespace astrolabe
