// SPDX-License-Identifier: Apache-2.0
// The committed types are those of docs/openapi.json, and the package can be built, compiled against and loaded.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

test('the package that is built loads in plain Node and uses nothing of Node itself', () => {
  const directory = mkdtempSync(path.join(root, '.built-'));
  try {
    bin('tsc', '--project', 'tsconfig.build.json', '--outDir', directory);
    const program = `import(${JSON.stringify(path.join(directory, 'index.js'))}).then((m) => console.log(Object.keys(m).sort().join()))`;
    const names = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }).trim();
    expect(names).toBe('ConnectionError,DeadlineError,Gatehouse,GatehouseError,MemoryTokenStorage,ProblemError,UploadError');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
});
