#include "astrolabe/memory/bandwidth_curve.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <future>

#include "astrolabe/base/csv.h"

namespace astrolabe::memory {

namespace {

constexpr std::uint64_t kVersion = 5;  // of what is simulated for a point

struct Grid {
  std::vector<double> pieces = {32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536, 1048576};
  std::vector<int> write_every = {0, 3, 2};
  std::vector<double> small_footprints = {0.0625};
  std::vector<double> loads = {0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95};
};

std::vector<CurvePoint> grid_points() {
  const Grid grid;
  std::vector<CurvePoint> points;
  for (const int w : grid.write_every) {
    for (const double piece : grid.pieces) {
      CurvePoint p;
      p.piece_bytes = piece;
      p.write_share = w == 0 ? 0 : 1.0 / w;
      points.push_back(p);
    }
  }
  for (const double footprint : grid.small_footprints) {
    for (const double piece : grid.pieces) {
      CurvePoint p;
      p.piece_bytes = piece;
      p.footprint_gib = footprint;
      points.push_back(p);
    }
  }
  for (const double load : grid.loads) {
    CurvePoint p;
    p.piece_bytes = grid.pieces.back();
    p.load = load;
    points.push_back(p);
  }
  return points;
}

constexpr std::uint64_t kHashSeed = 1469598103934665603ULL;

std::uint64_t hash_bytes(std::uint64_t h, const std::string& text) {  // FNV-1a
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return h;
}

std::string cache_name(const MemoryConfig& c, const EnergyTable& energy, double tolerance) {
  std::string text = std::to_string(kVersion) + c.name + c.mapping + c.spec.standard;
  for (const auto& [name, value] : c.spec.timing) text += name + std::to_string(value) + ";";
  for (const Constraint& k : c.spec.constraints) {
    text += std::to_string(static_cast<int>(k.level)) + k.latency + std::to_string(k.window);
    for (const Command b : k.preceding) text += kCommandNames[index(b)];
    for (const Command f : k.following) text += kCommandNames[index(f)];
  }
  const Organization& o = c.spec.organization;
  for (const double v : {c.spec.pin_rate_gbps,
                         static_cast<double>(c.channels),
                         static_cast<double>(o.rows),
                         static_cast<double>(o.columns),
                         static_cast<double>(o.sids),
                         static_cast<double>(o.bank_groups),
                         static_cast<double>(o.banks),
                         static_cast<double>(c.interleave_bytes),
                         static_cast<double>(c.controller.read_queue),
                         static_cast<double>(c.controller.write_queue),
                         c.controller.write_high,
                         c.controller.write_low,
                         static_cast<double>(c.controller.hit_cap),
                         static_cast<double>(c.controller.page_policy),
                         static_cast<double>(c.controller.refresh),
                         static_cast<double>(c.controller.postpone),
                         static_cast<double>(c.controller.pull_in),
                         static_cast<double>(c.controller.raaimt),
                         static_cast<double>(c.controller.power_down_after),
                         static_cast<double>(c.controller.self_refresh_after),
                         c.controller.temperature_c,
                         energy.used.activate.base(),
                         energy.used.core_bit.base(),
                         energy.used.tsv_bit.base(),
                         energy.used.phy_bit.base(),
                         energy.used.refresh_row.base(),
                         energy.used.background.base(),
                         tolerance}) {
    text += format_number(v) + ";";
  }
  return c.name + "-" + std::to_string(hash_bytes(kHashSeed, text)) + ".csv";
}

Traffic traffic_of(const CurvePoint& p, Bandwidth streaming) {
  Traffic t;
  t.kind = p.piece_bytes > 32 ? Traffic::Kind::kGather : Traffic::Kind::kRandom;
  t.bytes = static_cast<std::uint64_t>(p.piece_bytes);
  t.write_every = p.write_share > 0 ? static_cast<int>(std::lround(1 / p.write_share)) : 0;
  t.footprint_gib = p.footprint_gib;
  t.requests = 1'000'000'000;
  if (p.load > 0) {
    t.kind = Traffic::Kind::kSequential;
    t.rate_gb_per_s = p.load * streaming.base() / 1e9;
  }
  return t;
}

// False if interrupted.
bool simulate_point(const MemoryConfig& config, const EnergyTable& energy, Bandwidth streaming,
                    const CurveOptions& options, CurvePoint* p) {
  RunOptions run;
  run.steady_tolerance = options.tolerance;
  run.interrupt = options.interrupt;
  const RunResult r = simulate(config, traffic_of(*p, streaming), run);
  if (r.is_partial) return false;
  p->bandwidth = r.bandwidth();
  p->peak_share = r.bandwidth() / config.peak_bandwidth();
  p->latency = config.spec.tick() * r.statistics.read_latency.mean();
  p->latency_p99 = config.spec.tick() * r.statistics.read_latency.percentile(0.99);
  p->relative_interval = r.relative_interval;
  // Energy counts of the sample stand for as many requests and as much of its own time.
  const double bits = 8.0 * kAccessBytes * static_cast<double>(r.statistics.requests());
  p->pj_per_bit = energy_of(energy.used, r.statistics, config.spec).total().base() * 1e12 / bits;
  return true;
}

// First line of a kept curve: a file that was cut short or changed is not believed.
std::string checksum_line(const std::string& csv) {
  return "# checksum " + std::to_string(hash_bytes(kHashSeed, csv)) + "\n";
}

}  // namespace

BandwidthCurve::BandwidthCurve(std::string memory, Bandwidth peak, std::vector<CurvePoint> points,
                               bool is_partial)
    : memory_(std::move(memory)),
      peak_(peak),
      points_(std::move(points)),
      is_partial_(is_partial) {}

double BandwidthCurve::interpolate(Bytes piece, double write_share,
                                   const std::function<double(const CurvePoint&)>& of) const {
  // The two shares of writes around the wanted one, then the two sizes around the piece in each.
  double low_share = 0, high_share = 1;
  for (const CurvePoint& p : points_) {
    if (p.load > 0 || p.footprint_gib > 0) continue;
    if (p.write_share <= write_share) low_share = std::max(low_share, p.write_share);
    if (p.write_share >= write_share) high_share = std::min(high_share, p.write_share);
  }
  if (high_share == 1) high_share = low_share;
  const auto at_share = [&](double share) {
    const CurvePoint *below = nullptr, *above = nullptr;
    for (const CurvePoint& p : points_) {
      if (p.load > 0 || p.footprint_gib > 0 || p.write_share != share) continue;
      const double size = p.piece_bytes;
      if (size <= piece.base() && (below == nullptr || size > below->piece_bytes)) below = &p;
      if (size >= piece.base() && (above == nullptr || size < above->piece_bytes)) above = &p;
    }
    if (below == nullptr) return of(*above);
    if (above == nullptr || above == below) return of(*below);
    const double f = std::log(piece.base() / below->piece_bytes) /
                     std::log(above->piece_bytes / below->piece_bytes);
    return of(*below) + f * (of(*above) - of(*below));
  };
  if (high_share == low_share) return at_share(low_share);
  const double f = (write_share - low_share) / (high_share - low_share);
  return at_share(low_share) + f * (at_share(high_share) - at_share(low_share));
}

Bandwidth BandwidthCurve::bandwidth(Bytes piece, double write_share) const {
  return Bandwidth::from_base(
      interpolate(piece, write_share, [](const CurvePoint& p) { return p.bandwidth.base(); }));
}

double BandwidthCurve::pj_per_bit(Bytes piece, double write_share) const {
  return interpolate(piece, write_share, [](const CurvePoint& p) { return p.pj_per_bit; });
}

Duration BandwidthCurve::latency(double load) const {
  const CurvePoint *below = nullptr, *above = nullptr;
  for (const CurvePoint& p : points_) {
    if (p.load == 0) continue;
    if (p.load <= load && (below == nullptr || p.load > below->load)) below = &p;
    if (p.load >= load && (above == nullptr || p.load < above->load)) above = &p;
  }
  if (below == nullptr) return above->latency;
  if (above == nullptr || above == below) return below->latency;
  const double f = (load - below->load) / (above->load - below->load);
  return below->latency + (above->latency - below->latency) * f;
}

Table BandwidthCurve::table() const {
  Table t;
  t.name = "bandwidth_curve_" + memory_;
  t.title = "Sustained bandwidth of " + memory_ + (is_partial_ ? ", partial: interrupted" : "");
  for (const char* name :
       {"piece_bytes", "write_share", "footprint_gib", "load", "bandwidth_gb_per_s", "peak_share",
        "read_latency_mean_ns", "read_latency_p99_ns", "energy_pj_per_bit", "relative_interval"}) {
    t.columns.push_back({name, name, {}});
  }
  for (const CurvePoint& p : points_) {
    t.add_row({p.piece_bytes, p.write_share, p.footprint_gib, p.load, p.bandwidth.base() / 1e9,
               p.peak_share, p.latency.in(units::nanosecond), p.latency_p99.in(units::nanosecond),
               p.pj_per_bit, p.relative_interval});
  }
  return t;
}

std::string curve_cache_path(const std::string& data_dir, const MemoryConfig& config,
                             const CurveOptions& options) {
  const EnergyTable energy = load_energy(data_dir, config.spec.standard);
  return options.cache_dir + "/" + cache_name(config, energy, options.tolerance);
}

bool write_curve_file(const std::string& path, const BandwidthCurve& curve) {
  const std::string csv = to_csv(curve.table());
  try {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_file_atomically(path, checksum_line(csv) + csv);
  } catch (const InputError&) {
    return false;
  } catch (const std::filesystem::filesystem_error&) {
    return false;
  }
  return true;
}

std::vector<CurvePoint> read_curve_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  std::string text;
  try {
    text = read_text_file(path);
  } catch (const InputError&) {  // empty, or no text
    return {};
  }
  const std::size_t end = text.find('\n');
  if (end == std::string::npos || text.substr(0, end + 1) != checksum_line(text.substr(end + 1))) {
    return {};
  }
  const CsvTable table = CsvTable::read(path);
  std::vector<CurvePoint> points;
  for (const CsvTable::Row& row : table.rows()) {
    const auto n = [&](const char* column) {
      return parse_number(table.cell(row, column), table.position(row), column);
    };
    CurvePoint p;
    p.piece_bytes = n("piece_bytes");
    p.write_share = n("write_share");
    p.footprint_gib = n("footprint_gib");
    p.load = n("load");
    p.bandwidth = 1e9 * n("bandwidth_gb_per_s") * units::byte / units::second;
    p.peak_share = n("peak_share");
    p.latency = n("read_latency_mean_ns") * units::nanosecond;
    p.latency_p99 = n("read_latency_p99_ns") * units::nanosecond;
    p.pj_per_bit = n("energy_pj_per_bit");
    p.relative_interval = n("relative_interval");
    points.push_back(p);
  }
  return points;
}

BandwidthCurve bandwidth_curve(const std::string& data_dir, const MemoryConfig& config,
                               const CurveOptions& options) {
  const EnergyTable energy = load_energy(data_dir, config.spec.standard);
  const std::string path =
      options.cache_dir.empty() ? "" : curve_cache_path(data_dir, config, options);
  if (!path.empty()) {
    const std::vector<CurvePoint> kept = read_curve_file(path);
    if (!kept.empty()) return {config.name, config.peak_bandwidth(), kept};
  }
  std::vector<CurvePoint> points = grid_points();
  Bandwidth streaming = config.peak_bandwidth();
  std::atomic<std::size_t> next{0}, done{0};
  std::atomic<bool> is_whole{true};
  const auto work = [&](std::size_t end, bool is_caller) {
    for (std::size_t k = next++; k < end && is_whole; k = next++) {
      if (!simulate_point(config, energy, streaming, options, &points[k])) is_whole = false;
      ++done;
      if (is_caller && options.on_progress) options.on_progress(done, points.size());
    }
  };
  const auto run = [&](std::size_t begin, std::size_t end) {
    next = begin;
    std::vector<std::future<void>> others;
    for (int k = 1; k < options.threads; ++k) {
      others.push_back(std::async(std::launch::async, work, end, false));
    }
    work(end, true);
    for (std::future<void>& other : others) other.get();  // an InputError too
  };
  // The closed loops first: loads are shares of the largest of them.
  const auto first_load = static_cast<std::size_t>(
      std::find_if(points.begin(), points.end(), [](const CurvePoint& p) { return p.load > 0; }) -
      points.begin());
  run(0, first_load);
  if (is_whole) {
    streaming = Bandwidth::from_base(0);
    for (const CurvePoint& p : points) streaming = std::max(streaming, p.bandwidth);
    run(first_load, points.size());
  }
  std::erase_if(points, [](const CurvePoint& p) { return p.bandwidth.base() == 0; });
  BandwidthCurve curve(config.name, config.peak_bandwidth(), points, !is_whole);
  if (!path.empty() && is_whole) write_curve_file(path, curve);
  return curve;
}

}  // namespace astrolabe::memory
