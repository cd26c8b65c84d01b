// Where the sites are, and how far they are: announced, contracted, energised and planned power.

import { registerMap } from 'echarts/core';
import { korea, world } from 'virtual:land';
import { rows_of, type Row, type Table } from '../data';
import type { Chosen, Figure } from '../figure';
import { escape_html, format_number, shorten } from '../format';
import { style, theme } from '../palette';
import { kLongName, kNarrow, legend, tooltip_style } from './axes';

type MapInput = Parameters<typeof registerMap>[1];

interface View {
  text: string;
  map: 'world' | 'korea';
  west: number;
  north: number;
  east: number;
  south: number;
}

const kViews: Record<string, View> = {
  world: { text: 'World', map: 'world', west: -130, north: 66, east: 150, south: -20 },
  america: { text: 'United States', map: 'world', west: -125, north: 50, east: -66, south: 24 },
  korea: { text: 'Korea', map: 'korea', west: 125.5, north: 38.7, east: 130, south: 33 },
};

const kLargest = 44; // pixels across

interface Mark {
  column: string;
  name: string;
  look: object;
}

function marks(): Mark[] {
  const t = theme();
  const ring = (color: string, type: string, width: number) => ({
    color: 'transparent',
    borderColor: color,
    borderType: type,
    borderWidth: width,
    decal: { symbol: 'none' },
  });
  const disc = (i: number) => ({ ...style(i), opacity: 0.75, borderColor: t.background });
  return [
    { column: 'planned_mw', name: 'planned here', look: disc(4) },
    { column: 'energised_mw', name: 'energised', look: { ...disc(1), opacity: 0.95 } },
    { column: 'contracted_mw', name: 'contracted', look: ring(style(0).color, 'solid', 2) },
    { column: 'announced_mw', name: 'announced', look: ring(t.ink, 'dashed', 1.5) },
  ];
}

function view_of(chosen: Chosen): View {
  return kViews[chosen.view ?? ''] ?? kViews.world!;
}

// Degrees of longitude are shorter than those of latitude by the cosine of the latitude.
function aspect(view: View): number {
  return Math.cos((((view.north + view.south) / 2) * Math.PI) / 180);
}

export function sites_figure(table: Table): Figure {
  registerMap('world', world as unknown as MapInput);
  registerMap('korea', korea as unknown as MapInput);
  const rows = rows_of(table).filter(
    (r) => typeof r.cell('latitude') === 'number' && typeof r.cell('longitude') === 'number',
  );
  const inside = (view: View) =>
    rows.filter((r) => {
      const x = r.number('longitude');
      const y = r.number('latitude');
      return x >= view.west && x <= view.east && y >= view.south && y <= view.north;
    });
  const powers = (r: Row) =>
    marks().map((m) => `${m.name} ${format_number(r.number(m.column))} MW`);
  const height = (chosen: Chosen, width: number) => {
    const v = view_of(chosen);
    const natural = ((v.north - v.south) / ((v.east - v.west) * aspect(v))) * width;
    return Math.min(Math.max(natural, 240), 620) + 64;
  };
  return {
    table,
    lead:
      'Area of a circle is proportional to power, at the scale of the view. Announced power is not ' +
      'contracted, and contracted power is not energised.',
    choices: [
      {
        name: 'view',
        label: 'View',
        options: Object.entries(kViews)
          .filter(([, v]) => inside(v).length > 0)
          .map(([name, v]) => [name, v.text]),
      },
    ],
    height,
    option: (chosen, width) => {
      const view = view_of(chosen);
      const shown = inside(view);
      const t = theme();
      const most = Math.max(...shown.flatMap((r) => marks().map((m) => r.number(m.column))), 1);
      const tooltip = (i: number) => {
        const r = shown[i];
        if (!r) return '';
        const lines = [r.text('name') || r.text('site'), ...powers(r), r.text('note')];
        return lines.filter(Boolean).map(escape_html).join('<br>');
      };
      const top = width < kNarrow ? 60 : 36;
      return {
        legend: { ...legend(width), data: marks().map((m) => m.name) },
        tooltip: {
          ...tooltip_style(),
          trigger: 'item',
          formatter: (p: { dataIndex: number; componentType: string }) =>
            p.componentType === 'series' ? tooltip(p.dataIndex) : '',
        },
        geo: {
          map: view.map,
          top,
          bottom: 4,
          left: 4,
          right: 4,
          roam: false,
          silent: true,
          clip: true,
          boundingCoords: [
            [view.west, view.north],
            [view.east, view.south],
          ],
          aspectScale: aspect(view),
          itemStyle: { areaColor: t.land, borderColor: t.coast, borderWidth: 0.6 },
          label: { show: false },
        },
        series: marks().map((m, i) => ({
          type: 'scatter',
          name: m.name,
          coordinateSystem: 'geo',
          itemStyle: m.look,
          z: 3 + i,
          data: shown.map((r) => ({
            name: r.text('name') || r.text('site'),
            value: [r.number('longitude'), r.number('latitude'), r.number(m.column)],
          })),
          symbolSize: (value: number[]) =>
            (value[2] ?? 0) > 0 ? Math.max(kLargest * Math.sqrt((value[2] ?? 0) / most), 5) : 0,
          label: {
            show: m.column === 'announced_mw' && (width >= kNarrow || view !== kViews.world),
            position: 'right',
            formatter: (p: { name: string }) => shorten(p.name, kLongName),
            color: t.ink,
            fontSize: 11,
            textBorderColor: t.background,
            textBorderWidth: 2,
          },
          labelLayout: { hideOverlap: true },
        })),
      };
    },
    describe: (chosen) =>
      `Sites, ${view_of(chosen).text}: ` +
      inside(view_of(chosen))
        .map((r) => `${r.text('name') || r.text('site')}: ${powers(r).join(', ')}`)
        .join('; '),
  };
}
