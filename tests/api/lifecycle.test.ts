// SPDX-License-Identifier: Apache-2.0
// Start, stop, and what happens around them.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { binary, distributed, Gatehouse, scratchDirectory } from '../support/gatehouse.js';

const run = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(binary, args, { encoding: 'utf8', timeout: 20_000, env: { ...process.env, ...env } });

test('a second start on the same data directory is refused and says why', async () => {
  const gatehouse = await new Gatehouse({ distributed: false }).start();
  try {
    const second = run(['serve', '--data', gatehouse.data, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0']);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(gatehouse.data);
    expect(second.stderr).toContain(String(gatehouse.pid));
    expect((await fetch(`${gatehouse.opsUrl}/livez`)).status).toBe(200);
  } finally {
    expect(await gatehouse.stop()).toBe(0);
  }
});

test('a port that is taken is told with the way out', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = `127.0.0.1:${(taken.address() as net.AddressInfo).port}`;
  const data = scratchDirectory();
  try {
    for (const [listen, ops] of [[address, '127.0.0.1:0'], ['127.0.0.1:0', address]]) {
      const refused = run(['serve', '--data', data, '--listen', listen!, '--ops-listen', ops!]);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(`cannot listen on ${address}: Address already in use\n`);
      expect(refused.stderr).toMatch(/--listen .*--ops-listen /);
    }
  } finally {
    taken.close();
    rmSync(data, { recursive: true });
  }
});

test('SIGTERM lets an upload in progress finish', async () => {
  const gatehouse = await new Gatehouse().start();
  gatehouse.addUser('ada');
  const token = await gatehouse.token('ada');
  const { port } = new URL(gatehouse.url);
  const socket = net.connect(Number(port), '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += data));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(`POST /upload?name=slow.txt HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 10\r\n\r\nhello`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const ended = gatehouse.end('SIGTERM');
  await expect.poll(async () => fetch(`${gatehouse.url}/`).then(() => 'open', () => 'closed'), { timeout: 5000 }).toBe('closed');
  socket.write('world');
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  expect(await ended).toBe(0);
  await gatehouse.stop();
});

test('the secrets on disk are for the owner alone', async () => {
  const gatehouse = await new Gatehouse({ distributed: false }).start();
  try {
    for (const name of ['auth.db', 'service.key', 'control.sock', 'setup-link'])
      expect(statSync(path.join(gatehouse.data, name)).mode & 0o077, name).toBe(0);
  } finally {
    await gatehouse.stop();
  }
});

test('a wrong configuration names every mistake with its place and ends with 2', () => {
  const directory = scratchDirectory();
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, 'bad.yaml');
  writeFileSync(file, 'gateway:\n  listn: 1\n  routes:\n    - {path: nope, upstreams: [1]}\nauth:\n  access_token_ttl: soon\n');
  const result = run(['config', 'check', '--config', file]);
  expect(result.status).toBe(2);
  for (const part of [`${file}:2:`, 'listn', `${file}:4:`, `${file}:6:`, 'access_token_ttl']) expect(result.stderr).toContain(part);
});

test('the printed configuration shows no secret', () => {
  const result = run(['config', 'print'], {
    GATEHOUSE_NOTIFIER__SMTP__URL: 'smtp://mail.example', GATEHOUSE_NOTIFIER__SMTP__USERNAME: 'mailer',
    GATEHOUSE_NOTIFIER__SMTP__PASSWORD: 'smtp-secret' });
  expect(result.status, result.stderr).toBe(0);
  expect(result.stdout).toContain('mailer');
  expect(result.stdout).not.toContain('smtp-secret');
});

test('bad usage ends with 2, help with 0', () => {
  expect(run(['serve', '--nonsense']).status).toBe(2);
  expect(run(['frobnicate']).status).toBe(2);
  expect(run(['--help']).status).toBe(0);
  expect(run(['version']).stdout).toMatch(/^gatehouse \d+\.\d+\.\d+/);
});

test('users are managed on a stopped server and on a running one', async () => {
  const gatehouse = new Gatehouse();
  gatehouse.addUser('before');
  await gatehouse.start();
  try {
    gatehouse.addUser('after');
    const names = JSON.parse(gatehouse.command(['user', 'list', '--json'])).items.map((user: any) => user.username);
    expect(names.sort()).toEqual(['after', 'before']);
    await gatehouse.token('before');
    gatehouse.command(['user', 'disable', 'before']);
    expect(() => gatehouse.addUser('before')).toThrow(/somebody has the user name "before" already: `user roles` /);
    await expect(gatehouse.token('before')).rejects.toThrow('401');
    gatehouse.command(['user', 'enable', 'before']);
    await gatehouse.token('before');
  } finally {
    await gatehouse.stop();
  }
});

test('the ops port tells life, readiness and figures', async () => {
  const gatehouse = await new Gatehouse().start();
  try {
    for (const target of ['/livez', '/readyz', '/startupz']) expect((await fetch(gatehouse.opsUrl + target)).status, target).toBe(200);
    await gatehouse.request('GET', '/nothing');
    const metrics = await (await fetch(`${gatehouse.opsUrl}/metrics`)).text();
    expect(metrics).toMatch(/http_server_request_duration_seconds_count\{[^}]*http_response_status_code="404"[^}]*\} 1/);
    expect(metrics).not.toContain('/nothing');
  } finally {
    await gatehouse.stop();
  }
});

test('keys rotate on a running server and old tokens live on', async () => {
  const gatehouse = await new Gatehouse().start();
  try {
    gatehouse.addUser('ada');
    const old = await gatehouse.token('ada');
    gatehouse.command(['key', 'rotate', '--now']);
    const kid = (token: string) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString()).kid;
    // Processes that hear of it through the database take a moment.
    let fresh = '';
    await expect.poll(async () => kid((fresh = await gatehouse.token('ada'))), { timeout: distributed ? 30_000 : 1, interval: 500 }).not.toBe(kid(old));
    for (const token of [old, fresh])
      await expect.poll(async () => (await gatehouse.request('GET', '/profile', { token })).status, { timeout: distributed ? 5_000 : 1 }).toBe(200);
  } finally {
    await gatehouse.stop();
  }
});
