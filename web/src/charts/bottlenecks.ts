// What binds when: quarters by constraints, the darker the more one further unit is worth.

import { along_time, rows_of, unique, type Row, type Table } from '../data';
import { el } from '../dom';
import type { Chosen, Figure } from '../figure';
import { escape_html, format_number, words } from '../format';
import { ramp, theme } from '../palette';
import { quarter_axis, tooltip_style } from './axes';

const kMostRows = 30;
const kListed = 12;

function place(r: Row): string {
  return `${r.text('family')}|${r.text('entity')}`;
}
function place_text(id: string): string {
  const [family = '', entity = ''] = id.split('|');
  return `${words(family)}: ${entity}`;
}

class Bottlenecks {
  readonly rows: Row[];
  readonly families: string[];
  readonly quarters: string[];
  private readonly most = new Map<string, number>(); // largest price of a family
  private readonly weight = new Map<string, number>(); // of a place, over all quarters

  constructor(table: Table) {
    this.rows = rows_of(table).filter((r) => r.number('shadow_price') !== 0);
    this.families = unique(this.rows.map((r) => r.text('family')));
    this.quarters = along_time(this.rows.map((r) => r.text('quarter')));
    for (const r of this.rows) {
      const family = r.text('family');
      const price = Math.abs(r.number('shadow_price'));
      this.most.set(family, Math.max(this.most.get(family) ?? 0, price));
    }
    for (const r of this.rows) {
      this.weight.set(place(r), (this.weight.get(place(r)) ?? 0) + this.importance(r));
    }
  }

  // Share of the largest price in the family: families have different units.
  share(r: Row): number {
    const most = this.most.get(r.text('family')) ?? 0;
    return most > 0 ? Math.abs(r.number('shadow_price')) / most : 0;
  }
  importance(r: Row): number {
    return r.cell('rent_musd') === null ? this.share(r) : Math.abs(r.number('rent_musd'));
  }
  of_family(chosen: Chosen): Row[] {
    return this.rows.filter((r) => !chosen.family || r.text('family') === chosen.family);
  }
  // The places with the most weight, one family after the other, the first at the top.
  places(chosen: Chosen): string[] {
    const found = unique(this.of_family(chosen).map(place));
    const heavy = found
      .sort((a, b) => (this.weight.get(b) ?? 0) - (this.weight.get(a) ?? 0))
      .slice(0, chosen.rows === 'all' ? undefined : kMostRows);
    const order = (id: string) => this.families.indexOf(id.split('|')[0] ?? '');
    return heavy.sort((a, b) => order(b) - order(a) || (a < b ? 1 : -1));
  }
  listed(chosen: Chosen): Row[] {
    return this.of_family(chosen)
      .filter((r) => r.text('quarter') === chosen.quarter)
      .sort((a, b) => this.importance(b) - this.importance(a));
  }
}

function sentence(r: Row): string {
  return (
    r.text('sentence') ||
    `${r.text('constraint')}: ${format_number(r.number('shadow_price'))} ${r.text('shadow_unit')}`
  );
}

export function bottlenecks_figure(table: Table): Figure {
  const all = new Bottlenecks(table);
  const n_places = unique(all.rows.map(place)).length;
  return {
    table,
    is_plain: true,
    lead:
      'Each cell is a limit that binds in a quarter. Shade: worth of one more unit as a share of the ' +
      'largest worth in the same family of constraints (families differ in unit). Empty: does not bind.',
    choices: [
      {
        name: 'family',
        label: 'Family',
        options: [['', 'all'], ...all.families.map((f): [string, string] => [f, words(f)])],
      },
      {
        name: 'rows',
        label: 'Rows',
        options:
          n_places > kMostRows
            ? [['most', `${kMostRows} most important`], ['all', `all ${n_places}`]]
            : [['all', 'all']],
      },
      {
        name: 'quarter',
        label: 'List quarter',
        options: all.quarters.map((q) => [q, q]),
      },
    ],
    min_width: 640,
    height: (chosen) => all.places(chosen).length * 20 + 96,
    option: (chosen, width) => {
      const places = all.places(chosen);
      const rows = all.of_family(chosen).filter((r) => places.includes(place(r)));
      const t = theme();
      return {
        grid: { top: 8, left: 8, right: 12, bottom: 56, containLabel: true },
        tooltip: {
          ...tooltip_style(),
          formatter: (p: { dataIndex: number }) => {
            const r = rows[p.dataIndex];
            if (!r) return '';
            return (
              `<b>${escape_html(sentence(r))}</b><br>` +
              `${format_number(r.number('shadow_price'))} ${escape_html(r.text('shadow_unit'))}, ` +
              `used ${format_number(r.number('used_percent'))} %`
            );
          },
        },
        xAxis: { ...quarter_axis(all.quarters, width - 190), splitArea: { show: false } },
        yAxis: {
          type: 'category',
          data: places,
          axisTick: { show: false },
          axisLine: { lineStyle: { color: t.muted } },
          axisLabel: {
            color: t.ink,
            interval: 0,
            width: width < 700 ? 170 : 260,
            overflow: 'truncate',
            formatter: place_text,
          },
        },
        visualMap: {
          type: 'continuous',
          min: 0,
          max: 1,
          orient: 'horizontal',
          left: 4,
          bottom: 0,
          itemHeight: 140,
          itemWidth: 12,
          calculable: false,
          hoverLink: false,
          text: ['most in its family', 'little'],
          textStyle: { color: t.muted },
          inRange: { color: ramp() },
        },
        series: [
          {
            type: 'heatmap',
            data: rows.map((r) => [r.text('quarter'), place(r), all.share(r)]),
            itemStyle: { borderColor: t.background, borderWidth: 1 },
          },
        ],
      };
    },
    describe: (chosen) =>
      `What binds, by quarter. In ${chosen.quarter}: ` +
      (all.listed(chosen).slice(0, kListed).map(sentence).join('; ') || 'nothing'),
    below: (chosen) => {
      const listed = all.listed(chosen);
      const heading = el('h3', {}, `What binds in ${chosen.quarter}`);
      if (listed.length === 0) return el('div', {}, heading, el('p', {}, 'Nothing of this family.'));
      const rest = listed.length - kListed;
      return el(
        'div',
        { 'aria-live': 'polite' },
        heading,
        el('ol', { class: 'sentences' }, ...listed.slice(0, kListed).map((r) => el('li', {}, sentence(r)))),
        rest > 0 ? el('p', { class: 'note' }, `and ${rest} more in the table`) : null,
      );
    },
  };
}
