#include "astrolabe/network/predictor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "astrolabe/base/error.h"
#include "astrolabe/base/zstd_file.h"

namespace astrolabe::network {
namespace {

const std::string kPredictorData = ASTROLABE_SOURCE_DIR "/data";

const catalog::Catalog& facts() {
  static const catalog::Catalog catalog = catalog::Catalog::load(kPredictorData);
  return catalog;
}
const NetworkPredictor& all_tables() {
  static const NetworkPredictor predictor = NetworkPredictor::load(facts(), kPredictorData);
  return predictor;
}
CsvTable table(const std::string& name) {
  const std::string path = kPredictorData + "/measurements/" + name + ".csv.zst";
  return CsvTable::parse(read_zstd_file(path), path);
}

CollectiveKey nccl(const std::string& system, Operation o, int ranks) {
  return {system, "nccl", "NCCL", "2.29.2", "half", {o, Implementation::kLibrary, ranks, 0}};
}

struct Error {
  double ape = 0;
  int rows = 0, in_band = 0;
  void add(Duration measured, const NetworkEstimate& e) {
    ape += std::fabs(e.time / measured - 1);
    in_band += measured >= e.p10 && measured <= e.p90;
    ++rows;
  }
  double mean() const { return ape / rows; }
};

// Every 16th row by position: no row of the split knows its own measurement.
template <class Row>
std::pair<std::vector<Row>, std::vector<Row>> every_16th_out(const std::vector<Row>& rows) {
  std::pair<std::vector<Row>, std::vector<Row>> split;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    (i % 16 == 5 ? split.second : split.first).push_back(rows[i]);
  }
  return split;
}

TEST(PredictorTest, AMeasuredPointIsReturned) {
  // data/measurements/collectives: h200_sxm, NCCL 2.29.2, half, all_gather, 8 GPUs, 512 MiB, 1395
  // us.
  const NetworkEstimate e = all_tables()
                                .collective(nccl("h200_sxm", Operation::kAllGather, 8))
                                .at(536870912.0 * units::byte);
  EXPECT_EQ(e.evidence, Evidence::kMeasured);
  EXPECT_NEAR(e.time.in(units::microsecond), 1395, 1);
}

// Published for systems that no table of ours has: NCCL 2.29.2, half, from the same source
// (aiconfigurator @ 095f58a, systems/data/{b300_sxm,gb300}/comm/nccl): time of the smallest
// message, 512 B, and bus bandwidth at 512 MiB, where bus = factor x bytes / time.
TEST(PredictorTest, SystemsWithoutTablesMatchWhatIsPublishedOfThem) {
  struct Published {
    const char* system;
    Operation operation;
    int ranks;
    double factor, smallest_us, bus_gbs;
  };
  const Published published[] = {
      {"b300_sxm", Operation::kAllGather, 8, 0.875, 15.7, 620.6},
      {"b300_sxm", Operation::kAllReduce, 8, 1.75, 24.6, 703.6},
      {"b300_sxm", Operation::kAllToAll, 8, 0.875, 11.2, 580.0},
      {"gb300", Operation::kAllGather, 4, 0.75, 11.2, 571.7},
      {"gb300", Operation::kAllReduce, 4, 1.5, 15.1, 634.9},
      {"gb300", Operation::kAllToAll, 4, 0.75, 10.4, 512.0},
  };
  Error error;
  for (const Published& p : published) {
    const TimeCurve c = all_tables().collective(nccl(p.system, p.operation, p.ranks));
    const double bytes = 536870912;
    error.add(p.smallest_us * units::microsecond, c.at(512.0 * units::byte));
    error.add(p.factor * bytes / (p.bus_gbs * 1e9) * units::second, c.at(bytes * units::byte));
    EXPECT_EQ(c.at(512.0 * units::byte).evidence, Evidence::kSibling) << p.system;
  }
  EXPECT_LT(error.mean(), 0.05);
  EXPECT_GE(error.in_band, 8);
}

TEST(PredictorTest, WithheldPointsOfCollectives) {
  const auto split = every_16th_out(read_collectives(table("collectives")).rows);
  NetworkPredictor p = all_tables();
  p.clear_tables();
  p.add(split.first);
  Error error;
  for (const CollectiveRow& r : split.second) error.add(r.time, p.collective(r.key).at(r.buffer));
  EXPECT_GT(error.rows, 700);
  EXPECT_LT(error.mean(), 0.06);  // measured 4-5 %; issue: under 6 %
  EXPECT_GT(error.in_band, 0.7 * error.rows);
}

TEST(PredictorTest, WithheldPointsOfExchanges) {
  const auto split =
      every_16th_out(read_moe_alltoall(table("moe_alltoall"), all_tables().node_sizes()).rows);
  NetworkPredictor p = all_tables();
  p.clear_tables();
  p.add(split.first);
  Error error;
  for (const ExchangeRow& r : split.second) error.add(r.time, p.exchange(r.key).at(r.tokens));
  EXPECT_GT(error.rows, 1400);
  EXPECT_LT(error.mean(), 0.03);
  EXPECT_GT(error.in_band, 0.7 * error.rows);
}

TEST(PredictorTest, AWithheldSystemWithASiblingInTheTables) {
  const NetworkPredictor p = NetworkPredictor::load(facts(), kPredictorData, {"h200_sxm"});
  Error library, custom;
  for (const CollectiveRow& r : read_collectives(table("collectives")).rows) {
    if (r.key.system != "h200_sxm") continue;
    if (r.key.shape.implementation == Implementation::kCustomEager) continue;
    const bool is_library = r.key.shape.implementation == Implementation::kLibrary;
    (is_library ? library : custom).add(r.time, p.collective(r.key).at(r.buffer));
  }
  EXPECT_LT(library.mean(), 0.08);
  EXPECT_LT(custom.mean(), 0.12);
  EXPECT_GT(library.in_band, 0.65 * library.rows);
}

TEST(PredictorTest, EstimatesGrowWithSizeAndRespectTheLink) {
  for (const char* system : {"h100_sxm", "gb200", "b300_sxm", "l40s"}) {
    for (const int ranks : {2, 4, 8, 16}) {
      const CollectiveKey key = nccl(system, Operation::kAllReduce, ranks);
      const TimeCurve c = all_tables().collective(key);
      double last = 0;
      for (double bytes = 64; bytes < 4e9; bytes *= 1.37) {
        const NetworkEstimate e = c.at(bytes * units::byte);
        EXPECT_GE(e.time.base(), last * (1 - 1e-9)) << system << " " << ranks << " " << bytes;
        EXPECT_GE(e.time.base(), all_tables().physics(key).bound(bytes) * (1 - 1e-12));
        last = e.time.base();
      }
    }
  }
}

TEST(PredictorTest, UnknownSystemsAndExchangesAreErrors) {
  EXPECT_THROW(all_tables().collective(nccl("h1000", Operation::kAllReduce, 8)), InputError);
  ExchangeKey key;
  key.system = "h100_sxm";
  key.library = "pigeons";
  key.operation = "dispatch";
  EXPECT_THROW(all_tables().exchange(key), InputError);
}

TEST(PredictorTest, VersionsAreOrdered) {
  EXPECT_GT(version_number("1.3.0rc20"), version_number("1.3.0rc10"));
  EXPECT_GT(version_number("1.3.0"), version_number("1.3.0rc20"));
  EXPECT_GT(version_number("1.3.0rc1"), version_number("1.2.0"));
  EXPECT_GT(version_number("2.29.2"), version_number("2.27.5"));
  EXPECT_GT(version_number("0.5.14"), version_number("0.5.9"));
}

}  // namespace
}  // namespace astrolabe::network
