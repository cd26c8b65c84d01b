// What a memory sustains: bandwidth against the bytes read in one piece, bandwidth and latency against load.

import { rows_of, unique, type Row, type Table } from '../data';
import type { Chosen, Figure } from '../figure';
import { format_number } from '../format';
import { style } from '../palette';
import { axis_tooltip, grid, legend, legend_height, value_axis } from './axes';

interface View {
  text: string;
  x: string;
  y: string;
  unit: string;
}
const kViews: Record<string, View> = {
  size: { text: 'bandwidth, by size of a piece', x: 'piece_bytes', y: 'bandwidth_gb_per_s', unit: 'GB/s' },
  load: { text: 'bandwidth, by load', x: 'load', y: 'bandwidth_gb_per_s', unit: 'GB/s' },
  latency: { text: 'read latency, by load', x: 'load', y: 'read_latency_mean_ns', unit: 'ns' },
};

function size_text(bytes: number): string {
  if (bytes >= 1048576) return `${bytes / 1048576} MiB`;
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

function series_name(r: Row): string {
  if (r.number('load') > 0) return 'streaming reads';
  const writes = `${format_number(100 * r.number('write_share'))} % writes`;
  return r.number('footprint_gib') > 0 ? `${writes}, in ${format_number(1024 * r.number('footprint_gib'))} MiB` : writes;
}

export function bandwidth_curve_figure(table: Table): Figure {
  const rows = rows_of(table);
  const view = (chosen: Chosen): View => kViews[chosen.view ?? 'size'] ?? kViews.size!;
  const shown = (chosen: Chosen) =>
    rows.filter((r) => r.number('load') > 0 === (view(chosen).x === 'load'));
  const names = (chosen: Chosen) => unique(shown(chosen).map(series_name));
  return {
    table,
    lead:
      'Simulated cycle by cycle: pieces at random places in a closed loop that is never short of requests, and ' +
      'streaming reads at a share of what it sustains.',
    choices: [{ name: 'view', label: 'Show', options: Object.entries(kViews).map(([k, v]) => [k, v.text]) }],
    height: (chosen, width) => 320 + legend_height(names(chosen), width),
    option: (chosen, width) => {
      const v = view(chosen);
      const list = shown(chosen);
      const xs = unique(list.map((r) => r.number(v.x))).sort((a, b) => a - b);
      const text = (x: number) => (v.x === 'load' ? `${format_number(100 * x)} %` : size_text(x));
      return {
        grid: grid(legend_height(names(chosen), width)),
        legend: { ...legend(width), data: names(chosen) },
        tooltip: axis_tooltip(v.unit),
        xAxis: { type: 'category', data: xs.map(text), axisTick: { show: false } },
        yAxis: value_axis(v.unit),
        series: names(chosen).map((name, i) => ({
          type: 'line',
          name,
          data: xs.map((x) => {
            const row = list.find((r) => series_name(r) === name && r.number(v.x) === x);
            return row ? row.number(v.y) : null;
          }),
          itemStyle: { color: style(i).color },
          lineStyle: { color: style(i).color },
        })),
      };
    },
    describe: (chosen) => {
      const v = view(chosen);
      return `${v.text}: ` + shown(chosen).map((r) => `${series_name(r)} ${format_number(r.number(v.x))}: ${format_number(r.number(v.y))} ${v.unit}`).join(', ');
    },
  };
}
