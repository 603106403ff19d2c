// SPDX-License-Identifier: Apache-2.0
// GET /admin/status: one process or five, an administrator sees what works and what does not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distributed, Gatehouse, roles } from '../support/gatehouse.js';
import { freePort } from '../support/process.js';

let gatehouse: Gatehouse;
let admin = '';
const status = () => gatehouse.json('GET', '/admin/status', admin);

beforeAll(async () => {
  gatehouse = new Gatehouse({ config: `gateway:\n  routes:\n    - {path: /orders, upstreams: ["http://127.0.0.1:${await freePort()}"]}\n` });
  await gatehouse.start();
  gatehouse.addUser('root', 'admin');
  gatehouse.addUser('ada');
  admin = await gatehouse.token('root');
});
afterAll(() => gatehouse.stop());

test('only who has admin:status sees it', async () => {
  expect((await gatehouse.request('GET', '/admin/status')).status).toBe(401);
  expect((await gatehouse.request('GET', '/admin/status', { token: await gatehouse.token('ada') })).status).toBe(403);
  if (!distributed) return;
  // The roles answer for their process, and ask for the permission again.
  for (const role of ['auth', 'files'] as const) {
    const [url] = gatehouse.urlsOf(role);
    expect((await fetch(`${url}/admin/status`)).status, role).toBe(401);
  }
});

test('it tells of roles, checks, queues and services', async () => {
  const found = await status();
  expect(found.version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(found.ready).toBe(true);
  expect(found.roles.map((role: any) => role.name).sort()).toEqual([...roles].sort());
  const reached = distributed ? ['gateway', 'auth', 'files'] : [...roles];
  for (const { name, state } of found.roles) expect(state, name).toBe(reached.includes(name) ? 'ready' : 'unknown');
  expect(found.queues).toEqual([{ name: 'worker', depth: 0, dead: 0 }, { name: 'notifier', depth: 0, dead: 0 }]);
  expect(found.processes.flatMap((process: any) => process.roles).sort()).toEqual(reached.sort());
  for (const process of found.processes) {
    expect(process).toMatchObject({ reachable: true, ready: true, version: found.version });
    expect(process.uptime_seconds).toBeGreaterThanOrEqual(0);
    expect(Date.parse(process.started_at)).toBeLessThanOrEqual(Date.now());
  }
  const checks = found.processes.flatMap((process: any) => process.checks.map((check: any) => check.name));
  expect(checks).toEqual(expect.arrayContaining(['auth', 'files.store', 'events.store']));
  expect(found.services).toHaveLength(1);
  expect(found.services[0].endpoints).toEqual([expect.objectContaining({ healthy: true, active_requests: 0 })]);
  if (distributed) expect(found.disk).toBeNull();
  else expect(found.disk.available_bytes).toBeLessThanOrEqual(found.disk.capacity_bytes);
});

test('it counts requests by how they ended and how long they took', async () => {
  const before = (await status()).processes[0].requests;
  for (let i = 0; i < 3; i++) await gatehouse.request('GET', '/nowhere');
  await gatehouse.request('GET', '/orders/1', { token: admin }); // a service that is not there
  await expect.poll(async () => (await status()).processes[0].requests.server_errors - before.server_errors, { timeout: 5_000 }).toBe(1);
  const after = (await status()).processes[0].requests;
  expect(after.client_errors - before.client_errors).toBe(3);
  expect(after.seconds_counts).toHaveLength(after.seconds_bounds.length + 1);
  expect(after.seconds_counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(after.answered);
});

test('an answer is kept for a second, not longer', async () => {
  const [first, second] = [await status(), await status()];
  expect(second.time).toBe(first.time);
  await expect.poll(async () => (await status()).time, { timeout: 5_000 }).not.toBe(first.time);
});

test.runIf(distributed)('it names a role that is away, and still answers', async () => {
  const [files] = gatehouse.of('files');
  await files.end('SIGKILL');
  await expect.poll(async () => (await status()).ready, { timeout: 10_000 }).toBe(false);
  const found = await status();
  expect(found.roles).toContainEqual({ name: 'files', state: 'unreachable' });
  expect(found.processes).toContainEqual(expect.objectContaining({ roles: ['files'], reachable: false, reason: expect.stringMatching(/./) }));
  await gatehouse.start();
  await expect.poll(async () => (await status()).ready, { timeout: 15_000 }).toBe(true);
});
