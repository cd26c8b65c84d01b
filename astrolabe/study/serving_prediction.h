#pragma once

// Predicts measured serving runs from tables of kernels and the constants of the engines.

#include <map>
#include <memory>
#include <string>

#include "astrolabe/catalog/catalog.h"
#include "astrolabe/parallel/deployment.h"
#include "astrolabe/parallel/kept_clock.h"
#include "astrolabe/parallel/kernel_library.h"
#include "astrolabe/parallel/measured_clock.h"
#include "astrolabe/study/serving_measurements.h"

namespace astrolabe::study {

struct ServingPrediction {
  double tpot_ms = 0, ttft_ms = 0;
  double output_rate = 0;            // tokens a second and accelerator
  double power_w = 0, energy_j = 0;  // of an accelerator; of all of them for an output token
  // Half widths in log; of the output rate: that of TPOT.
  double tpot_band = 0, ttft_band = 0, power_band = 0;
  std::vector<parallel::RequestTimes> requests;  // of a replay: each that can be used
  // Of the aggregated model, for fits that are linear in the constants.
  double launches = 0;  // small kernels of an iteration
  double in_flight = 0, prefill_share = 0;
  double prompt_layers = 0;  // recurrent and sparse layers of steps with prompts, for each token
  double vocab = 0;
  bool is_moe = false;
  std::string reason;  // why there is none; empty when there is
};

// parallel/checkpoint_precision.h, and the products' format where the run says it.
workload::Precision serving_precision(const ServingMeasurement& run,
                                      const workload::ModelArchitecture& model, bool has_fp4);

class ServingPredictor {
 public:
  // Everything must outlive the predictor.
  ServingPredictor(const catalog::Catalog& catalog, const parallel::MeasuredSources& sources,
                   const parallel::EngineTable& engines);

  ServingPrediction predict(const ServingMeasurement& run);
  // Later predictions use these constants; prepared deployments are kept.
  void set_engines(const parallel::EngineTable& engines) { engines_ = &engines; }

 private:
  const workload::ModelArchitecture* find_model(const std::string& name) const;
  const parallel::MeasuredClock& clock(const ServingMeasurement& run);
  const parallel::Deployment& deployment(const ServingMeasurement& run,
                                         const workload::ModelArchitecture& model,
                                         const ServingLayout& layout);
  parallel::Engine engine(const ServingMeasurement& run) const;  // as its server was set
  parallel::ServingChip serving_chip(const ServingMeasurement& run);
  std::string accelerator_of(const std::string& chip) const;  // the chip itself without one
  std::string obstacle(const ServingMeasurement& run) const;  // empty: none
  void serve_engine(const ServingMeasurement& run, ServingPrediction* out);
  void add_power(const ServingMeasurement& run, const parallel::Deployment& deployment,
                 const parallel::ClosedLoopResult& served, ServingPrediction* out);
  void search(const ServingMeasurement& run, ServingPrediction* out);
  void replay(const ServingMeasurement& run, ServingPrediction* out);
  void serve_pools(const ServingMeasurement& run, ServingPrediction* out);

  const catalog::Catalog& catalog_;
  const parallel::MeasuredSources& sources_;
  const parallel::EngineTable* engines_;
  std::map<std::string, workload::ModelArchitecture, std::less<>> models_;  // by published name
  std::map<std::string, std::unique_ptr<parallel::MeasuredClock>> clocks_;
  std::map<const parallel::KernelClock*, std::unique_ptr<parallel::KeptClock>> kept_clocks_;
  std::map<std::string, std::unique_ptr<parallel::Deployment>> deployments_;
};

}  // namespace astrolabe::study
