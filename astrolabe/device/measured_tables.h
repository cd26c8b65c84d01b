#pragma once

// Measured operators of every chip, ready to be interpolated: for each table the points in scaled
// coordinates and r = log(measured / reference time) at them (reference_time.h).
//
// A table may have a sister: the same kernel on another chip of the architecture, or another
// framework's on this chip, whichever it differs from most evenly. Then the differences of r at
// common points are kept too: they are smoother than r, so that the sister's measurements stand in
// where this table has none.
//
// Compiling the files takes seconds; the result is kept in a cache file with version, fingerprint
// of its inputs and checksum. A cache that is stale, damaged or of another version is made again;
// one that cannot be written is done without.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "astrolabe/device/chip.h"
#include "astrolabe/device/local_regression.h"
#include "astrolabe/device/measurement_file.h"
#include "astrolabe/device/operator_family.h"
#include "astrolabe/device/reference_time.h"

namespace astrolabe::device {

// How a family is interpolated (data/fitted/interpolation.csv, written by fit_measured).
struct Interpolation {
  std::array<float, kMaxCoordinates> scale{1, 1, 1, 1, 1, 1, 1, 1};  // of each coordinate
  int neighbours = 32;                                               // of r
  int difference_neighbours = 64;                                    // of differences to the sister
  std::uint32_t is_tiled = 0;  // 1: r stands on the tiled fidelity; 0: on the roofline
  float place_share = 0.5;     // of what a measurement of the very place lies above its plane
  // Half width of the 10-90 % band over sqrt(spread^2 + floor^2): with a table of this chip and
  // kernel; with one of a sister chip or another kernel; across architectures.
  double band_known = 1.5, band_near = 2, band_far = 3;
  double floor = 0.02, near_floor = 0.06, far_floor = 0.2;
};
using Interpolations = std::array<Interpolation, kFamilies>;

Interpolations read_interpolations(const std::string& path);
void write_interpolations(const std::string& path, const Interpolations& interpolations);

struct TableKey {
  Family family = Family::kGemm;
  std::string system, framework, version, kernel;
  std::array<std::string, kMaxCategories> categories;

  bool has_categories(const Categories& wanted) const;
};

struct MeasuredTable {
  TableKey key;
  std::span<const float> points;       // rows of coordinate_count(family), in tree order
  std::span<const std::uint8_t> axes;  // of the tree
  std::span<const float> residuals;    // r
  std::span<const float> differences;  // r - r of the sister; NaN where it has no such point
  int sister = -1;                     // index; -1 = none
  double floor_us = 0;                 // 2nd percentile: what a call takes however small it is
  ReferenceTime reference;             // what r stands on

  PointTree tree() const { return {points, axes, coordinate_count(key.family)}; }
};

class MeasuredTables {
 public:
  // `directory` holds one file a family (others are ignored). Measurements of chips that are not
  // in `chips`, and those for which `keep` says false, are left out. Without `tiled` all residuals
  // stand on the roofline.
  using Filter = std::function<bool(Family, const Measurement&)>;
  static MeasuredTables compile(const std::string& directory, const Interpolations& interpolations,
                                const std::vector<Chip>& chips, const TiledTime* tiled = nullptr,
                                const Filter& keep = {}, std::optional<Family> only = {});
  // The same from the cache at `cache_path`, which is made when it is not current.
  static MeasuredTables load(const std::string& directory, const std::string& interpolation_path,
                             const std::vector<Chip>& chips, const TiledTime* tiled,
                             const std::string& cache_path);

  const std::vector<MeasuredTable>& tables() const { return tables_; }
  const Interpolation& interpolation(Family family) const {
    return interpolations_[static_cast<std::size_t>(family)];
  }
  std::size_t rows() const;

  // Those that the table of experts with this key was measured in; `key` is one of tables().
  std::vector<ExpertLayer> expert_layers(const TableKey& key) const;

  // Scaled, as the points of the tables.
  Coordinates coordinates(Family family, const Dims& dims) const;

 private:
  friend class TableCache;
  Interpolations interpolations_;
  std::vector<MeasuredTable> tables_;
  std::shared_ptr<const void> storage_;  // what the spans point into
};

// Architectures of which no measured system is left when those of `without` are left out.
std::vector<std::string> architectures_without(const std::vector<Chip>& chips,
                                               const MeasuredTables& tables,
                                               const std::vector<std::string>& without);

}  // namespace astrolabe::device
