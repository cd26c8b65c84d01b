#include "astrolabe/network/measurements.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

namespace astrolabe::network {
namespace {

std::optional<Operation> operation_of(std::string_view text) {
  if (text == "all_reduce") return Operation::kAllReduce;
  if (text == "all_gather") return Operation::kAllGather;
  if (text == "reduce_scatter") return Operation::kReduceScatter;
  if (text == "alltoall") return Operation::kAllToAll;
  if (text == "send_recv") return Operation::kSend;
  return std::nullopt;
}

Implementation implementation_of(std::string_view library, std::string_view kernel) {
  if (library != "custom_allreduce") return Implementation::kLibrary;
  const bool is_eager = kernel.find("eager") != std::string_view::npos;
  return is_eager ? Implementation::kCustomEager : Implementation::kCustom;
}

// Cells of one row by column index, looked up once per table.
class Cells {
 public:
  Cells(const CsvTable& table, std::initializer_list<const char*> names) : table_(table) {
    for (const char* name : names) columns_.emplace(name, table.column(name));
  }
  const std::string& text(const CsvTable::Row& row, const char* name) const {
    return row.cells[columns_.find(std::string_view(name))->second];
  }
  // Not a number: NaN, which reason_against refuses.
  double number(const CsvTable::Row& row, const char* name) const {
    try {
      return parse_number(text(row, name), table_.position(row), name);
    } catch (const InputError&) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }
  double number_or(const CsvTable::Row& row, const char* name, double empty) const {
    return text(row, name).empty() ? empty : number(row, name);
  }

 private:
  const CsvTable& table_;
  std::map<std::string, std::size_t, std::less<>> columns_;
};

bool has_column(const CsvTable& table, std::string_view name) {
  for (const std::string& c : table.columns()) {
    if (c == name) return true;
  }
  return false;
}

constexpr double kMostSms = 1000;
bool is_width(double value) { return value > 0 && value <= 1e6; }

bool is_collective_library(std::string_view name) {
  return name == "nccl" || name == "oneccl" || name == "custom_allreduce";
}

// An absurd cell names its reason; an empty text is usable.
std::string reason_against(double time_us, double size, double ranks) {
  constexpr double kLongest = 1e9, kLargest = 1e13, kMostRanks = 1e6;
  if (std::isnan(time_us)) return "latency is no number";
  if (std::isnan(size)) return "size is no number";
  if (!(time_us > 0)) return "latency not above 0";
  if (time_us > kLongest) return "latency above 1000 s";
  if (!(size > 0)) return "size not above 0";
  if (size > kLargest) return "size above 1e13";
  if (!(ranks >= 2) || ranks > kMostRanks) return "fewer than 2 ranks, or above a million";
  return "";
}

}  // namespace

MeasurementSchema schema_of(const CsvTable& table) {
  if (has_column(table, "platform") && has_column(table, "gpus_per_node")) {
    return MeasurementSchema::kVidurNetwork;
  }
  if (!has_column(table, "library")) return MeasurementSchema::kOther;
  if (has_column(table, "topk")) return MeasurementSchema::kMoeAlltoall;
  return has_column(table, "bytes") ? MeasurementSchema::kCollectives : MeasurementSchema::kOther;
}

MeasuredRows<CollectiveRow> read_collectives(const CsvTable& table) {
  const Cells cells(table, {"system", "fw_version", "library", "op", "kernel", "dtype", "num_gpus",
                            "bytes", "latency_us"});
  MeasuredRows<CollectiveRow> out;
  for (const CsvTable::Row& row : table.rows()) {
    const auto operation = operation_of(cells.text(row, "op"));
    const double ranks = cells.number(row, "num_gpus"), bytes = cells.number(row, "bytes"),
                 us = cells.number(row, "latency_us");
    std::string reason = reason_against(us, bytes, ranks);
    if (!operation) reason = "unknown operation " + cells.text(row, "op");
    const std::string &library = cells.text(row, "library"), &kernel = cells.text(row, "kernel");
    if (!is_collective_library(library)) reason = "unknown library " + library;
    if (!reason.empty()) {
      ++out.excluded[reason];
      continue;
    }
    CollectiveRow r;
    r.key = {cells.text(row, "system"),
             library,
             kernel,
             cells.text(row, "fw_version"),
             cells.text(row, "dtype"),
             {*operation, implementation_of(library, kernel), static_cast<int>(ranks), 0}};
    r.buffer = bytes * units::byte;
    r.time = us * units::microsecond;
    r.line = row.line;
    out.rows.push_back(std::move(r));
  }
  return out;
}

MeasuredRows<CollectiveRow> read_vidur_network(const CsvTable& table) {
  const Cells cells(table, {"platform", "op", "num_gpus", "gpus_per_node", "bytes", "latency_us"});
  MeasuredRows<CollectiveRow> out;
  for (const CsvTable::Row& row : table.rows()) {
    const auto operation = operation_of(cells.text(row, "op"));
    const double ranks = cells.number(row, "num_gpus"), bytes = cells.number(row, "bytes"),
                 us = cells.number(row, "latency_us");
    const double per_node = cells.number(row, "gpus_per_node");
    std::string reason = reason_against(us, bytes, ranks);
    if (!operation) reason = "unknown operation " + cells.text(row, "op");
    if (!(per_node >= 1) || per_node > ranks) reason = "gpus_per_node not of 1 to num_gpus";
    if (!reason.empty()) {
      ++out.excluded[reason];
      continue;
    }
    CollectiveRow r;
    r.key = {cells.text(row, "platform"),
             "nccl",
             "NCCL",
             "",
             "",
             {*operation, Implementation::kLibrary, static_cast<int>(ranks),
              static_cast<int>(per_node)}};
    r.buffer = bytes * units::byte;
    r.time = us * units::microsecond;
    r.line = row.line;
    out.rows.push_back(std::move(r));
  }
  return out;
}

MeasuredRows<ExchangeRow> read_moe_alltoall(const CsvTable& table,
                                            const std::map<std::string, int>& node_size_of) {
  const Cells cells(
      table, {"system", "fw_version", "library", "op", "kernel", "dtype", "num_gpus", "nodes",
              "hidden", "topk", "experts", "sms", "num_tokens", "latency_us"});
  MeasuredRows<ExchangeRow> out;
  for (const CsvTable::Row& row : table.rows()) {
    const std::string &system = cells.text(row, "system"), &op = cells.text(row, "op");
    const auto node = node_size_of.find(system);
    const int node_size = node == node_size_of.end() ? 8 : node->second;
    const double nodes = cells.number_or(row, "nodes", 1);
    const double ranks = cells.number_or(row, "num_gpus", nodes * node_size);
    const double tokens = cells.number(row, "num_tokens"), us = cells.number(row, "latency_us");
    const double hidden = cells.number(row, "hidden"), topk = cells.number(row, "topk"),
                 experts = cells.number(row, "experts"), sms = cells.number_or(row, "sms", 0);
    std::string reason = reason_against(us, tokens, ranks);
    if (!is_width(hidden) || !is_width(topk) || !is_width(experts)) {
      reason = "hidden, topk or experts not above 0, or above 1e6";
    }
    if (!(sms >= 0 && sms <= kMostSms)) reason = "sms not of 0 to 1000";
    if (!(nodes >= 1) || nodes > ranks) reason = "nodes not of 1 to the ranks";
    if (!reason.empty()) {
      ++out.excluded[reason];
      continue;
    }
    ExchangeRow r;
    r.key = {system,
             cells.text(row, "library"),
             cells.text(row, "kernel"),
             cells.text(row, "fw_version"),
             op,
             cells.text(row, "dtype"),
             {}};
    ExchangeShape& s = r.key.shape;
    s.every_copy = r.key.library == "deepep_ll";
    s.is_preparation = op.find("prepare") != std::string::npos;
    s.token_bytes_per_value = wire_bytes_per_value(op, r.key.dtype);
    s.ranks = static_cast<int>(ranks);
    s.nodes = static_cast<int>(nodes);
    s.hidden = hidden;
    s.topk = topk;
    s.experts = experts;
    s.sms = sms;
    r.tokens = tokens;
    r.time = us * units::microsecond;
    r.line = row.line;
    out.rows.push_back(std::move(r));
  }
  return out;
}

}  // namespace astrolabe::network
