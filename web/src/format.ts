// Numbers and units as a reader sees them.

const kUnits: [RegExp, string][] = [
  [/ttokens_per_day$/, 'trillion tokens a day'],
  [/usd_per_mtokens$/, 'USD per million tokens'],
  [/kwafers_per_month$/, 'thousand wafers a month'],
  [/kt_co2e$/, 'kt CO2e'],
  [/(^|_)musd$/, 'million USD'],
  [/(^|_)busd$/, 'billion USD'],
  [/_percent$/, '%'],
  [/_thousand$/, 'thousand'],
  [/_ttokens$/, 'trillion tokens'],
  [/_megalitres$/, 'million litres'],
  [/_per_cm2$/, 'per cm2'],
  [/_gwh$/, 'GWh'],
  [/_mwh$/, 'MWh'],
  [/_gw$/, 'GW'],
  [/_mw$/, 'MW'],
];

// The unit at the end of a column's name, in words; '' when it has none.
export function unit_of(column: string): string {
  return kUnits.find(([suffix]) => suffix.test(column))?.[1] ?? '';
}

function decimals(magnitude: number): number {
  if (magnitude >= 100) return 0;
  if (magnitude >= 10) return 1;
  if (magnitude >= 1) return 2;
  return 3;
}

export function format_number(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return '0';
  if (magnitude < 0.001) return value.toPrecision(2);
  return value.toLocaleString('en-US', { maximumFractionDigits: decimals(magnitude) });
}

export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

// hbm_wafers -> "hbm wafers": names of the model as words.
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
}

export function escape_html(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
