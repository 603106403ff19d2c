// SPDX-License-Identifier: Apache-2.0
// Dead letters over HTTP: what was given up is seen, taken up again once the trouble is mended, or dropped, and the audit log
// tells who did it.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { crashingUntilMended } from '../support/processors.js';

const scratch = scratchDirectory();
const mended = path.join(scratch, 'mended');
const gatehouse = new Gatehouse({ config: crashingUntilMended(mended) });
let admin = '';
let user = '';

const letters = async (): Promise<any[]> => (await gatehouse.json('GET', '/admin/dead', admin)).items;
const audit = async (type: string): Promise<any[]> => (await gatehouse.json('GET', `/admin/audit?type=${type}`, admin)).items;

async function giveUp(name: string): Promise<{ file: string; letter: any }> {
  const { id } = await gatehouse.upload(user, name, `of ${name}`);
  expect((await gatehouse.settled(user, id)).state).toBe('failed');
  await expect.poll(async () => (await letters()).some((letter) => letter.subject === id), { timeout: 10_000 }).toBe(true);
  return { file: id, letter: (await letters()).find((letter) => letter.subject === id) };
}

beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('root', 'admin');
  gatehouse.addUser('ada');
  admin = await gatehouse.token('root');
  user = await gatehouse.token('ada');
});
afterAll(async () => {
  await gatehouse.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test('the list is the command line\'s, and a letter has its event', async () => {
  expect(await gatehouse.json('GET', '/admin/dead', admin)).toEqual({ items: [], next: null });
  const { file, letter } = await giveUp('one.txt');
  expect(letter).toMatchObject({ queue: 'worker', type: 'file.uploaded', subject: file, attempts: 1 });
  expect(letter.reason).toContain('crashed');
  expect(JSON.parse(gatehouse.command(['dead', 'list', '--json'])).items).toEqual(await letters());
  const shown = await gatehouse.json('GET', `/admin/dead/${encodeURIComponent(letter.id)}`, admin);
  expect(shown).toMatchObject(letter);
  expect(shown.event).toMatchObject({ specversion: '1.0', type: 'file.uploaded', subject: file });
});

test('only who has admin:dead gets there', async () => {
  const { letter } = await giveUp('two.txt');
  for (const [method, target] of [['GET', '/admin/dead'], ['GET', `/admin/dead/${letter.id}`], ['POST', `/admin/dead/${letter.id}/retry`], ['DELETE', `/admin/dead/${letter.id}`]]) {
    expect((await gatehouse.request(method, target)).status, `${method} ${target}`).toBe(401);
    expect((await gatehouse.request(method, target, { token: user })).status, `${method} ${target}`).toBe(403);
  }
  expect((await letters()).some(({ id }) => id === letter.id)).toBe(true);
});

test('a letter is dropped for good, once', async () => {
  const { letter, file } = await giveUp('three.txt');
  expect((await gatehouse.request('DELETE', `/admin/dead/${letter.id}`, { token: admin })).status).toBe(204);
  expect((await letters()).some(({ id }) => id === letter.id)).toBe(false);
  const again = await gatehouse.request('DELETE', `/admin/dead/${letter.id}`, { token: admin });
  expect(again.status).toBe(404);
  expect(((await again.json()) as any).code).toBe('dead_letter_not_found');
  const records = await audit('dead_letter.dropped');
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ target: letter.id, details: { event: 'file.uploaded', subject: file } });
});

test('a letter that is retried makes its file whole once the trouble is mended', async () => {
  const { letter, file } = await giveUp('four.txt');
  writeFileSync(mended, 'yes');
  expect(await gatehouse.json('POST', `/admin/dead/${letter.id}/retry`, admin)).toEqual({ id: letter.id });
  await expect.poll(async () => (await gatehouse.json('GET', `/files/${file}`, user)).state, { timeout: 20_000 }).toBe('processed');
  expect((await letters()).some(({ id }) => id === letter.id)).toBe(false);
  const [record] = await audit('dead_letter.retried');
  expect(record.target).toBe(letter.id);
  expect(record.actor).toBe((await gatehouse.json('GET', '/profile', admin)).id);
});
