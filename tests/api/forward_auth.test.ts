// SPDX-License-Identifier: Apache-2.0
// nginx and Caddy, configured as docs/forward-auth.md says, ask Gatehouse before they forward to a service.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse } from '../support/gatehouse.js';
import { freePort, root, sleep } from '../support/process.js';

let gatehouse: Gatehouse;
let echo: Echo;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: `
gateway:
  routes:
    - {path: /shop, methods: [GET], permission: "shop:read", forward_auth: true}
    - {path: /shop, methods: [POST], permission: "shop:write", forward_auth: true}
    - {path: /blog, authentication: optional, forward_auth: true}
    - {path: /files, permission: "shop:read", forward_auth: true}
` });
  await gatehouse.start();
  gatehouse.command(['role', 'add', 'reader', '--permission', 'shop:read']);
  gatehouse.addUser('ada', 'reader');
  gatehouse.addUser('bob');
  for (const name of ['ada', 'bob']) tokens[name] = await gatehouse.token(name);
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
});

// The snippet of the page, with the addresses of this test.
function snippet(language: string, port: number): string {
  const page = readFileSync(path.join(root, 'docs/forward-auth.md'), 'utf8');
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page);
  return found![1]
    .replaceAll('127.0.0.1:8080', new URL(gatehouse.url).host.replace('localhost', '127.0.0.1'))
    .replaceAll('127.0.0.1:9000', new URL(echo.url).host)
    .replace('listen 8000;', `listen 127.0.0.1:${port};`)
    .replace(/^:8000 /m, `http://127.0.0.1:${port} `);
}

interface Proxy {
  url: string;
  child: ChildProcess;
  directory: string;
  output: string;
}

async function start(program: string, makeArguments: (directory: string, port: number) => string[]): Promise<Proxy> {
  const directory = mkdtempSync(path.join(tmpdir(), `gatehouse-${program}-`));
  const port = await freePort();
  const found = [`/usr/sbin/${program}`, `/usr/bin/${program}`].find(existsSync);
  if (!found) throw new Error(`${program} is not installed: tools/setup test`);
  const child = spawn(found, makeArguments(directory, port), {
    env: { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const proxy: Proxy = { url: `http://127.0.0.1:${port}`, child, directory, output: '' };
  child.stdout!.on('data', (data) => (proxy.output += data));
  child.stderr!.on('data', (data) => (proxy.output += data));
  for (const end = Date.now() + 20_000; ; await sleep(50)) {
    if (await fetch(proxy.url).then(() => true, () => false)) return proxy;
    if (child.exitCode !== null || Date.now() > end) throw new Error(`${program} does not answer:\n${proxy.output}`);
  }
}

async function stop(proxy: Proxy | undefined): Promise<void> {
  if (!proxy) return;
  const ended = new Promise((resolve) => proxy.child.once('exit', resolve));
  if (proxy.child.exitCode === null) {
    proxy.child.kill('SIGTERM');
    await ended;
  }
  rmSync(proxy.directory, { recursive: true, force: true });
}

const startNginx = () => start('nginx', (directory, port) => {
  const file = path.join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  writeFileSync(file, `${process.getuid!() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/pid; error_log stderr;
events { worker_connections 64; }
http { access_log off; ${temporary.join(' ')}
${snippet('nginx', port)} }`);
  return ['-c', file, '-p', directory, '-e', 'stderr'];
});

const startCaddy = () => start('caddy', (directory, port) => {
  const file = path.join(directory, 'Caddyfile');
  writeFileSync(file, `{\n    admin off\n    auto_https off\n}\n${snippet('caddy', port)}`);
  return ['run', '--config', file, '--adapter', 'caddyfile'];
});

describe.each([['nginx', startNginx], ['Caddy', startCaddy]] as const)('%s', (_name, startProxy) => {
  let proxy: Proxy;
  beforeAll(async () => { proxy = await startProxy(); });
  afterAll(() => stop(proxy));

  const ask = (method: string, target: string, token?: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(proxy.url + target, { method, headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) }, body });
  async function seen(answer: Response): Promise<any> {
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    const request = JSON.parse(text);
    return { ...request, field: (field: string) => request.fields.filter(([key, value]: [string, string]) => key === field && value !== '').map(([, value]: [string, string]) => value) };
  }

  test('lets through who may, and the service sees who it is', async () => {
    const claims = JSON.parse(Buffer.from(tokens.ada.split('.')[1], 'base64url').toString());
    const request = await seen(await ask('GET', '/shop/7?page=2', tokens.ada, {
      'x-user-id': 'root', 'x-user-name': 'root', 'x-user-roles': 'admin' }));
    expect(request.url).toBe('/shop/7?page=2');
    expect(request.field('x-user-id')).toEqual([claims.sub]);
    expect(request.field('x-user-name')).toEqual(['ada']);
    expect(request.field('x-user-roles')).toEqual(['reader']);
  });

  test('an anonymous caller has no identity, whatever the client says', async () => {
    const request = await seen(await ask('GET', '/blog/', undefined, { 'x-user-id': 'root', 'x-user-name': 'root', 'x-user-roles': 'admin' }));
    for (const field of ['x-user-id', 'x-user-name', 'x-user-roles']) expect(request.field(field)).toEqual([]);
  });

  test('401 without a token or with a bad one, and how to authenticate', async () => {
    for (const token of [undefined, 'nonsense', `${tokens.ada}x`]) {
      const answer = await ask('GET', '/shop', token);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="gatehouse"/);
    }
  });

  test('403 without the permission of the method and path', async () => {
    expect((await ask('GET', '/shop', tokens.bob)).status).toBe(403);
    expect((await ask('POST', '/shop', tokens.ada, {}, 'an order')).status).toBe(403);
    expect((await ask('DELETE', '/shop', tokens.ada)).status).toBe(403);
    expect((await ask('GET', '/elsewhere', tokens.ada)).status).toBe(403);
    expect((await ask('GET', '/login', tokens.ada)).status).toBe(403);
  });

  test('a path of one\'s own may be called as one of Gatehouse', async () => {
    expect((await ask('GET', '/files/7', tokens.ada)).status).toBe(200);
    expect((await ask('GET', '/files/7', tokens.bob)).status).toBe(403);
  });

  test('a client cannot name another request', async () => {
    const served = echo.requests;
    for (const headers of [{ 'x-original-uri': '/blog', 'x-original-method': 'GET' }, { 'x-forwarded-uri': '/blog', 'x-forwarded-method': 'GET' },
      { 'x-original-uri': '/blog' }, { 'x-forwarded-method': 'GET' }] as Record<string, string>[])
      expect((await ask('POST', '/shop', tokens.ada, headers, 'an order')).status, JSON.stringify(headers)).toBe(403);
    expect(echo.requests).toBe(served);
  });

  test('a path that services read differently is refused', async () => {
    const http = await import('node:http');
    const status = (target: string) => new Promise((resolve, reject) => {
      const url = new URL(proxy.url);
      http.get({ host: url.hostname, port: url.port, path: target, headers: { authorization: `Bearer ${tokens.ada}` } }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode));
      }).on('error', reject);
    });
    const served = echo.requests;
    for (const target of ['/blog/../shop', '/blog/%2e%2e/shop', '//shop', '/blog%2f..%2fshop', '/blog/..%2fshop']) expect(await status(target), target).toBe(403);
    expect(echo.requests).toBe(served);
  });

  test('the body reaches the service, not Gatehouse', async () => {
    const request = await seen(await ask('POST', '/blog/comments', undefined, {}, 'x'.repeat(200_000)));
    expect(request.body).toHaveLength(200_000);
    expect(request.method).toBe('POST');
  });
});
