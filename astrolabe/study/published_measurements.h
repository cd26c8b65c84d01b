#pragma once

// Files of published measurements whose rows say less than those of a benchmark of ours
// (serving_measurements.h names the kinds). What a whole file leaves out is a row of
// data/serving/names.csv, recipes.csv or benchmarks.csv.
//
// Results of MLPerf (metrics mlperf_*_throughput) are of the best layout: "TensorRT" stands for
// TensorRT-LLM, another stack that names no engine for the first that runs on the accelerator, and
// a precision that is not given for the narrowest the accelerator computes in.
// Of `figures`, layouts are as their engines have them: tp x pp accelerators and, where those are
// fewer than all, attention data-parallel over the rest; vLLM spreads experts over the group that
// cuts attention, so there one cut of experts over all means that attention is cut as often.

#include <vector>

#include "astrolabe/base/csv.h"
#include "astrolabe/study/serving_measurements.h"

namespace astrolabe::study {

// Empty when the table is none of these. Names of models and systems are as published.
std::vector<ServingMeasurement> read_published_measurements(const CsvTable& table,
                                                            const ServingContext& context);

}  // namespace astrolabe::study
