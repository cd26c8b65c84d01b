#pragma once

// Energy of a run: commands times energy per command plus background power times time.
//
//   E = n_ACT e_act + 8 x 32 (n_RD + n_WR) (e_core + e_tsv + e_phy) + rows refreshed e_row
//       + pseudo-channels (P_up t_up + P_pd t_pd + P_sr t_sr)
//
// A refresh command refreshes rows_per_refresh rows of each bank it covers: all rows of a bank in
// 8192 commands. On-die ECC is inside the figures per bit (the check bits move with the data); a
// scrub (error_correction.h) is an access read and written back inside the array.
// Assumption: half of the data bits toggle. Ranges are those of the table, all low or all high.
// Source: [oconnor2017fgdram] for HBM2; later standards are estimates, see data/memory/energy.csv.

#include <string>

#include "astrolabe/base/quantity.h"
#include "astrolabe/memory/dram_spec.h"
#include "astrolabe/memory/statistics.h"

namespace astrolabe::memory {

struct EnergyFigures {  // one of low, used, high
  Energy activate, refresh_row;
  Energy core_bit, tsv_bit, phy_bit;
  Power background, power_down, self_refresh;  // of a pseudo-channel
};

struct EnergyTable {
  EnergyFigures low, used, high;
};

struct EnergySplit {
  Energy activate, core, tsv, phy, refresh, scrub, background;
  Energy total() const { return activate + core + tsv + phy + refresh + scrub + background; }
};

EnergyTable load_energy(const std::string& data_dir, const std::string& standard);
EnergySplit energy_of(const EnergyFigures& figures, const Statistics& statistics,
                      const DramSpec& spec);

}  // namespace astrolabe::memory
