// SPDX-License-Identifier: Apache-2.0
// Where a user is logged in, and what ends with a session.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse, password } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const gatehouse = new Gatehouse();
beforeAll(async () => {
  await gatehouse.start();
  gatehouse.addUser('ada');
  gatehouse.addUser('root', 'admin');
}, 60_000);
afterAll(async () => {
  await gatehouse.stop();
});

const logIn = async (username: string) => {
  const answer = await gatehouse.request('POST', '/login', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  expect(answer.status).toBe(200);
  return await answer.json();
};
const status = async (token: string) => (await gatehouse.request('GET', '/files', { token })).status;
const refused = (token: string) => expect.poll(() => status(token), { timeout: 5000, interval: 10 }).toBe(401);

test('one session is ended from another', async () => {
  const here = (await logIn('ada')).access_token;
  const there = (await logIn('ada')).access_token;
  const { items } = await gatehouse.json('GET', '/profile/sessions', here);
  const other = items.filter((session: any) => !session.current).find((session: any) => session.created_at >= items.find((s: any) => s.current).created_at);
  expect((await gatehouse.request('DELETE', `/profile/sessions/${other.id}`, { token: here })).status).toBe(204);
  await refused(there);
  expect(await status(here)).toBe(200);
  const answer = await gatehouse.request('GET', '/files', { token: there });
  expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
});

test('logging out everywhere ends all of them', async () => {
  const tokens = [(await logIn('ada')).access_token, (await logIn('ada')).access_token];
  expect((await gatehouse.request('DELETE', '/profile/sessions', { token: tokens[0] })).status).toBe(204);
  for (const token of tokens) await refused(token);
  expect((await gatehouse.request('POST', '/logout', { token: tokens[0] })).status, 'logging out again is fine').toBe(204);
});

test('twenty refreshes of one token at once keep the session, and leave one family', async () => {
  const session = await logIn('ada');
  const refresh = (token: string) =>
    gatehouse.request('POST', '/refresh', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: token }) });
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(session.refresh_token)));
  expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
  const next = new Set((await Promise.all(answers.map((answer) => answer.json()))).map((body) => body.refresh_token));
  expect(next.size).toBe(1);
  const [token] = next;
  const last = await (await refresh(token)).json();
  expect(await status(last.access_token)).toBe(200);
  // The first one is two steps back now: whoever comes with it has stolen it, or was stolen from.
  expect((await refresh(session.refresh_token)).status).toBe(401);
  expect((await refresh(last.refresh_token)).status).toBe(401);
  await refused(last.access_token);
});

test('an upload in progress ends with its session and leaves nothing', { timeout: 30_000 }, async () => {
  const { access_token: token } = await logIn('ada');
  const watcher = (await logIn('ada')).access_token;
  const before = (await gatehouse.json('GET', '/files', watcher)).items.length;
  const upload = httpRequest(`${gatehouse.url}/upload?name=long.bin`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
  });
  const ended = new Promise<string>((resolve) => {
    upload.on('response', (answer) => resolve(`${answer.statusCode}`));
    upload.on('error', () => resolve('closed'));
  });
  let outcome = '';
  ended.then((how) => (outcome = how));
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let i = 0; i < 10; i++) {
    upload.write(piece);
    await sleep(20);
  }
  expect(outcome).toBe('');
  expect((await gatehouse.request('POST', '/logout', { token })).status).toBe(204);
  for (let i = 0; i < 200 && outcome === ''; i++) {
    upload.write(piece);
    await sleep(20);
  }
  expect(['401', 'closed']).toContain(outcome);
  upload.destroy();
  await sleep(200);
  expect((await gatehouse.json('GET', '/files', watcher)).items.length).toBe(before);
});

test('new roles take effect at the next request', async () => {
  gatehouse.addUser('eve');
  const eve = await logIn('eve');
  const root = (await logIn('root')).access_token;
  expect((await gatehouse.request('GET', '/admin/users', { token: eve.access_token })).status).toBe(403);
  await gatehouse.json('PATCH', `/admin/users/${eve.user.id}`, root, { roles: ['admin'] });
  await refused(eve.access_token);
  const answer = await gatehouse.request('POST', '/refresh', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: eve.refresh_token }),
  });
  const { access_token: token } = await answer.json();
  expect((await gatehouse.request('GET', '/admin/users', { token })).status).toBe(200);
});
