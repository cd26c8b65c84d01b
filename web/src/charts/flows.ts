// From wafers to tokens: the paths on which the tokens of a year travel.

import { rows_of, unique, type Table } from '../data';
import type { Figure } from '../figure';
import { escape_html, format_number, shorten } from '../format';
import { style, theme } from '../palette';
import { tooltip_style } from './axes';

// "2|abilene": the same name may stand at two stages.
function node_name(id: string): string {
  return id.slice(id.indexOf('|') + 1);
}

export function flows_figure(table: Table): Figure {
  const rows = rows_of(table).filter((r) => r.number('ttokens_per_day') > 0);
  const stages = unique(rows.map((r) => r.text('stage')));
  const years = unique(rows.map((r) => r.text('year'))).sort();
  const all_nodes = unique(
    rows.flatMap((r) => {
      const level = stages.indexOf(r.text('stage'));
      return [`${level}|${r.text('source')}`, `${level + 1}|${r.text('target')}`];
    }),
  );
  const links = (year: string) =>
    rows
      .filter((r) => r.text('year') === year)
      .map((r) => {
        const level = stages.indexOf(r.text('stage'));
        return {
          source: `${level}|${r.text('source')}`,
          target: `${level + 1}|${r.text('target')}`,
          value: r.number('ttokens_per_day'),
        };
      });
  return {
    table,
    is_plain: true,
    lead:
      'Every band is the tokens a day that go that way: from the DRAM line to the HBM product, the ' +
      'accelerator, the site and the class of work.',
    choices: [
      {
        name: 'year',
        label: 'Year',
        options: years.map((y) => [y, y]),
        initial: years[years.length - 1],
      },
    ],
    min_width: 720,
    height: () => 480,
    option: (chosen) => {
      const shown = links(chosen.year ?? '');
      const used = new Set(shown.flatMap((l) => [l.source, l.target]));
      const t = theme();
      return {
        tooltip: {
          ...tooltip_style(),
          formatter: (p: { dataType: string; name: string; value: number; data: { source: string; target: string } }) => {
            const what =
              p.dataType === 'edge'
                ? `${node_name(p.data.source)} to ${node_name(p.data.target)}`
                : node_name(p.name);
            return `${escape_html(what)}<br><b>${format_number(p.value)}</b> trillion tokens a day`;
          },
        },
        series: [
          {
            type: 'sankey',
            left: 4,
            right: 150,
            top: 8,
            bottom: 8,
            nodeWidth: 14,
            nodeGap: 12,
            draggable: false,
            emphasis: { focus: 'adjacency' },
            data: all_nodes
              .filter((id) => used.has(id))
              .map((id) => {
                return {
                  name: id,
                  depth: Number(id.split('|')[0]),
                  itemStyle: { color: style(all_nodes.indexOf(id)).color, borderWidth: 0 },
                };
              }),
            links: shown,
            lineStyle: { color: 'source', opacity: t.is_dark ? 0.45 : 0.35, curveness: 0.5 },
            label: {
              color: t.ink,
              fontSize: 12,
              position: 'right',
              formatter: (p: { name: string; value: number }) =>
                `${shorten(node_name(p.name), 18)}  ${format_number(p.value)}`,
              textBorderColor: t.background,
              textBorderWidth: 3,
            },
          },
        ],
      };
    },
    describe: (chosen) =>
      `Paths of tokens in ${chosen.year}, in trillion tokens a day: ` +
      links(chosen.year ?? '')
        .map((l) => `${node_name(l.source)} to ${node_name(l.target)} ${format_number(l.value)}`)
        .join('; '),
  };
}
