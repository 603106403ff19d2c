// SPDX-License-Identifier: Apache-2.0
// Floods and broken frames on HTTP/2: each ends with the right code, costs little, and other connections do not notice.
// The attacks themselves are in http2_attacks.py.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Gatehouse, root } from '../support/gatehouse.js';

test('every attack is bounded', { timeout: 300_000 }, async () => {
  const gatehouse = new Gatehouse({ config: 'gateway: {http2_cleartext: true, access_log: false}\n', distributed: false });
  await gatehouse.start();
  try {
    const script = path.join(root, 'tests/faults/http2_attacks.py');
    const arguments_ = [script, new URL(gatehouse.url).port, String(gatehouse.pid), '/openapi.json'];
    const { stdout } = await promisify(execFile)('/usr/bin/python3', arguments_).catch((error) => error);
    const results = stdout.trim().split('\n').map((line: string) => JSON.parse(line));
    expect(results.length).toBeGreaterThan(50);
    expect(results.filter((result: { right: boolean }) => !result.right)).toEqual([]);
    expect((await gatehouse.request('GET', '/openapi.json')).status).toBe(200);
  } finally {
    await gatehouse.stop();
  }
});
