// SPDX-License-Identifier: Apache-2.0
// How much users may store, by role, and which types of files are taken; through the gateway.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';

const config = `
files:
  quota_bytes: 100KiB
  quota_by_role: [{role: admin, bytes: 0}]
  allowed_types: [text/*, image/png, application/octet-stream]
`;
const gatehouse = new Gatehouse({ config });
const tokens: Record<string, string> = {};
const limit = 100 * 1024;

beforeAll(async () => {
  await gatehouse.start();
  for (const name of ['ada', 'eve', 'bob']) gatehouse.addUser(name);
  gatehouse.addUser('root', 'admin');
  for (const name of ['ada', 'eve', 'bob', 'root']) tokens[name] = await gatehouse.token(name);
}, 60_000);
afterAll(() => gatehouse.stop());

const upload = (name: string, size: number) =>
  gatehouse.request('POST', '/upload?name=text.txt', { token: tokens[name], headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(size) });
const usage = (name: string) => gatehouse.json('GET', '/files/usage', tokens[name]);

test('a quota is said, used up, and free again', async () => {
  expect(await usage('ada')).toEqual({ used_bytes: 0, trash_bytes: 0, files: 0, quota_bytes: limit, trash_seconds: 604_800 });
  const first = await upload('ada', 60_000);
  expect(first.status).toBe(201);
  const { items } = (await first.json()) as any;
  const refused = await upload('ada', 60_000);
  expect(refused.status).toBe(507);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await refused.json()).toMatchObject({ code: 'quota_exceeded', status: 507,
    detail: 'The upload needs 60000 bytes, and 60000 of your 102400 bytes are used. Delete some files for good first.' });
  expect(await usage('ada')).toEqual({ used_bytes: 60_000, trash_bytes: 0, files: 1, quota_bytes: limit, trash_seconds: 604_800 });
  await gatehouse.json('DELETE', `/files/${items[0].id}`, tokens.ada);
  expect(await (await upload('ada', 60_000)).json()).toMatchObject({ code: 'quota_exceeded',
    detail: 'The upload needs 60000 bytes, and 60000 of your 102400 bytes are used, 60000 of them by what is in the trash. Delete some files for good first.' });
  await gatehouse.json('DELETE', `/files/${items[0].id}?permanent=true`, tokens.ada);
  expect(await usage('ada')).toEqual({ used_bytes: 0, trash_bytes: 0, files: 0, quota_bytes: limit, trash_seconds: 604_800 });
  expect((await upload('ada', 60_000)).status).toBe(201);
});

test('a role may have more', async () => {
  expect((await upload('root', 300_000)).status).toBe(201);
  expect(await usage('root')).toEqual({ used_bytes: 300_000, trash_bytes: 0, files: 1, quota_bytes: null, trash_seconds: 604_800 });
});

test('uploads at once do not exceed it', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => upload('bob', 30_000)));
  const statuses = answers.map((answer) => answer.status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(3);
  expect(statuses.filter((status) => status === 507)).toHaveLength(7);
  expect((await usage('bob')).used_bytes).toBe(90_000);
});

test('what a file is decides, not what it is called', async () => {
  const refused = await gatehouse.request('POST', '/upload?name=notes.txt', { token: tokens.eve, headers: { 'content-type': 'text/plain' },
    body: '%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n' });
  expect(refused.status).toBe(415);
  expect(await refused.json()).toMatchObject({ code: 'file_type_not_allowed',
    detail: '"notes.txt" is application/pdf. Files may be: text/*, image/png, application/octet-stream.' });
  expect((await gatehouse.json('GET', '/files', tokens.eve)).items).toEqual([]);
});

test('wrong settings are refused by name', () => {
  const file = path.join(scratchDirectory(), 'gatehouse.yaml');
  writeFileSync(file, 'files: {allowed_types: ["image"], quota_by_role: [{role: a, bytes: 1}, {role: a, bytes: 2}]}\n');
  let text = '';
  try {
    execFileSync(binary, ['config', 'check', '--config', file], { stdio: 'pipe' });
  } catch (error: any) {
    text = String(error.stdout) + String(error.stderr);
  }
  expect(text).toContain('files.allowed_types');
  expect(text).toContain('files.quota_by_role[1].role');
});
