// Charts along time: demand, fleet, power, water, wafers, costs, depreciation, funds.

import type { EChartsCoreOption } from 'echarts/core';
import { along_time, rows_of, stack, unique, type Row, type Stacks, type Table } from '../data';
import type { Chosen, Figure } from '../figure';
import { format_number, unit_of, words } from '../format';
import { missing_style, style, theme } from '../palette';
import { axis_tooltip, grid, legend, legend_height, quarter_axis, value_axis } from './axes';

const kAll = '';

interface Series {
  name: string;
  values: number[];
  kind: 'area' | 'bar' | 'line' | 'dashed';
  look?: { color: string; decal?: object };
}

const kIcons: Record<Series['kind'], string> = {
  area: 'roundRect',
  bar: 'roundRect',
  line: 'path://M0,5h22v2h-22z',
  dashed: 'path://M0,5h6v2h-6z M8,5h6v2h-6z M16,5h6v2h-6z M0,0h0v12h0z',
};

function draw(s: Series, i: number): object {
  const look = s.look ?? style(i);
  if (s.kind === 'bar') {
    return { type: 'bar', stack: 'all', itemStyle: look, barMaxWidth: 48 };
  }
  const is_area = s.kind === 'area';
  return {
    type: 'line',
    stack: is_area ? 'all' : undefined,
    symbol: 'none',
    lineStyle: {
      width: is_area ? 1 : 2,
      color: look.color,
      type: s.kind === 'dashed' ? 'dashed' : 'solid',
    },
    itemStyle: look,
    areaStyle: is_area ? { opacity: 0.9 } : undefined,
    step: s.kind === 'dashed' ? 'middle' : undefined,
  };
}

function time_option(
  xs: string[],
  series: Series[],
  unit: string,
  width: number,
): EChartsCoreOption {
  const top = legend_height(series.map((s) => s.name), width);
  return {
    grid: grid(top),
    legend: {
      ...legend(width),
      data: series.map((s) => ({ name: s.name, icon: kIcons[s.kind] })),
    },
    tooltip: axis_tooltip(unit),
    xAxis: { ...quarter_axis(xs, width), boundaryGap: series.some((s) => s.kind === 'bar') },
    yAxis: value_axis(unit),
    series: series.map((s, i) => ({ name: s.name, data: s.values, ...draw(s, i) })),
  };
}

function stacked(stacks: Stacks, kind: 'area' | 'bar'): Series[] {
  return stacks.names.map((name) => ({ name, values: stacks.values.get(name) ?? [], kind }));
}

function height(): number {
  return 380;
}

function text_of(rows: Row[], column: string): [string, string][] {
  return unique(rows.map((r) => r.text(column))).map((v) => [v, words(v)]);
}

// What the chart shows at its two ends, for those who hear it.
function ends(stacks: Stacks, unit: string): string {
  const at = (i: number) =>
    stacks.names
      .map((n) => `${n} ${format_number(stacks.values.get(n)?.[i] ?? 0)}`)
      .join(', ');
  const last = stacks.xs.length - 1;
  if (last < 0) return 'no rows';
  return `In ${unit}. ${stacks.xs[0]}: ${at(0)}. ${stacks.xs[last]}: ${at(last)}.`;
}

export function demand_figure(table: Table): Figure {
  const rows = rows_of(table);
  const unit = unit_of('served_ttokens_per_day');
  const chosen_rows = (chosen: Chosen) =>
    rows.filter((r) => !chosen.class || r.text('class') === chosen.class);
  const served = (chosen: Chosen) =>
    stack(chosen_rows(chosen), 'quarter', 'class', 'served_ttokens_per_day');
  const total = (chosen: Chosen, column: string) => {
    const stacks = stack(chosen_rows(chosen), 'quarter', 'class', column);
    return stacks.xs.map((_, i) =>
      stacks.names.reduce((sum, n) => sum + (stacks.values.get(n)?.[i] ?? 0), 0),
    );
  };
  return {
    table,
    lead: 'Tokens a day that are served, by class of work, and those that are not (hatched).',
    choices: [
      { name: 'class', label: 'Class', options: [[kAll, 'all'], ...text_of(rows, 'class')] },
    ],
    height,
    option: (chosen, width) => {
      const stacks = served(chosen);
      const series: Series[] = stacked(stacks, 'area');
      series.push({
        name: 'not served',
        values: total(chosen, 'unserved_ttokens_per_day'),
        kind: 'area',
        look: missing_style(),
      });
      series.push({
        name: 'demand',
        values: total(chosen, 'demand_ttokens_per_day'),
        kind: 'line',
        look: { color: theme().ink },
      });
      return time_option(stacks.xs, series, unit, width);
    },
    describe: (chosen) => `Served tokens by class over time. ${ends(served(chosen), unit)}`,
  };
}

export function fleet_figure(table: Table): Figure {
  const rows = rows_of(table);
  const value = (chosen: Chosen) => chosen.measure || 'it_power_mw';
  const stacks = (chosen: Chosen) => stack(rows, 'quarter', chosen.by || 'accelerator', value(chosen));
  return {
    table,
    lead: 'What is in service at the end of each quarter.',
    choices: [
      { name: 'by', label: 'By', options: [['accelerator', 'accelerator'], ['site', 'site']] },
      {
        name: 'measure',
        label: 'Measure',
        options: [['it_power_mw', 'IT power'], ['accelerators_thousand', 'accelerators']],
      },
    ],
    height,
    option: (chosen, width) => {
      const s = stacks(chosen);
      return time_option(s.xs, stacked(s, 'area'), fleet_unit(value(chosen)), width);
    },
    describe: (chosen) =>
      `Fleet in service by ${chosen.by}. ${ends(stacks(chosen), fleet_unit(value(chosen)))}`,
  };
}

function fleet_unit(column: string): string {
  return column === 'it_power_mw' ? 'MW of IT power' : 'thousand accelerators';
}

export function power_figure(table: Table): Figure {
  const rows = rows_of(table);
  const columns: [string, string, Series['kind']][] = [
    ['facility_power_mw', 'fleet (provisioned)', 'area'],
    ['built_power_mw', 'built', 'line'],
    ['grid_limit_mw', 'grid energised', 'dashed'],
  ];
  const looks = [style(4), { color: style(5).color }, { color: style(0).color }];
  const lines = (chosen: Chosen) => {
    const at = rows.filter((r) => !chosen.site || r.text('site') === chosen.site);
    const xs = along_time(rows.map((r) => r.text('quarter')));
    const series = columns.map(([column, name, kind], i): Series => {
      const values = xs.map(() => 0);
      for (const r of at) {
        const q = xs.indexOf(r.text('quarter'));
        values[q] = (values[q] ?? 0) + r.number(column);
      }
      return { name, values, kind, look: looks[i] };
    });
    return { xs, series };
  };
  return {
    table,
    lead: 'Facility power: what the fleet needs, what is built, and what the grid can give.',
    choices: [{ name: 'site', label: 'Site', options: [[kAll, 'all sites'], ...text_of(rows, 'site')] }],
    height,
    option: (chosen, width) => {
      const { xs, series } = lines(chosen);
      return time_option(xs, series, 'MW of facility power', width);
    },
    describe: (chosen) => {
      const { xs, series } = lines(chosen);
      const last = xs.length - 1;
      const values = series.map((s) => `${s.name} ${format_number(s.values[last] ?? 0)} MW`);
      return `Facility power of ${chosen.site || 'all sites'} in ${xs[last]}: ${values.join(', ')}.`;
    },
  };
}

export function supply_figure(table: Table): Figure {
  const rows = rows_of(table);
  const unit = unit_of('kwafers_per_month');
  const at = (chosen: Chosen) => rows.filter((r) => r.text('line') === chosen.line);
  const stacks = (chosen: Chosen): Stacks =>
    stack(at(chosen), 'quarter', 'product', 'kwafers_per_month');
  return {
    table,
    lead: 'Wafers started for this programme at one line, under the capacity that is open to it.',
    choices: [{ name: 'line', label: 'Line', options: text_of(rows, 'line') }],
    height,
    option: (chosen, width) => {
      const s = stacks(chosen);
      const capacity = new Map(
        at(chosen).map((r) => [r.text('quarter'), r.number('capacity_kwafers_per_month')]),
      );
      const series: Series[] = stacked(s, 'area');
      series.push({
        name: 'capacity',
        values: s.xs.map((x) => capacity.get(x) ?? NaN), // a quarter without starts has no row
        kind: 'dashed',
        look: { color: theme().ink },
      });
      return time_option(s.xs, series, unit, width);
    },
    describe: (chosen) => `Wafer starts at ${chosen.line}. ${ends(stacks(chosen), unit)}`,
  };
}

export function costs_figure(table: Table): Figure {
  const stacks = stack(rows_of(table), 'year', 'item', 'musd');
  return {
    table,
    lead: 'Money spent in each year, not discounted.',
    height,
    option: (_, width) => time_option(stacks.xs, stacked(stacks, 'bar'), 'million USD', width),
    describe: () => `Spending by year and item. ${ends(stacks, 'million USD')}`,
  };
}

export function funds_figure(table: Table): Figure {
  const rows = rows_of(table);
  const drawn = (chosen: Chosen) =>
    stack(
      rows.filter((r) => !chosen.fund || r.text('fund') === chosen.fund),
      'year',
      'fund',
      'drawn_musd',
    );
  return {
    table,
    lead: 'Money drawn from each fund. Choose one to see its ceiling.',
    choices: [{ name: 'fund', label: 'Fund', options: [[kAll, 'all'], ...text_of(rows, 'fund')] }],
    height,
    option: (chosen, width) => {
      const stacks = drawn(chosen);
      const series: Series[] = stacked(stacks, 'bar');
      if (chosen.fund) {
        const ceiling = stack(rows.filter((r) => r.text('fund') === chosen.fund), 'year', 'fund',
                              'ceiling_musd');
        series.push({
          name: 'ceiling',
          values: ceiling.values.get(chosen.fund) ?? [],
          kind: 'dashed',
          look: { color: theme().ink },
        });
      }
      return time_option(stacks.xs, series, 'million USD', width);
    },
    describe: (chosen) => `Money drawn by year and fund. ${ends(drawn(chosen), 'million USD')}`,
  };
}

export function depreciation_figure(table: Table): Figure {
  const rows = rows_of(table);
  const stacks = (chosen: Chosen) =>
    stack(rows, 'year', 'item', chosen.measure || 'depreciation_musd');
  return {
    table,
    lead:
      'What assets lose in value in each year, or what is left of them at its end, not discounted. ' +
      'The fleet that stood before the plan has no book value here.',
    choices: [
      {
        name: 'measure',
        label: 'Show',
        options: [
          ['depreciation_musd', 'depreciation'],
          ['book_value_musd', 'book value'],
          ['added_musd', 'what came into service'],
        ],
      },
    ],
    height,
    option: (chosen, width) => {
      const s = stacks(chosen);
      return time_option(s.xs, stacked(s, 'bar'), 'million USD', width);
    },
    describe: (chosen) =>
      `${words(chosen.measure || 'depreciation_musd')} by year and item. ${ends(stacks(chosen), 'million USD')}`,
  };
}

export function water_figure(table: Table): Figure {
  const rows = rows_of(table);
  const unit = unit_of('water_megalitres');
  const by_year = table.rows.map((cells) =>
    cells.map((cell, i) => (table.columns[i]?.name === 'quarter' ? String(cell).slice(0, 4) : cell)),
  );
  const year_rows = rows_of({ ...table, rows: by_year });
  const stacks = (chosen: Chosen) =>
    stack(chosen.per === 'quarter' ? rows : year_rows, 'quarter', 'site', 'water_megalitres');
  return {
    table,
    lead: 'Water for cooling at each site: its IT energy times the litres a kilowatt-hour of its source.',
    choices: [{ name: 'per', label: 'Per', options: [['year', 'year'], ['quarter', 'quarter']] }],
    height,
    option: (chosen, width) => {
      const s = stacks(chosen);
      return time_option(s.xs, stacked(s, chosen.per === 'quarter' ? 'area' : 'bar'), unit, width);
    },
    describe: (chosen) =>
      `Cooling water by ${chosen.per || 'year'} and site. ${ends(stacks(chosen), unit)}`,
  };
}
