#include "astrolabe/site/site_facts.h"

#include <algorithm>
#include <cmath>

namespace astrolabe::site {

namespace {

// Remembers which facts of one entity were used and which are missing.
class Facts {
 public:
  Facts(const catalog::Catalog& catalog, std::string entity)
      : catalog_(catalog), entity_(std::move(entity)) {}

  template <Dim D>
  Quantity<D> quantity(const char* attribute) {
    return require(catalog_.find<D>(entity_, attribute), attribute).value_or(Quantity<D>());
  }
  double number(const char* attribute) {
    return require(catalog_.find_number(entity_, attribute), attribute).value_or(0);
  }
  std::string text(const char* attribute) {
    return require(catalog_.find_text(entity_, attribute), attribute).value_or("");
  }
  template <Dim D>
  std::optional<Quantity<D>> optional_quantity(const char* attribute) {
    return use(catalog_.find<D>(entity_, attribute), attribute);
  }
  std::optional<double> optional_number(const char* attribute) {
    return use(catalog_.find_number(entity_, attribute), attribute);
  }
  std::optional<Quarter> optional_quarter(const char* attribute) {
    return use(catalog_.find_quarter(entity_, attribute), attribute);
  }
  std::vector<std::pair<Quarter, Power>> power_path(const char* attribute) {
    std::vector<std::pair<Quarter, Power>> path;
    if (!catalog_.has_value(entity_, attribute)) {
      note_missing(attribute);
      return path;
    }
    used_.push_back(entity_ + "." + attribute);
    for (const auto& [q, v] : catalog_.path(entity_, attribute, Power::kDim)) {
      path.emplace_back(q, Power::from_base(v));
    }
    return path;
  }

  void take(const std::vector<std::string>& facts, const std::string& reason) {
    used_.insert(used_.end(), facts.begin(), facts.end());
    if (!reason.empty()) add_reason(reason);
  }
  template <class T>
  Reading<T> finish(T value) const {
    Reading<T> r;
    r.facts = used_;
    r.reason = reason_;
    if (reason_.empty()) r.value = std::move(value);
    return r;
  }

 private:
  template <class T>
  std::optional<T> use(std::optional<T> value, const char* attribute) {
    if (value) used_.push_back(entity_ + "." + attribute);
    return value;
  }
  template <class T>
  std::optional<T> require(std::optional<T> value, const char* attribute) {
    if (!value) note_missing(attribute);
    return use(std::move(value), attribute);
  }
  void note_missing(const char* attribute) {
    const catalog::Fact* fact = catalog_.find_fact(entity_, attribute);
    const std::string why = fact == nullptr || fact->note.empty() ? "" : " (" + fact->note + ")";
    add_reason("missing: " + entity_ + "." + attribute + why);
  }
  void add_reason(const std::string& reason) { reason_ += (reason_.empty() ? "" : "; ") + reason; }

  const catalog::Catalog& catalog_;
  std::string entity_, reason_;
  std::vector<std::string> used_;
};

// A month late is a quarter late; months are binary fractions of a year, hence the slack.
int whole_quarters(Duration d) { return static_cast<int>(std::ceil(d.in(units::quarter)-1e-6)); }

Power last_at(const std::vector<std::pair<Quarter, Power>>& path, Quarter q) {
  Power power;
  for (const auto& [from, p] : path) {
    if (from <= q) power = p;
  }
  return power;
}

}  // namespace

Reading<Grid> read_grid(const catalog::Catalog& catalog, const std::string& entity) {
  Facts facts(catalog, entity);
  Grid g;
  g.entity = entity;
  g.country = facts.text("country");
  g.electricity_price = facts.quantity<EnergyPrice::kDim>("electricity_price");
  g.carbon_intensity = facts.quantity<CarbonIntensity::kDim>("carbon_intensity");
  g.carbon_price =
      facts.optional_quantity<CarbonPrice::kDim>("carbon_price").value_or(CarbonPrice());
  return facts.finish(std::move(g));
}

Reading<SiteFacts> read_site(const catalog::Catalog& catalog, const std::string& entity) {
  Facts facts(catalog, entity);
  SiteFacts s;
  s.entity = entity;
  s.name = facts.text("name");
  s.country = facts.text("country");
  s.latitude_deg = facts.number("latitude");
  s.longitude_deg = facts.number("longitude");
  s.announced = facts.quantity<Power::kDim>("announced_power");
  s.contracted = facts.power_path("contracted_power");
  s.energised = facts.power_path("energised_power");
  s.block = facts.quantity<Power::kDim>("block_power");
  s.build_time = facts.quantity<Duration::kDim>("build_time");
  s.grid_lead_time = facts.quantity<Duration::kDim>("grid_lead_time");
  s.build_quarters = whole_quarters(s.build_time);
  s.grid_quarters = whole_quarters(s.grid_lead_time);
  s.expandable = facts.quantity<Power::kDim>("expandable_power");
  s.pue = facts.number("pue");
  s.shell_capex = facts.quantity<PowerCost::kDim>("shell_capex");
  s.grid_capex = facts.quantity<PowerCost::kDim>("grid_capex");
  s.water = facts.optional_quantity<VolumePerEnergy::kDim>("water");
  s.rack_power_limit = facts.optional_quantity<Power::kDim>("rack_power_limit");
  if (const std::string grid = facts.text("grid"); !grid.empty()) {
    const Reading<Grid> reading = read_grid(catalog, grid);
    facts.take(reading.facts, reading.reason);
    if (reading.value) s.grid = *reading.value;
  }
  return facts.finish(std::move(s));
}

Reading<EnergySourceFacts> read_energy_source(const catalog::Catalog& catalog,
                                              const std::string& entity) {
  Facts facts(catalog, entity);
  EnergySourceFacts e;
  e.entity = entity;
  e.name = facts.text("name");
  e.grid = facts.text("grid");
  e.technology = facts.text("technology");
  e.capacity_factor = facts.number("capacity_factor");
  e.price = facts.quantity<EnergyPrice::kDim>("ppa_price");
  e.lead_quarters = whole_quarters(facts.quantity<Duration::kDim>("lead_time"));
  e.potential = facts.power_path("potential");
  e.earliest_connection = facts.optional_quarter("earliest_connection");
  const char* const attributes[] = {"seasonal_q1", "seasonal_q2", "seasonal_q3", "seasonal_q4"};
  int n_seasons = 0;
  for (std::size_t q = 0; q < 4; ++q) {
    const auto season = facts.optional_number(attributes[q]);
    e.seasonal[q] = season.value_or(1);
    n_seasons += season ? 1 : 0;
  }
  e.has_seasonal = n_seasons == 4;
  return facts.finish(std::move(e));
}

PowerStates power_state_path(const SiteFacts& site, Quarter start, int quarters) {
  PowerStates states;
  for (int t = 0; t < quarters; ++t) {
    const Power energised = last_at(site.energised, start + t);
    const Power contracted = last_at(site.contracted, start + t);
    states.announced.push_back(site.announced);
    states.energised.push_back(energised);
    states.contracted.push_back(
        std::max(contracted, energised, [](Power a, Power b) { return a < b; }));
  }
  return states;
}

}  // namespace astrolabe::site
