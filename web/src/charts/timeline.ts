// When work must start: one bar from order to ready.

import { quarter_index, quarter_text, rows_of, unique, type Row, type Table } from '../data';
import type { Figure } from '../figure';
import { escape_html, format_number, words } from '../format';
import { style, theme } from '../palette';
import { legend, legend_height, tooltip_style } from './axes';

const kShortest = 0.25; // of a quarter: what is ordered and ready at once is still seen

const kKinds: Record<string, string> = {
  site_block: 'buildings',
  grid_connection: 'grid connections',
  fab_module: 'wafer fab expansions',
  packaging_module: 'packaging expansions',
  renewable: 'renewable energy',
};

function kind_text(kind: string): string {
  return kKinds[kind] ?? words(kind);
}

export function timeline_figure(table: Table): Figure {
  const rows = rows_of(table)
    .filter((r) => quarter_index(r.text('order_quarter')) <= quarter_index(r.text('ready_quarter')))
    .sort(
      (a, b) => quarter_index(b.text('order_quarter')) - quarter_index(a.text('order_quarter')),
    );
  const kinds = unique(rows_of(table).map((r) => r.text('kind')));
  const from = (r: Row) => quarter_index(r.text('order_quarter'));
  const has_rows = rows.length > 0;
  const first = has_rows ? Math.floor(Math.min(...rows.map(from)) / 4) * 4 : 0;
  const last = has_rows ? Math.max(...rows.map((r) => quarter_index(r.text('ready_quarter')))) : 0;
  const end = Math.ceil((last + 1) / 4) * 4;
  const shown = (kind: string | undefined) => rows.filter((r) => !kind || r.text('kind') === kind);
  const sentence = (r: Row) =>
    `${r.text('item')}: start ${r.text('order_quarter')}, ready ${r.text('ready_quarter')}, ` +
    `${format_number(r.number('amount'))} ${r.text('unit')}`;
  return {
    table,
    lead: 'A bar runs from the quarter in which work must be ordered to the one in which it is ready.',
    choices: [
      {
        name: 'kind',
        label: 'Kind',
        options: [['', 'all'], ...kinds.map((k): [string, string] => [k, kind_text(k)])],
      },
    ],
    min_width: 560,
    height: (chosen, width) => shown(chosen.kind).length * 24 + 60 + legend_height(kinds.map(kind_text), width),
    option: (chosen, width) => {
      const items = shown(chosen.kind);
      const t = theme();
      const top = legend_height(kinds.map(kind_text), width);
      const every = ((end - first) / 4) * 44 > width - 200 ? 8 : 4;
      return {
        grid: { top: top + 24, left: 8, right: 20, bottom: 8, containLabel: true },
        legend: { ...legend(width), data: kinds.map(kind_text) },
        tooltip: {
          ...tooltip_style(),
          formatter: (p: { dataIndex: number }) => {
            const r = items[p.dataIndex];
            return r ? `${escape_html(sentence(r))}<br>${escape_html(r.text('detail'))}` : '';
          },
        },
        xAxis: {
          type: 'value',
          position: 'top',
          min: 0,
          max: end - first,
          interval: every,
          axisLabel: { color: t.muted, formatter: (v: number) => quarter_text(first + v).slice(0, 4) },
          splitLine: { lineStyle: { color: t.line } },
        },
        yAxis: {
          type: 'category',
          data: items.map((_, i) => String(i)),
          axisTick: { show: false },
          axisLine: { lineStyle: { color: t.muted } },
          axisLabel: {
            color: t.ink,
            width: width < 700 ? 150 : 230,
            overflow: 'truncate',
            interval: 0,
            formatter: (i: string) => items[Number(i)]?.text('item') ?? '',
          },
        },
        series: [
          {
            type: 'bar',
            stack: 'time',
            silent: true,
            itemStyle: { color: 'transparent', decal: { symbol: 'none' } },
            data: items.map((r) => from(r) - first),
          },
          ...kinds.map((kind, i) => ({
            type: 'bar',
            name: kind_text(kind),
            stack: 'time',
            barMaxWidth: 16,
            itemStyle: style(i),
            data: items.map((r) =>
              r.text('kind') === kind
                ? Math.max(quarter_index(r.text('ready_quarter')) - from(r), kShortest)
                : '-',
            ),
          })),
        ],
      };
    },
    describe: (chosen) =>
      `Work and when it must start: ${[...shown(chosen.kind)].reverse().map(sentence).join('; ')}`,
  };
}
