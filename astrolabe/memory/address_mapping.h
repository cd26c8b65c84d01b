#pragma once

// From an address to channel, pseudo-channel, SID, bank group, bank, row and column.
//
// Channels: block k of `interleave_bytes` lies in group g = k / n and channel (k + f(g)) mod n,
// f(g) = g xor (g >> 5) xor (g >> 11): any number of channels, each with exactly one block of every
// group, so that a channel can list its own part of an address range without visiting the rest.
// Within a channel, group g holds local addresses from g * interleave on. They are split by a text,
// most significant part first, and then hashed:
//
//   row column[4:2] bank bankgroup sid pseudochannel column[1:0]; bank ^= row[1:0]
//
// Every bit of every field occurs once; a part is hashed with any bits of the row. A field whose
// size is not a power of two (12-high stacks have three SIDs) stands whole and takes a remainder
// instead of bits; it cannot be hashed. Assumption: real mappings are secret; those in
// data/memory/mappings.csv are textbook ones.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "astrolabe/base/error.h"
#include "astrolabe/memory/dram_spec.h"
#include "astrolabe/memory/request.h"

namespace astrolabe::memory {

class AddressMapping {
 public:
  // InputError for a text that does not cover the organisation exactly once.
  AddressMapping(const std::string& text, const Organization& organization,
                 const SourcePosition& where = {});

  // A local access: address in the channel over 32 bytes, less than accesses(). Where all fields
  // are bits, the split and the hash are linear over bits, so that it is the xor of one entry of
  // each of a few tables, one for every eight bits.
  void place(std::uint64_t access, Request* request) const {
    if (!is_linear_) return place_by_parts(access, request);
    request->set_word(packed(access, 0));
  }
  // The accesses from `first` on. What is above their low byte changes once in 256.
  void place(std::uint64_t first, std::span<Request> requests) const {
    if (!is_linear_) {
      for (Request& request : requests) place_by_parts(first++, &request);
      return;
    }
    while (!requests.empty()) {
      const std::uint64_t high = packed(first >> 8U, 1);
      const std::uint64_t* low = &tables_[0][first & 0xff];
      const std::size_t n = std::min<std::size_t>(requests.size(), 256 - (first & 0xff));
      for (Request& request : requests.first(n)) request.set_word(*low++ ^ high);
      first += n;
      requests = requests.subspan(n);
    }
  }
  void place_by_parts(std::uint64_t access, Request* request) const;
  std::uint64_t accesses() const { return accesses_; }

 private:
  enum Field : std::uint8_t { kPseudoChannel, kSid, kBankGroup, kBank, kRow, kColumn, kFields };
  struct Part {
    Field field = kRow;
    unsigned shift = 0, bits = 0;  // of the field; bits 0: the whole field by remainder
    std::uint64_t size = 1;
  };
  struct Hash {
    Field target = kBank;
    unsigned target_shift = 0;
    std::uint64_t mask = 0;
    unsigned row_shift = 0;
  };
  struct Slice {
    Field field = kRow;
    unsigned low = 0, bits = 0;
    bool is_whole = true;
  };

  std::uint64_t packed(std::uint64_t access, std::size_t first_table) const {
    std::uint64_t all = 0;
    for (std::size_t t = first_table; t < kTables; ++t) {
      all ^= tables_[t][access & 0xff];
      access >>= 8U;
    }
    return all;
  }

  Slice read_slice(const std::string& word, bool may_be_part) const;
  void read_parts(const std::string& text);
  void read_hash(const std::string& text);
  [[noreturn]] void fail(const std::string& given, const std::string& allowed) const;

  SourcePosition where_;
  std::array<std::uint64_t, kFields> size_;
  std::vector<Part> parts_;  // least significant first
  std::vector<Hash> hashes_;
  void make_tables();

  std::uint64_t accesses_ = 1, groups_ = 1, banks_ = 1;
  bool is_linear_ = false;
  static constexpr std::size_t kTables = 5;
  std::array<std::array<std::uint64_t, 256>, kTables> tables_{};
};

// Division by a number that stays the same, as a product: exact for x < 2^64 / divisor.
class Divisor {
 public:
  explicit Divisor(std::uint64_t divisor)
      : divisor_(divisor), reciprocal_(divisor > 1 ? ~std::uint64_t{0} / divisor + 1 : 0) {}
  std::uint64_t quotient(std::uint64_t x) const {
    if (reciprocal_ == 0) return x;
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(x) * reciprocal_) >> 64U);
  }
  std::uint64_t remainder(std::uint64_t x) const { return x - quotient(x) * divisor_; }
  std::uint64_t value() const { return divisor_; }

 private:
  std::uint64_t divisor_, reciprocal_;
};

// Which channel an access belongs to.
class ChannelMapping {
 public:
  ChannelMapping(std::uint64_t channels, std::uint64_t accesses_per_block)
      : n_(channels), block_(accesses_per_block), group_(channels * accesses_per_block) {}

  std::uint64_t channels() const { return n_.value(); }
  std::uint64_t accesses_per_block() const { return block_.value(); }
  std::uint64_t group(std::uint64_t access) const { return group_.quotient(access); }
  std::uint64_t block(std::uint64_t access) const { return block_.quotient(access); }
  std::uint64_t channel(std::uint64_t access) const {
    const std::uint64_t k = block(access), g = n_.quotient(k);
    const std::uint64_t c = k - g * n_.value() + hash(g);
    return c < n_.value() ? c : c - n_.value();
  }
  // The first access of a channel's block of group g.
  std::uint64_t block_of(std::uint64_t channel, std::uint64_t g) const {
    const std::uint64_t h = hash(g), place = channel >= h ? channel - h : channel + n_.value() - h;
    return (g * n_.value() + place) * block_.value();
  }
  std::uint64_t local(std::uint64_t access) const {
    return group(access) * block_.value() + block_.remainder(access);
  }

 private:
  std::uint64_t hash(std::uint64_t g) const { return n_.remainder(g ^ (g >> 5) ^ (g >> 11)); }
  Divisor n_, block_, group_;
};

}  // namespace astrolabe::memory
