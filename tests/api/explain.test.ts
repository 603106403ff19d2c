// SPDX-License-Identifier: Apache-2.0
// Why a request goes where it goes: beforehand on the command line, afterwards by its id.
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';

let gatehouse: Gatehouse;
let echo: Echo;
let token: string;
let admin: string;

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: `
gateway:
  routes:
    - {path: /orders, methods: [GET, POST], upstreams: ["${echo.url}"], strip_prefix: true, permission: "orders:read"}
    - {path: /public, upstreams: ["${echo.url}"], authentication: none}
    - {path: /profiled, upstreams: ["${echo.url}"]}
    - {path: /secret, upstreams: ["${echo.url}"], request_headers: {set: ["X-Api-Key: of the service alone"]}}
    - {path: /limited, upstreams: ["${echo.url}"], rate_limit: {requests: 5, per: 10s, burst: 2, key: user}}
    - {path: /unlimited, upstreams: ["${echo.url}"], rate_limit: {key: none}}
  rate_limit: {requests: 100000, per: 1m}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  gatehouse.addUser('root', 'admin');
  token = await gatehouse.token('ada');
  admin = await gatehouse.token('root');
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
});

function run(data: string, ...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  return new Promise((resolve) => execFile(binary, ['config', 'explain', ...args, '--data', data], (error, out, errors) => resolve({ code: error ? Number(error.code) : 0, out, errors })));
}
const explain = async (...args: string[]) => JSON.parse((await run(gatehouse.dataOf('gateway'), ...args, '--json')).out);
const outcome = (explanation: any, step: string) => explanation.steps.find((entry: any) => entry.step === step).outcome;

describe('config explain', () => {
  test('says where a request goes, without sending it', async () => {
    const before = echo.requests;
    const explanation = await explain('GET', '/profiled/7?x=1', '--token', token);
    expect(explanation.route.name).toBe('/profiled/*');
    expect(explanation.token).toMatchObject({ verified: true, claims: { username: 'ada' } });
    expect(explanation.forwarded).toMatchObject({ upstream: '/profiled', method: 'GET', target: '/profiled/7?x=1', in_process: false });
    expect(explanation.forwarded.headers).toContainEqual(['x-user-name', 'ada']);
    expect(JSON.stringify(explanation)).not.toContain(token);
    expect(explanation.answer).toBeNull();
    expect(echo.requests).toBe(before);
  });

  test('says why a request is refused, as the gateway then does', async () => {
    for (const [args, options] of [
      [['GET', '/orders/7'], {}],
      [['GET', '/orders/7', '--token', token], { token }],
      [['GET', '/orders/7', '--token', `${token}x`], { token: `${token}x` }],
      [['DELETE', '/orders/7', '--token', token], { token }],
      [['GET', '/nowhere'], {}],
      [['GET', '/public/a%2fb'], {}],
    ] as [string[], { token?: string }][]) {
      const { answer, forwarded } = await explain(...args);
      const real = await gatehouse.request(args[0], args[1], options);
      const problem = (await real.json()) as any;
      expect(forwarded, args.join(' ')).toBeNull();
      expect(answer).toMatchObject({ status: real.status, code: problem.code, detail: problem.detail });
    }
  });

  test('names the step that refuses, and what was not reached', async () => {
    const forbidden = await explain('GET', '/orders/7', '--token', token);
    expect(outcome(forbidden, 'authentication')).toBe('passed');
    expect(outcome(forbidden, 'permission')).toBe('refused');
    expect(outcome(forbidden, 'upstream')).toBe('not reached');
    const wrong = await explain('GET', '/orders/7', '--header', 'Authorization: Bearer a.b.c');
    expect(outcome(wrong, 'authentication')).toBe('refused');
    expect(wrong.token).toEqual({ verified: false });
  });

  test('says which routes are near and why they do not take it', async () => {
    const explanation = await explain('DELETE', '/orders/7');
    expect(explanation.route).toBeNull();
    expect(explanation.other_routes[0]).toEqual({ route: '/orders/*', reason: 'takes GET, POST' });
  });

  test("names Gatehouse's own endpoint", async () => {
    for (const [method, target, endpoint] of [
      ['POST', '/login', 'login'],
      ['GET', '/files/1/content', 'files'],
      ['GET', '/', 'console'],
      ['GET', '/.well-known/jwks.json', 'discovery'],
    ])
      expect((await explain(method, target)).route, target).toMatchObject({ own_endpoint: endpoint, configured: false });
    expect((await explain('GET', '/public')).route).toMatchObject({ own_endpoint: null, configured: true });
    const { out } = await run(gatehouse.dataOf('gateway'), 'POST', '/login');
    expect(out).toMatch(/^ {2}route +passed: \/login, Gatehouse's own endpoint login$/m);
  });

  test('tells the rate limit that counts the request', async () => {
    const limitOf = async (target: string) => (await explain('GET', target, '--token', token)).route.rate_limit;
    expect(await limitOf('/limited')).toEqual({ of: 'route', key: 'user', requests: 5, per_seconds: 10, burst: 2 });
    expect(await limitOf('/profiled')).toEqual({ of: 'gateway', key: 'address', requests: 100000, per_seconds: 60, burst: 100000 });
    expect(await limitOf('/files')).toMatchObject({ of: 'gateway' });
    expect(await limitOf('/unlimited')).toBeNull();
    const { out } = await run(gatehouse.dataOf('gateway'), 'GET', '/limited', '--token', token);
    expect(out).toMatch(/^ {2}user_rate_limit +passed: 5 requests in 10 s, 2 at once, for each user/m);
  });

  test('is readable', async () => {
    const { out, code } = await run(gatehouse.dataOf('gateway'), 'GET', '/orders/7', '--token', token);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}permission +refused: orders:read$/m);
    expect(out).toMatch(/^token: verified, of ada /m);
    expect(out).toMatch(/^answered here: 403 insufficient_scope: /m);
  });

  test('without a server tells what the configuration alone tells', async () => {
    const directory = scratchDirectory();
    const file = path.join(directory, 'gatehouse.yaml');
    writeFileSync(file, 'gateway: {routes: [{path: /public, upstreams: ["http://127.0.0.1:1"], authentication: none}, {path: /orders, upstreams: ["http://127.0.0.1:1"]}]}\n');
    const data = path.join(directory, 'none');
    const open = await run(data, 'GET', '/public/1', '--config', file);
    expect(open.errors).toContain('by the configuration alone');
    expect(open.out).toMatch(/^goes to \/public: GET \/public\/1$/m);
    const closed = await run(data, 'GET', '/orders/1', '--config', file, '--token', token);
    expect(closed.out).toMatch(/^what follows cannot be told: /m);
    rmSync(directory, { recursive: true });
  });
});

describe('GET /admin/explain and /admin/routes', () => {
  const ask = (query: string) => gatehouse.json('GET', `/admin/explain?${query}`, admin);

  test('tell what the command line tells, and send nothing', async () => {
    const before = echo.requests;
    const found = await ask(`method=DELETE&url=${encodeURIComponent('/orders/7?x=1')}&as=nobody`);
    const told = await explain('DELETE', '/orders/7?x=1');
    expect(found).toEqual({ ...told, answer: { ...told.answer } });
    const mine = await ask('url=/profiled/7');
    expect(mine.token).toMatchObject({ verified: true, claims: { username: 'root' } });
    expect(mine.forwarded.headers).toContainEqual(['x-user-name', 'root']);
    expect(JSON.stringify(mine)).not.toContain(admin);
    expect((await ask('url=/profiled/7&as=nobody')).answer).toMatchObject({ status: 401 });
    expect(echo.requests).toBe(before);
  });

  test('keep to themselves what a route sets for its service', async () => {
    const found = await ask('url=/secret/7');
    expect(found.forwarded.headers).toContainEqual(['x-api-key', '[redacted]']);
    expect(JSON.stringify(found)).not.toContain('of the service alone');
  });

  test('and so does the configuration over HTTP', async () => {
    const { config } = await gatehouse.json('GET', '/admin/config', admin);
    const route = config.gateway.routes.find((one: any) => one.path === '/secret');
    expect(JSON.stringify(route)).toContain('X-Api-Key: [redacted]');
    expect(JSON.stringify(config)).not.toContain('of the service alone');
    expect(config.gateway.rate_limit.requests).toBe(100000);
    expect((await gatehouse.request('GET', '/admin/config')).status).toBe(401);
    expect((await gatehouse.request('GET', '/admin/config', { token })).status).toBe(403);
  });

  test('list every route', async () => {
    const { items, next } = await gatehouse.json('GET', '/admin/routes', admin);
    expect(next).toBeNull();
    expect(items).toContainEqual(expect.objectContaining({ name: '/orders/*', configured: true, methods: ['GET', 'POST'], permission: 'orders:read', upstream: '/orders' }));
    expect(items).toContainEqual(expect.objectContaining({ name: '/login', configured: false, authentication: 'none' }));
  });

  test('are for who has admin:routes, and say what is wrong with a question', async () => {
    for (const target of ['/admin/routes', '/admin/explain?url=/']) {
      expect((await gatehouse.request('GET', target)).status).toBe(401);
      expect((await gatehouse.request('GET', target, { token })).status).toBe(403);
    }
    for (const query of ['', 'url=', 'url=/&as=root']) expect((await gatehouse.request('GET', `/admin/explain?${query}`, { token: admin })).status, query).toBe(422);
    expect((await gatehouse.request('GET', '/admin/explain?url=/&method=A%20B', { token: admin })).status).toBe(400);
  });
});

describe('GET /admin/requests/{id}', () => {
  const recent = (id: string, as: string) => gatehouse.request('GET', `/admin/requests/${id}`, { token: as });

  test('tells an administrator what was decided about a request', async () => {
    const refused = await gatehouse.request('GET', '/orders/7', { token });
    const id = refused.headers.get('x-request-id')!;
    const answer = await recent(id, admin);
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as any;
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    expect(body).toMatchObject({ request_id: id, method: 'GET', path: '/orders/7', route: '/orders/*', user: sub, status: 403, code: 'insufficient_scope', upstream: null });
    expect(body.steps.find((entry: any) => entry.step === 'permission').outcome).toBe('refused');
    expect(body.milliseconds).toBeGreaterThan(0);

    const served = await gatehouse.request('GET', '/public/1?secret=1', { headers: { 'x-request-id': 'from-a-test' } });
    expect(served.headers.get('x-request-id')).toBe('from-a-test');
    expect(await (await recent('from-a-test', admin)).json()).toMatchObject({ path: '/public/1', route: '/public/*', upstream: '/public', status: 200, code: null, user: null });
  });

  test('is for administrators, and knows recent requests only', async () => {
    expect((await recent('anything', token)).status).toBe(403);
    const unknown = await recent('never-seen', admin);
    expect(unknown.status).toBe(404);
    expect(((await unknown.json()) as any).code).toBe('request_not_found');
  });
});
