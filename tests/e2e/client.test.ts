// SPDX-License-Identifier: Apache-2.0
// The TypeScript client (sdk/typescript) in a page of the browser, through a connection that is cut.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { transformWithEsbuild } from 'vite';
import { beforeAll, expect, test } from 'vitest';
import type { Gatehouse as Client } from '../../sdk/typescript/src/index.js';
import { Gatehouse, password, root } from '../support/gatehouse.js';
import { sha256 } from '../support/tus.js';
import { browser, useBrowser, visit, type Visitor } from './browser.js';

const gatehouse = new Gatehouse();
let visitor: Visitor;

// A page on the server's own origin that loads the client.
const html = `<!doctype html><link rel="icon" href="data:,"><title>client</title>
<script type="module">import {Gatehouse} from '/page/index.js'; window.Gatehouse = Gatehouse;</script>`;

useBrowser(gatehouse, { ada: 'user' });
beforeAll(async () => {
  visitor = await visit(browser);
  await visitor.page.route('**/page/**', async (route) => {
    const name = path.basename(new URL(route.request().url()).pathname);
    if (!name.endsWith('.js')) return await route.fulfill({ contentType: 'text/html', body: html });
    const file = path.join(root, 'sdk/typescript/src', name.replace(/\.js$/, '.ts'));
    const { code } = await transformWithEsbuild(readFileSync(file, 'utf8'), file, { sourcemap: false });
    await route.fulfill({ contentType: 'text/javascript', body: code });
  });
  await visitor.page.goto(`${gatehouse.url}/page/index.html`);
  await visitor.page.waitForFunction(() => 'Gatehouse' in window);
});

test('a page logs in, uploads through breaks, follows events, downloads and logs out', async () => {
  const { page, complaints } = visitor;
  let broken = 0;
  await page.route('**/uploads/*', async (route) => {
    if (route.request().method() === 'PATCH' && broken++ < 2) await route.abort('connectionreset');
    else await route.continue();
  });
  const seen = await page.evaluate(async (secret) => {
    const gate = new (window as unknown as { Gatehouse: typeof Client }).Gatehouse({ url: location.origin, retryDelayMs: 50 });
    const user = await gate.login({ username: 'ada', password: secret });
    const content = new Uint8Array(3_000_000).map((_, i) => (i * 7919) >> 3);
    const progress: number[] = [];
    const file = await gate.upload(new File([content], 'grüße.bin'), { pieceBytes: 1 << 20, checksum: true, onProgress: (sent) => progress.push(sent) });
    let state = '';
    for await (const event of gate.events()) {
      if (event.type === 'file' && event.id === file.id) state = event.file.state;
      if (state === 'processed') break;
    }
    const down = new Uint8Array(await (await gate.files.download(file.id)).arrayBuffer());
    const same = down.length === content.length && down.every((byte, i) => byte === content[i]);
    await gate.logout();
    const refused = await gate.files.list().catch((error) => ({ name: error.name, code: error.code, requestId: error.requestId }));
    return { user: user.username, file, progress, state, same, refused, cookie: document.cookie };
  }, password);
  expect(seen).toMatchObject({ user: 'ada', state: 'processed', same: true, refused: { name: 'ProblemError', code: 'unauthenticated' }, cookie: '' });
  expect(seen.file).toMatchObject({ name: 'grüße.bin', size: 3_000_000, sha256: sha256(new Uint8Array(3_000_000).map((_, i) => (i * 7919) >> 3)) });
  expect(seen.progress.at(-1)).toBe(3_000_000);
  expect(broken).toBeGreaterThan(4);
  expect(complaints.filter((text) => !/ERR_CONNECTION_RESET|401/.test(text))).toEqual([]);
});
