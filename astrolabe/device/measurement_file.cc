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
constexpr double kShortestUs = 1e-3;
constexpr double kLargestDim = 1e8;
constexpr std::string_view kPacked = "# sweep: ";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
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

// What a table of any family, or of a piece of a state-space layer, may say beside.
bool may_stand_beside(Family family, std::string_view name) {
  constexpr std::string_view kAny[] = {"fw_version",  "kernel",        "op",
                                       "avg_power_w", "power_limit_w", "prefix_len"};
  constexpr std::string_view kOfState[] = {"d_conv", "head_k_dim", "head_v_dim", "head_dim"};
  const bool is_state = family == Family::kGatedDelta || family == Family::kMamba;
  return std::find(std::begin(kAny), std::end(kAny), name) != std::end(kAny) ||
         (is_state &&
          std::find(std::begin(kOfState), std::end(kOfState), name) != std::end(kOfState));
}

// How the columns of a table differ from those of a family.
struct ColumnFit {
  std::vector<std::string> missing, unknown;
  std::size_t own = 0;  // of the family, found

  ColumnFit(Family family, const std::vector<std::string>& columns) {
    std::vector<std::string> needed = {"system", "framework", "latency_us"};
    const std::size_t n_shared = needed.size();
    for (const char* c : columns_of(family).categories) needed.emplace_back(c);
    for (const char* d : columns_of(family).dims) {
      if (!is_optional(d)) needed.emplace_back(d);
    }
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (!has(columns, needed[i])) {
        missing.push_back(needed[i]);
      } else if (i >= n_shared) {
        ++own;
      }
    }
    for (const std::string& c : columns) {
      if (!has(needed, c) && !may_stand_beside(family, c)) unknown.push_back(c);
    }
  }
  std::size_t distance() const { return missing.size() + unknown.size(); }
};

void require_fit(const std::string& path, Family family, const ColumnFit& fit) {
  if (fit.distance() == 0) return;
  std::string given = "a table of " + std::string(columns_of(family).name);
  if (!fit.missing.empty()) given += " without " + join_alternatives(fit.missing);
  if (!fit.unknown.empty()) given += " with the unknown " + join_alternatives(fit.unknown);
  throw InputError({path, 1}, "columns", given, "the columns of data/measurements/README.md");
}

// "gemm.csv.zst" without its ends.
std::string stem_of(const std::string& path) {
  const std::string stem = std::filesystem::path(path).filename().string();
  return stem.substr(0, stem.find('.'));
}

// The family with the longest name that a file's name contains: "withheld_wideep_moe".
std::optional<Family> family_in_name(const std::string& path) {
  const std::string stem = stem_of(path);
  std::optional<Family> found;
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    const std::string_view name = columns_of(family).name;
    if (stem.find(name) == std::string::npos) continue;
    if (!found || name.size() > std::string_view(columns_of(*found).name).size()) found = family;
  }
  return found;
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
      if (!line.empty()) read_line(split(line), map);
    }
    if (file_.rows == 0) throw InputError({path_, 0}, "", "no measurement", "at least one row");
    return std::move(file_);
  }

 private:
  bool next_line(std::string_view* line) {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    *line = std::string_view(text_).substr(at_, end - at_);
    if (line->ends_with('\r')) line->remove_suffix(1);
    at_ = end + 1;
    ++line_;
    return true;
  }

  void read_header() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    std::string_view line;
    next_line(&line);
    while (line.starts_with("#")) {
      if (line.starts_with(kPacked)) sweep_ = line.substr(kPacked.size());
      if (!next_line(&line)) line = {};
    }
    for (std::string_view cell : split(line)) {
      if (has(columns_, cell)) {
        throw InputError({path_, line_}, "columns", "twice " + std::string(cell), "each once");
      }
      columns_.emplace_back(cell);
    }
    std::vector<std::string> named = columns_;
    if (!sweep_.empty()) named = read_swept();
    file_.family = family_of_columns(path_, named);
    const auto& dims = columns_of(file_.family).dims;
    if (!sweep_.empty() && std::find(dims.begin(), dims.end(), sweep_) == dims.end()) {
      throw InputError({path_, 1}, "sweep", std::string(sweep_), "a dimension of the family");
    }
  }

  // The columns of the long table that a packed one stands for.
  std::vector<std::string> read_swept() {
    std::vector<std::string> named;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      double value = 0;
      if (!parse(columns_[i], &value)) {
        named.push_back(columns_[i]);
        continue;
      }
      if (value <= 0 || value > kLargestDim) {
        throw InputError({path_, line_}, std::string(sweep_), columns_[i],
                         "columns of values above 0, at most 1e8");
      }
      swept_.emplace_back(i, value);
    }
    for (const std::string_view own : {sweep_, std::string_view("latency_us")}) {
      if (has(named, own) || swept_.empty()) {
        throw InputError({path_, line_}, std::string(own),
                         swept_.empty() ? "no column of a swept value" : "a column of this name",
                         "columns of values of " + std::string(sweep_) + " that hold latencies");
      }
      named.emplace_back(own);
    }
    return named;
  }

  void read_line(const std::vector<std::string_view>& cells, const ColumnMap& map) {
    if (cells.size() != columns_.size() && !sweep_.empty()) {  // how many were measured?
      throw InputError({path_, line_}, "", std::to_string(cells.size()) + " cells",
                       std::to_string(columns_.size()) + " cells, as the packed table has columns");
    }
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
    if (const char* reason = read_dims(cells, map, &m)) return exclude(reason, measured);
    if (map.power != ColumnMap::kNone) parse(text(map.power), &m.power_w);
    if (map.power_limit != ColumnMap::kNone) parse(text(map.power_limit), &m.power_limit_w);
    if (sweep_.empty()) return deliver(&m, text(map.latency));
    for (const auto& [column, value] : swept_) {
      if (cells[column].empty()) continue;
      m.dims[map.swept] = static_cast<float>(value);
      deliver(&m, cells[column]);
    }
  }

  // Why they cannot be used, or null.
  const char* read_dims(const std::vector<std::string_view>& cells, const ColumnMap& map,
                        Measurement* m) {
    const auto& names = columns_of(file_.family).dims;
    for (std::size_t i = 0; i < map.n_dims; ++i) {
      if (i == map.swept || map.dims[i] == ColumnMap::kNone) continue;
      double value = 0;
      const bool may_be_zero = is_optional(names[i]) || names[i] == std::string_view("window");
      if (!parse(cells[map.dims[i]], &value) || value < 0 || (value == 0 && !may_be_zero)) {
        return "a dimension that is no positive number";
      }
      if (value > kLargestDim) return "a dimension over 1e8";
      m->dims[i] = static_cast<float>(value);
    }
    return nullptr;
  }

  void deliver(Measurement* m, std::string_view latency) {
    if (!parse(latency, &m->latency_us)) return exclude("a latency that is no number", 1);
    if (m->latency_us <= 0) return exclude("a latency that is zero or negative", 1);
    if (m->latency_us < kShortestUs) return exclude("a latency under 1 ns", 1);
    if (m->latency_us > kLongestUs) return exclude("a latency over 1000 s", 1);
    use_(*m);
  }

  long count_filled(const std::vector<std::string_view>& cells) const {
    return std::count_if(swept_.begin(), swept_.end(),
                         [&](const auto& s) { return !cells[s.first].empty(); });
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
  if (const auto named = family_in_name(path)) {
    require_fit(path, *named, {*named, columns});
    return *named;
  }
  std::optional<Family> nearest;
  std::size_t distance = ~std::size_t{0};
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    // Its columns are also those of a gemm without n, so only a name tells it.
    if (family == Family::kQuantise) continue;
    const ColumnFit fit(family, columns);
    if (fit.own == 0 || fit.distance() >= distance) continue;
    nearest = family;
    distance = fit.distance();
  }
  if (nearest) {
    require_fit(path, *nearest, {*nearest, columns});
    return *nearest;
  }
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
