// Elements without innerHTML: every text of the data stays text.

type Child = Node | string | null;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

export function button(label: string, on_click: () => void, class_name = 'button'): HTMLElement {
  const b = el('button', { type: 'button', class: class_name }, label);
  b.addEventListener('click', on_click);
  return b;
}

export function select(
  label: string,
  options: [string, string][],
  value: string,
  on_change: (value: string) => void,
): HTMLElement {
  const s = el('select', {}, ...options.map(([v, text]) => el('option', { value: v }, text)));
  s.value = value;
  s.addEventListener('change', () => on_change(s.value));
  return el('label', { class: 'select' }, el('span', {}, label), s);
}
