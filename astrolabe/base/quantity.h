#pragma once

// Quantities with dimensions: one double in base units, the dimension as a template argument.
//
// Base units: second, byte, FLOP (a multiply-add counts as 2), joule, constant USD of the
// scenario's base year, token, wafer (300 mm), kgCO2e, metre. Products and quotients add and
// subtract exponents; a dimensionless result is a plain double. `q.in(unit)` is the only way out,
// `3.35e12 * units::byte / units::second` the way in.
// Counts (dies, stacks, accelerators, racks) are plain numbers. GB is 1e9 bytes, GiB is 2^30.

#include <cstdint>

namespace astrolabe {

struct Dim {
  signed char second = 0, byte = 0, flop = 0, joule = 0, usd = 0, token = 0, wafer = 0, kg_co2e = 0,
              metre = 0;

  constexpr bool operator==(const Dim&) const = default;
  constexpr Dim operator+(const Dim& o) const { return combine(o, 1); }
  constexpr Dim operator-(const Dim& o) const { return combine(o, -1); }

 private:
  constexpr Dim combine(const Dim& o, int s) const {
    auto f = [s](signed char a, signed char b) { return static_cast<signed char>(a + s * b); };
    return {f(second, o.second), f(byte, o.byte),       f(flop, o.flop),
            f(joule, o.joule),   f(usd, o.usd),         f(token, o.token),
            f(wafer, o.wafer),   f(kg_co2e, o.kg_co2e), f(metre, o.metre)};
  }
};

template <Dim D>
class Quantity {
 public:
  static constexpr Dim kDim = D;
  constexpr Quantity() = default;
  static constexpr Quantity from_base(double v) { return Quantity(v); }

  constexpr double in(Quantity unit) const { return v_ / unit.v_; }

  constexpr Quantity operator+(Quantity o) const { return Quantity(v_ + o.v_); }
  constexpr Quantity operator-(Quantity o) const { return Quantity(v_ - o.v_); }
  constexpr Quantity operator-() const { return Quantity(-v_); }
  constexpr Quantity& operator+=(Quantity o) {
    v_ += o.v_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    v_ -= o.v_;
    return *this;
  }
  constexpr Quantity operator*(double k) const { return Quantity(v_ * k); }
  constexpr Quantity operator/(double k) const { return Quantity(v_ / k); }
  friend constexpr Quantity operator*(double k, Quantity q) { return Quantity(k * q.v_); }
  // Spelt out: a defaulted <=> on double makes std::max branch on NaN.
  constexpr bool operator<(Quantity o) const { return v_ < o.v_; }
  constexpr bool operator>(Quantity o) const { return v_ > o.v_; }
  constexpr bool operator<=(Quantity o) const { return v_ <= o.v_; }
  constexpr bool operator>=(Quantity o) const { return v_ >= o.v_; }
  constexpr bool operator==(Quantity o) const { return v_ == o.v_; }

  constexpr double base() const { return v_; }

 private:
  explicit constexpr Quantity(double v) : v_(v) {}
  double v_ = 0;
};

template <Dim A, Dim B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  if constexpr (A + B == Dim{}) {
    return a.base() * b.base();
  } else {
    return Quantity<A + B>::from_base(a.base() * b.base());
  }
}

template <Dim A, Dim B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) {
  if constexpr (A == B) {
    return a.base() / b.base();
  } else {
    return Quantity<A - B>::from_base(a.base() / b.base());
  }
}

template <Dim D>
constexpr auto operator/(double k, Quantity<D> q) {
  return Quantity<Dim{} - D>::from_base(k / q.base());
}

using Duration = Quantity<Dim{.second = 1}>;
using Bytes = Quantity<Dim{.byte = 1}>;
using Flop = Quantity<Dim{.flop = 1}>;
using Energy = Quantity<Dim{.joule = 1}>;
using Money = Quantity<Dim{.usd = 1}>;
using Tokens = Quantity<Dim{.token = 1}>;
using Wafers = Quantity<Dim{.wafer = 1}>;
using Carbon = Quantity<Dim{.kg_co2e = 1}>;
using Length = Quantity<Dim{.metre = 1}>;
using Area = Quantity<Dim{.metre = 2}>;
using Volume = Quantity<Dim{.metre = 3}>;
using Power = Quantity<Dim{.second = -1, .joule = 1}>;
using Bandwidth = Quantity<Dim{.second = -1, .byte = 1}>;
using FlopRate = Quantity<Dim{.second = -1, .flop = 1}>;
using TokenRate = Quantity<Dim{.second = -1, .token = 1}>;
using WaferRate = Quantity<Dim{.second = -1, .wafer = 1}>;
using Frequency = Quantity<Dim{.second = -1}>;
using EnergyPrice = Quantity<Dim{.joule = -1, .usd = 1}>;
using PowerCost = Quantity<Dim{.second = 1, .joule = -1, .usd = 1}>;
using TokenPrice = Quantity<Dim{.usd = 1, .token = -1}>;
using WaferPrice = Quantity<Dim{.usd = 1, .wafer = -1}>;
using CarbonIntensity = Quantity<Dim{.joule = -1, .kg_co2e = 1}>;
using CarbonPrice = Quantity<Dim{.usd = 1, .kg_co2e = -1}>;
using DefectDensity = Quantity<Dim{.metre = -2}>;

namespace units {
inline constexpr Duration second = Duration::from_base(1), millisecond = 1e-3 * second,
                          microsecond = 1e-6 * second, nanosecond = 1e-9 * second,
                          minute = 60.0 * second, hour = 3600.0 * second, day = 24.0 * hour,
                          year = 365.25 * day, quarter = year / 4.0, month = year / 12.0;
inline constexpr Bytes byte = Bytes::from_base(1), KB = 1e3 * byte, MB = 1e6 * byte,
                       GB = 1e9 * byte, TB = 1e12 * byte, KiB = 1024.0 * byte,
                       MiB = 1048576.0 * byte, GiB = 1073741824.0 * byte;
inline constexpr Flop flop = Flop::from_base(1), TFLOP = 1e12 * flop;
inline constexpr Energy joule = Energy::from_base(1), kWh = 3.6e6 * joule, MWh = 3.6e9 * joule;
inline constexpr Power watt = joule / second, kW = 1e3 * watt, MW = 1e6 * watt, GW = 1e9 * watt;
inline constexpr Money usd = Money::from_base(1), thousand_usd = 1e3 * usd, million_usd = 1e6 * usd,
                       billion_usd = 1e9 * usd;
inline constexpr Tokens token = Tokens::from_base(1), million_tokens = 1e6 * token;
inline constexpr Wafers wafer = Wafers::from_base(1), kwafer = 1e3 * wafer;
inline constexpr Carbon kg_co2e = Carbon::from_base(1), t_co2e = 1e3 * kg_co2e;
inline constexpr Length metre = Length::from_base(1), mm = 1e-3 * metre;
inline constexpr Area mm2 = mm * mm, cm2 = 100.0 * mm2;
}  // namespace units

}  // namespace astrolabe
