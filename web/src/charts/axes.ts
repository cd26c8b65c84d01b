// Axes, legends and tooltips that the charts share.

import { escape_html, format_number, shorten } from '../format';
import { theme } from '../palette';

export const kNarrow = 520;
export const kLongName = 36; // characters

export function legend(width: number): object {
  return {
    type: 'plain',
    top: 0,
    left: 0,
    width: width - 8,
    itemWidth: 22,
    itemHeight: 14,
    itemGap: 12,
    textStyle: { color: theme().ink, fontSize: 12 },
    formatter: (name: string) => shorten(name, kLongName),
  };
}

// Room for a legend of these names, in pixels.
export function legend_height(names: string[], width: number): number {
  let lines = 1;
  let x = 0;
  for (const name of names) {
    const w = 22 + 5 + Math.min(name.length, kLongName) * 6.8 + 12;
    if (x > 0 && x + w > width - 8) {
      lines += 1;
      x = 0;
    }
    x += w;
  }
  return lines * 24 + 8;
}

// Years at their first quarter; every second one where there is no room.
export function quarter_axis(xs: string[], width: number): object {
  const t = theme();
  const is_first = (text: string) => text.endsWith('Q1') || !text.includes('Q');
  const n_years = xs.filter(is_first).length;
  const every = n_years * 44 > width - 80 ? 2 : 1;
  let n_seen = 0;
  const shown = new Set(xs.filter((x) => is_first(x) && n_seen++ % every === 0));
  return {
    type: 'category',
    data: xs,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: t.muted } },
    axisLabel: {
      color: t.muted,
      interval: (_: number, text: string) => shown.has(text),
      formatter: (text: string) => text.slice(0, 4),
    },
  };
}

export function value_axis(name: string): object {
  const t = theme();
  return {
    type: 'value',
    name,
    nameLocation: 'end',
    nameTextStyle: { color: t.muted, align: 'left' },
    axisLabel: { color: t.muted, formatter: (v: number) => format_number(v) },
    splitLine: { lineStyle: { color: t.line } },
  };
}

export function grid(top: number): object {
  return { top: top + 28, left: 8, right: 16, bottom: 8, containLabel: true };
}

export function tooltip_style(): object {
  const t = theme();
  return {
    confine: true,
    backgroundColor: t.background,
    borderColor: t.line,
    textStyle: { color: t.ink, fontSize: 12 },
    extraCssText: 'max-width:min(420px,80vw);white-space:normal;overflow-wrap:anywhere;',
  };
}

interface AxisItem {
  axisValueLabel?: string;
  name: string;
  seriesName: string;
  marker: string;
  value: number | null;
}

// One line per series that is not zero, largest first.
export function axis_tooltip(unit: string): object {
  return {
    ...tooltip_style(),
    trigger: 'axis',
    formatter: (params: unknown) => {
      const items = params as AxisItem[];
      const lines = items
        .filter((p) => typeof p.value === 'number' && p.value) // neither 0 nor NaN
        .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
        .map((p) => {
          const value = `<b>${format_number(p.value ?? 0)}</b>`;
          return `${p.marker} ${escape_html(p.seriesName)} ${value}`;
        });
      const head = escape_html(items[0]?.name ?? '');
      return [`<b>${head}</b> ${escape_html(unit)}`, ...lines].join('<br>');
    },
  };
}
