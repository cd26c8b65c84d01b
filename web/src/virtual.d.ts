declare module 'virtual:land' {
  import type { FeatureCollection } from 'geojson';
  export const world: FeatureCollection;
  export const korea: FeatureCollection;
}
