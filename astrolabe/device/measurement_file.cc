#include "astrolabe/device/measurement_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/base/zstd_file.h"

namespace astrolabe::device {
namespace {

constexpr double kLongestUs = 1e9;  // 1000 s: no operator of these tables
constexpr std::string_view kPacked = "# sweep: ";

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  while (true) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

bool parse(std::string_view text, double* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(*value);
}

bool has(const std::vector<std::string>& columns, std::string_view name) {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

// A prompt without a cached prefix may leave the column out, and a phase is no column of old files.
bool is_optional(std::string_view dim) { return dim == "prefix_len"; }

std::string missing_columns(Family family, const std::vector<std::string>& columns) {
  std::string missing;
  const auto need = [&](std::string_view name) {
    if (!has(columns, name)) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  need("system");
  need("framework");
  for (const char* c : columns_of(family).categories) need(c);
  for (const char* d : columns_of(family).dims) {
    if (!is_optional(d)) need(d);
  }
  return missing;
}

// "gemm.csv.zst" without its ends.
std::string stem_of(const std::string& path) {
  const std::string stem = std::filesystem::path(path).filename().string();
  return stem.substr(0, stem.find('.'));
}

// Where each value of a Measurement stands in a line.
struct ColumnMap {
  static constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t system = kNone, framework = kNone, version = kNone, kernel = kNone;
  std::size_t latency = kNone, power = kNone, power_limit = kNone;
  std::array<std::size_t, kMaxCategories> categories;
  std::array<std::size_t, kMaxDims> dims;
  std::size_t n_categories = 0, n_dims = 0;
  std::size_t swept = kNone;  // index in `dims` of a packed table

  ColumnMap(Family family, const std::vector<std::string>& columns, std::string_view sweep) {
    const auto find = [&](std::string_view name) {
      const auto it = std::find(columns.begin(), columns.end(), name);
      return it == columns.end() ? kNone : static_cast<std::size_t>(it - columns.begin());
    };
    system = find("system");
    framework = find("framework");
    version = find("fw_version");
    kernel = find("kernel");
    latency = find("latency_us");
    power = find("avg_power_w");
    power_limit = find("power_limit_w");
    for (const char* c : columns_of(family).categories) categories[n_categories++] = find(c);
    for (const char* d : columns_of(family).dims) {
      if (d == sweep) swept = n_dims;
      dims[n_dims++] = d == sweep ? kNone : find(d);
    }
  }
};

class MeasurementReader {
 public:
  MeasurementReader(const std::string& path, const std::function<void(const Measurement&)>& use)
      : path_(path), text_(read_zstd_file(path)), use_(use) {}

  MeasurementFile read() {
    read_header();
    const ColumnMap map(file_.family, columns_, sweep_);
    std::string_view line;
    while (next_line(&line)) {
      if (!line.empty() && line != "\r") read_line(split(line), map);
    }
    if (file_.rows == 0) throw InputError({path_, 0}, "", "no measurement", "at least one row");
    return std::move(file_);
  }

 private:
  bool next_line(std::string_view* line) {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    *line = std::string_view(text_).substr(at_, end - at_);
    at_ = end + 1;
    ++line_;
    return true;
  }

  void read_header() {
    std::string_view line;
    next_line(&line);
    while (line.starts_with("#")) {
      if (line.starts_with(kPacked)) sweep_ = line.substr(kPacked.size());
      if (!next_line(&line)) line = {};
    }
    for (std::string_view cell : split(line)) columns_.emplace_back(cell);
    std::vector<std::string> named = columns_;
    if (!sweep_.empty()) {
      named.emplace_back(sweep_);
      named.emplace_back("latency_us");
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        double value = 0;
        if (parse(columns_[i], &value)) swept_.emplace_back(i, value);
      }
    }
    file_.family = family_of_columns(path_, named);
  }

  void read_line(const std::vector<std::string_view>& cells, const ColumnMap& map) {
    const long measured = sweep_.empty() ? 1 : count_filled(cells);
    file_.rows += measured;
    Measurement m;
    m.family = file_.family;
    m.line = line_;
    if (cells.size() != columns_.size()) return exclude("a wrong number of cells", measured);
    const auto text = [&](std::size_t i) {
      return i == ColumnMap::kNone ? std::string_view{} : cells[i];
    };
    m.system = text(map.system);
    m.framework = text(map.framework);
    m.version = text(map.version);
    m.kernel = text(map.kernel);
    for (std::size_t i = 0; i < map.n_categories; ++i) m.categories[i] = text(map.categories[i]);
    if (!read_dims(cells, map, &m))
      return exclude("a dimension that is no positive number", measured);
    if (map.power != ColumnMap::kNone) parse(text(map.power), &m.power_w);
    if (map.power_limit != ColumnMap::kNone) parse(text(map.power_limit), &m.power_limit_w);
    if (sweep_.empty()) return deliver(&m, text(map.latency));
    for (const auto& [column, value] : swept_) {
      if (cells[column].empty()) continue;
      m.dims[map.swept] = static_cast<float>(value);
      deliver(&m, cells[column]);
    }
  }

  bool read_dims(const std::vector<std::string_view>& cells, const ColumnMap& map, Measurement* m) {
    const auto& names = columns_of(file_.family).dims;
    for (std::size_t i = 0; i < map.n_dims; ++i) {
      if (i == map.swept || map.dims[i] == ColumnMap::kNone) continue;
      double value = 0;
      const bool may_be_zero = is_optional(names[i]) || names[i] == std::string_view("window");
      if (!parse(cells[map.dims[i]], &value) || value < 0 || (value == 0 && !may_be_zero)) {
        return false;
      }
      m->dims[i] = static_cast<float>(value);
    }
    return true;
  }

  void deliver(Measurement* m, std::string_view latency) {
    if (!parse(latency, &m->latency_us)) return exclude("a latency that is no number", 1);
    if (m->latency_us <= 0) return exclude("a latency that is zero or negative", 1);
    if (m->latency_us > kLongestUs) return exclude("a latency over 1000 s", 1);
    use_(*m);
  }

  long count_filled(const std::vector<std::string_view>& cells) const {
    return std::count_if(swept_.begin(), swept_.end(), [&](const auto& s) {
      return s.first < cells.size() && !cells[s.first].empty();
    });
  }

  void exclude(const char* reason, long times) {
    for (long i = 0; i < times; ++i) file_.excluded.add(reason, line_);
  }

  std::string path_;
  std::string text_;
  const std::function<void(const Measurement&)>& use_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::string_view sweep_;
  std::vector<std::string> columns_;
  std::vector<std::pair<std::size_t, double>> swept_;  // column and value
  MeasurementFile file_;
};

}  // namespace

void Exclusions::add(const std::string& reason, int line) {
  Count& count = by_reason[reason];
  if (count.rows++ == 0) count.first_line = line;
}

long Exclusions::rows() const {
  long sum = 0;
  for (const auto& [reason, count] : by_reason) sum += count.rows;
  return sum;
}

Family family_of_columns(const std::string& path, const std::vector<std::string>& columns) {
  if (!has(columns, "latency_us")) {
    throw InputError({path, 1}, "latency_us", "a table without this column",
                     "a table of measured operators");
  }
  const std::string stem = stem_of(path);
  if (const auto named = find_family(stem)) {
    const std::string missing = missing_columns(*named, columns);
    if (missing.empty()) return *named;
    throw InputError({path, 1}, "columns",
                     "a table of " + std::string(columns_of(*named).name) + " without " + missing,
                     "all columns of that family");
  }
  // The family with most of the columns; where two have the same ones, the name decides.
  std::optional<Family> best;
  std::size_t most = 0;
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    const auto& c = columns_of(family);
    const std::size_t n = 2 * (c.categories.size() + c.dims.size()) +
                          (stem.find(c.name) != std::string::npos ? 1 : 0);
    if (n <= most || !missing_columns(family, columns).empty()) continue;
    best = family;
    most = n;
  }
  if (best) return *best;
  std::vector<std::string> names;
  for (int i = 0; i < kFamilies; ++i) {
    names.emplace_back(columns_of(static_cast<Family>(i)).name);
  }
  throw InputError({path, 1}, "columns", "columns of no known family",
                   "a file named after its family, or with its columns: " +
                       join_alternatives(names, names.size()));
}

MeasurementFile read_measurements(const std::string& path,
                                  const std::function<void(const Measurement&)>& use) {
  return MeasurementReader(path, use).read();
}

}  // namespace astrolabe::device
