// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

import { compress } from './compress';
import { licences } from './licences';

// The program serves what comes out of here under /console/ with a strict Content-Security-Policy: everything is a file of
// its own (no inlined assets, no inline script or style), and everything but index.html has its hash in its name.
export default defineConfig({
  base: '/console/',
  plugins: [svelte(), licences(), compress()],
  build: {
    target: ['chrome107', 'firefox104', 'safari16'],
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    emptyOutDir: true,
  },
  server: {
    fs: { allow: ['..'] }, // docs/openapi.json, for a test
    // `npm run dev` beside a running Gatehouse. Its cookies and its same-origin checks see the address of the dev server.
    proxy: Object.fromEntries(
      ['/console/session', '/profile', '/files', '/uploads', '/events', '/admin', '/setup', '/openapi.json'].map((path) => [
        path,
        { target: process.env.GATEHOUSE_URL ?? 'http://127.0.0.1:8080', changeOrigin: false },
      ]),
    ),
  },
  test: { include: ['src/**/*.test.ts'] },
});
