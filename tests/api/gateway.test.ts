// SPDX-License-Identifier: Apache-2.0
// A user's own service behind the gateway.
import { createHash, createHmac, createPublicKey } from 'node:crypto';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { Gatehouse } from '../support/gatehouse.js';
import { runScenarios } from './scenario.js';

let gatehouse: Gatehouse;
let echo: Echo;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: `
gateway:
  routes:
    - {path: /api, upstreams: ["${echo.url}"], strip_prefix: true}
    - {path: /public, upstreams: ["${echo.url}"], authentication: none}
    - {path: /maybe, upstreams: ["${echo.url}"], authentication: optional}
    - {path: /reports, upstreams: ["${echo.url}"], permission: "reports:read"}
    - {path: /small, upstreams: ["${echo.url}"], authentication: none, body_bytes_max: 1000}
    - {path: /down, upstreams: ["http://127.0.0.1:1"], authentication: none}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  tokens.ada = await gatehouse.token('ada');
});
afterAll(async () => {
  await gatehouse.stop();
  await echo.stop();
});

async function seen(target: string, options: Parameters<Gatehouse['request']>[2] & { method?: string } = {}): Promise<any> {
  const answer = await gatehouse.request(options.method ?? 'GET', target, options);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  const body = JSON.parse(text);
  body.field = (name: string) => body.fields.filter(([key]: [string]) => key === name).map(([, value]: [string, string]) => value);
  return body;
}

describe('what the service sees', () => {
  test('who is calling, and none of what the client claimed', async () => {
    const claims = JSON.parse(Buffer.from(tokens.ada.split('.')[1], 'base64url').toString());
    const request = await seen('/api/orders?x=1', { token: tokens.ada, headers: {
      'x-user-id': 'root', 'x-user-roles': 'admin', 'X-User-Name': 'root', 'x-forwarded-for': '1.2.3.4', forwarded: 'for=1.2.3.4',
      'x-real-ip': '1.2.3.4', 'x-forwarded-host': 'evil.example', 'x-gatehouse-service': 'guess', 'x-original-url': '/admin', 'x-custom': 'kept' } });
    expect(request.url).toBe('/orders?x=1');
    expect(request.field('x-user-id')).toEqual([claims.sub]);
    expect(request.field('x-user-name')).toEqual(['ada']);
    expect(request.field('x-user-roles')).toEqual(['user']);
    expect(request.field('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(request.field('x-forwarded-proto')).toEqual(['http']);
    expect(request.field('x-forwarded-host')).toEqual([new URL(gatehouse.url).host]);
    expect(request.field('x-custom')).toEqual(['kept']);
    expect(request.field('x-request-id')).toHaveLength(1);
    expect(request.field('traceparent')[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
    for (const name of ['forwarded', 'x-real-ip', 'x-gatehouse-service', 'x-original-url']) expect(request.field(name)).toEqual([]);
  });

  test('an anonymous caller has no identity, whatever it says', async () => {
    for (const target of ['/public/a', '/maybe/a']) {
      const request = await seen(target, { headers: { 'x-user-id': 'root', 'x-user-roles': 'admin' } });
      expect(request.fields.filter(([name]: [string]) => name.startsWith('x-user'))).toEqual([]);
    }
    expect((await seen('/maybe/a', { token: tokens.ada })).field('x-user-name')).toEqual(['ada']);
  });

  test('a body of any kind arrives whole', async () => {
    const text = 'x'.repeat(200_000);
    expect((await seen('/public/a', { method: 'POST', body: text })).body).toBe(text);
    const stream = new ReadableStream({ start(controller) { for (let i = 0; i < 50; i++) controller.enqueue(Buffer.from('part,')); controller.close(); } });
    const answer = await fetch(`${gatehouse.url}/public/a`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
    expect(((await answer.json()) as any).body).toBe('part,'.repeat(50));
  });

  test('the trace and the request id of the client go on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const request = await seen('/public/a', { headers: { traceparent, 'x-request-id': 'my-id-1' } });
    expect(request.field('traceparent')).toEqual([traceparent]);
    expect(request.field('x-request-id')).toEqual(['my-id-1']);
  });
});

describe('policy', () => {
  runScenarios(() => gatehouse, tokens, [
    { name: 'no token', method: 'GET', target: '/api/a', status: 401, code: 'unauthenticated' },
    { name: 'without the permission', method: 'GET', target: '/reports/1', as: 'ada', status: 403, code: 'insufficient_scope' },
    { name: 'an invalid token on an optional route', method: 'GET', target: '/maybe/a', headers: { authorization: 'Bearer x.y.z' }, status: 401, code: 'invalid_token' },
    { name: 'a body over the limit of the route', method: 'POST', target: '/small/a', body: 'x'.repeat(1001), status: 413, code: 'body_too_large' },
    { name: 'a service that is down', method: 'GET', target: '/down/a', status: 503, code: 'unavailable', answerHeaders: { 'retry-after': /^\d+$/ } },
    { name: 'an answer of the service passes as it is', method: 'GET', target: '/public/a', status: 200, answerHeaders: { 'x-from-service': 'yes' } },
    { name: 'an encoded slash', method: 'GET', target: '/public/a%2fb', status: 400, code: 'invalid_request' },
  ]);
});

describe('forged tokens', () => {
  const parts = () => tokens.ada.split('.');
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = () => JSON.parse(Buffer.from(parts()[1], 'base64url').toString());
  const header = () => JSON.parse(Buffer.from(parts()[0], 'base64url').toString());
  const publicKey = async () => ((await (await gatehouse.request('GET', '/.well-known/jwks.json')).json()) as any).keys[0];
  const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

  const forgeries: [string, () => string | Promise<string>][] = [
    ['a changed signature', () => flip(tokens.ada, tokens.ada.length - 20)],
    ['changed claims', () => `${parts()[0]}.${encode({ ...claims(), admin: true })}.${parts()[2]}`],
    ['alg none', () => `${encode({ ...header(), alg: 'none' })}.${parts()[1]}.`],
    ['alg None with a signature', () => `${encode({ ...header(), alg: 'None' })}.${parts()[1]}.${parts()[2]}`],
    ['HS256 signed with the public key', async () => {
      const jwk = await publicKey();
      const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
      const signed = `${encode({ ...header(), alg: 'HS256' })}.${parts()[1]}`;
      return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
    }],
    ['HS256 signed with the raw public key', async () => {
      const signed = `${encode({ ...header(), alg: 'HS256' })}.${parts()[1]}`;
      return `${signed}.${createHmac('sha256', Buffer.from((await publicKey()).x, 'base64url')).update(signed).digest('base64url')}`;
    }],
    ['an unknown key', () => `${encode({ ...header(), kid: createHash('sha256').update('x').digest('base64url') })}.${parts()[1]}.${parts()[2]}`],
    ['no signature', () => `${parts()[0]}.${parts()[1]}.`],
    ['four parts', () => `${tokens.ada}.x`],
    ['padding', () => `${tokens.ada}=`],
  ];
  test.each(forgeries)('%s is 401', async (_, forge) => {
    const before = echo.requests;
    for (const target of ['/api/a', '/profile', '/files', '/validate']) {
      const answer = await gatehouse.request('GET', target, { token: await forge() });
      expect(answer.status).toBe(401);
      expect(((await answer.json()) as any).code).toBe('invalid_token');
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
    expect(echo.requests).toBe(before);
  });
});

// Sends bytes as they are and gives all that comes back until the server closes.
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gatehouse.url);
    const socket = net.connect(Number(port), hostname === 'localhost' ? '127.0.0.1' : hostname, () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setTimeout(15_000, () => { socket.destroy(); reject(new Error(`no end after: ${answer}`)); });
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('close', () => resolve(answer));
    socket.on('error', () => resolve(answer));
  });
}

describe('what two servers could read differently is refused and the connection closed', () => {
  const smuggled: [string, string][] = [
    ['both framings', 'POST /public/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'POST /public/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na'],
    ['a list of lengths', 'POST /public/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na'],
    ['a coding before chunked', 'POST /public/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['an unknown coding', 'POST /public/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n'],
    ['a folded field', 'GET /public/a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n'],
    ['a space before the colon', 'GET /public/a HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['two hosts', 'GET /public/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ['no host', 'GET /public/a HTTP/1.1\r\n\r\n'],
    ['bare LF', 'GET /public/a HTTP/1.1\nHost: x\n\n'],
    ['junk after a chunk', 'POST /public/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n'],
    ['a fragment', 'GET /public/a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ];
  test.each(smuggled)('%s', async (_, request) => {
    const answer = await raw(`${request}GET /public/second HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer.toLowerCase()).toContain('connection: close');
  });
});

// A client library would resolve these before it sends them.
test.each(['/public/../admin/users', '/public/%2e%2e/admin/users', '/public/.%2E/admin', '/public//a', '/public/a%5cb'])(
  'the ambiguous path %s is refused', async (target) => {
    const before = echo.requests;
    const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"invalid_request"');
    expect(echo.requests).toBe(before);
  });

test('no secret is in the log', async () => {
  await seen('/api/orders?access_token=query-secret', { token: tokens.ada, headers: { cookie: 'a=cookie-secret' } });
  await expect.poll(() => gatehouse.output).toContain('"path":"/api/orders"');
  for (const secret of [tokens.ada.split('.')[2], 'query-secret', 'cookie-secret', 'correct horse']) expect(gatehouse.output).not.toContain(secret);
});
