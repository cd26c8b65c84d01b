// Why a stride of 4 KiB gives what it gives under MOP4CLXOR (docs/theory/memory.md).

#include <gtest/gtest.h>

#include <set>

#include "astrolabe/memory/memory_system.h"
#include "astrolabe/memory/test/memory_cases.h"

namespace astrolabe::memory {

namespace {

MemoryConfig without_refresh() {
  MemoryConfig c = load_preset(kData, "hbm3-6.4-16gb-8hi");
  c.controller.refresh = RefreshMode::kNone;
  return c;
}

}  // namespace

// Sixteen accesses in a row meet two banks of one bank group; the next sixteen the other
// pseudo-channel.
TEST(Stride, SixteenAccessesStayInOneBankGroup) {
  const MemoryConfig c = without_refresh();
  const AddressMapping mapping(c.mapping, c.spec.organization);
  int last = -1;
  for (std::uint64_t run = 0; run < 64; ++run) {
    std::set<int> banks, groups, rows;
    std::set<std::uint8_t> pseudo_channels;
    for (std::uint64_t i = 0; i < 16; ++i) {
      Request r;
      mapping.place((16 * run + i) * 4096 / kAccessBytes, &r);
      banks.insert(r.bank);
      groups.insert(r.bank / c.spec.organization.banks);
      rows.insert(static_cast<int>(r.row));
      pseudo_channels.insert(r.pseudo_channel);
    }
    EXPECT_EQ(banks.size(), 2U);
    EXPECT_EQ(groups.size(), 1U);
    EXPECT_EQ(rows.size(), 1U);
    ASSERT_EQ(pseudo_channels.size(), 1U);
    EXPECT_NE(*pseudo_channels.begin(), last);
    last = *pseudo_channels.begin();
  }
}

// So each pseudo-channel reads one bank group at a time, an access every tCCDL; where its queue
// holds the beginning of the next row too, that row's group takes some of the slots between.
TEST(Stride, BothPseudoChannelsReadABankGroupEach) {
  const MemoryConfig c = without_refresh();
  Traffic t = parse_traffic("stride4k");
  t.requests = 50000;
  const double one_group_each = 2 * 32 / (4 * 0.625);
  const double ours = simulate(c, t, {}).bandwidth().base() / 1e9;
  EXPECT_GT(ours, one_group_each);
  EXPECT_LT(ours, 1.1 * one_group_each);
}

}  // namespace astrolabe::memory
