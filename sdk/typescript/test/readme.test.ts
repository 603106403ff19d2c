// SPDX-License-Identifier: Apache-2.0
// The README's example, run as it is written by plain Node with the package as it is built.
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Gatehouse as Server, scratchDirectory } from '../../../tests/support/gatehouse.js';
import { videoWithSound } from '../../../tests/support/media.js';

const root = path.resolve(import.meta.dirname, '..');

test('the example of README.md', async () => {
  const directory = scratchDirectory();
  const server = await new Server().start();
  try {
    server.addUser('ada');
    const modules = path.join(directory, 'node_modules', '@gatehouse', 'client');
    mkdirSync(modules, { recursive: true });
    execFileSync(path.join(root, 'node_modules', '.bin', 'tsc'), ['--project', 'tsconfig.build.json', '--outDir', path.join(modules, 'dist')], { cwd: root });
    copyFileSync(path.join(root, 'package.json'), path.join(modules, 'package.json'));
    const example = /```js\n([\s\S]*?)```/.exec(readFileSync(path.join(root, 'README.md'), 'utf8'))![1]!;
    expect(example).toContain('https://gate.example');
    writeFileSync(path.join(directory, 'example.mjs'), example.replaceAll('https://gate.example', server.url));
    copyFileSync(videoWithSound(2, '320x240').file, path.join(directory, 'video.mp4'));

    const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory, timeout: 60_000 });
    expect(stdout).toMatch(/goes on with \{url: 'http:.*\/uploads\/[\w-]+'\}/);
    expect(stdout).toContain('processed, 100 %');
    expect(stdout).toMatch(/^403 insufficient_scope \S+$/m);
    expect(statSync(path.join(directory, 'video.mp3')).size).toBeGreaterThan(1000);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
