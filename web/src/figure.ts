// A chart with what belongs to it: choices, a table of the same rows, sources, a text for those who do
// not see it, and its size on paper.

import { BarChart, HeatmapChart, LineChart, SankeyChart, ScatterChart } from 'echarts/charts';
import {
  AriaComponent,
  GeoComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from 'echarts/components';
import { init, use, type ECharts, type EChartsCoreOption } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { column_facts, type Table } from './data';
import { button, el, select } from './dom';
import { theme } from './palette';
import { sources_button } from './sources';
import { csv_link, table_view } from './table_view';

use([
  AriaComponent,
  BarChart,
  GeoComponent,
  GridComponent,
  HeatmapChart,
  LabelLayout,
  LegendComponent,
  LineChart,
  SankeyChart,
  ScatterChart,
  SVGRenderer,
  TooltipComponent,
  VisualMapComponent,
]);

export interface Choice {
  name: string;
  label: string;
  options: [string, string][]; // value, text
  initial?: string;
}

export type Chosen = Record<string, string>;

export interface Figure {
  table: Table;
  lead: string;
  choices?: Choice[];
  min_width?: number; // narrower screens scroll inside the figure
  is_plain?: boolean; // no patterns: labels or lightness tell its marks apart
  height(chosen: Chosen, width: number): number;
  option(chosen: Chosen, width: number): EChartsCoreOption;
  describe(chosen: Chosen): string; // the chart in a sentence
  below?(chosen: Chosen): HTMLElement | null;
}

const kPaperWidth = 680; // A4 less its margins, in CSS pixels

class FigureView {
  readonly element: HTMLElement;
  private readonly chart_box = el('div', { class: 'chart' });
  private readonly scroll = el('div', { class: 'scroll' }, this.chart_box);
  private readonly below = el('div', { class: 'below' });
  private readonly table_box = el('div', { class: 'chart-table', hidden: '' });
  private readonly chosen: Chosen = {};
  private chart: ECharts | null = null;
  private width = 0;

  constructor(private readonly figure: Figure) {
    const { table } = figure;
    const controls = el('div', { class: 'controls' });
    for (const c of figure.choices ?? []) {
      const first = c.initial ?? c.options[0]?.[0] ?? '';
      this.chosen[c.name] = first;
      if (c.options.length < 2) continue;
      controls.append(
        select(c.label, c.options, first, (value) => {
          this.chosen[c.name] = value;
          this.draw();
        }),
      );
    }
    controls.append(this.table_button(), csv_link(table));
    const sources = sources_button(table.title, column_facts(table));
    if (sources) controls.append(sources);
    this.element = el(
      'section',
      { id: `table-${table.name}`, class: 'figure' },
      el('h2', {}, table.title),
      el('p', { class: 'lead' }, figure.lead),
      controls,
      this.scroll,
      this.below,
      this.table_box,
    );
  }

  start(): void {
    new ResizeObserver(() => this.fit(this.scroll.clientWidth)).observe(this.scroll);
    this.fit(this.scroll.clientWidth);
  }

  fit(available: number): void {
    const width = Math.max(available, this.figure.min_width ?? 0);
    if (available <= 0 || width === this.width) return;
    this.width = width;
    this.draw();
  }

  draw(): void {
    if (this.width <= 0) return;
    const height = this.figure.height(this.chosen, this.width);
    this.chart_box.style.width = `${this.width}px`;
    this.chart_box.style.height = `${height}px`;
    this.chart ??= init(this.chart_box, undefined, { renderer: 'svg' });
    this.chart.resize({ width: this.width, height });
    const description = this.figure.describe(this.chosen);
    this.chart.setOption(
      {
        animation: false,
        backgroundColor: 'transparent',
        textStyle: { fontFamily: 'system-ui, sans-serif', color: theme().ink },
        ...this.figure.option(this.chosen, this.width),
        aria: { enabled: true, label: { description }, decal: { show: !this.figure.is_plain } },
      },
      { notMerge: true },
    );
    this.chart_box.setAttribute('role', 'img');
    this.chart_box.setAttribute('aria-label', description);
    this.below.replaceChildren();
    const below = this.figure.below?.(this.chosen);
    if (below) this.below.append(below);
  }

  private table_button(): HTMLElement {
    const b = button('Table', () => {
      const shows = this.table_box.hidden;
      if (shows && !this.table_box.firstChild) this.table_box.append(table_view(this.figure.table, false));
      this.table_box.hidden = !shows;
      b.setAttribute('aria-expanded', String(shows));
    });
    b.setAttribute('aria-expanded', 'false');
    return b;
  }

  // Paper has one width; back on the screen the window decides.
  fit_to_paper(): void {
    this.width = kPaperWidth;
    this.draw();
  }
  fit_to_screen(): void {
    this.width = 0;
    this.fit(this.scroll.clientWidth);
  }
}

const views: FigureView[] = [];

export function figure_section(figure: Figure): HTMLElement {
  const view = new FigureView(figure);
  views.push(view);
  return view.element;
}

// Once the page's elements are in the document and have a width.
export function start_figures(): void {
  for (const v of views) v.start();
}
export function redraw_figures(): void {
  for (const v of views) v.draw();
}
export function fit_figures_to_paper(): void {
  for (const v of views) v.fit_to_paper();
}
export function fit_figures_to_screen(): void {
  for (const v of views) v.fit_to_screen();
}
