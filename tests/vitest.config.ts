// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

// Every file starts programs of its own, and videos are converted: one file after the other keeps times steady.
export default defineConfig({
  test: {
    setupFiles: ['support/sanitizers.ts'],
    include: ['{api,e2e,faults}/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
