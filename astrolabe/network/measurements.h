#pragma once

// Rows of the measured tables: data/measurements/{collectives,vidur_network,moe_alltoall}.csv.zst,
// or any file of the same columns. What cannot be used is counted by reason, never dropped
// silently.

#include <map>
#include <string>
#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/network/collective_physics.h"
#include "astrolabe/network/exchange_physics.h"

namespace astrolabe::network {

// What identifies a curve of measurements over buffer sizes. Texts are those of the tables.
struct CollectiveKey {
  std::string system, library, kernel, version, dtype;
  CollectiveShape shape;
};

struct CollectiveRow {
  CollectiveKey key;
  Bytes buffer;
  Duration time;
  int line = 0;
};

struct ExchangeKey {
  std::string system, library, kernel, version, operation, dtype;
  ExchangeShape shape;
};

struct ExchangeRow {
  ExchangeKey key;
  double tokens = 0;  // per rank
  Duration time;
  int line = 0;
};

template <class Row>
struct MeasuredRows {
  std::vector<Row> rows;
  std::map<std::string, int> excluded;  // reason -> rows
};

enum class MeasurementSchema { kCollectives, kVidurNetwork, kMoeAlltoall, kOther };
MeasurementSchema schema_of(const CsvTable& table);

// `node_size_of` maps a system to the accelerators of its node (the tables of DeepEP give nodes).
// InputError for a missing column or a cell that is not a number; rows with a time or size that is
// not above 0, or an unknown operation, are excluded and counted.
MeasuredRows<CollectiveRow> read_collectives(const CsvTable& table);
MeasuredRows<CollectiveRow> read_vidur_network(const CsvTable& table);
MeasuredRows<ExchangeRow> read_moe_alltoall(const CsvTable& table,
                                            const std::map<std::string, int>& node_size_of);

}  // namespace astrolabe::network
