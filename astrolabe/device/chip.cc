#include "astrolabe/device/chip.h"

#include "astrolabe/base/csv.h"

namespace astrolabe::device {

std::vector<Chip> read_chips(const std::string& path) {
  const CsvTable table = CsvTable::read(path);
  std::vector<Chip> chips;
  for (const auto& row : table.rows()) {
    const auto number = [&](const char* column, bool may_be_empty) {
      const std::string& cell = table.cell(row, column);
      if (cell.empty() && may_be_empty) return 0.0;
      return parse_number(cell, table.position(row), column);
    };
    Chip chip;
    chip.name = table.cell(row, "system");
    chip.architecture = table.cell(row, "architecture");
    chip.generation = number("year", false);
    chip.hbm_gbps = number("hbm_gbps", false);
    chip.tflops = {number("bf16_tflops", false), number("fp8_tflops", true),
                   number("int8_tflops", true), number("fp4_tflops", true)};
    chip.tdp_w = number("tdp_w", false);
    chips.push_back(std::move(chip));
  }
  return chips;
}

}  // namespace astrolabe::device
