import { defineConfig } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';
import { landModule } from './land.mjs';

// One file, dist/report.html: scripts and styles inline, nothing fetched when it is opened.
export default defineConfig({
  base: './',
  plugins: [landModule(), viteSingleFile({ removeViteModuleLoader: true })],
  build: {
    target: 'es2020',
    outDir: 'dist',
    emptyOutDir: true,
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: 'report.html' },
  },
});
