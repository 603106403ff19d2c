// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments of upload and processing: what was answered 201 is finished exactly once after the restarts,
// and nothing half-done is left on disk.
import { readdirSync, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { silentVideo, soundFile, videoWithSound } from '../support/media.js';

const rounds = Number(process.env.GATEHOUSE_TEST_KILLS ?? 10);

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(path.join(directory, name)).isFile());
}

test(`${rounds} kills lose nothing and double nothing`, { timeout: 600_000 }, async () => {
  const data = scratchDirectory();
  // A kill counts as a try of the file in hand; here it is never the file's fault, however often it happens.
  const gatehouse = new Gatehouse({ data, config: 'events: {attempts_max: 100}\n' });
  await gatehouse.start();
  gatehouse.addUser('ada');
  const contents: [string, Buffer][] = [
    ['clip.mp4', videoWithSound(2, '320x240').content],
    ['tone.wav', soundFile(2).content],
    ['silent.mp4', silentVideo(1).content],
    ['big.bin', Buffer.alloc(8 << 20, 'gatehouse')],
  ];
  const accepted = new Map<string, string>();

  for (let round = 0; round < rounds; round++) {
    const token = await gatehouse.token('ada');
    let running = true;
    const uploader = async (offset: number) => {
      for (let i = 0; running; i++) {
        const [name, content] = contents[(i + offset) % contents.length];
        try {
          const record = await gatehouse.upload(token, name, content);
          accepted.set(record.id, name);
        } catch {
          // Cut off by the kill: it was not answered, so nothing was promised.
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
      }
    };
    const uploaders = [uploader(0), uploader(2)];
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 1200));
    await gatehouse.end('SIGKILL');
    running = false;
    await Promise.all(uploaders);
    await gatehouse.start();
    expect(filesBelow(path.join(data, 'files/tmp')), 'unfinished content after start').toEqual([]);
  }

  const token = await gatehouse.token('ada');
  let failed = 0;
  for (const [id, name] of accepted) {
    const record = await gatehouse.settled(token, id, 300);
    const expected = name === 'silent.mp4' ? 'failed' : 'processed';
    expect(record.state, `${name}: ${record.reason}`).toBe(expected);
    if (record.state === 'failed') failed++;
    const made = record.derived.map((file: any) => file.processor).sort();
    const wanted = { 'clip.mp4': ['audio', 'thumbnail'], 'tone.wav': ['audio'], 'silent.mp4': ['thumbnail'], 'big.bin': [] }[name];
    expect(made, name).toEqual(wanted);
    expect((await gatehouse.request('HEAD', `/files/${id}/content`, { token })).status).toBe(200);
  }

  // Everything on disk belongs to a record that somebody can see (an upload may have been stored though its answer was cut).
  let visible = 0;
  for (let after: string | null = ''; after !== null;) {
    const page: any = await gatehouse.json('GET', `/files?limit=100${after ? `&cursor=${after}` : ''}`, token);
    for (const item of page.items) {
      await gatehouse.settled(token, item.id, 300);
      visible += 1 + (await gatehouse.json('GET', `/files/${item.id}`, token)).derived.length;
    }
    after = page.next;
  }
  expect(filesBelow(path.join(data, 'files/content'))).toHaveLength(visible);
  expect(filesBelow(path.join(data, 'files/tmp'))).toEqual([]);
  expect(JSON.parse(gatehouse.command(['dead', 'list', '--json'])).items).toEqual([]);
  // A repeated mail overwrites itself: one for each file that ended.
  const mails = filesBelow(path.join(data, 'mail')).filter((name) => name.endsWith('.eml'));
  expect(new Set(mails).size).toBe(mails.length);
  console.log(`kills ${rounds}, uploads answered 201: ${accepted.size}, ended processed ${accepted.size - failed}, failed (silent) ${failed}, lost 0, double 0`);
  await gatehouse.stop();
});
