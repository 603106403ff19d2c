// SPDX-License-Identifier: Apache-2.0
// What becomes of deleted files: on whichever stores the environment says.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { videoWithSound } from '../support/media.js';

const keeping = new Gatehouse();
const sweeping = new Gatehouse({ config: 'files: {trash_ttl: 2s, upload_ttl: 5s, abandoned_after: 1s}\n' });
let ada: string;

beforeAll(async () => {
  await keeping.start();
  keeping.addUser('ada');
  ada = await keeping.token('ada');
});
afterAll(async () => {
  await keeping.stop();
  await sweeping.stop();
});

const trashOf = async (gatehouse: Gatehouse, token: string): Promise<string[]> =>
  (await gatehouse.json('GET', '/files?trash=true', token) as any).items.map((item: any) => item.id);

test('work on a deleted file is dropped, and begins anew when it is restored', async () => {
  const { content } = videoWithSound(4, '640x360');
  const uploaded = await keeping.upload(ada, 'clip.mp4', content);
  await keeping.json('DELETE', `/files/${uploaded.id}`, ada);
  expect(await trashOf(keeping, ada)).toEqual([uploaded.id]);
  const restored = await keeping.json('POST', `/files/${uploaded.id}/restore`, ada);
  expect(restored).toMatchObject({ id: uploaded.id, trash: null });
  const record = await keeping.settled(ada, uploaded.id);
  expect(record.state).toBe('processed');
  expect(record.derived.map((made: any) => made.processor).sort()).toEqual(['audio', 'thumbnail']);

  const audio = record.derived.find((made: any) => made.processor === 'audio');
  await keeping.json('DELETE', `/files/${uploaded.id}`, ada);
  expect((await keeping.request('GET', `/files/${audio.id}/content`, { token: ada })).status).toBe(404);
  await keeping.json('POST', `/files/${uploaded.id}/restore`, ada);
  expect(await keeping.json('GET', `/files/${uploaded.id}`, ada)).toEqual(record);
  expect((await keeping.request('GET', `/files/${audio.id}/content`, { token: ada })).status).toBe(200);
});

test('it survives the process', async () => {
  const file = await keeping.upload(ada, 'note.txt', 'still here');
  await keeping.json('DELETE', `/files/${file.id}`, ada);
  for (const process of keeping.of('files')) await process.end('SIGKILL');
  await keeping.start();
  ada = await keeping.token('ada');
  expect(await trashOf(keeping, ada)).toEqual([file.id]);
  await keeping.json('POST', `/files/${file.id}/restore`, ada);
  expect(await (await keeping.request('GET', `/files/${file.id}/content`, { token: ada })).text()).toBe('still here');
});

test('its time ends by itself, with content and records', async () => {
  await sweeping.start();
  sweeping.addUser('eve');
  const eve = await sweeping.token('eve');
  const file = await sweeping.upload(eve, 'note.txt', 'not for long');
  await sweeping.settled(eve, file.id);
  await sweeping.json('DELETE', `/files/${file.id}`, eve);
  expect(await sweeping.json('GET', '/files/usage', eve)).toMatchObject({ used_bytes: 12, trash_bytes: 12, files: 0, trash_seconds: 2 });
  await expect.poll(async () => await trashOf(sweeping, eve), { timeout: 30_000, interval: 200 }).toEqual([]);
  expect(await sweeping.json('GET', '/files/usage', eve)).toMatchObject({ used_bytes: 0, trash_bytes: 0 });
  expect((await sweeping.request('POST', `/files/${file.id}/restore`, { token: eve })).status).toBe(404);
  if (sweeping.distributed) return; // the suite of the stores looks at MongoDB itself
  const content = path.join(sweeping.data, 'files/content');
  const left = () => (existsSync(content) ? readdirSync(content, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(file.id)) : []);
  await expect.poll(left, { timeout: 10_000, interval: 100 }).toEqual([]);
});
