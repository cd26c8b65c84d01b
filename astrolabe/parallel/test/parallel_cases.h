#pragma once

// Hand-made models and accelerators with round numbers for the tests of this folder.

#include "astrolabe/device/operator_time.h"
#include "astrolabe/workload/demand_class.h"
#include "astrolabe/workload/model.h"

namespace astrolabe::parallel {

inline workload::ModelArchitecture small_dense() {
  workload::ModelArchitecture m;
  m.name = "small_dense";
  m.hidden = 1024;
  m.heads = 16;
  m.kv_heads = 4;
  m.head_dim = 64;
  m.dense_ffn = 4096;
  m.vocab = 32000;
  m.n_full_attention = m.n_dense_ffn = 16;
  return m;
}

inline workload::ModelArchitecture small_mixture() {
  workload::ModelArchitecture m = small_dense();
  m.name = "small_mixture";
  m.n_dense_ffn = 0;
  m.n_moe = 16;
  m.experts = 32;
  m.topk = 4;
  m.expert_ffn = 1024;
  return m;
}

// 100 TFLOPS bf16, 200 fp8, 1 TB/s, 8 GB, domains of 8 at 100 GB/s, 10 GB/s outside.
inline device::Accelerator small_accelerator() {
  device::Accelerator a;
  a.name = "small";
  a.hbm_capacity = 8.0 * units::GB;
  a.hbm_bandwidth = 1.0 * units::TB / units::second;
  a.rates[0] = 100.0 * units::TFLOP / units::second;
  a.rates[1] = 200.0 * units::TFLOP / units::second;
  a.scale_up_domain = 8;
  a.scale_up_bandwidth = 100.0 * units::GB / units::second;
  a.scale_out_bandwidth = 10.0 * units::GB / units::second;
  a.tdp = 500.0 * units::watt;
  a.it_power = 800.0 * units::watt;
  return a;
}

inline device::Derating plain_derating() {
  device::Derating d;
  d.gemm.fill(0.8);
  d.grouped_gemm.fill(0.5);
  d.attention_prefill = d.attention_decode = 0.5;
  d.hbm_bandwidth = 0.8;
  d.kernel_overhead = 1.0 * units::microsecond;
  d.scale_up_latency = 1.0 * units::microsecond;
  d.all_to_all_latency = 10.0 * units::microsecond;
  d.scale_out_latency = 10.0 * units::microsecond;
  d.power.idle = 0.2;
  d.power.activity = {0.1, 0.1, 0.1};
  d.power.compute = {0.6, 0.6, 0.6, 0.6};
  d.power.memory = 0.3;
  d.training_mfu_bf16 = 0.4;
  d.training_mfu_fp8 = 0.25;
  return d;
}

inline workload::DemandClass chat() {
  workload::DemandClass w;
  w.name = "chat";
  w.input = workload::LengthDistribution::fixed(800);
  w.output = workload::LengthDistribution::fixed(200);
  w.ttft = 1.0 * units::second;
  w.tpot = 20.0 * units::millisecond;
  return w;
}

}  // namespace astrolabe::parallel
