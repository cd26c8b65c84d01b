// Puts the page together: headlines first, then charts, plain tables, assumptions, the run, sources.

import './style.css';
import { bandwidth_curve_figure } from './charts/bandwidth_curve';
import { bottlenecks_figure } from './charts/bottlenecks';
import { cost_summary_figure } from './charts/cost_summary';
import { flows_figure } from './charts/flows';
import {
  costs_figure,
  demand_figure,
  depreciation_figure,
  fleet_figure,
  funds_figure,
  power_figure,
  supply_figure,
  water_figure,
} from './charts/over_time';
import { sites_figure } from './charts/sites';
import { timeline_figure } from './charts/timeline';
import { token_costs_figure } from './charts/token_costs';
import { has_columns, has_figures, read_page, type Headline, type Page, type Table } from './data';
import { el } from './dom';
import {
  figure_section,
  fit_figures_to_paper,
  fit_figures_to_screen,
  redraw_figures,
  start_figures,
  type Figure,
} from './figure';
import { on_theme_change, set_printing } from './palette';
import { follow_anchor, set_facts, sources_button, sources_section } from './sources';
import { collapsed_table, table_section } from './table_view';

interface Known {
  name: string;
  short: string; // in the contents
  columns: string[]; // without them the table is shown as a table
  figure: ((table: Table) => Figure) | null; // null: a table, open
}

// In the order of the page.
const kKnown: Known[] = [
  { name: 'summary', short: 'Summary', columns: [], figure: null },
  {
    name: 'demand',
    short: 'Demand',
    columns: ['quarter', 'class', 'demand_ttokens_per_day', 'served_ttokens_per_day', 'unserved_ttokens_per_day'],
    figure: demand_figure,
  },
  {
    name: 'bottlenecks',
    short: 'Bottlenecks',
    columns: ['quarter', 'family', 'entity', 'constraint', 'used_percent', 'shadow_price', 'shadow_unit', 'sentence'],
    figure: bottlenecks_figure,
  },
  {
    name: 'timeline',
    short: 'When to start',
    columns: ['item', 'kind', 'order_quarter', 'ready_quarter', 'amount', 'unit', 'detail'],
    figure: timeline_figure,
  },
  { name: 'orders', short: 'Orders', columns: [], figure: null },
  {
    name: 'flows',
    short: 'Wafer to token',
    columns: ['year', 'source', 'target', 'stage', 'ttokens_per_day'],
    figure: flows_figure,
  },
  {
    name: 'fleet',
    short: 'Fleet',
    columns: ['quarter', 'accelerator', 'site', 'accelerators_thousand', 'it_power_mw'],
    figure: fleet_figure,
  },
  {
    name: 'power',
    short: 'Power',
    columns: ['quarter', 'site', 'facility_power_mw', 'built_power_mw', 'grid_limit_mw'],
    figure: power_figure,
  },
  {
    name: 'water',
    short: 'Water',
    columns: ['quarter', 'site', 'it_energy_gwh', 'water_megalitres'],
    figure: water_figure,
  },
  {
    name: 'sites',
    short: 'Sites',
    columns: ['site', 'name', 'latitude', 'longitude', 'announced_mw', 'contracted_mw', 'energised_mw', 'planned_mw', 'note'],
    figure: sites_figure,
  },
  {
    name: 'supply',
    short: 'Wafers',
    columns: ['quarter', 'line', 'product', 'kwafers_per_month', 'capacity_kwafers_per_month'],
    figure: supply_figure,
  },
  { name: 'costs', short: 'Spending', columns: ['year', 'item', 'musd'], figure: costs_figure },
  {
    name: 'cost_summary',
    short: 'Net present cost',
    columns: ['item', 'npv_musd', 'share_percent'],
    figure: cost_summary_figure,
  },
  {
    name: 'depreciation',
    short: 'Depreciation',
    columns: ['year', 'item', 'added_musd', 'depreciation_musd', 'book_value_musd'],
    figure: depreciation_figure,
  },
  {
    name: 'token_costs',
    short: 'Cost of tokens',
    columns: [
      'class',
      'site',
      'served_ttokens',
      'usd_per_mtokens',
      'accelerators_usd_per_mtokens',
      'site_usd_per_mtokens',
      'energy_usd_per_mtokens',
      'operations_usd_per_mtokens',
      'other_usd_per_mtokens',
    ],
    figure: token_costs_figure,
  },
  {
    name: 'funds',
    short: 'Funds',
    columns: ['year', 'fund', 'drawn_musd', 'ceiling_musd'],
    figure: funds_figure,
  },
  {
    name: 'bandwidth_curve',
    short: 'Memory',
    columns: ['piece_bytes', 'write_share', 'footprint_gib', 'load', 'bandwidth_gb_per_s', 'read_latency_mean_ns'],
    figure: bandwidth_curve_figure,
  },
];

const kListFrom = 3; // parts of a detail that read better below each other

function detail_element(detail: string): HTMLElement | null {
  if (!detail) return null;
  const parts = detail.split('; ');
  if (parts.length < kListFrom) return el('p', { class: 'detail' }, detail);
  return el('ul', { class: 'detail' }, ...parts.map((p) => el('li', {}, p)));
}

function headline_card(h: Headline): HTMLElement {
  const is_long = h.value.length > 12;
  const detail = detail_element(h.detail);
  return el(
    'article',
    { class: detail?.tagName === 'UL' ? 'headline wide' : 'headline' },
    el('h2', {}, h.label),
    el(
      'p',
      { class: is_long ? 'figure-value long' : 'figure-value' },
      h.value,
      h.unit ? el('span', { class: 'unit' }, ` ${h.unit}`) : null,
    ),
    detail,
    sources_button(h.label, h.facts),
  );
}

function page_header(page: Page): HTMLElement {
  return el(
    'header',
    { class: 'page-header' },
    el('h1', {}, page.title),
    page.subtitle ? el('p', { class: 'subtitle' }, page.subtitle) : null,
  );
}

function notes_section(page: Page): HTMLElement | null {
  if (page.notes.length === 0) return null;
  return el(
    'section',
    { id: 'notes' },
    el('h2', {}, 'Assumptions and warnings'),
    el('ul', {}, ...page.notes.map((n) => el('li', {}, n))),
  );
}

function run_section(page: Page): HTMLElement | null {
  if (page.run.length === 0) return null;
  return el(
    'section',
    { id: 'run' },
    el('h2', {}, 'This run'),
    el('dl', { class: 'run' }, ...page.run.flatMap(([k, v]) => [el('dt', {}, k), el('dd', {}, v)])),
  );
}

// What is inside the file and not Astrolabe's.
function page_footer(): HTMLElement {
  return el(
    'footer',
    {},
    'Written by Astrolabe. Charts: Apache ECharts, Copyright The Apache Software Foundation (Apache ' +
      'License 2.0), with ZRender, Copyright Baidu Inc. (BSD 3-Clause). Outlines of countries: ' +
      'Natural Earth (public domain).',
  );
}

interface Part {
  short: string;
  element: HTMLElement;
}

function known_part(known: Known, table: Table): Part {
  if (known.figure && has_figures(table) && has_columns(table, known.columns)) {
    return { short: known.short, element: figure_section(known.figure(table)) };
  }
  return { short: known.short, element: table_section(table) };
}

function parts_of(page: Page): Part[] {
  const parts: Part[] = [];
  for (const known of kKnown) {
    const table = page.tables.find((t) => t.name === known.name);
    if (table) parts.push(known_part(known, table));
  }
  const others = page.tables.filter((t) => !kKnown.some((k) => k.name === t.name));
  if (others.length > 0) {
    const tables = others.map((t) => collapsed_table(t));
    const element = el('section', { id: 'tables' }, el('h2', {}, 'Further tables'), ...tables);
    parts.push({ short: 'Tables', element });
  }
  const ends: [string, HTMLElement | null][] = [
    ['Assumptions', notes_section(page)],
    ['Run', run_section(page)],
    ['Sources', sources_section()],
  ];
  for (const [short, element] of ends) if (element) parts.push({ short, element });
  return parts;
}

function contents(parts: Part[]): HTMLElement {
  const links = parts.map((p) => el('li', {}, el('a', { href: `#${p.element.id}` }, p.short)));
  return el('nav', { 'aria-label': 'Contents' }, el('ul', {}, ...links));
}

// Paper shows everything: charts at the paper's width, nothing collapsed.
function prepare_for_print(): void {
  let closed: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    set_printing(true);
    closed = [...document.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
    for (const d of closed) {
      d.open = true;
      d.dispatchEvent(new Event('draw'));
    }
    fit_figures_to_paper();
  });
  window.addEventListener('afterprint', () => {
    set_printing(false);
    for (const d of closed) d.open = false;
    fit_figures_to_screen();
  });
}

function show(page: Page): void {
  document.title = page.title || 'Astrolabe';
  set_facts(page.facts);
  const parts = parts_of(page);
  const headlines = el('section', { class: 'headlines', 'aria-label': 'Headlines' });
  headlines.append(...page.headlines.map(headline_card));
  document
    .getElementById('page')
    ?.replaceChildren(
      page_header(page),
      page.headlines.length > 0 ? headlines : '',
      contents(parts),
      el('main', {}, ...parts.map((p) => p.element)),
      page_footer(),
    );
  start_figures();
  on_theme_change(redraw_figures);
  prepare_for_print();
  window.addEventListener('hashchange', follow_anchor);
  follow_anchor();
}

const page = read_page();
if (page) show(page);
else document.getElementById('page')?.replaceChildren('This template holds no data yet.');
