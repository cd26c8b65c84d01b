#include "astrolabe/planning/hard_demand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "astrolabe/planning/reachability.h"

namespace astrolabe::planning {

namespace {

using Kind = HardDemand::Kind;

// Sites of the zone that `site` stands for.
std::vector<std::size_t> zone_sites(const Problem& p, std::size_t site) {
  for (const Zone& zone : make_zones(p)) {
    if (zone.sites.front() == site) return zone.sites;
  }
  return {site};
}

double largest(const std::vector<double>& v) {
  return v.empty() ? 0 : *std::max_element(v.begin(), v.end());
}

// Rows of a family and entity; `bound` tells two requirements of one site apart.
std::vector<milp::ConstraintId> rows_of(const Formulation& f, Family family,
                                        const std::string& entity, int from, double bound) {
  std::vector<milp::ConstraintId> rows;
  for (std::size_t i = 0; i < f.meanings().size(); ++i) {
    const RowMeaning& row = f.meanings()[i];
    const milp::ConstraintId id(i);
    if (row.family != family || row.entity != entity || row.t < from) continue;
    const double upper = f.model().upper(id);
    if (std::isfinite(bound) && std::fabs(upper - bound) > 1e-9 * (1 + std::fabs(bound))) continue;
    rows.push_back(id);
  }
  return rows;
}

Family served_family(const DemandClass& work) {
  return work.is_training ? Family::kTrainingTotal : Family::kDemand;
}

}  // namespace

std::vector<HardDemand> list_hard_demands(const Problem& p) {
  std::vector<HardDemand> all;
  for (std::size_t z = 0; z < p.sites.size(); ++z) {
    const auto& load = p.sites[z].fixed_load;
    if (std::any_of(load.begin(), load.end(), [](Power l) { return l.base() > 0; })) {
      all.push_back({Kind::kFixedLoad, z, 0});
    }
  }
  for (const Zone& zone : make_zones(p)) {
    const std::size_t s = zone.sites.front();
    if (largest(p.sites[s].renewable_share) > 0) all.push_back({Kind::kRenewableShare, s, 0});
  }
  for (std::size_t i = 0; i < p.commitments.size(); ++i) {
    if (p.commitments[i].it_power.base() > 0) all.push_back({Kind::kVendorCommitment, i, 0});
  }
  for (std::size_t c = 0; c < p.classes.size(); ++c) {
    if (!p.classes[c].must_serve) continue;
    for (std::size_t k = 0; k < p.classes[c].in_country.size(); ++k) {
      if (p.classes[c].in_country[k].share > 0) all.push_back({Kind::kInCountry, c, k});
    }
    all.push_back({Kind::kMustServe, c, 0});
  }
  for (std::size_t i = 0; i < p.requirements.size(); ++i) {
    if (p.requirements[i].it_power.base() > 0) all.push_back({Kind::kSiteRequirement, i, 0});
  }
  return all;
}

std::vector<milp::ConstraintId> demand_rows(const Formulation& f, const HardDemand& d) {
  const Problem& p = f.problem();
  const int always = -f.history();
  switch (d.kind) {
    case Kind::kSiteRequirement: {
      const SiteRequirement& r = p.requirements[d.index];
      return rows_of(f, Family::kSiteRequirement, p.sites[r.site.index()].name, r.from,
                     -r.it_power.in(units::MW));
    }
    case Kind::kVendorCommitment: {
      const VendorCommitment& c = p.commitments[d.index];
      return rows_of(f, Family::kVendorCommitment, c.vendor, c.by, -c.it_power.in(units::MW));
    }
    case Kind::kMustServe: {
      const DemandClass& work = p.classes[d.index];
      return rows_of(f, served_family(work), work.name, always, milp::kInfinity);
    }
    case Kind::kInCountry: {
      const DemandClass& work = p.classes[d.index];
      return rows_of(f, Family::kInCountry, work.name + "," + work.in_country[d.part].country,
                     always, milp::kInfinity);
    }
    case Kind::kRenewableShare:
      return rows_of(f, Family::kRenewableEnergy, p.sites[d.index].name, always, milp::kInfinity);
    case Kind::kFixedLoad:
      return rows_of(f, Family::kSiteGrid, p.sites[d.index].name, always, milp::kInfinity);
  }
  return {};
}

std::vector<RowRelief> relief_rows(const Formulation& f, const HardDemand& d) {
  const Problem& p = f.problem();
  std::vector<RowRelief> relief;
  if (d.kind == Kind::kRenewableShare) return relief;
  for (milp::ConstraintId row : demand_rows(f, d)) {
    if (d.kind == Kind::kFixedLoad) {
      const auto t = static_cast<std::size_t>(f.meanings()[row.index()].t);
      const double load = p.sites[d.index].fixed_load[t].in(units::MW);
      if (load > 0) relief.push_back({row, load});
    } else {
      relief.push_back({row, -f.model().upper(row)});
    }
  }
  if (d.kind == Kind::kMustServe) {
    // Demand that shrinks takes its in-country shares along.
    for (const DemandClass::CountryShare& share : p.classes[d.index].in_country) {
      const std::string who = p.classes[d.index].name + "," + share.country;
      for (milp::ConstraintId row :
           rows_of(f, Family::kInCountry, who, -f.history(), milp::kInfinity)) {
        relief.push_back({row, -f.model().upper(row)});
      }
    }
  }
  return relief;
}

void scale_demand(Problem* p, const HardDemand& d, double keep) {
  switch (d.kind) {
    case Kind::kSiteRequirement:
      p->requirements[d.index].it_power = keep * p->requirements[d.index].it_power;
      break;
    case Kind::kVendorCommitment:
      p->commitments[d.index].it_power = keep * p->commitments[d.index].it_power;
      break;
    case Kind::kMustServe: {
      DemandClass& work = p->classes[d.index];
      for (Tokens& demand : work.demand) demand = keep * demand;
      work.total = keep * work.total;
      break;
    }
    case Kind::kInCountry:
      p->classes[d.index].in_country[d.part].share *= keep;
      break;
    case Kind::kRenewableShare:
      for (std::size_t s : zone_sites(*p, d.index)) {
        for (double& share : p->sites[s].renewable_share) share *= keep;
      }
      break;
    case Kind::kFixedLoad:
      for (Power& load : p->sites[d.index].fixed_load) load = keep * load;
      break;
  }
}

bool can_be_delayed(const HardDemand& d) { return d.kind != Kind::kInCountry; }

void delay_demand(Problem* p, const HardDemand& d, int from) {
  const auto until = static_cast<std::size_t>(std::max(from, 0));
  switch (d.kind) {
    case Kind::kSiteRequirement:
      p->requirements[d.index].from = from;
      break;
    case Kind::kVendorCommitment:
      p->commitments[d.index].by = from;
      break;
    case Kind::kMustServe: {
      DemandClass& work = p->classes[d.index];
      if (work.is_training) work.last = from;
      for (std::size_t t = 0; t < std::min(until, work.demand.size()); ++t) work.demand[t] = {};
      break;
    }
    case Kind::kInCountry:
      break;
    case Kind::kRenewableShare:
      for (std::size_t s : zone_sites(*p, d.index)) {
        auto& share = p->sites[s].renewable_share;
        for (std::size_t t = 0; t < std::min(until, share.size()); ++t) share[t] = 0;
      }
      break;
    case Kind::kFixedLoad: {
      auto& load = p->sites[d.index].fixed_load;
      for (std::size_t t = 0; t < std::min(until, load.size()); ++t) load[t] = {};
      break;
    }
  }
}

int first_quarter(const Problem& p, const HardDemand& d) {
  auto first = [](const auto& v, auto is_set) {
    return static_cast<int>(std::find_if(v.begin(), v.end(), is_set) - v.begin());
  };
  switch (d.kind) {
    case Kind::kSiteRequirement:
      return p.requirements[d.index].from;
    case Kind::kVendorCommitment:
      return p.commitments[d.index].by;
    case Kind::kMustServe:
    case Kind::kInCountry: {
      const DemandClass& work = p.classes[d.index];
      if (work.is_training) return work.last;
      return first(work.demand, [](Tokens n) { return n.base() > 0; });
    }
    case Kind::kRenewableShare:
      return first(p.sites[d.index].renewable_share, [](double share) { return share > 0; });
    case Kind::kFixedLoad:
      return first(p.sites[d.index].fixed_load, [](Power l) { return l.base() > 0; });
  }
  return 0;
}

std::string short_name(const Problem& p, const HardDemand& d) {
  switch (d.kind) {
    case Kind::kSiteRequirement:
      return "the IT power required at " + p.sites[p.requirements[d.index].site.index()].name;
    case Kind::kVendorCommitment:
      return "the commitment of " + p.commitments[d.index].vendor;
    case Kind::kMustServe:
      return (p.classes[d.index].is_training ? "training run " : "demand ") +
             p.classes[d.index].name;
    case Kind::kInCountry:
      return fmt::format("the share of {} served in {}", p.classes[d.index].name,
                         p.classes[d.index].in_country[d.part].country);
    case Kind::kRenewableShare:
      return "the renewable share at " + p.sites[d.index].name;
    case Kind::kFixedLoad:
      return "the other load at " + p.sites[d.index].name;
  }
  return {};
}

std::string describe(const Problem& p, const HardDemand& d) {
  const std::string from = p.quarter(std::min(first_quarter(p, d), p.horizon() - 1)).text();
  switch (d.kind) {
    case Kind::kSiteRequirement: {
      const SiteRequirement& r = p.requirements[d.index];
      return fmt::format("site {} needs {} of IT power from {} ({})", p.sites[r.site.index()].name,
                         power_text(r.it_power), from, r.position.text());
    }
    case Kind::kVendorCommitment: {
      const VendorCommitment& c = p.commitments[d.index];
      return fmt::format("{} is to deliver {} by {} ({})", c.vendor, power_text(c.it_power), from,
                         c.position.text());
    }
    case Kind::kMustServe: {
      const DemandClass& work = p.classes[d.index];
      return fmt::format("{} must be served in full {} {} ({})", work.name,
                         work.is_training ? "by the end of" : "from", from, work.position.text());
    }
    case Kind::kInCountry: {
      const DemandClass& work = p.classes[d.index];
      const DemandClass::CountryShare& share = work.in_country[d.part];
      return fmt::format("{:.0f}% of {} must be served in {} ({})", 100 * share.share, work.name,
                         share.country, work.position.text());
    }
    case Kind::kRenewableShare:
      return fmt::format("{:.0f}% of the energy at {} must be renewable from {} ({})",
                         100 * largest(p.sites[d.index].renewable_share), p.sites[d.index].name,
                         from, p.sites[d.index].renewable_position.text());
    case Kind::kFixedLoad: {
      Power most;
      for (Power load : p.sites[d.index].fixed_load) most = std::max(most, load);
      return fmt::format("site {} carries up to {} of other load from {} ({})",
                         p.sites[d.index].name, power_text(most), from,
                         p.sites[d.index].fixed_load_position.text());
    }
  }
  return {};
}

std::string amount_text(const Problem& p, const HardDemand& d, double keep) {
  switch (d.kind) {
    case Kind::kSiteRequirement:
      return power_text(keep * p.requirements[d.index].it_power);
    case Kind::kVendorCommitment:
      return power_text(keep * p.commitments[d.index].it_power);
    case Kind::kInCountry:
      return fmt::format("{:.0f}%", 100 * keep * p.classes[d.index].in_country[d.part].share);
    case Kind::kRenewableShare:
      return fmt::format("{:.0f}%", 100 * keep * largest(p.sites[d.index].renewable_share));
    case Kind::kMustServe:
    case Kind::kFixedLoad:
      return fmt::format("{:.0f}% of it", 100 * keep);
  }
  return {};
}

}  // namespace astrolabe::planning
