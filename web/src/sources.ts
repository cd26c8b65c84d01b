// Where figures come from: a panel for one figure, and the list of all facts at the end of the page.

import type { Fact } from './data';
import { unique } from './data';
import { button, el } from './dom';
import { count } from './format';

// The rows of one attribute: used ones, those that disagree, and its quarters when it is dated.
interface FactGroup {
  key: string; // without a quarter
  rows: Fact[];
}

let groups = new Map<string, FactGroup>();

function base_key(key: string): string {
  return key.split('@')[0] ?? key;
}

export function set_facts(facts: Fact[]): void {
  groups = new Map();
  for (const fact of facts) {
    const key = base_key(fact.key);
    const group = groups.get(key) ?? { key, rows: [] };
    group.rows.push(fact);
    groups.set(key, group);
  }
}

function anchor(key: string): string {
  return `fact-${key}`;
}

function source_link(fact: Fact): HTMLElement {
  const title = fact.source_title || fact.source || 'source not known';
  if (!/^https?:\/\//.test(fact.source_url)) return el('span', {}, title);
  return el(
    'a',
    { href: fact.source_url, target: '_blank', rel: 'noopener noreferrer' },
    title,
  );
}

function grade_text(grade: string): string {
  if (grade === 'estimate') return 'own estimate';
  return grade ? `grade ${grade}` : '';
}

function value_text(fact: Fact): string {
  const value = fact.value === '' ? 'no value' : fact.value;
  return fact.unit ? `${value} ${fact.unit}` : value;
}

function range_text(fact: Fact): string {
  if (fact.low && fact.high) return `range ${fact.low} to ${fact.high}`;
  if (fact.low) return `low ${fact.low}`;
  return fact.high ? `high ${fact.high}` : '';
}

function fact_row(fact: Fact): HTMLElement {
  const quarter = fact.key.split('@')[1];
  const parts = [range_text(fact), fact.as_of && `as of ${fact.as_of}`].filter(Boolean);
  const origin = el('p', { class: 'origin' }, source_link(fact));
  const where = [grade_text(fact.source_grade), fact.locator, fact.position].filter(Boolean);
  if (where.length > 0) origin.append(` (${where.join('; ')})`);
  return el(
    'li',
    { class: fact.is_used ? 'fact used' : 'fact unused' },
    el(
      'p',
      { class: 'value' },
      quarter ? el('span', { class: 'quarter' }, `${quarter}: `) : null,
      el('strong', {}, value_text(fact)),
      parts.length > 0 ? `, ${parts.join(', ')}` : '',
      fact.is_used ? null : el('span', { class: 'badge' }, fact.source ? 'not used' : 'missing'),
    ),
    origin,
    fact.note ? el('p', { class: 'note' }, fact.note) : null,
    fact.reason ? el('p', { class: 'note' }, `Used because: ${fact.reason}`) : null,
  );
}

function group_rows(group: FactGroup): HTMLElement {
  const list = el('ul', { class: 'facts' }, ...group.rows.map(fact_row));
  return list;
}

function group_meaning(group: FactGroup): string {
  return group.rows.find((f) => f.meaning)?.meaning ?? '';
}

// Groups of the facts a figure names; a key with a quarter stands for its attribute.
function groups_of(keys: string[]): FactGroup[] {
  return unique(keys.map(base_key))
    .map((key) => groups.get(key) ?? { key, rows: [] })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

class SourcePanel {
  private readonly title = el('h2', { id: 'sources-title' });
  private readonly content = el('div', { class: 'panel-content' });
  private readonly dialog = el('dialog', {
    id: 'sources-panel',
    'aria-labelledby': 'sources-title',
  });

  constructor() {
    this.dialog.append(
      el('header', {}, this.title, button('Close', () => this.dialog.close(), 'button close')),
      this.content,
    );
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    document.body.append(this.dialog);
  }

  show(title: string, keys: string[]): void {
    this.title.textContent = `Sources: ${title}`;
    const found = groups_of(keys);
    const is_open = found.length <= 8;
    this.content.replaceChildren(
      el('p', { class: 'note' }, `Facts behind this figure: ${found.length}.`),
      ...found.map((g) => this.entry(g, is_open)),
    );
    this.dialog.showModal();
    this.content.scrollTop = 0;
  }

  private entry(group: FactGroup, is_open: boolean): HTMLElement {
    const link = el('a', { class: 'to-list', href: `#${anchor(group.key)}` }, 'in the list of sources');
    link.addEventListener('click', () => this.dialog.close());
    const details = el(
      'details',
      { class: 'panel-fact' },
      el('summary', {}, el('code', {}, group.key), ' ', el('small', {}, group_meaning(group))),
      group.rows.length > 0 ? group_rows(group) : el('p', { class: 'note' }, 'No row on this page.'),
      link,
    );
    details.open = is_open;
    return details;
  }
}

let panel: SourcePanel | null = null;

// Null when a figure names no facts.
export function sources_button(title: string, keys: string[], is_small = false): HTMLElement | null {
  if (keys.length === 0) return null;
  const n = unique(keys.map(base_key)).length;
  const b = button(
    is_small ? `${n}` : `Sources (${n})`,
    () => {
      panel ??= new SourcePanel();
      panel.show(title, keys);
    },
    is_small ? 'sources small' : 'button sources',
  );
  if (is_small) {
    b.setAttribute('aria-label', `Sources of ${title}: ${n}`);
    b.setAttribute('title', `Sources (${n})`);
  }
  return b;
}

export function sources_section(): HTMLElement | null {
  if (groups.size === 0) return null;
  const by_entity = new Map<string, FactGroup[]>();
  for (const group of [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const entity = group.key.split('.')[0] ?? group.key;
    by_entity.set(entity, [...(by_entity.get(entity) ?? []), group]);
  }
  const section = el(
    'section',
    { id: 'sources' },
    el('h2', {}, 'Sources'),
    el(
      'p',
      { class: 'lead' },
      'Every fact a figure of this page names, with its source. Grades: A company, regulator or ' +
        'major press; B copy or digest of one; C blog, forum or generated page. An own estimate ' +
        'says so. Rows that were not used are kept.',
    ),
  );
  for (const [entity, members] of by_entity) {
    section.append(
      el(
        'details',
        { class: 'entity' },
        el('summary', {}, el('code', {}, entity), ' ', el('small', {}, count(members.length, 'fact'))),
        ...members.map((g) =>
          el(
            'div',
            { class: 'fact-group', id: anchor(g.key), tabindex: '-1' },
            el('h3', {}, el('code', {}, g.key), ' ', el('small', {}, group_meaning(g))),
            group_rows(g),
          ),
        ),
      ),
    );
  }
  return section;
}

// Opens what hides the element the address names, and goes there.
export function follow_anchor(): void {
  const id = decodeURIComponent(window.location.hash.slice(1));
  const target = id ? document.getElementById(id) : null;
  if (!target) return;
  for (let e: Element | null = target; e; e = e.parentElement) {
    if (e instanceof HTMLDetailsElement) e.open = true;
  }
  target.scrollIntoView();
  if (target.classList.contains('fact-group')) target.focus({ preventScroll: true });
}
