#pragma once

// A small data directory with round made-up figures, so that every product of the chain can be
// computed by hand in a test.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "astrolabe/catalog/catalog.h"

namespace astrolabe::supply {

class SmallCatalog {
 public:
  SmallCatalog() {
    write("sources.csv", "id,title,url,grade,note\nhand,By hand,,estimate,\n");
    std::filesystem::copy_file(std::string(ASTROLABE_SOURCE_DIR) + "/data/schema.csv",
                               dir_ / "schema.csv",
                               std::filesystem::copy_options::overwrite_existing);
  }
  ~SmallCatalog() { std::filesystem::remove_all(dir_); }
  SmallCatalog(const SmallCatalog&) = delete;
  SmallCatalog& operator=(const SmallCatalog&) = delete;

  // Lines "entity,attribute,value,unit"; the required attributes left out become missing facts.
  void add(const std::string& kind, const std::string& entity, const std::string& lines) {
    std::string& rows = kinds_[kind];
    std::istringstream in(lines);
    std::string present;
    for (std::string line; std::getline(in, line);) {
      rows += entity + "," + line + ",,,2026,hand,,ESTIMATE: test\n";
      present += "," + line.substr(0, line.find_first_of(",@")) + ",";
    }
    for (const std::string& attribute : required(kind)) {
      if (present.find("," + attribute + ",") == std::string::npos) {
        rows += entity + "," + attribute + ",,,,,2026,hand,,not given\n";
      }
    }
  }

  catalog::Catalog load() const {
    for (const auto& [kind, rows] : kinds_) {
      write(kind + ".csv",
            "entity,attribute,value,unit,low,high,as_of,source,locator,note\n" + rows);
    }
    return catalog::Catalog::load(dir_.string());
  }

 private:
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(dir_);
    std::ofstream(dir_ / file) << text;
  }
  std::vector<std::string> required(const std::string& kind) const {
    std::vector<std::string> names;
    std::ifstream in(dir_ / "schema.csv");
    for (std::string line; std::getline(in, line);) {
      std::vector<std::string> cells;
      std::istringstream row(line);
      for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
      if (cells.size() > 4 && cells[0] == kind && cells[4] == "1") names.push_back(cells[1]);
    }
    return names;
  }

  std::filesystem::path dir_ =
      std::filesystem::temp_directory_path() / ("astrolabe_supply_" + std::to_string(::getpid()));
  std::map<std::string, std::string> kinds_;
};

// HBM: 4 core dies of 1 GB. Core 10 x 10 mm; logic die 900 mm2.
inline const char* const kHbmFacts =
    "dies_per_stack,4,dies/stack\ndie_capacity,8,Gbit\ndie_area,100,mm2\ndefect_density,0.2,1/cm2\n"
    "layer_yield,99,%\ntest_yield,80,%\nbase_die_area,100,mm2\nbase_die_node,DRAM process,\n"
    "cycle_time,6,months\nstack_price,200,USD/stack";

}  // namespace astrolabe::supply
