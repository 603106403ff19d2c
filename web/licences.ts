// SPDX-License-Identifier: Apache-2.0
// The licences of the packages whose code is in what was built, in a file beside it that the page names: they ask to go where
// the code goes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

// The directory of the package that a module is of; null when it is ours.
function packageOf(module: string): string | null {
  const path = module.replace(/^\0/, '').replace(/\?.*$/, '');
  if (!path.includes('/node_modules/')) return null;
  for (let directory = dirname(path); directory.includes('/node_modules/'); directory = dirname(directory))
    if (existsSync(join(directory, 'package.json')) && 'version' in JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))) return directory;
  return null;
}

function noticeOf(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const file = readdirSync(directory).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (!file) throw new Error(`${name} ${version} has no text of its licence (${license})`);
  return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
}

export function licences(): Plugin {
  let base = '/';
  return {
    name: 'licences',
    apply: 'build',
    enforce: 'post', // when the page is there
    configResolved(config) {
      base = config.base;
    },
    generateBundle(_, bundle) {
      const packages = new Set<string>();
      for (const part of Object.values(bundle)) {
        if (part.type !== 'chunk') continue;
        for (const module of Object.keys(part.modules)) {
          const directory = packageOf(module);
          if (directory) packages.add(directory);
        }
      }
      const notices = [...packages].sort().map(noticeOf);
      const file = this.emitFile({ type: 'asset', name: 'licences.txt', source: notices.join(`\n${'-'.repeat(80)}\n\n`) });
      const page = bundle['index.html'];
      if (page?.type !== 'asset' || !String(page.source).includes('</head>')) throw new Error('there is no page to name the licences in');
      page.source = String(page.source).replace('</head>', `  <link rel="license" type="text/plain" href="${base}${this.getFileName(file)}">\n  </head>`);
    },
  };
}
