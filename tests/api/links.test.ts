// SPDX-License-Identifier: Apache-2.0
// Links by which anybody may download a file, through the gateway, which lets such requests through without a token.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';

const config = `
files: {link_lifetime_max: 1h}
`;
let gatehouse: Gatehouse;
const tokens: Record<string, string> = {};
let file: any;

beforeAll(async () => {
  gatehouse = new Gatehouse({ config: config });
  await gatehouse.start();
  for (const name of ['ada', 'eve']) {
    gatehouse.addUser(name);
    tokens[name] = await gatehouse.token(name);
  }
  file = await gatehouse.upload(tokens.ada, 'gift.txt', 'a gift for everybody');
}, 60_000);
afterAll(() => gatehouse?.stop());

const make = (expires_in: unknown, token = tokens.ada, id = file.id) =>
  gatehouse.request('POST', `/files/${id}/links`, {
    token, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ expires_in }),
  });
const link = async (seconds: number, id = file.id) => (await (await make(seconds, tokens.ada, id)).json()) as { url: string; expires_at: string };

test('whoever has the link downloads, with a token, a wrong one, or none', async () => {
  const answer = await make(60);
  expect(answer.status).toBe(201);
  const { url, expires_at } = (await answer.json()) as any;
  expect(url.startsWith(`${gatehouse.url}/files/${file.id}/content?`)).toBe(true);
  const left = Date.parse(expires_at) - Date.now();
  expect(left).toBeGreaterThan(50_000);
  expect(left).toBeLessThanOrEqual(61_000);
  for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: `Bearer ${tokens.eve}` }, { cookie: '__Host-gatehouse=x' }] as Record<string, string>[]) {
    const content = await fetch(url, { headers });
    expect(content.status).toBe(200);
    expect(await content.text()).toBe('a gift for everybody');
    expect(content.headers.get('content-disposition')).toMatch(/^attachment/);
  }
  expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe('20');
});

test('it opens nothing else', async () => {
  const query = new URL((await link(60)).url).search;
  const other = await gatehouse.upload(tokens.ada, 'secret.txt', 'secret');
  const wrong = await gatehouse.request('GET', `/files/${other.id}/content${query}`);
  expect(wrong.status).toBe(403);
  expect(wrong.headers.get('content-type')).toBe('application/problem+json');
  expect(await wrong.json()).toMatchObject({ code: 'link_invalid' });
  for (const target of [`/files/${file.id}${query}`, `/files${query}`, `/download?fid=${file.id}&${query.slice(1)}`, `/profile${query}`])
    expect((await gatehouse.request('GET', target)).status, target).toBe(401);
  expect((await gatehouse.request('DELETE', `/files/${file.id}${query}`)).status).toBe(401);
  expect((await gatehouse.request('POST', `/files/${file.id}/content${query}`)).status).toBe(405);
});

test('it ends: with its time and with its file', async () => {
  const { url } = await link(1);
  await expect.poll(async () => (await fetch(url)).status, { timeout: 10_000, interval: 100 }).toBe(403);
  expect(await (await fetch(url)).json()).toMatchObject({ code: 'link_expired', status: 403 });

  const doomed = await gatehouse.upload(tokens.ada, 'doomed.txt', 'doomed');
  const late = await link(60, doomed.id);
  await gatehouse.json('DELETE', `/files/${doomed.id}`, tokens.ada);
  expect((await fetch(late.url)).status).toBe(404);
});

test('all links of a file can be taken back', async () => {
  const first = await link(60);
  expect((await fetch(first.url)).status).toBe(200);
  expect((await gatehouse.request('DELETE', `/files/${file.id}/links`, { token: tokens.eve })).status).toBe(404);
  expect((await gatehouse.request('DELETE', `/files/${file.id}/links`, { token: tokens.ada })).status).toBe(204);
  const ended = await fetch(first.url);
  expect(ended.status).toBe(403);
  expect(await ended.json()).toMatchObject({ code: 'link_withdrawn' });
  expect((await fetch((await link(60)).url)).status).toBe(200);
});

test('who may not read a file cannot give it away, and nobody for too long', async () => {
  expect((await make(60, tokens.eve)).status).toBe(404);
  expect((await gatehouse.request('POST', `/files/${file.id}/links`)).status).toBe(401);
  const refused = await make(3601);
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ code: 'invalid_fields', errors: [{ pointer: '/expires_in', detail: 'must be a number of seconds from 1 to 3600' }] });
});

test('no log holds a signature', async () => {
  const { url } = await link(60);
  const signature = new URL(url).searchParams.get('signature')!;
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(url + 'A')).status).toBe(403);
  const told = () => gatehouse.output.split('\n').filter((line) => line.includes(`/files/${file.id}/content`)).length;
  await expect.poll(told, { timeout: 5000 }).toBeGreaterThan(2);
  expect(gatehouse.output).not.toContain(signature.slice(0, 20));
});
