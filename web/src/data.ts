// The page's data, as astrolabe/report/page.h writes it.

export type Cell = string | number | null;

export interface Column {
  name: string;
  title: string;
  facts: string[];
}

export interface Table {
  name: string;
  title: string;
  columns: Column[];
  rows: Cell[][];
}

export interface Headline {
  label: string;
  value: string;
  unit: string;
  detail: string;
  facts: string[];
}

export interface Fact {
  key: string;
  meaning: string;
  value: string;
  unit: string;
  low: string;
  high: string;
  as_of: string;
  source: string;
  source_title: string;
  source_url: string;
  source_grade: string;
  locator: string;
  note: string;
  position: string;
  is_used: boolean;
  reason: string;
}

export interface Page {
  title: string;
  subtitle: string;
  run: [string, string][];
  headlines: Headline[];
  notes: string[];
  tables: Table[];
  facts: Fact[];
}

// Null when no data has been put into the template.
export function read_page(): Page | null {
  const text = document.getElementById('astrolabe-data')?.textContent ?? '';
  if (!text.trimStart().startsWith('{')) return null;
  return JSON.parse(text) as Page;
}

// One row, read by column name.
export class Row {
  constructor(
    private readonly index: Map<string, number>,
    private readonly cells: Cell[],
  ) {}

  text(column: string): string {
    const cell = this.cell(column);
    return cell === null ? '' : String(cell);
  }
  number(column: string): number {
    const cell = this.cell(column);
    return typeof cell === 'number' ? cell : 0;
  }
  cell(column: string): Cell {
    const i = this.index.get(column);
    return i === undefined ? null : (this.cells[i] ?? null);
  }
}

export function rows_of(table: Table): Row[] {
  const index = new Map(table.columns.map((c, i) => [c.name, i]));
  return table.rows.map((cells) => new Row(index, cells));
}

export function has_columns(table: Table, names: string[]): boolean {
  return names.every((n) => table.columns.some((c) => c.name === n));
}

export function column_facts(table: Table): string[] {
  return unique(table.columns.flatMap((c) => c.facts));
}

export function unique<T>(items: T[]): T[] {
  return [...new Set(items)];
}

// Whether there is anything to draw.
export function has_figures(table: Table): boolean {
  return table.rows.some((row) => row.some((cell) => typeof cell === 'number' && cell !== 0));
}

// Quarters from the first to the last, those without a row included; other texts in order.
export function along_time(texts: string[]): string[] {
  const sorted = unique(texts).sort();
  const first = quarter_index(sorted[0] ?? '');
  const last = quarter_index(sorted[sorted.length - 1] ?? '');
  if (sorted.some((x) => Number.isNaN(quarter_index(x))) || !(last >= first)) return sorted;
  return Array.from({ length: last - first + 1 }, (_, i) => quarter_text(first + i));
}

// Rows of a table as stacks: one value per x and name, rows that share both added.
export interface Stacks {
  xs: string[];
  names: string[];
  values: Map<string, number[]>; // by name, along xs
}

export function stack(rows: Row[], x: string, name: string, value: string): Stacks {
  const xs = along_time(rows.map((r) => r.text(x)));
  const names = unique(rows.map((r) => r.text(name)));
  const at = new Map(xs.map((v, i) => [v, i]));
  const values = new Map(names.map((n) => [n, xs.map(() => 0)]));
  for (const r of rows) {
    const along = values.get(r.text(name));
    const i = at.get(r.text(x));
    if (along && i !== undefined) along[i] = (along[i] ?? 0) + r.number(value);
  }
  return { xs, names, values };
}

// "2028Q3" as a number of quarters; NaN for another text.
export function quarter_index(text: string): number {
  const m = /^(\d{4})Q([1-4])$/.exec(text);
  return m ? Number(m[1]) * 4 + Number(m[2]) - 1 : NaN;
}

export function quarter_text(index: number): string {
  return `${Math.floor(index / 4)}Q${(index % 4) + 1}`;
}
