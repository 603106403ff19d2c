// SPDX-License-Identifier: Apache-2.0
// The three requests that everybody knows from the course, by curl as its students type them.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse, password, scratchDirectory } from '../support/gatehouse.js';
import { codec, duration, videoWithSound } from '../support/media.js';

const gatehouse = new Gatehouse();
const curl = (...args: string[]) => execFileSync('curl', ['-sS', ...args], { encoding: 'utf8' });

beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('georgio@email.com', 'user', 'georgio@email.com');
});
afterAll(() => gatehouse.stop());

test('a video goes in, its mp3 comes out, and the mail is there', async () => {
  const video = videoWithSound(10, '1280x720');
  const token = curl('-X', 'POST', `${gatehouse.url}/login`, '-u', `georgio@email.com:${password}`);
  expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);

  const uploaded = JSON.parse(
    curl('-X', 'POST', '-F', `file=@${video.file}`, '-H', `Authorization: Bearer ${token}`, `${gatehouse.url}/upload`),
  );
  expect(uploaded.items).toHaveLength(1);
  expect(uploaded.items[0]).toMatchObject({ name: 'clip.mp4', type: 'video/mp4', size: video.content.length });

  const record = await gatehouse.settled(token, uploaded.items[0].id);
  expect(record.reason ?? '').toBe('');
  expect(record.state).toBe('processed');
  const kinds = record.derived.map((file: any) => file.processor).sort();
  expect(kinds).toEqual(['audio', 'thumbnail']);

  const mp3 = record.derived.find((file: any) => file.processor === 'audio');
  expect(mp3).toMatchObject({ name: 'clip.mp3', type: 'audio/mpeg', derived_from: record.id, owner: record.owner });
  const target = path.join(scratchDirectory(), 'mp3_download.mp3');
  curl('-o', target, '-X', 'GET', '-H', `Authorization: Bearer ${token}`, `${gatehouse.url}/download?fid=${mp3.id}`);
  expect(statSync(target).size).toBe(mp3.size);
  expect(codec(target)).toBe('mp3');
  expect(Math.abs(duration(target) - duration(video.file))).toBeLessThan(0.2);

  const jpeg = record.derived.find((file: any) => file.processor === 'thumbnail');
  expect(jpeg.type).toBe('image/jpeg');

  const mails = path.join(gatehouse.dataOf('notifier'), 'mail');
  await expect.poll(() => (existsSync(mails) ? readdirSync(mails).filter((name) => name.endsWith('.eml')) : []), { timeout: 10_000 }).toHaveLength(1);
  const mail = readFileSync(path.join(mails, readdirSync(mails)[0]), 'utf8');
  expect(mail.replace(/\r?\n[ \t]+/g, ' ')).toMatch(/^To: .*<georgio@email\.com>/m);
  expect(mail).toContain('clip.mp4');
});

test('a wrong password is 401 and says nothing about the user', async () => {
  for (const user of ['georgio@email.com', 'nobody@email.com']) {
    const answer = await fetch(`${gatehouse.url}/login`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${user}:wrong password`).toString('base64')}` },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const { instance, ...problem } = (await answer.json()) as any;
    expect(problem).toMatchObject({ status: 401, code: 'wrong_credentials' });
    expect(problem.detail).not.toContain(user);
  }
});
