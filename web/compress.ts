// SPDX-License-Identifier: Apache-2.0
// Compresses what was built, once and as well as it goes: the program then sends it as it is.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const compressible = /\.(html|js|css|svg|txt)$/;

function* filesBelow(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

export function compress(): Plugin {
  let directory = '';
  return {
    name: 'compress',
    apply: 'build',
    configResolved(config) {
      directory = config.build.outDir;
    },
    closeBundle() {
      for (const path of [...filesBelow(directory)].filter((name) => compressible.test(name))) {
        const content = readFileSync(path);
        const variants = {
          br: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
          gz: gzipSync(content, { level: 9 }),
        };
        for (const [extension, variant] of Object.entries(variants))
          if (variant.length < content.length * 0.9) writeFileSync(`${path}.${extension}`, variant);
      }
    },
  };
}
