// SPDX-License-Identifier: Apache-2.0
// Which route takes a request and what its policies do, with users' services in Node behind the gateway.
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const app = 'https://app.example.com';
const text = 'The same line again and again.\n'.repeat(500);

let gatehouse: Gatehouse;
let echo: Echo;
let pages: http.Server;
let events: (() => void) | undefined; // sends the second event
let token: string;

// Answers by its path: texts of several kinds, and a stream of two events.
function startPages(): Promise<string> {
  pages = http.createServer((request, answer) => {
    const kind = request.url!.split('?')[0].split('/').pop();
    answer.setHeader('content-type', 'text/plain; charset=utf-8');
    answer.setHeader('server', 'pages/1.0');
    answer.setHeader('access-control-allow-origin', '*');
    if (kind === 'events') {
      answer.setHeader('content-type', 'text/event-stream');
      answer.write('data: one\n\n');
      events = () => answer.end('data: two\n\n');
      return;
    }
    if (kind === 'etag') answer.setHeader('etag', '"strong"');
    if (kind === 'cookie') answer.setHeader('set-cookie', 'a=b');
    if (kind === 'fixed') answer.setHeader('cache-control', 'no-transform');
    if (kind === 'image') answer.setHeader('content-type', 'image/png');
    if (kind === 'long') answer.setHeader('content-length', text.length * 40);
    if (kind === 'part') {
      answer.statusCode = 206;
      answer.setHeader('content-range', `bytes 0-${text.length - 1}/99999`);
    }
    if (kind === 'gzipped') {
      answer.setHeader('content-encoding', 'gzip');
      answer.end(zlib.gzipSync(text));
      return;
    }
    answer.end(kind === 'short' ? 'short' : kind === 'long' ? text.repeat(40) : text);
  });
  return new Promise((resolve) => pages.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(pages.address() as AddressInfo).port}`)));
}

beforeAll(async () => {
  echo = await startEchoService();
  const service = await startPages();
  gatehouse = new Gatehouse({ config: `
gateway:
  routes:
    - {path: /orders, upstreams: ["${echo.url}"], authentication: none, response_headers: {set: ["X-Route: prefix"]}}
    - {path: "/orders/{id}", match: exact, upstreams: ["${echo.url}"], authentication: none, rewrite: "/v2/{id}/item", response_headers: {set: ["X-Route: parameter"]}}
    - {path: /orders/latest, match: exact, upstreams: ["${echo.url}"], authentication: none, response_headers: {set: ["X-Route: exact"]}}
    - {path: /orders, upstreams: ["${echo.url}"], authentication: none, headers: ["X-Version=2"], response_headers: {set: ["X-Route: version"]}}
    - {path: /orders, upstreams: ["${echo.url}"], authentication: none, methods: [DELETE], response_headers: {set: ["X-Route: delete"]}}
    - {path: /, hosts: [shop.example.com], upstreams: ["${echo.url}"], authentication: none, response_headers: {set: ["X-Route: shop"]}}
    - {path: /, hosts: ["*.example.com"], upstreams: ["${echo.url}"], authentication: none, response_headers: {set: ["X-Route: wildcard"]}}
    - {path: /limited, upstreams: ["${echo.url}"], authentication: none, rate_limit: {requests: 3, per: 3s}}
    - {path: /user-limited, upstreams: ["${echo.url}"], rate_limit: {requests: 2, per: 60s, key: user}}
    - {path: /cors, upstreams: ["${service}"], methods: [GET, PUT], cors: {origins: ["${app}"], headers: [Authorization, Content-Type], expose: [X-Total], credentials: true, max_age: 1h}}
    - path: /edited
      upstreams: ["${echo.url}"]
      request_headers: {remove: [Authorization, X-Secret], set: ["X-Api-Version: 2"], add: ["X-Via: gatehouse"]}
      response_headers: {remove: [X-From-Service], set: ["Cache-Control: no-store"], add: ["X-Robots-Tag: none"]}
    - {path: /closed, upstreams: ["${echo.url}"], maintenance: {enabled: true, message: "Back at noon.", retry_after: 10m}}
    - {path: /packed, upstreams: ["${service}"], authentication: none, compression: {enabled: true}}
    - {path: /unpacked, upstreams: ["${service}"], authentication: none}
    - {path: /small, upstreams: ["${echo.url}"], authentication: none, body_bytes_max: 1000}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
  pages.closeAllConnections();
  await new Promise((resolve) => pages.close(resolve));
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

// As it came, undecoded; with any Host.
function ask(target: string, headers: Record<string, string> = {}, method = 'GET', onData?: (part: Buffer) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(gatehouse.url + target, { method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part) => { parts.push(part); onData?.(part); });
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

describe('the route of a request', () => {
  const rows: [string, string, string, Record<string, string>, string, string][] = [
    ['a prefix', 'GET', '/orders/7/lines', {}, 'prefix', '/orders/7/lines'],
    ['a parameter before a prefix', 'GET', '/orders/7?x=1', {}, 'parameter', '/v2/7/item?x=1'],
    ['a parameter that stays encoded', 'GET', '/orders/a%20b%3F', {}, 'parameter', '/v2/a%20b%3F/item'],
    ['an exact path before a parameter', 'GET', '/orders/latest', {}, 'exact', '/orders/latest'],
    ['an exact path in another encoding', 'GET', '/orders/l%61test', {}, 'exact', '/orders/latest'],
    ['a header field', 'GET', '/orders', { 'x-version': '2' }, 'version', '/orders'],
    ['another value of it', 'GET', '/orders', { 'x-version': '3' }, 'prefix', '/orders'],
    ['a named method', 'DELETE', '/orders', {}, 'delete', '/orders'],
    ['a host', 'GET', '/orders/7', { host: 'shop.example.com' }, 'shop', '/orders/7'],
    ['a host with capitals, port and dot', 'GET', '/', { host: 'SHOP.example.com.:80' }, 'shop', '/'],
    ["a host before Gatehouse's own paths", 'GET', '/login', { host: 'shop.example.com' }, 'shop', '/login'],
    ['a wildcard', 'GET', '/orders/7', { host: 'a.b.example.com' }, 'wildcard', '/orders/7'],
  ];
  test.each(rows)('%s', async (_, method, target, headers, route, seen) => {
    const answer = await ask(target, headers, method);
    expect(answer.status, answer.body.toString()).toBe(200);
    expect(answer.headers['x-route']).toBe(route);
    expect(JSON.parse(answer.body.toString()).url).toBe(seen);
  });

  test('another host is no wildcard, and has Gatehouse itself', async () => {
    expect((await ask('/nothing', { host: 'example.com' })).status).toBe(404);
    expect((await ask('/.well-known/jwks.json', { host: 'example.org' })).status).toBe(200);
  });
});

describe('an ambiguous path', () => {
  test.each(['/orders/..;/x', '/orders;a=b/7', '/orders/%3bx', '/orders/%252e%252e/x', '/orders/%c0%ae%c0%ae/x', '/orders/%e0%80%af', '/orders/.../x',
    '/orders/..%20/x', '/orders/%ff', '/orders/a%2fb', '/orders/a%00'])('%s reaches nobody', async (target) => {
    const before = echo.requests;
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(Number(new URL(gatehouse.url).port), '127.0.0.1');
      let all = '';
      socket.on('data', (part) => (all += part));
      socket.on('close', () => resolve(all));
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/"code":"(invalid|malformed)_request"/);
    expect(echo.requests).toBe(before);
  });
});

describe('a rate limit', () => {
  test('refuses what is too much, and lets through who waits as long as it says', async () => {
    const before = echo.requests;
    const answers: Answer[] = [];
    for (let i = 0; i < 5; i++) answers.push(await ask('/limited'));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429, 429]);
    expect(echo.requests - before).toBe(3);
    expect(answers[0].headers['ratelimit-policy']).toBe('"address";q=3;w=3');
    expect(answers[0].headers.ratelimit).toBe('"address";r=2;t=1');
    expect(answers[2].headers.ratelimit).toBe('"address";r=0;t=1');
    const refused = answers[4];
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(refused.body.toString())).toMatchObject({ status: 429, code: 'too_many_requests', instance: refused.headers['x-request-id'] });
    expect(refused.headers.ratelimit).toBe('"address";r=0;t=1');
    expect(refused.headers['retry-after']).toBe('1');
    await sleep(Number(refused.headers['retry-after']) * 1000);
    expect((await ask('/limited')).status).toBe(200);
  });

  test('of users does not count who is not let in', async () => {
    const withToken = { authorization: `Bearer ${token}` };
    for (let i = 0; i < 4; i++) expect((await ask('/user-limited')).status).toBe(401);
    expect((await ask('/user-limited', withToken)).headers.ratelimit).toBe('"user";r=1;t=30');
    expect((await ask('/user-limited', withToken)).status).toBe(200);
    expect((await ask('/user-limited', withToken)).status).toBe(429);
  });
});

describe('CORS', () => {
  const preflight = (origin: string, method = 'PUT') =>
    ask('/cors/7', { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization' }, 'OPTIONS');

  test('a preflight is answered without a token', async () => {
    const answer = await preflight(app);
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'Authorization, Content-Type',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '3600',
    });
    expect(answer.headers.vary).toContain('Origin');
  });

  test('another origin is refused', async () => {
    const answer = await preflight('https://evil.example');
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body.toString()).code).toBe('cors_refused');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('answers say who may read them, whatever the service says', async () => {
    const allowed = await ask('/cors/text', { origin: app, authorization: `Bearer ${token}` });
    expect(allowed.status).toBe(200);
    expect(allowed.headers['access-control-allow-origin']).toBe(app);
    expect(allowed.headers['access-control-expose-headers']).toBe('X-Total');
    expect(allowed.headers.vary).toContain('Origin');
    const other = await ask('/cors/text', { origin: 'https://evil.example', authorization: `Bearer ${token}` });
    expect(other.status).toBe(200);
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
    const refused = await ask('/cors/text', { origin: app });
    expect(refused.status).toBe(401);
    expect(refused.headers['access-control-allow-origin']).toBe(app);
  });
});

test('header fields are edited both ways, and identity is not among them', async () => {
  const answer = await ask('/edited', { authorization: `Bearer ${token}`, 'x-secret': 'x', 'x-api-version': '1', 'x-via': 'client' });
  expect(answer.status).toBe(200);
  const { fields } = JSON.parse(answer.body.toString());
  const values = (name: string) => fields.filter(([key]: [string]) => key === name).map(([, value]: [string, string]) => value);
  expect(values('authorization')).toEqual([]);
  expect(values('x-secret')).toEqual([]);
  expect(values('x-api-version')).toEqual(['2']);
  expect(values('x-via')).toEqual(['client', 'gatehouse']);
  expect(values('x-user-name')).toEqual(['ada']);
  expect(answer.headers['x-from-service']).toBeUndefined();
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['x-robots-tag']).toBe('none');
});

test('maintenance is said to everybody', async () => {
  const answer = await ask('/closed/a');
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('600');
  expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'maintenance', detail: 'Back at noon.' });
});

describe('compression', () => {
  const decode = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };

  test.each([['gzip', 'gzip'], ['gzip, deflate, br', 'br'], ['br;q=0.1, gzip;q=0.9', 'gzip'], ['*', 'br'], ['identity;q=0, gzip', 'gzip']] as const)(
    'Accept-Encoding: %s is answered with %s', async (accepted, coding) => {
      const answer = await ask('/packed/text', { 'accept-encoding': accepted });
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(answer.headers.vary).toContain('Accept-Encoding');
      expect(answer.body.length).toBeLessThan(text.length / 10);
      expect(decode[coding](answer.body).toString()).toBe(text);
    });

  test('of a long body is whole', async () => {
    for (const coding of ['gzip', 'br'] as const) {
      const answer = await ask('/packed/long', { 'accept-encoding': coding });
      expect(answer.headers['content-length']).toBeUndefined();
      expect(decode[coding](answer.body).toString()).toBe(text.repeat(40));
    }
  });

  test.each(['', 'identity', 'deflate', 'gzip;q=0', 'br;q=0, gzip;q=0'])('nothing is done for "%s"', async (accepted) => {
    const answer = await ask('/packed/text', { 'accept-encoding': accepted });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body.toString()).toBe(text);
  });

  test.each(['short', 'cookie', 'fixed', 'image', 'part'])('an answer stays as it is: %s', async (kind) => {
    const answer = await ask(`/packed/${kind}`, { 'accept-encoding': 'gzip, br' });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body.toString()).toBe(kind === 'short' ? 'short' : text);
  });

  test('what the service has compressed is not compressed again', async () => {
    const answer = await ask('/packed/gzipped', { 'accept-encoding': 'gzip, br' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(zlib.gunzipSync(answer.body).toString()).toBe(text);
  });

  test('a strong tag becomes a weak one, and HEAD is told the same', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask('/packed/etag', { 'accept-encoding': 'gzip' }, method);
      expect(answer.headers.etag, method).toBe('W/"strong"');
      expect(answer.headers['content-encoding'], method).toBe('gzip');
    }
  });

  test.each(['gzip', 'br'] as const)('events come as they are sent, with %s', async (coding) => {
    let seen = '';
    const decoder = coding === 'gzip' ? zlib.createGunzip({ flush: zlib.constants.Z_SYNC_FLUSH }) : zlib.createBrotliDecompress();
    decoder.on('data', (part) => {
      seen += part;
      if (seen === 'data: one\n\n') events!();
    });
    const answer = await ask('/packed/events', { 'accept-encoding': coding }, 'GET', (part) => decoder.write(part));
    expect(answer.headers['content-encoding']).toBe(coding);
    await new Promise((resolve) => { decoder.on('end', resolve); decoder.end(); });
    expect(seen).toBe('data: one\n\ndata: two\n\n');
  });

  test('is off where it is not asked for', async () => {
    expect((await ask('/unpacked/text', { 'accept-encoding': 'gzip, br' })).headers['content-encoding']).toBeUndefined();
  });
});

test('a body without a length that grows too large is cut off with 413', async () => {
  const before = echo.requests;
  const answer = await new Promise<Answer>((resolve, reject) => {
    const request = http.request(gatehouse.url + '/small', { method: 'POST', agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    request.write('x'.repeat(600));
    setTimeout(() => request.write('x'.repeat(600)), 50);
  });
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body.toString()).code).toBe('body_too_large');
  expect(answer.headers.connection).toBe('close');
  expect(echo.requests - before).toBeLessThanOrEqual(1);
});
