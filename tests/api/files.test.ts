// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { runScenarios } from './scenario.js';

const gatehouse = new Gatehouse();
const tokens: Record<string, string> = {};
const content = randomBytes(300_000);
let file: any;

beforeAll(async () => {
  await gatehouse.start();
  for (const name of ['ada', 'eve']) {
    gatehouse.addUser(name);
    tokens[name] = await gatehouse.token(name);
  }
  gatehouse.addUser('root', 'admin');
  tokens.root = await gatehouse.token('root');
  file = await gatehouse.upload(tokens.ada, 'random.bin', content);
});
afterAll(() => gatehouse.stop());

const at = (suffix = '') => () => `/files/${file.id}${suffix}`;

test('the record tells what arrived', () => {
  expect(file).toMatchObject({ name: 'random.bin', size: content.length, derived: [],
    sha256: createHash('sha256').update(content).digest('hex') });
  expect(file.created_at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

describe('download', () => {
  runScenarios(gatehouse, tokens, [
    { name: 'never inline', method: 'GET', target: at('/content'), as: 'ada', status: 200,
      answerHeaders: { 'content-disposition': /^attachment/, 'x-content-type-options': 'nosniff',
        'content-security-policy': /sandbox/, 'accept-ranges': 'bytes', etag: /^"[^"]+"$/ } },
    { name: 'HEAD says the length', method: 'HEAD', target: at('/content'), as: 'ada', status: 200,
      answerHeaders: { 'content-length': String(content.length) } },
    { name: 'a range', method: 'GET', target: at('/content'), as: 'ada', headers: { range: 'bytes=10-19' }, status: 206,
      answerHeaders: { 'content-range': `bytes 10-19/${content.length}`, 'content-length': '10' } },
    { name: 'a suffix range', method: 'GET', target: at('/content'), as: 'ada', headers: { range: 'bytes=-5' }, status: 206,
      answerHeaders: { 'content-range': `bytes ${content.length - 5}-${content.length - 1}/${content.length}` } },
    { name: 'several ranges', method: 'GET', target: at('/content'), as: 'ada', headers: { range: 'bytes=0-9,200000-200009' }, status: 206,
      answerHeaders: { 'content-type': /^multipart\/byteranges; boundary=/ },
      contains: [`Content-Range: bytes 0-9/${content.length}`, `Content-Range: bytes 200000-200009/${content.length}`] },
    { name: 'several ranges that touch', method: 'GET', target: at('/content'), as: 'ada', headers: { range: 'bytes=0-9,10-19' }, status: 206,
      answerHeaders: { 'content-range': `bytes 0-19/${content.length}` } },
    { name: 'the digest', method: 'HEAD', target: at('/content'), as: 'ada', status: 200,
      answerHeaders: { 'repr-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:` } },
    { name: 'a range behind the end', method: 'GET', target: at('/content'), as: 'ada', headers: { range: 'bytes=300000-' },
      status: 416, code: 'range_not_satisfiable', answerHeaders: { 'content-range': `bytes */${content.length}` } },
    { name: 'unchanged content', method: 'GET', target: at('/content'), as: 'ada',
      headers: () => ({ 'if-none-match': `"sha256-${file.sha256}"` }), status: 304 },
    { name: 'a range of other content is the whole', method: 'GET', target: at('/content'), as: 'ada',
      headers: { range: 'bytes=0-1', 'if-range': '"other"' }, status: 200 },
    { name: 'the alias by fid', method: 'GET', target: () => `/download?fid=${file.id}`, as: 'ada', status: 200 },
    { name: 'fid missing', method: 'GET', target: '/download', as: 'ada', status: 400, code: 'invalid_request' },
    { name: 'fid that is no id', method: 'GET', target: '/download?fid=../../etc/passwd', as: 'ada', status: 404, code: 'file_not_found' },
    { name: 'without a token', method: 'GET', target: at('/content'), status: 401, code: 'unauthenticated' },
  ]);

  test('gives the very bytes, whole and by range', async () => {
    const whole = Buffer.from(await (await gatehouse.request('GET', at('/content')(), { token: tokens.ada })).arrayBuffer());
    expect(whole.equals(content)).toBe(true);
    const answer = await gatehouse.request('GET', at('/content')(), { token: tokens.ada, headers: { range: 'bytes=65530-131079' } });
    expect(Buffer.from(await answer.arrayBuffer()).equals(content.subarray(65530, 131080))).toBe(true);
  });
});

describe('ownership: another user sees the same as for an unknown id', () => {
  const unknown = '/files/0190163d-8694-739b-aea5-966c26f8ad91';
  runScenarios(gatehouse, tokens, [
    { name: 'unknown metadata', method: 'GET', target: unknown, as: 'eve', status: 404, code: 'file_not_found' },
    { name: 'metadata', method: 'GET', target: at(), as: 'eve', status: 404, code: 'file_not_found' },
    { name: 'content', method: 'GET', target: at('/content'), as: 'eve', status: 404, code: 'file_not_found' },
    { name: 'content by fid', method: 'GET', target: () => `/download?fid=${file.id}`, as: 'eve', status: 404, code: 'file_not_found' },
    { name: 'delete', method: 'DELETE', target: at(), as: 'eve', status: 404, code: 'file_not_found' },
    { name: 'the list of others', method: 'GET', target: '/files', as: 'eve', status: 200, contains: ['"items":[]'] },
    { name: 'an admin may read', method: 'GET', target: at(), as: 'root', status: 200, contains: ['"name":"random.bin"'] },
    { name: 'still there for the owner', method: 'GET', target: at(), as: 'ada', status: 200 },
  ]);
});

describe('upload', () => {
  runScenarios(gatehouse, tokens, [
    { name: 'a raw body with ?name=', method: 'POST', target: '/upload?name=notes.txt', as: 'ada',
      headers: { 'content-type': 'text/plain' }, body: 'hello', status: 201, contains: ['"name":"notes.txt"', '"type":"text/plain"'] },
    { name: 'a raw body with Content-Disposition', method: 'POST', target: '/upload', as: 'ada',
      headers: { 'content-disposition': `attachment; filename="x"; filename*=UTF-8''na%C3%AFve.txt`, 'content-type': 'text/plain' },
      body: 'hello', status: 201, contains: ['"name":"naïve.txt"'] },
    { name: 'multipart without a file', method: 'POST', target: '/upload', as: 'ada',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n', status: 400, code: 'invalid_request' },
    { name: 'multipart that ends in the middle', method: 'POST', target: '/upload', as: 'ada',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: '--b\r\nContent-Disposition: form-data; name="f"; filename="cut.txt"\r\n\r\nhalf of', status: 400, code: 'bad_multipart' },
    { name: 'nothing of the cut one is visible', method: 'GET', target: '/files', as: 'ada', status: 200, lacks: ['cut.txt'] },
    { name: 'without a token', method: 'POST', target: '/upload?name=x', body: 'x', status: 401, code: 'unauthenticated' },
  ]);

  test('several files in one request', async () => {
    const form = new FormData();
    for (const name of ['one.txt', 'two.txt']) form.append('file', new Blob([name]), name);
    const answer = await gatehouse.request('POST', '/upload', { token: tokens.ada, body: form });
    expect(answer.status).toBe(201);
    expect(((await answer.json()) as any).items.map((item: any) => item.name)).toEqual(['one.txt', 'two.txt']);
  });
});

test('the list goes on where it ended, newest first', async () => {
  gatehouse.addUser('lister');
  const token = await gatehouse.token('lister');
  const names: string[] = [];
  for (let i = 0; i < 7; i++) names.unshift((await gatehouse.upload(token, `f${i}.txt`, `content ${i}`)).name);
  const seen: string[] = [];
  let after: string | null = '';
  for (let pages = 0; after !== null; pages++) {
    expect(pages).toBeLessThan(5);
    const page: any = await gatehouse.json('GET', `/files?limit=3${after ? `&cursor=${after}` : ''}`, token);
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map((item: any) => item.name));
    after = page.next;
  }
  expect(seen).toEqual(names);
});

test('the trash gives back what was deleted, with what was made from it', async () => {
  const mine = await gatehouse.upload(tokens.ada, 'trashed.txt', 'to be restored');
  const before = await gatehouse.settled(tokens.ada, mine.id);
  const trash = async () => ((await gatehouse.json('GET', '/files?trash=true&limit=100', tokens.ada)) as any).items.filter((item: any) => item.id === mine.id);
  expect(await trash()).toEqual([]);
  expect((await gatehouse.request('DELETE', `/files/${mine.id}`, { token: tokens.ada })).status).toBe(204);
  expect((await gatehouse.request('GET', `/files/${mine.id}/content`, { token: tokens.ada })).status).toBe(404);
  expect(await trash()).toMatchObject([{ id: mine.id, trash: { removed_by: before.owner } }]);
  for (let i = 0; i < 2; i++) {
    const restored = await gatehouse.request('POST', `/files/${mine.id}/restore`, { token: tokens.ada });
    expect(restored.status).toBe(200);
    expect(await restored.json()).toEqual(before);
  }
  expect(await (await gatehouse.request('GET', `/files/${mine.id}/content`, { token: tokens.ada })).text()).toBe('to be restored');
  expect((await gatehouse.request('DELETE', `/files/${mine.id}?permanent=true`, { token: tokens.ada })).status).toBe(204);
  expect(await trash()).toEqual([]);
  expect((await gatehouse.request('POST', `/files/${mine.id}/restore`, { token: tokens.ada })).status).toBe(404);
});

test('deleted is gone with all that was derived', async () => {
  const mine = await gatehouse.upload(tokens.ada, 'short.txt', 'to be deleted');
  await gatehouse.settled(tokens.ada, mine.id);
  expect((await gatehouse.request('DELETE', `/files/${mine.id}`, { token: tokens.ada })).status).toBe(204);
  expect((await gatehouse.request('GET', `/files/${mine.id}`, { token: tokens.ada })).status).toBe(404);
  expect((await gatehouse.request('GET', `/files/${mine.id}/content`, { token: tokens.ada })).status).toBe(404);
});
