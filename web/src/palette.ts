// Colours that a colour-blind reader tells apart (Okabe and Ito, 2008), each with its own pattern.

export interface Theme {
  is_dark: boolean;
  ink: string;
  muted: string;
  line: string;
  background: string;
  land: string;
  coast: string;
}

const kLight: Theme = {
  is_dark: false,
  ink: '#1c242c',
  muted: '#56616b',
  line: '#d5dbe0',
  background: '#ffffff',
  land: '#eceeee',
  coast: '#a9b2b9',
};
const kDark: Theme = {
  is_dark: true,
  ink: '#e7eaed',
  muted: '#a7b0b8',
  line: '#3b444d',
  background: '#14191e',
  land: '#2f3842',
  coast: '#6f7c88',
};

const dark_query = window.matchMedia('(prefers-color-scheme: dark)');
let is_printing = false;

export function set_printing(value: boolean): void {
  is_printing = value;
}
export function theme(): Theme {
  return dark_query.matches && !is_printing ? kDark : kLight;
}
export function on_theme_change(then: () => void): void {
  dark_query.addEventListener('change', then);
}

const kColours = [
  '#0072B2', // blue
  '#E69F00', // orange
  '#009E73', // bluish green
  '#CC79A7', // reddish purple
  '#56B4E9', // sky blue
  '#D55E00', // vermilion
  '#F0E442', // yellow
  '#8A8A8A', // grey
];

const kPattern = 'rgba(255,255,255,0.55)';
const kDarkPattern = 'rgba(0,0,0,0.28)';

export interface Decal {
  symbol: string;
  symbolSize?: number;
  color: string;
  dashArrayX: number | number[] | (number | number[])[];
  dashArrayY: number | number[];
  rotation?: number;
}

const kDecals: ((color: string) => Decal)[] = [
  (color) => ({ symbol: 'none', color, dashArrayX: 1, dashArrayY: 1 }),
  (color) => stripes(color, -Math.PI / 4, [1.5, 6]),
  (color) => dots(color, [[0, 7], [3.5, 7]], [3.5, 0]),
  (color) => stripes(color, Math.PI / 4, [1.5, 5]),
  (color) => stripes(color, 0, [1.5, 5]),
  (color) => dots(color, [4, 4], [4, 4], 'rect', 0.5),
  (color) => stripes(color, Math.PI / 2, [1.5, 5]),
  (color) => stripes(color, -Math.PI / 4, [3, 3]),
];

function stripes(color: string, rotation: number, dashArrayY: number[]): Decal {
  return { symbol: 'rect', color, dashArrayX: [1, 0], dashArrayY, rotation };
}

function dots(
  color: string,
  dashArrayX: number[] | number[][],
  dashArrayY: number[],
  symbol = 'circle',
  symbolSize = 0.8,
): Decal {
  return { symbol, symbolSize, color, dashArrayX, dashArrayY };
}

// Colour and pattern of the i-th of several things; after eight the colours come again with other
// patterns.
export function style(i: number): { color: string; decal: Decal } {
  const color = kColours[i % kColours.length] ?? '#8A8A8A';
  const turn = i + 3 * Math.floor(i / kColours.length);
  const pattern = color === '#F0E442' || color === '#56B4E9' ? kDarkPattern : kPattern;
  const decal = kDecals[turn % kDecals.length] ?? kDecals[0]!;
  return { color, decal: decal(pattern) };
}

// What is missing: grey hatching.
export function missing_style(): { color: string; decal: Decal } {
  return { color: '#9aa1a8', decal: stripes('rgba(255,255,255,0.8)', -Math.PI / 4, [2, 4]) };
}

// From little to most: one hue, so that lightness alone tells; dark on light paper, light on dark.
export function ramp(): string[] {
  return theme().is_dark
    ? ['#22364a', '#2f5d86', '#4a8fc4', '#8cc4ec', '#e3f2fd']
    : ['#dce9f5', '#9ecae1', '#4f9bcb', '#1f66ad', '#08306b'];
}
