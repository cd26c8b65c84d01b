#include "astrolabe/device/measured_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <unordered_map>

#include "astrolabe/base/csv.h"
#include "astrolabe/base/error.h"
#include "astrolabe/base/zstd_file.h"
#include "astrolabe/device/table_cache.h"

namespace astrolabe::device {
namespace {

constexpr double kLeastCommon = 0.5;  // share of a table's points that its sister must have
constexpr double kMostUneven = 0.15;  // of the differences to a sister, natural logarithm

std::string path_of(const std::string& directory, Family family) {
  return directory + "/" + columns_of(family).name + ".csv.zst";
}

std::string joined(const TableKey& key) {
  std::string text;
  for (const std::string* part : {&key.system, &key.framework, &key.version, &key.kernel}) {
    text += *part + "|";
  }
  for (const std::string& c : key.categories) text += c + "|";
  return text;
}

TableKey key_of(Family family, const Measurement& m) {
  TableKey key{family,
               std::string(m.system),
               std::string(m.framework),
               std::string(m.version),
               std::string(m.kernel),
               {}};
  for (std::size_t i = 0; i < kMaxCategories; ++i) key.categories[i] = m.categories[i];
  return key;
}

ReferenceTime reference_of(const TableKey& key, const Interpolations& interpolations,
                           const Chip& chip, const TiledTime* tiled) {
  Categories categories;
  for (std::size_t i = 0; i < kMaxCategories; ++i) categories[i] = key.categories[i];
  const bool is_tiled = interpolations[static_cast<std::size_t>(key.family)].is_tiled > 0;
  return {key.family, key.framework, key.kernel, categories, chip, is_tiled ? tiled : nullptr};
}

struct Draft {
  TableKey key;
  ReferenceTime reference;
  std::vector<float> points, residuals, differences;
  std::vector<std::uint8_t> axes;
  std::vector<float> latencies;

  double floor_us() {
    const auto at = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 50);
    std::nth_element(latencies.begin(), at, latencies.end());
    return *at;
  }
};

void scale(const Interpolation& interpolation, int n, Coordinates* x) {
  for (int i = 0; i < n; ++i) {
    (*x)[static_cast<std::size_t>(i)] *= interpolation.scale[static_cast<std::size_t>(i)];
  }
}

// The tables of one family, in the order of their first measurement.
std::vector<std::unique_ptr<Draft>> read_family(const std::string& path, Family family,
                                                const Interpolations& interpolations,
                                                const std::vector<Chip>& chips,
                                                const TiledTime* tiled,
                                                const MeasuredTables::Filter& keep) {
  const Interpolation& interpolation = interpolations[static_cast<std::size_t>(family)];
  std::vector<std::unique_ptr<Draft>> drafts;
  std::unordered_map<std::string, Draft*> by_key;
  Draft* last = nullptr;
  const Chip* chip = nullptr;
  const int n = coordinate_count(family);
  read_measurements(path, [&](const Measurement& m) {
    if (keep && !keep(family, m)) return;
    if (chip == nullptr || chip->name != m.system) {
      const auto it = std::find_if(chips.begin(), chips.end(),
                                   [&](const Chip& c) { return c.name == m.system; });
      if (it == chips.end()) return;
      chip = &*it;
    }
    const bool same = last != nullptr && last->key.system == m.system &&
                      last->key.framework == m.framework && last->key.version == m.version &&
                      last->key.kernel == m.kernel && last->key.has_categories(m.categories);
    if (!same) {
      TableKey key = key_of(family, m);
      Draft*& entry = by_key[joined(key)];
      if (entry == nullptr) {
        ReferenceTime reference = reference_of(key, interpolations, *chip, tiled);
        drafts.push_back(std::make_unique<Draft>(
            Draft{std::move(key), std::move(reference), {}, {}, {}, {}, {}}));
        entry = drafts.back().get();
      }
      last = entry;
    }
    Coordinates x = coordinates_of(family, m.dims);
    scale(interpolation, n, &x);
    last->points.insert(last->points.end(), x.begin(), x.begin() + n);
    last->latencies.push_back(static_cast<float>(m.latency_us));
    last->residuals.push_back(
        static_cast<float>(std::log(m.latency_us / last->reference.us(m.dims))));
  });
  return drafts;
}

void arrange(Draft* draft) {
  const int n = coordinate_count(draft->key.family);
  auto [from, axes] = PointTree::arrange(draft->points, n);
  std::vector<float> residuals(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) residuals[i] = draft->residuals[from[i]];
  draft->residuals = std::move(residuals);
  draft->axes = std::move(axes);
}

const std::string& architecture_of(const std::vector<Chip>& chips, const std::string& system) {
  static const std::string kNone;
  for (const Chip& c : chips) {
    if (c.name == system) return c.architecture;
  }
  return kNone;
}

struct PointHash {
  std::size_t operator()(const Coordinates& x) const {
    std::size_t h = 1469598103934665603u;
    for (float v : x) h = (h ^ std::hash<float>{}(v)) * 1099511628211u;
    return h;
  }
};

// Finds for each table of a family the other one, of the same categories on the same architecture
// (the kernel on another chip, or another framework's on this one), from which it differs most
// evenly: least mean absolute deviation of the differences from their median.
class SisterSearch {
 public:
  SisterSearch(const std::vector<std::unique_ptr<Draft>>& drafts, const std::vector<Chip>& chips)
      : drafts_(drafts), chips_(chips), known_(drafts.size()) {}

  // Index, and the differences where both have a point; -1 when no table has enough in common.
  int find(std::size_t of, std::vector<float>* differences) {
    int best = -1;
    double least = INFINITY;
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (i == of || !is_candidate(drafts_[i]->key, drafts_[of]->key)) continue;
      const double unevenness = unevenness_of(subtract(of, i, kSample));
      if (unevenness < least) {
        least = unevenness;
        best = static_cast<int>(i);
      }
    }
    if (least > kMostUneven) return -1;
    *differences = subtract(of, static_cast<std::size_t>(best), 1);
    return best;
  }

 private:
  static constexpr std::size_t kSample = 7;  // every so many points are enough to choose
  using Known = std::unordered_map<Coordinates, float, PointHash>;

  bool is_candidate(const TableKey& a, const TableKey& b) const {
    return a.categories == b.categories &&
           architecture_of(chips_, a.system) == architecture_of(chips_, b.system);
  }

  Coordinates point(const Draft& draft, std::size_t i) const {
    const auto n = static_cast<std::size_t>(coordinate_count(draft.key.family));
    Coordinates x{};
    std::copy_n(draft.points.begin() + static_cast<std::ptrdiff_t>(i * n), n, x.begin());
    return x;
  }

  const Known& known(std::size_t i) {
    Known& map = known_[i];
    if (map.empty()) {
      const Draft& draft = *drafts_[i];
      map.reserve(draft.residuals.size());
      for (std::size_t j = 0; j < draft.residuals.size(); ++j) {
        map.emplace(point(draft, j), draft.residuals[j]);
      }
    }
    return map;
  }

  // Of every `step`-th point; NaN where the other has none.
  std::vector<float> subtract(std::size_t of, std::size_t other, std::size_t step) {
    const Draft& draft = *drafts_[of];
    const Known& map = known(other);
    std::vector<float> differences;
    for (std::size_t i = 0; i < draft.residuals.size(); i += step) {
      const auto it = map.find(point(draft, i));
      differences.push_back(it == map.end() ? NAN : draft.residuals[i] - it->second);
    }
    return differences;
  }

  static double unevenness_of(std::vector<float> differences) {
    const std::size_t all = differences.size();
    std::erase_if(differences, [](float d) { return std::isnan(d); });
    if (static_cast<double>(differences.size()) < kLeastCommon * static_cast<double>(all)) {
      return INFINITY;
    }
    const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
    std::nth_element(differences.begin(), middle, differences.end());
    const float median = *middle;
    double sum = 0;
    for (float d : differences) sum += static_cast<double>(std::abs(d - median));
    return sum / static_cast<double>(differences.size());
  }

  const std::vector<std::unique_ptr<Draft>>& drafts_;
  const std::vector<Chip>& chips_;
  std::vector<Known> known_;
};

// Of everything that the compiled tables depend on.
std::uint64_t fingerprint_of(const std::string& directory, const Interpolations& interpolations,
                             const std::vector<Chip>& chips, const TiledTime* tiled) {
  std::uint64_t h =
      checksum({reinterpret_cast<const char*>(&interpolations), sizeof interpolations});
  for (const Chip& c : chips) {
    h = checksum(c.name + c.architecture, h);
    const double figures[] = {c.generation, c.hbm_gbps,  c.tflops[0],
                              c.tflops[1],  c.tflops[2], c.tflops[3]};
    h = checksum({reinterpret_cast<const char*>(figures), sizeof figures}, h);
  }
  if (tiled != nullptr) {
    for (const TiledSet& set : tiled->model.tables().sets) {
      h = checksum(set.pool + "|" + set.table + "|" + set.architecture, h);
      h = checksum({reinterpret_cast<const char*>(&set.values), sizeof set.values}, h);
    }
    for (const TiledChip& c : tiled->chips) {
      const double figures[] = {c.sm_count,  c.clock.base(),       c.l2_cache.base(),
                                c.host_time, c.power_limit.base(), c.exponentials_per_cycle};
      h = checksum({reinterpret_cast<const char*>(figures), sizeof figures}, h);
    }
  }
  for (int f = 0; f < kFamilies; ++f) {
    const std::string path = path_of(directory, static_cast<Family>(f));
    if (std::filesystem::exists(path)) h = checksum(read_bytes(path), h);
  }
  return checksum(ASTROLABE_FORMULAS, h);
}

double number_at(const CsvTable& table, const CsvTable::Row& row, const char* column) {
  return parse_number(table.cell(row, column), table.position(row), column);
}

}  // namespace

bool TableKey::has_categories(const Categories& wanted) const {
  for (std::size_t i = 0; i < kMaxCategories; ++i) {
    if (categories[i] != wanted[i]) return false;
  }
  return true;
}

Interpolations read_interpolations(const std::string& path) {
  const CsvTable table = CsvTable::read(path);
  Interpolations all;
  for (const auto& row : table.rows()) {
    const std::string& name = table.cell(row, "family");
    const auto family = find_family(name);
    if (!family) throw InputError(table.position(row), "family", name, "a family of operators");
    Interpolation& one = all[static_cast<std::size_t>(*family)];
    for (std::size_t i = 0; i < kMaxCoordinates; ++i) {
      const std::string column = "scale_" + std::to_string(i);
      one.scale[i] = static_cast<float>(number_at(table, row, column.c_str()));
    }
    one.neighbours = static_cast<int>(number_at(table, row, "neighbours"));
    one.difference_neighbours = static_cast<int>(number_at(table, row, "difference_neighbours"));
    one.is_tiled = number_at(table, row, "is_tiled") > 0 ? 1 : 0;
    one.place_share = static_cast<float>(number_at(table, row, "place_share"));
    one.band_known = number_at(table, row, "band_known");
    one.band_near = number_at(table, row, "band_near");
    one.band_far = number_at(table, row, "band_far");
    one.floor = number_at(table, row, "floor");
    one.near_floor = number_at(table, row, "near_floor");
    one.far_floor = number_at(table, row, "far_floor");
  }
  return all;
}

void write_interpolations(const std::string& path, const Interpolations& interpolations) {
  std::string text =
      "# How measured operators are interpolated. Written by fit_measured from data/measurements.\n"
      "family";
  for (std::size_t i = 0; i < kMaxCoordinates; ++i) text += ",scale_" + std::to_string(i);
  text +=
      ",neighbours,difference_neighbours,is_tiled,place_share,band_known,band_near,band_far,floor,"
      "near_floor,far_floor\n";
  for (int f = 0; f < kFamilies; ++f) {
    const Interpolation& one = interpolations[static_cast<std::size_t>(f)];
    text += columns_of(static_cast<Family>(f)).name;
    for (float s : one.scale) text += fmt::format(",{:g}", s);
    text += fmt::format(",{},{},{},{:g},{:.3g},{:.3g},{:.3g},{:g},{:g},{:g}\n", one.neighbours,
                        one.difference_neighbours, one.is_tiled, one.place_share, one.band_known,
                        one.band_near, one.band_far, one.floor, one.near_floor, one.far_floor);
  }
  std::ofstream(path) << text;
}

MeasuredTables MeasuredTables::compile(const std::string& directory,
                                       const Interpolations& interpolations,
                                       const std::vector<Chip>& chips, const TiledTime* tiled,
                                       const Filter& keep, std::optional<Family> only) {
  auto storage = std::make_shared<std::vector<std::unique_ptr<Draft>>>();
  MeasuredTables result;
  result.interpolations_ = interpolations;
  for (int f = 0; f < kFamilies; ++f) {
    const auto family = static_cast<Family>(f);
    if (only && family != *only) continue;
    const std::string path = path_of(directory, family);
    if (!std::filesystem::exists(path)) continue;
    auto drafts = read_family(path, family, interpolations, chips, tiled, keep);
    for (auto& draft : drafts) arrange(draft.get());
    SisterSearch search(drafts, chips);
    const int first = static_cast<int>(result.tables_.size());
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      Draft& draft = *drafts[i];
      const int sister = search.find(i, &draft.differences);
      result.tables_.push_back({draft.key, draft.points, draft.axes, draft.residuals,
                                draft.differences, sister < 0 ? -1 : first + sister,
                                draft.floor_us(), draft.reference});
    }
    std::move(drafts.begin(), drafts.end(), std::back_inserter(*storage));
  }
  result.storage_ = storage;
  return result;
}

MeasuredTables MeasuredTables::load(const std::string& directory,
                                    const std::string& interpolation_path,
                                    const std::vector<Chip>& chips, const TiledTime* tiled,
                                    const std::string& cache_path) {
  const Interpolations interpolations = read_interpolations(interpolation_path);
  if (cache_path.empty()) return compile(directory, interpolations, chips, tiled);
  const std::uint64_t fingerprint = fingerprint_of(directory, interpolations, chips, tiled);
  if (auto cached = TableCache::read(cache_path, fingerprint)) {
    for (MeasuredTable& table : cached->tables_) {
      const Chip* chip = find_chip(chips, table.key.system);
      ASTROLABE_DEMAND(chip != nullptr, "a cached table of a chip that its fingerprint lacks");
      table.reference = reference_of(table.key, interpolations, *chip, tiled);
    }
    return std::move(*cached);
  }
  MeasuredTables tables = compile(directory, interpolations, chips, tiled);
  TableCache::write(cache_path, fingerprint, tables);
  return tables;
}

std::size_t MeasuredTables::rows() const {
  std::size_t n = 0;
  for (const MeasuredTable& t : tables_) n += t.residuals.size();
  return n;
}

std::vector<ExpertLayer> MeasuredTables::expert_layers(const TableKey& key) const {
  const auto table = std::find_if(tables_.begin(), tables_.end(),
                                  [&](const MeasuredTable& t) { return &t.key == &key; });
  const Interpolation& scaled = interpolation(key.family);
  const auto n = static_cast<std::size_t>(coordinate_count(key.family));
  std::vector<ExpertLayer> layers;
  for (std::size_t at = 0; at < table->points.size(); at += n) {
    Coordinates x{};
    for (std::size_t i = 0; i < n; ++i) x[i] = table->points[at + i] / scaled.scale[i];
    const ExpertLayer layer = expert_layer_at(x);
    if (std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(layer);
  }
  return layers;
}

Coordinates MeasuredTables::coordinates(Family family, const Dims& dims) const {
  Coordinates x = coordinates_of(family, dims);
  scale(interpolation(family), coordinate_count(family), &x);
  return x;
}

std::vector<std::string> architectures_without(const std::vector<Chip>& chips,
                                               const MeasuredTables& tables,
                                               const std::vector<std::string>& without) {
  std::map<std::string, bool> is_left;  // by architecture: nothing measured is left
  for (const MeasuredTable& table : tables.tables()) {
    const auto chip = std::find_if(chips.begin(), chips.end(),
                                   [&](const Chip& c) { return c.name == table.key.system; });
    if (chip == chips.end()) continue;
    const bool out = std::find(without.begin(), without.end(), chip->name) != without.end();
    const auto [it, is_new] = is_left.emplace(chip->architecture, out);
    if (!is_new) it->second = it->second && out;
  }
  std::vector<std::string> names;
  for (const auto& [architecture, left_out] : is_left) {
    if (left_out) names.push_back(architecture);
  }
  return names;
}

}  // namespace astrolabe::device
