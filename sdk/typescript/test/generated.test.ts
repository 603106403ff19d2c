// SPDX-License-Identifier: Apache-2.0
// The committed types are those of docs/openapi.json, and the package can be built, compiled against and loaded.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string, ...args: string[]) =>
  execFileSync(path.join(root, 'node_modules', '.bin', name), args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

test('src/openapi.ts is what docs/openapi.json gives (else: npm run generate)', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'gatehouse-sdk-'));
  try {
    const made = path.join(directory, 'openapi.ts');
    bin('openapi-typescript', '../../docs/openapi.json', '--output', made);
    expect(readFileSync(path.join(root, 'src/openapi.ts'), 'utf8') === readFileSync(made, 'utf8')).toBe(true);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the types allow, give and refuse what they should', () => {
  bin('tsc', '--noEmit');
});

test('the package as it is packed: loads in plain Node, and a program without the types of browsers compiles', () => {
  const directory = mkdtempSync(path.join(root, '.built-'));
  try {
    const modules = path.join(directory, 'node_modules', '@gatehouse', 'client');
    bin('tsc', '--project', 'tsconfig.build.json', '--outDir', path.join(modules, 'dist'));
    copyFileSync(path.join(root, 'package.json'), path.join(modules, 'package.json'));
    writeFileSync(path.join(directory, 'package.json'), '{}'); // a package of its own: the name does not mean the one around it
    writeFileSync(path.join(directory, 'main.mts'), `
      import * as client from '@gatehouse/client';
      const gate = new client.Gatehouse({ url: 'http://localhost' });
      const ask = async (): Promise<client.FileRecord> => await gate.request('GET', '/files/{id}', { path: { id: '7' } });
      export const follow = async (): Promise<string | undefined> => { for await (const event of gate.events()) return event.id; return (await ask()).name; };
      console.log(Object.keys(client).sort().join());`);
    bin('tsc', '--strict', '--module', 'NodeNext', '--target', 'ES2022', '--lib', 'ES2022', '--types', 'node', path.join(directory, 'main.mts'));
    const names = execFileSync(process.execPath, [path.join(directory, 'main.mjs')], { encoding: 'utf8' }).trim();
    expect(names).toBe('ConnectionError,DeadlineError,Gatehouse,GatehouseError,MemoryTokenStorage,ProblemError,UploadError');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
});
