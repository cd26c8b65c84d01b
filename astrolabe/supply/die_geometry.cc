#include "astrolabe/supply/die_geometry.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "astrolabe/base/error.h"

namespace astrolabe::supply {

namespace {

// A corner this share of the radius outside the circle still counts: at a crossing of two arcs a
// die touches the circle, and rounding must not decide.
constexpr double kTouch = 1e-10;

struct Point {
  double x, y;
};

// All lengths in mm.
struct Grid {
  double width, height, pitch_x, pitch_y, radius;

  Grid(const DieShape& die, const WaferGeometry& wafer)
      : width(die.width.in(units::mm)),
        height(die.height.in(units::mm)),
        pitch_x((die.width + wafer.scribe_lane).in(units::mm)),
        pitch_y((die.height + wafer.scribe_lane).in(units::mm)),
        radius((wafer.diameter / 2 - wafer.edge_exclusion).in(units::mm)) {
    ASTROLABE_DEMAND(width > 0 && height > 0, "a die needs an area");
    ASTROLABE_DEMAND(pitch_x >= width && radius > 0, "scribe lane >= 0, a usable circle");
  }

  int count(double x0, double y0) const {
    const double r = radius * (1 + kTouch);
    int n = 0;
    const int first = static_cast<int>(std::ceil((-r - x0) / pitch_x));
    for (int i = first;; ++i) {
      const double left = x0 + i * pitch_x;
      if (left + width > r) return n;
      const double reach = std::max(std::abs(left), std::abs(left + width));
      const double half_chord = std::sqrt(r * r - reach * reach);
      const double low = std::ceil((-half_chord - y0) / pitch_y);
      const double high = std::floor((half_chord - height - y0) / pitch_y);
      if (high >= low) n += static_cast<int>(high - low) + 1;
    }
  }

  // Centres of the arcs that cross the cell [0, pitch_x] x [0, pitch_y] of offsets: an offset p
  // lies on an arc when some corner c of some die has |p + c| = R; its centre is -c.
  std::vector<Point> arc_centres() const {
    std::vector<Point> centres;
    const int nx = static_cast<int>(radius / pitch_x) + 2;
    const int ny = static_cast<int>(radius / pitch_y) + 2;
    const double diagonal = std::hypot(pitch_x, pitch_y) / 2;
    for (int i = -nx; i <= nx; ++i) {
      for (int j = -ny; j <= ny; ++j) {
        for (const double dx : {0.0, width}) {
          for (const double dy : {0.0, height}) {
            const Point c{-(i * pitch_x + dx), -(j * pitch_y + dy)};
            const double distance = std::hypot(c.x - pitch_x / 2, c.y - pitch_y / 2);
            if (std::abs(distance - radius) <= diagonal * (1 + 1e-9)) centres.push_back(c);
          }
        }
      }
    }
    return centres;
  }

  bool is_in_cell(Point p) const {
    const double slack = 1e-9 * radius;
    return p.x >= -slack && p.y >= -slack && p.x <= pitch_x + slack && p.y <= pitch_y + slack;
  }
};

}  // namespace

DieShape die_of_area(Area area, double aspect_ratio) {
  ASTROLABE_DEMAND(area > Area() && aspect_ratio > 0, "area > 0, aspect ratio > 0");
  const double height_mm = std::sqrt(area.in(units::mm2) / aspect_ratio);
  return {aspect_ratio * height_mm * units::mm, height_mm * units::mm};
}

WaferGeometry conventional_300mm_wafer() {
  return {300.0 * units::mm, 3.0 * units::mm, 0.1 * units::mm};
}

int dies_at_offset(const DieShape& die, const WaferGeometry& wafer, Length offset_x,
                   Length offset_y) {
  return Grid(die, wafer).count(offset_x.in(units::mm), offset_y.in(units::mm));
}

GrossDies gross_dies(const DieShape& die, const WaferGeometry& wafer) {
  const Grid grid(die, wafer);
  const std::vector<Point> centres = grid.arc_centres();
  GrossDies best;
  const auto try_offset = [&](Point p) {
    if (!grid.is_in_cell(p)) return;
    const int n = grid.count(p.x, p.y);
    if (n > best.count) best = {n, p.x * units::mm, p.y * units::mm};
  };
  for (std::size_t a = 0; a < centres.size(); ++a) {
    for (std::size_t b = a + 1; b < centres.size(); ++b) {
      const double dx = centres[b].x - centres[a].x, dy = centres[b].y - centres[a].y;
      const double square = dx * dx + dy * dy;
      const double rise = grid.radius * grid.radius - square / 4;
      if (square == 0 || rise < 0) continue;
      const Point middle{centres[a].x + dx / 2, centres[a].y + dy / 2};
      const double k = std::sqrt(rise / square);
      try_offset({middle.x - k * dy, middle.y + k * dx});
      try_offset({middle.x + k * dy, middle.y - k * dx});
    }
  }
  return best;
}

double approximate_gross_dies(GrossDieFormula formula, const DieShape& die,
                              const WaferGeometry& wafer) {
  const Grid grid(die, wafer);
  const double d = 2 * grid.radius, s = grid.pitch_x * grid.pitch_y;
  const double by_area = std::numbers::pi * d * d / (4 * s);
  switch (formula) {
    case GrossDieFormula::kCircumference:
      return by_area - std::numbers::pi * d / std::sqrt(2 * s);
    case GrossDieFormula::kFitted:
      return by_area - 0.58 * std::numbers::pi * d / std::sqrt(s);
    case GrossDieFormula::kExponential:
      return by_area * std::exp(-2 * std::sqrt(s) / d);
    case GrossDieFormula::kQuadratic:
      return by_area * (1 - 2 * std::sqrt(s) / d) * (1 - 2 * std::sqrt(s) / d);
  }
  return 0;
}

}  // namespace astrolabe::supply
