// A table as a reader uses it: sorted by a click on a header, filtered by a word, saved as CSV.

import { column_facts, type Cell, type Table } from './data';
import { button, el } from './dom';
import { count, format_number, unit_of } from './format';
import { sources_button } from './sources';

const kFirstRows = 20;
const kLongText = 24; // characters

function csv_cell(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function to_csv(table: Table): string {
  const lines = [table.columns.map((c) => c.name), ...table.rows];
  return lines.map((line) => line.map(csv_cell).join(',')).join('\n') + '\n';
}

export function csv_link(table: Table): HTMLElement {
  const link = el('a', { class: 'button', download: `${table.name}.csv`, href: '#' }, 'CSV');
  link.setAttribute('aria-label', `Save table ${table.title} as CSV`);
  // The text of a long table is written only when it is asked for.
  link.addEventListener('click', () => {
    link.href = 'data:text/csv;charset=utf-8,' + encodeURIComponent(to_csv(table));
  });
  return link;
}

function compare(a: Cell, b: Cell): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true });
}

class TableView {
  readonly element = el('div', { class: 'table-view' });
  private readonly body = el('tbody');
  private readonly more = el('p', { class: 'more' });
  private readonly headers: HTMLElement[] = [];
  private readonly is_number: boolean[];
  private readonly is_long: boolean[]; // sentences: they need room to stay readable
  private sort_column = -1;
  private is_descending = false;
  private word = '';
  private shows_all = false;

  constructor(
    private readonly table: Table,
    has_sources: boolean,
  ) {
    this.is_number = table.columns.map((_, i) =>
      table.rows.some((r) => typeof r[i] === 'number'),
    );
    this.is_long = table.columns.map((_, i) =>
      table.rows.some((r) => String(r[i] ?? '').length > kLongText && typeof r[i] === 'string'),
    );
    const head = el('tr', {}, ...table.columns.map((_, i) => this.header(i)));
    const tools = el('div', { class: 'controls' });
    if (table.rows.length > kFirstRows) tools.append(this.filter());
    tools.append(csv_link(table));
    const sources = has_sources ? sources_button(table.title, column_facts(table)) : null;
    if (sources) tools.append(sources);
    this.element.append(
      tools,
      el(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': table.title },
        el('table', {}, el('thead', {}, head), this.body),
      ),
      this.more,
    );
    this.draw();
  }

  private header(i: number): HTMLElement {
    const column = this.table.columns[i]!;
    const unit = unit_of(column.name);
    const title = column.title || column.name;
    const sort = button(title, () => this.sort_by(i), 'sort');
    if (unit) sort.append(el('span', { class: 'unit' }, unit));
    const th = el('th', { scope: 'col', class: this.is_number[i] ? 'number' : undefined }, sort);
    const sources = sources_button(`${this.table.title}: ${title}`, column.facts, true);
    if (sources) th.append(sources);
    this.headers.push(th);
    return th;
  }

  private filter(): HTMLElement {
    const input = el('input', {
      type: 'search',
      placeholder: 'Filter rows',
      'aria-label': `Filter rows of ${this.table.title}`,
    });
    input.addEventListener('input', () => {
      this.word = input.value.toLowerCase();
      this.draw();
    });
    return input;
  }

  private sort_by(i: number): void {
    this.is_descending = this.sort_column === i ? !this.is_descending : Boolean(this.is_number[i]);
    this.sort_column = i;
    this.headers.forEach((th, k) => {
      if (k === i) th.setAttribute('aria-sort', this.is_descending ? 'descending' : 'ascending');
      else th.removeAttribute('aria-sort');
    });
    this.draw();
  }

  private draw(): void {
    let rows = this.table.rows;
    if (this.word) {
      rows = rows.filter((r) => r.some((c) => String(c ?? '').toLowerCase().includes(this.word)));
    }
    const i = this.sort_column;
    if (i >= 0) {
      const sign = this.is_descending ? -1 : 1;
      rows = [...rows].sort((a, b) => sign * compare(a[i] ?? null, b[i] ?? null));
    }
    const shown = this.shows_all ? rows : rows.slice(0, kFirstRows);
    this.body.replaceChildren(...shown.map((r) => this.row(r)));
    this.more.replaceChildren();
    if (shown.length < rows.length) {
      const all = button(`Show all ${rows.length} rows`, () => {
        this.shows_all = true;
        this.draw();
      });
      this.more.append(`${shown.length} of ${rows.length} rows `, all);
    } else if (rows.length === 0) {
      this.more.append('No rows');
    }
  }

  private row(cells: Cell[]): HTMLElement {
    return el(
      'tr',
      {},
      ...cells.map((c, i) => {
        if (typeof c === 'number') {
          return el('td', { class: 'number', title: String(c) }, format_number(c));
        }
        const class_name = this.is_number[i] ? 'number' : this.is_long[i] ? 'long' : undefined;
        return el('td', { class: class_name }, c ?? '');
      }),
    );
  }
}

// Under a chart the chart has the button for all sources.
export function table_view(table: Table, has_sources = true): HTMLElement {
  return new TableView(table, has_sources).element;
}

// A table among the first things to read.
export function table_section(table: Table): HTMLElement {
  return el(
    'section',
    { id: `table-${table.name}` },
    el('h2', {}, table.title || table.name),
    table_view(table),
  );
}

// A table for those who look for it.
export function collapsed_table(table: Table): HTMLElement {
  const details = el(
    'details',
    { id: `table-${table.name}` },
    el(
      'summary',
      {},
      `${table.title || table.name} `,
      el('small', {}, count(table.rows.length, 'row')),
    ),
  );
  // A collapsed table is drawn when it is opened.
  let is_drawn = false;
  const draw = () => {
    if (is_drawn || !details.open) return;
    is_drawn = true;
    details.append(table_view(table));
  };
  details.addEventListener('toggle', draw);
  details.addEventListener('draw', draw);
  return details;
}
