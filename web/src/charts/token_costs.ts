// What a million tokens costs, by class of work or by site: bars of its parts.

import { rows_of, type Row, type Table } from '../data';
import type { Chosen, Figure } from '../figure';
import { escape_html, format_number, unit_of } from '../format';
import { style, theme } from '../palette';
import { kNarrow, grid, legend, legend_height, tooltip_style, value_axis } from './axes';

const kParts: [string, string][] = [
  ['accelerators_usd_per_mtokens', 'accelerators'],
  ['site_usd_per_mtokens', 'buildings and grid'],
  ['energy_usd_per_mtokens', 'electricity and carbon'],
  ['operations_usd_per_mtokens', 'operations'],
  ['other_usd_per_mtokens', 'fabs, stocks, cost of funds'],
];
const kTotal = 'usd_per_mtokens';

export function token_costs_figure(table: Table): Figure {
  const rows = rows_of(table);
  const unit = unit_of(kTotal);
  const shown = (chosen: Chosen): Row[] => {
    const [other, all] = chosen.by === 'site' ? ['class', 'all classes'] : ['site', 'all sites'];
    return rows
      .filter((r) => r.text(other) === all && r.number('served_ttokens') > 0)
      .sort((a, b) => a.number(kTotal) - b.number(kTotal));
  };
  const name_of = (chosen: Chosen, r: Row) => r.text(chosen.by === 'site' ? 'site' : 'class');
  return {
    table,
    lead:
      'Net present cost over discounted tokens, so that all parts add up to the plan. Average cost; ' +
      'the marginal cost of each quarter stands in the table of demand.',
    choices: [{ name: 'by', label: 'By', options: [['class', 'class of work'], ['site', 'site']] }],
    height: (chosen, width) =>
      shown(chosen).length * 30 + 70 + legend_height(kParts.map(([, n]) => n), width),
    option: (chosen, width) => {
      const list = shown(chosen);
      return {
        grid: { ...grid(legend_height(kParts.map(([, n]) => n), width) - 24), bottom: 28 },
        legend: { ...legend(width), data: kParts.map(([, n]) => n) },
        tooltip: {
          ...tooltip_style(),
          trigger: 'axis',
          axisPointer: { type: 'shadow' },
          formatter: (params: { dataIndex: number }[]) => {
            const r = list[params[0]?.dataIndex ?? 0];
            if (!r) return '';
            const parts = kParts.map(([c, n]) => `${n} <b>${format_number(r.number(c))}</b>`);
            const head = `<b>${escape_html(name_of(chosen, r))}</b>: ${format_number(r.number(kTotal))} ${unit}`;
            return [head, ...parts].join('<br>');
          },
        },
        xAxis: { ...value_axis(unit), nameLocation: 'middle', nameGap: 28, show: width >= kNarrow },
        yAxis: {
          type: 'category',
          data: list.map((r) => name_of(chosen, r)),
          axisTick: { show: false },
          axisLabel: { color: theme().ink },
        },
        series: kParts.map(([column, name], i) => ({
          type: 'bar',
          stack: 'all',
          name,
          data: list.map((r) => r.number(column)),
          itemStyle: style(i),
          barMaxWidth: 20,
        })),
      };
    },
    describe: (chosen) =>
      `Cost in ${unit}: ` +
      [...shown(chosen)]
        .reverse()
        .map((r) => `${name_of(chosen, r)} ${format_number(r.number(kTotal))}`)
        .join(', '),
  };
}
