#include "astrolabe/planning/family.h"

#include <array>

namespace astrolabe::planning {

namespace {

// Model units: thousand accelerators, ten thousand stacks, thousand wafers, MW, 1e12 tokens a day,
// billion USD.
constexpr std::array<FamilyText, kFamilies> kTexts = {{
    {"demand", "sum_{a,z,o} k[c,a,o] x[c,a,z,o,t] / p[c] + u[c,t] = d[c,t]", "Gtoken/day", 1e-3,
     "demand of {}", false},
    {"training_total", "sum_{t in window} q sum_{a,z,o} k[c,a,o] x[c,a,z,o,t] + u[c] = n[c]",
     "Gtoken", 1e-3, "training run {}", false},
    {"training_pace", "sum_{a,z,o} k[c,a,o] x[c,a,z,o,t] <= p[c] n[c] / (q N[c])", "Gtoken/day",
     1e-3, "pace of training run {}", false},
    {"in_country", "sum_{z in k} served[c,z,t] >= s[c,k] d[c,t] - u[c,t]", "Gtoken/day", 1e-3,
     "in-country share of {}", true},
    {"fleet_use", "sum_{c,o} x[c,a,z,o,t] <= v sum_{s in z} F[a,s,t]", "accelerator", 1e-3,
     "accelerators in service: {}", false},
    {"fleet_growth", "D[a,s,t] >= D[a,s,t-1];  F[a,s,t] - F[a,s,t-1] <= D[a,s,t] - D[a,s,t-1]",
     "accelerator", 1e-3, "fleet growth: {}", false},
    {"fleet_life", "F[a,s,t] <= D[a,s,t] - D[a,s,t-L[a]]", "accelerator", 1e-3, "end of life: {}",
     false},
    {"delivery", "sum_s D[a,s,t] <= P[a,t]", "accelerator", 1e-3, "deliveries of {}", false},
    {"delivery_growth", "P[a,t] >= P[a,t-1]", "accelerator", 1e-3, "no returns: {}", false},
    {"stack_balance", "S[h,t] = S[h,t-1] + sum_l g[l,h,t-C] w[l,h,t-C]", "stack", 1e-4,
     "HBM stacks made: {}", false},
    {"stack_use", "sum_{a: h} m[a] P[a,t+K[a]] <= S[h,t]", "stack", 1e-4, "{} stacks", false},
    {"host_dram_balance", "H[t] = H[t-1] + sum_l w0[l,t-C]", "wafer", 1e-3, "host DRAM made{}",
     false},
    {"host_dram_use", "sum_a b[a] P[a,t+K[a]] <= H[t]", "wafer", 1e-3, "host DRAM wafers{}", false},
    {"hbm_wafers", "sum_h w[l,h,t] <= hbm[l,t] + e[l] sum_k (1/r) cap[l] M[l,t-T[l]-k]", "wafer",
     1e-3, "HBM wafers at {}", true},
    {"dram_wafers", "sum_h w[l,h,t] + w0[l,t] <= dram[l,t] + sum_k (1/r) cap[l] M[l,t-T[l]-k]",
     "wafer", 1e-3, "DRAM wafers at {}", true},
    {"dram_ceiling", "sum_l (sum_h w[l,h,t] + w0[l,t]) <= ceiling[t]", "wafer", 1e-3,
     "ceiling on DRAM wafers{}", true},
    {"logic_wafers", "sum_a f[a] (P[a,t+K+J] - P[a,t+K+J-1]) <= logic[n,t]", "wafer", 1e-3,
     "logic wafers of {}", true},
    {"packaging_wafers", "sum_a i[a] (P[a,t+K] - P[a,t+K-1]) <= pack[l,t] + modules", "wafer", 1e-3,
     "packaging wafers at {}", true},
    {"module_growth", "M[l,t] >= M[l,t-1]", "module", 1, "modules of {}", false},
    {"site_power", "sum_a PUE[s] kW[a] F[a,s,t] <= live[s,t] + B[s] Z[s,t]", "MW", 1,
     "powered space at {}", true},
    {"site_grid", "live[s,t] + B[s] Z[s,t] + fixed[s,t] <= contracted[s,t] + G[s,t]", "MW", 1,
     "grid connection of {}", false},
    {"site_growth", "Z[s,t] >= Z[s,t-1];  G[s,t] >= G[s,t-1]", "MW", 1, "no un-building: {}",
     false},
    {"site_requirement", "sum_a kW[a] F[a,s,t] >= required[s,t]", "MW", 1,
     "required IT power at {}", true},
    {"vendor_commitment", "sum_{a of v} kW[a] P[a,t] >= committed[v]", "MW", 1, "commitment to {}",
     true},
    {"vendor_ceiling", "sum_{a of v} kW[a] P[a,t] <= ceiling[v,t]", "MW", 1, "deliveries of {}",
     true},
    {"zone_energy",
     "E[z,t] = PUE[z] (idle sum_{a,s} kW[a] F[a,s,t] + sum e[c,a,o] x[c,a,z,o,t]) + fixed", "MW", 1,
     "energy drawn at {}", false},
    {"renewable_energy", "share[z,t] energy[z,t] <= sum_e cf[e,t] W[e,z,t]", "MW", 1,
     "renewable energy for {}", true},
    {"renewable_use", "U[z,t] <= sum_e cf[e,t] W[e,z,t];  U[z,t] <= energy[z,t]", "MW", 1,
     "renewable energy used at {}", false},
    {"renewable_after", "Y[e,z,q] <= cf[e,q] W[e,z,T];  sum_e Y[e,z,q] <= energy[z,T-4+q]", "MW", 1,
     "renewable energy after the horizon at {}", false},
    {"energy_growth", "sum_z W[e,z,t] >= sum_z W[e,z,t-1]; sum_z W[e,z,t] <= potential[e,t]", "MW",
     1, "contracts of {}", true},
    {"spending", "spent[g,k,y] = sum_f V[f,g,k,y]", "USD", 1e-7, "money for {}", false},
    {"fund_year", "sum_{g,k} V[f,g,k,y] <= ceiling[f,y]", "USD", 1e-9, "yearly ceiling of {}",
     true},
    {"fund_size", "sum_{g,k,y} V[f,g,k,y] <= size[f]", "USD", 1e-9, "size of {}", true},
}};

}  // namespace

const FamilyText& family_text(Family family) { return kTexts[static_cast<std::size_t>(family)]; }

}  // namespace astrolabe::planning
