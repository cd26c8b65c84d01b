// Outlines for the map of sites, taken at build time from the npm package world-atlas (Natural Earth,
// public domain): countries of the world at 1:110m, Korea and its neighbours at 1:50m.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';

const require = createRequire(import.meta.url);
const kModule = 'virtual:land';
const kAntarctica = '010';
const kAroundKorea = new Set(['410', '408', '392']); // ISO 3166: South Korea, North Korea, Japan

// A ring over the date line goes on beyond 180 degrees instead of jumping back across the map.
function unwrap(ring) {
  const crosses = ring.some(([x], i) => i > 0 && Math.abs(x - ring[i - 1][0]) > 180);
  return crosses ? ring.map(([x, y]) => [x < 0 ? x + 360 : x, y]) : ring;
}

function unwrap_all({ type, coordinates }) {
  return type === 'Polygon' ? coordinates.map(unwrap) : coordinates.map((p) => p.map(unwrap));
}

function countries(scale, digits, keeps) {
  const topology = JSON.parse(
    readFileSync(require.resolve(`world-atlas/countries-${scale}.json`), 'utf8'),
  );
  const factor = 10 ** digits;
  const round = (c) => (Array.isArray(c) ? c.map(round) : Math.round(c * factor) / factor);
  return {
    type: 'FeatureCollection',
    features: feature(topology, topology.objects.countries)
      .features.filter((f) => keeps(f.id))
      .map((f) => ({
        type: 'Feature',
        properties: { name: f.properties.name },
        geometry: { type: f.geometry.type, coordinates: round(unwrap_all(f.geometry)) },
      })),
  };
}

export function landModule() {
  const resolved = '\0' + kModule;
  return {
    name: 'land',
    resolveId: (id) => (id === kModule ? resolved : undefined),
    load(id) {
      if (id !== resolved) return undefined;
      const world = countries('110m', 1, (c) => c !== kAntarctica);
      const korea = countries('50m', 2, (c) => kAroundKorea.has(c));
      return `export const world = ${JSON.stringify(world)};
export const korea = ${JSON.stringify(korea)};`;
    },
  };
}
