// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

// Files start programs of their own: one after the other keeps times steady.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
