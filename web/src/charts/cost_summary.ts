// Net present cost by item: bars, largest first.

import { rows_of, type Table } from '../data';
import type { Figure } from '../figure';
import { escape_html, format_number } from '../format';
import { style, theme } from '../palette';
import { kNarrow, tooltip_style, value_axis } from './axes';

export function cost_summary_figure(table: Table): Figure {
  const rows = rows_of(table)
    .filter((r) => r.number('npv_musd') !== 0)
    .sort((a, b) => a.number('npv_musd') - b.number('npv_musd'));
  const text = (i: number, has_share = true) => {
    const r = rows[i];
    if (!r) return '';
    const share = r.number('share_percent');
    const percent = share && has_share ? ` (${format_number(share)} %)` : '';
    return `${format_number(r.number('npv_musd'))}${percent}`;
  };
  return {
    table,
    is_plain: true,
    lead: 'In million USD, discounted to the start of the plan; values left at its end are credited.',
    height: () => rows.length * 34 + 60,
    option: (_, width) => ({
      grid: {
        top: 8,
        left: 8,
        right: width < kNarrow ? 70 : 120,
        bottom: width < kNarrow ? 20 : 28,
        containLabel: true,
      },
      tooltip: {
        ...tooltip_style(),
        formatter: (p: { dataIndex: number; name: string }) =>
          `${escape_html(p.name)}<br><b>${text(p.dataIndex)}</b> million USD`,
      },
      xAxis: { ...value_axis('million USD'), nameLocation: 'middle', nameGap: 28, show: width >= kNarrow },
      yAxis: {
        type: 'category',
        data: rows.map((r) => r.text('item')),
        axisTick: { show: false },
        axisLabel: { color: theme().ink, width: 130, overflow: 'break', lineHeight: 14 },
      },
      series: [
        {
          type: 'bar',
          data: rows.map((r) => r.number('npv_musd')),
          itemStyle: { color: style(0).color },
          barMaxWidth: 22,
          label: {
            show: true,
            position: 'right',
            color: theme().ink,
            formatter: (p: { dataIndex: number }) => text(p.dataIndex, width >= kNarrow),
          },
        },
      ],
    }),
    describe: () =>
      'Net present cost in million USD: ' +
      [...rows].reverse().map((r, i) => `${r.text('item')} ${text(rows.length - 1 - i)}`).join(', '),
  };
}
