// SPDX-License-Identifier: Apache-2.0
// `gatehouse health`: what a container's health check and a test of an installation see, by their exit code and one line.
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { freePort, Process } from '../support/process.js';

interface Outcome {
  code: number;
  out: string;
  err: string;
}

// Not spawnSync: servers of this test's own answer meanwhile.
const health = (args: string[], env: Record<string, string> = {}) =>
  new Promise<Outcome>((resolve) => {
    execFile(binary, ['health', ...args], { timeout: 30_000, env: { ...process.env, ...env } }, (error, out, err) =>
      resolve({ code: error ? ((error.code as number | undefined) ?? -1) : 0, out, err }),
    );
  });

const scratch = scratchDirectory();
const gatehouse = new Gatehouse({ distributed: false });
let ops: string;

beforeAll(async () => {
  await gatehouse.start();
  ops = new URL(gatehouse.opsUrl).host;
});
afterAll(async () => {
  await gatehouse.stop();
  rmSync(scratch, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const file = path.join(scratch, name);
  writeFileSync(file, text);
  return file;
}

async function withServer(server: net.Server, use: (address: string) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

test('a server that is ready is healthy, as variable, flag and file say where it is', async () => {
  const ready = { code: 0, out: 'ready\n', err: '' };
  expect(await health([], { GATEHOUSE_OPS__LISTEN: ops })).toEqual(ready);
  expect(await health(['ready', '--ops-listen', ops])).toEqual(ready);
  expect(await health(['--config', write('fine.yaml', `ops: {listen: "${ops}"}\n`)])).toEqual(ready);
  const port = ops.slice(ops.indexOf(':'));
  expect(await health(['--ops-listen', port])).toEqual(ready); // every address
  expect(await health(['--ops-listen', `localhost${port}`])).toEqual(ready);
});

test('alive and started are asked by name', async () => {
  expect(await health(['live', '--ops-listen', ops])).toEqual({ code: 0, out: 'ok\n', err: '' });
  expect(await health(['started', '--ops-listen', ops])).toEqual({ code: 0, out: 'started\n', err: '' });
});

test('as JSON there is every check', async () => {
  const { code, out } = await health(['--ops-listen', ops, '--json']);
  expect(code).toBe(0);
  const answer = JSON.parse(out);
  expect(answer).toMatchObject({ healthy: true, address: ops, says: 'ready' });
  expect(answer.checks).toContainEqual({ name: 'started', passes: true, required: true });
  expect(answer.checks).toContainEqual({ name: 'files.store', passes: true, required: true });
});

test('no proxy of the environment is between, and no other mistake in the configuration matters', async () => {
  expect(await health([], { GATEHOUSE_OPS__LISTEN: ops, http_proxy: 'http://127.0.0.1:1', all_proxy: 'http://127.0.0.1:1' })).toMatchObject({ code: 0 });
  const file = write('changed.yaml', `ops: {listen: "${ops}"}\nauth: {access_token_ttl: soon}\nmisspelt: 1\n`);
  expect(await health(['--config', file])).toMatchObject({ code: 0, out: 'ready\n' });
});

test('a gateway without auth is alive but not ready, and says what it lacks', async () => {
  const gateway = new Process('gateway', ['--role', 'gateway', '--data', path.join(scratch, 'gateway'), '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'], {
    GATEHOUSE_AUTH__URLS: 'http://127.0.0.1:1',
    GATEHOUSE_FILES__URLS: 'http://127.0.0.1:1',
    GATEHOUSE_GATEWAY__PUBLIC_URL: 'http://gate.test',
    GATEHOUSE_SERVICE_KEY: 'a service key of the tests, 32 or more',
  });
  await gateway.start();
  try {
    const address = new URL(gateway.opsUrl).host;
    await expect.poll(async () => (await health(['started', '--ops-listen', address])).code, { timeout: 20_000 }).toBe(0);
    const outcome = await health(['--ops-listen', address]);
    expect(outcome).toMatchObject({ code: 1, err: '' });
    expect(outcome.out).toMatch(/^not ready, without auth\.keys.*\n$/);
    const answer = JSON.parse((await health(['--ops-listen', address, '--json'])).out);
    expect(answer.healthy).toBe(false);
    expect(answer.checks).toContainEqual({ name: 'auth.keys', passes: false, required: true });
    expect(await health(['live', '--ops-listen', address])).toMatchObject({ code: 0 });
  } finally {
    await gateway.end();
  }
});

const ipv6 = Object.values(os.networkInterfaces()).some((list) => list?.some((one) => one.address === '::1'));
test.skipIf(!ipv6)('a server on all addresses of IPv6 is found', async () => {
  const port = await freePort();
  const server = new Process('all', ['--data', path.join(scratch, 'v6'), '--listen', '127.0.0.1:0', '--ops-listen', `[::]:${port}`]);
  void server.start().catch(() => {}); // the banner has an address that start() does not look for
  try {
    await expect.poll(async () => (await health(['--ops-listen', `[::]:${port}`])).out, { timeout: 20_000 }).toBe('ready\n');
  } finally {
    await server.end();
  }
});

test('where nobody listens nothing is healthy', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const outcome = await health(['--ops-listen', address]);
  expect(outcome).toMatchObject({ code: 1, out: '' });
  expect(outcome.err).toContain(`no answer from ${address}`);
  const answer = JSON.parse((await health(['--ops-listen', address, '--json'])).out);
  expect(answer).toMatchObject({ healthy: false, address, checks: [] });
});

test('a server that is silent, or drips, is not waited for', async () => {
  const silent = net.createServer(() => {});
  const dripping = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    const timer = setInterval(() => socket.write('o'), 20);
    socket.on('close', () => clearInterval(timer));
  });
  for (const server of [silent, dripping])
    await withServer(server, async (address) => {
      const begin = performance.now();
      expect(await health(['--ops-listen', address, '--timeout', '300ms'])).toMatchObject({ code: 1, out: '' });
      const took = performance.now() - begin;
      expect(took).toBeGreaterThan(250);
      expect(took).toBeLessThan(10_000);
    });
});

test.each([
  [200, 'ready\n'],
  [200, '<html>fine</html>'],
  [503, 'ok   started\nready\n'],
  [200, 'ok   started\nFAIL files.store\nnot ready, without files.store\n'],
  [302, ''],
  [200, 'ok   \u001b[2Jstarted\nready\n'],
])('an answer %i of another program is none', async (status, body) => {
  const other = http.createServer((_, answer) => answer.writeHead(status, { location: '/', connection: 'close' }).end(body));
  await withServer(other, async (address) => {
    const outcome = await health(['--ops-listen', address]);
    expect(outcome).toMatchObject({ code: 1, out: `this is no answer of Gatehouse's to /readyz: status ${status}\n` });
  });
});

test('what cannot be asked is told with 2', async () => {
  for (const [args, complaint] of [
    [['--timeout', 'soon'], '--timeout'],
    [['--timeout', '0s'], '--timeout'],
    [['--timeout', '2m'], '--timeout'],
    [['--ops-listen', '127.0.0.1:0'], '--ops-listen'],
    [['--ops-listen', 'nowhere'], '--ops-listen'],
    [['asleep'], 'asleep'],
    [['live', '--gateway', 'http://127.0.0.1:1'], '--gateway'],
  ] as const) {
    const outcome = await health([...args]);
    expect(outcome, args.join(' ')).toMatchObject({ code: 2, out: '' });
    expect(outcome.err, args.join(' ')).toContain(complaint);
  }
  // The address may be in the file that cannot be read.
  const missing = path.join(scratch, 'missing.yaml');
  const outcome = await health(['--config', missing], { GATEHOUSE_OPS__LISTEN: `127.0.0.1:${await freePort()}` });
  expect(outcome.code).toBe(2);
  expect(outcome.err).toContain(missing);
});

test('a gateway is asked as its clients do', async () => {
  expect(await health(['--gateway', gatehouse.url])).toEqual({ code: 0, out: 'ready\n', err: '' });
  expect(await health(['--gateway', `${gatehouse.url}/`, '--json'])).toMatchObject({ code: 0 });
  expect(await health(['--gateway', gatehouse.opsUrl])).toMatchObject({ code: 1, out: '/.well-known/jwks.json is answered with 404\n' });
  const closed = `http://127.0.0.1:${await freePort()}`;
  expect((await health(['--gateway', closed])).err).toContain(`no answer from ${closed}`);
  const keys = http.createServer((request, answer) =>
    answer.writeHead(request.method === 'GET' ? 200 : 503, { connection: 'close' }).end('{"keys":[{"kty":"OKP"}]}'),
  );
  await withServer(keys, async (address) => {
    expect((await health(['--gateway', `http://${address}`])).out).toBe('/login without a password is answered with 503, not 401\n');
  });
});
