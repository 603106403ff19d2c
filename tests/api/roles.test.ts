// SPDX-License-Identifier: Apache-2.0
// What changes a role or a user's roles holds at the gateway, for tokens that were made before it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse, password } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

let gatehouse: Gatehouse;
let echo: Echo;
let admin: string;

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: `
gateway:
  routes:
    - {path: /reports, upstreams: ["${echo.url}"], permission: "reports:read"}
` });
  await gatehouse.start();
  gatehouse.addUser('root', 'admin');
  admin = await gatehouse.token('root');
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
});

async function logIn(name: string): Promise<any> {
  const answer = await gatehouse.request('POST', '/login', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: name, password }) });
  return await answer.json();
}

async function refresh(session: any): Promise<any> {
  const answer = await gatehouse.request('POST', '/refresh', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: session.refresh_token }) });
  expect(answer.status).toBe(200);
  return await answer.json();
}

const read = async (token: string) => (await gatehouse.request('GET', '/reports', { token })).status;

// The gateway learns of it a moment after the answer; then the token is good nowhere any more.
async function refused(token: string): Promise<void> {
  for (const end = Date.now() + 5000; ; await sleep(5)) {
    const status = await read(token);
    if (status === 401) return;
    expect(status).toBe(200);
    if (Date.now() > end) throw new Error('the token is still good');
  }
}

test('a role that is changed', async () => {
  await gatehouse.json('POST', '/admin/roles', admin, { name: 'reader', permissions: ['reports:read'] });
  gatehouse.addUser('ada', 'reader');
  const session = await logIn('ada');
  expect(session.user.permissions).toEqual(['reports:read']);
  expect(await read(session.access_token)).toBe(200);
  await gatehouse.json('PUT', '/admin/roles/reader', admin, { permissions: [] });
  await refused(session.access_token);
  const next = await refresh(session);
  expect(await read(next.access_token)).toBe(403);
  gatehouse.command(['role', 'set', 'reader', '--permission', 'reports:*']);
  await refresh(next).then(async (last) => expect(await read(last.access_token)).toBe(200));
});

test('a user who is given other roles', async () => {
  gatehouse.command(['role', 'add', 'writer', '--permission', 'reports:read,reports:write']);
  gatehouse.addUser('bob', 'writer');
  const session = await logIn('bob');
  expect(await read(session.access_token)).toBe(200);
  await gatehouse.json('PATCH', `/admin/users/${session.user.id}`, admin, { roles: ['user'] });
  await refused(session.access_token);
  expect(await read((await refresh(session)).access_token)).toBe(403);
  expect(JSON.parse(gatehouse.command(['user', 'show', 'bob', '--json'])).roles).toEqual(['user']);
});

test('a user who is removed', async () => {
  gatehouse.addUser('eve', 'writer');
  const session = await logIn('eve');
  expect(await read(session.access_token)).toBe(200);
  await gatehouse.json('DELETE', `/admin/users/${session.user.id}`, admin);
  await refused(session.access_token);
  expect((await gatehouse.request('POST', '/login', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'eve', password }) })).status).toBe(401);
});

test('the command line takes roles from a running server\'s users', async () => {
  gatehouse.addUser('joe', 'writer');
  const session = await logIn('joe');
  gatehouse.command(['user', 'roles', 'joe', 'user']);
  await refused(session.access_token);
  const list = JSON.parse(gatehouse.command(['role', 'list', '--json'])).items.map((role: any) => role.name);
  expect(list).toEqual(['admin', 'user', 'reader', 'writer']);
  expect(() => gatehouse.command(['user', 'roles', 'root', 'user'])).toThrow(/last enabled administrator/);
  expect(() => gatehouse.command(['role', 'remove', 'admin'])).toThrow(/built in/);
  gatehouse.command(['role', 'remove', 'writer']);
});
