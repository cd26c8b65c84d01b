#include "astrolabe/memory/address_mapping.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace astrolabe::memory {

namespace {

constexpr std::array<std::string_view, 6> kFieldNames = {"pseudochannel", "sid", "bankgroup",
                                                         "bank",          "row", "column"};
constexpr const char* kForm =
    "parts such as 'row column[4:2] bank bankgroup sid pseudochannel column[1:0]', then hashes "
    "such as '; bank ^= row[1:0]'";

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool read_number(std::string_view text, unsigned* value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *value);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size() &&
         *value < 32;
}

unsigned bits_of(std::uint64_t size) { return static_cast<unsigned>(std::bit_width(size) - 1); }

}  // namespace

void AddressMapping::fail(const std::string& given, const std::string& allowed) const {
  throw InputError(where_, "mapping", given.empty() ? "nothing" : given, allowed);
}

AddressMapping::Slice AddressMapping::read_slice(const std::string& word, bool may_be_part) const {
  const std::size_t bracket = word.find('[');
  const std::string name = word.substr(0, bracket);
  const auto found = std::find(kFieldNames.begin(), kFieldNames.end(), name);
  if (found == kFieldNames.end()) fail("'" + word + "'", kForm);
  Slice s;
  s.field = static_cast<Field>(found - kFieldNames.begin());
  const bool is_power = std::has_single_bit(size_[s.field]);
  s.bits = bits_of(size_[s.field]);
  if (bracket == std::string::npos) return s;
  s.is_whole = false;
  if (!is_power && !may_be_part) {
    fail("'" + word + "'", name + " whole: its size is no power of two");
  }
  if (!is_power) ++s.bits;
  const std::size_t colon = word.find(':', bracket);
  if (word.back() != ']') fail("'" + word + "'", kForm);
  const std::string_view inside =
      std::string_view(word).substr(bracket + 1, word.size() - bracket - 2);
  unsigned high = 0;
  const bool is_read = colon == std::string::npos
                           ? read_number(inside, &high) && read_number(inside, &s.low)
                           : read_number(inside.substr(0, colon - bracket - 1), &high) &&
                                 read_number(inside.substr(colon - bracket), &s.low);
  if (!is_read || high < s.low || high >= s.bits) {
    fail("'" + word + "'", name + "[high:low] within " + std::to_string(s.bits) + " bits");
  }
  s.bits = high - s.low + 1;
  return s;
}

void AddressMapping::read_parts(const std::string& text) {
  std::array<std::uint64_t, kFields> seen{};
  std::size_t end = text.size();
  while (end > 0) {  // from the least significant part, which stands last
    const std::size_t space = text.find_last_of(' ', end - 1);
    const std::size_t begin = space == std::string::npos ? 0 : space + 1;
    if (begin < end) {
      const Slice s = read_slice(text.substr(begin, end - begin), false);
      const bool is_power = std::has_single_bit(size_[s.field]);
      const std::uint64_t covers = is_power ? ((std::uint64_t{1} << s.bits) - 1) << s.low : 1;
      if ((seen[s.field] & covers) != 0) {
        fail("'" + text.substr(begin, end - begin) + "' a second time", "every bit once");
      }
      seen[s.field] |= covers;
      if (is_power) {
        if (s.bits > 0) parts_.push_back({s.field, s.low, s.bits, std::uint64_t{1} << s.bits});
      } else {
        parts_.push_back({s.field, 0, 0, size_[s.field]});
      }
    }
    end = begin == 0 ? 0 : begin - 1;
  }
  for (std::size_t f = 0; f < kFields; ++f) {
    const std::uint64_t whole = std::has_single_bit(size_[f]) ? size_[f] - 1 : 1;
    if (seen[f] != whole) {
      fail("'" + text + "' without all of " + std::string(kFieldNames[f]), kForm);
    }
  }
}

void AddressMapping::read_hash(const std::string& text) {
  const std::size_t op = text.find("^=");
  if (op == std::string::npos) fail("'" + text + "'", kForm);
  const Slice target = read_slice(trimmed(text.substr(0, op)), false);
  const Slice source = read_slice(trimmed(text.substr(op + 2)), true);
  if (source.field != kRow || source.is_whole || target.field == kRow) {
    fail("'" + text + "'", "a target other than row, hashed with bits of row");
  }
  const bool is_power = std::has_single_bit(size_[target.field]);
  const unsigned bits = is_power ? std::min(target.bits, source.bits) : source.bits;
  hashes_.push_back({target.field, target.low, (std::uint64_t{1} << bits) - 1, source.low});
}

AddressMapping::AddressMapping(const std::string& text, const Organization& organization,
                               const SourcePosition& where)
    : where_(where),
      size_{static_cast<std::uint64_t>(organization.pseudo_channels),
            static_cast<std::uint64_t>(organization.sids),
            static_cast<std::uint64_t>(organization.bank_groups),
            static_cast<std::uint64_t>(organization.banks),
            static_cast<std::uint64_t>(organization.rows),
            static_cast<std::uint64_t>(organization.columns)},
      groups_(static_cast<std::uint64_t>(organization.bank_groups)),
      banks_(static_cast<std::uint64_t>(organization.banks)) {
  for (const std::uint64_t size : size_) accesses_ *= size;
  std::size_t begin = 0;
  for (bool is_first = true; begin <= text.size(); is_first = false) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string piece = trimmed(text.substr(begin, end - begin));
    if (is_first) {
      read_parts(piece);
    } else if (!piece.empty()) {
      read_hash(piece);
    }
    begin = end + 1;
  }
  make_tables();
}

void AddressMapping::make_tables() {
  for (std::size_t k = 0; k + 1 < parts_.size(); ++k) {
    if (parts_[k].bits == 0) return;  // a remainder below other parts is not linear
  }
  if (parts_.empty() || !std::has_single_bit(groups_) || !std::has_single_bit(banks_)) return;
  const auto bits = static_cast<std::size_t>(std::bit_width(accesses_ - 1));
  if (bits > 8 * kTables) return;
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    for (std::uint64_t byte = 0; byte < 256; ++byte) {
      for (unsigned b = 0; b < 8; ++b) {
        if (((byte >> b) & 1U) == 0 || 8 * t + b >= bits) continue;
        Request r;
        place_by_parts(std::uint64_t{1} << (8 * t + b), &r);
        tables_[t][byte] ^= r.word();
      }
    }
  }
  is_linear_ = true;
}

void AddressMapping::place_by_parts(std::uint64_t access, Request* request) const {
  std::array<std::uint64_t, kFields> value{};
  for (const Part& part : parts_) {
    if (part.bits > 0) {
      value[part.field] |= (access & (part.size - 1)) << part.shift;
      access >>= part.bits;
    } else {
      // The most significant part needs no remainder.
      value[part.field] = &part == &parts_.back() ? access : access % part.size;
      access /= part.size;
    }
  }
  for (const Hash& h : hashes_) {
    const std::uint64_t bits = (value[kRow] >> h.row_shift) & h.mask;
    if (std::has_single_bit(size_[h.target])) {
      value[h.target] ^= bits << h.target_shift;
    } else {
      value[h.target] = (value[h.target] + bits) % size_[h.target];
    }
  }
  request->pseudo_channel = static_cast<std::uint8_t>(value[kPseudoChannel]);
  request->bank = static_cast<std::uint8_t>((value[kSid] * groups_ + value[kBankGroup]) * banks_ +
                                            value[kBank]);
  request->row = static_cast<std::uint32_t>(value[kRow]);
  request->column = static_cast<std::uint16_t>(value[kColumn]);
}

}  // namespace astrolabe::memory
