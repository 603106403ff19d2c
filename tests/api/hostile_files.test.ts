// SPDX-License-Identifier: Apache-2.0
// Files that break naive pipelines: each ends in a clear state, nothing loops, nothing is served inline.
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { image, silentVideo, soundFile, videoWithSound } from '../support/media.js';

const gatehouse = new Gatehouse();
let token = '';

beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
});
afterAll(() => gatehouse.stop());

interface Case {
  name: string;
  file: string;
  content: () => Buffer;
  state: 'processed' | 'failed';
  reason?: RegExp;
  derived: string[];
}

const cases: Case[] = [
  { name: 'a silent video', file: 'silent.mp4', content: () => silentVideo().content, state: 'failed', reason: /audio/i, derived: ['thumbnail'] },
  { name: 'a sound file', file: 'tone.wav', content: () => soundFile().content, state: 'processed', derived: ['audio'] },
  { name: 'an image', file: 'picture.png', content: () => image().content, state: 'processed', derived: ['thumbnail'] },
  { name: 'a text file', file: 'notes.txt', content: () => Buffer.from('just text\n'), state: 'processed', derived: [] },
  { name: 'an empty file', file: 'empty.mp4', content: () => Buffer.alloc(0), state: 'processed', derived: [] },
  { name: 'zeros named .mp4', file: 'zeros.mp4', content: () => Buffer.alloc(1 << 20), state: 'processed', derived: [] },
  { name: 'HTML named .mp4', file: 'page.mp4', content: () => Buffer.from('<!doctype html><script>alert(1)</script>'), state: 'processed', derived: [] },
  { name: 'a video cut in the middle', file: 'cut.mp4',
    content: () => { const { content } = videoWithSound(2, '320x240'); return content.subarray(0, content.length / 2); },
    state: 'failed', reason: /\w/, derived: [] },
  { name: 'a playlist that names local files', file: 'list.mp4',
    content: () => Buffer.from('#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'),
    state: 'processed', derived: [] },
];

describe('content', () => {
  test.each(cases)('$name ends $state', async (it) => {
    const uploaded = await gatehouse.upload(token, it.file, it.content());
    const record = await gatehouse.settled(token, uploaded.id);
    expect(record.state, record.reason).toBe(it.state);
    if (it.reason) expect(record.reason).toMatch(it.reason);
    expect(record.derived.map((file: any) => file.processor).sort()).toEqual(it.derived);
    const answer = await gatehouse.request('GET', `/files/${record.id}/content`, { token });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await answer.arrayBuffer()).equals(it.content())).toBe(true);
  });

  test('nothing of it is left in the queue or among the dead letters', async () => {
    expect(JSON.parse(gatehouse.command(['dead', 'list', '--json'])).items).toEqual([]);
  });
});

// Multipart written by hand: a browser would never send these names.
function uploadNamed(disposition: Buffer): Promise<{ status: number; body: any }> {
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; '), disposition,
    Buffer.from('\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n'),
  ]);
  return new Promise((resolve, reject) => {
    const request = http.request(`${gatehouse.url}/upload`, { method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'multipart/form-data; boundary=b', 'content-length': body.length } },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(Buffer.concat(parts).toString()) }));
      });
    request.on('error', reject);
    request.end(body);
  });
}

describe('names', () => {
  const names: [string, Buffer, string][] = [
    ['a way up', Buffer.from('filename="../../../etc/passwd"'), 'passwd'],
    ['a Windows path', Buffer.from('filename="C:\\\\Users\\\\a\\\\x.txt"'), 'x.txt'],
    ['quotes', Buffer.from('filename="a\\"b\\".txt"'), 'a"b".txt'],
    ['Unicode', Buffer.from('filename="naïve – файл 文件.txt"'), 'naïve – файл 文件.txt'],
    ['encoded CR and LF', Buffer.from("filename*=UTF-8''a%0D%0AX-Evil:%201.txt"), 'aX-Evil: 1.txt'],
    ['a NUL', Buffer.from("filename*=UTF-8''a%00.txt"), 'a.txt'],
    ['nothing but dots', Buffer.from('filename=".."'), 'file'],
  ];
  test.each(names)('%s', async (_, disposition, expected) => {
    const { status, body } = await uploadNamed(disposition);
    if (status === 400) {
      // Refusing the part is as clear an answer as cleaning its name.
      expect(body.code).toBe('bad_multipart');
      return;
    }
    expect(status, JSON.stringify(body)).toBe(201);
    expect(body.items[0].name).toBe(expected);
    const answer = await gatehouse.request('GET', `/files/${body.items[0].id}/content`, { token });
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="[^"\r\n]*"/);
    expect(answer.headers.get('x-evil')).toBeNull();
    expect(await answer.text()).toBe('hello');
  });

  test('a raw CR LF in a name never becomes a header', async () => {
    const { status, body } = await uploadNamed(Buffer.from('filename="a\r\nX-Evil: 1.txt"'));
    if (status === 201) expect(body.items[0].name).not.toMatch(/[\r\n]/);
    else expect(body.code).toBe('bad_multipart');
  });
});
