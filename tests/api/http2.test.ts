// SPDX-License-Identifier: Apache-2.0
// The product over HTTP/2, without TLS: the same answers, many at once on one connection.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../support/echo_service.js';
import { basic, Gatehouse, password } from '../support/gatehouse.js';
import { ask, connect, json } from '../support/http2.js';
import { sleep } from '../support/process.js';

const config = (echo: string) => `
gateway:
  http2_cleartext: true
  routes:
    - {path: /api, upstreams: ["${echo}"], strip_prefix: true}
    - {path: /public, upstreams: ["${echo}"], authentication: none}
`;

let gatehouse: Gatehouse;
let echo: Echo;
let session: http2.ClientHttp2Session;
let token: string;
const bearer = () => ({ authorization: `Bearer ${token}` });

beforeAll(async () => {
  echo = await startEchoService();
  gatehouse = new Gatehouse({ config: config(echo.url) });
  await gatehouse.start();
  gatehouse.addUser('ada');
  session = await connect(gatehouse.url);
  const login = await ask(session, 'POST', '/login', { authorization: basic('ada', password) });
  expect(login.status).toBe(200);
  token = login.body.toString();
});
afterAll(async () => {
  session?.destroy();
  await gatehouse?.stop();
  await echo?.stop();
});

test('who is logged in, and who is not', async () => {
  const profile = await ask(session, 'GET', '/profile', bearer());
  expect(json(profile).username).toBe('ada');
  const nobody = await ask(session, 'GET', '/profile');
  expect(nobody.status).toBe(401);
  expect(nobody.headers['www-authenticate']).toBe('Bearer realm="gatehouse"');
  expect(json(nobody).code).toBe('unauthenticated');
});

test('a file goes up and comes down again', async () => {
  const content = randomBytes(5_000_000);
  const upload = await ask(session, 'POST', '/upload?name=noise.bin', { ...bearer(), 'content-type': 'application/octet-stream' }, content);
  expect(upload.status, upload.body.toString()).toBe(201);
  const [record] = json(upload).items;
  const download = await ask(session, 'GET', `/files/${record.id}/content`, bearer());
  expect(download.status).toBe(200);
  expect(download.headers['content-length']).toBe('5000000');
  expect(download.body.equals(content)).toBe(true);
  const part = await ask(session, 'GET', `/files/${record.id}/content`, { ...bearer(), range: 'bytes=10-19' });
  expect(part.status).toBe(206);
  expect(part.body.equals(content.subarray(10, 20))).toBe(true);
  expect((await ask(session, 'HEAD', `/files/${record.id}/content`, bearer())).headers['content-length']).toBe('5000000');
});

describe('a service of your own', () => {
  test('sees an ordinary request', async () => {
    const answer = await ask(session, 'POST', '/api/orders?x=1', { ...bearer(), cookie: ['a=1', 'b=2'], te: 'trailers', 'x-user-id': 'root', 'x-custom': 'kept' }, 'body');
    const seen = json(answer);
    const field = (name: string) => seen.fields.filter(([key]: [string]) => key === name).map(([, value]: [string, string]) => value);
    expect(seen).toMatchObject({ method: 'POST', url: '/orders?x=1', body: 'body' });
    expect(field('x-user-name')).toEqual(['ada']);
    expect(field('x-custom')).toEqual(['kept']);
    expect(field('cookie')).toEqual(['a=1; b=2']);
    expect(field('te')).toEqual([]);
    expect(field('x-forwarded-host')).toEqual([new URL(gatehouse.url).host]);
    expect(field('x-forwarded-for')).toHaveLength(1);
    expect(answer.headers['x-from-service']).toBe('yes');
    for (const name of ['connection', 'keep-alive', 'transfer-encoding']) expect(answer.headers[name]).toBeUndefined();
  });

  test('answers a hundred requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(session, 'POST', `/api/${i}`, bearer(), `${i} `.repeat(2_000))));
    answers.forEach((answer, i) => expect(json(answer)).toMatchObject({ url: `/${i}`, body: `${i} `.repeat(2_000) }));
  });

  test('is not asked when a request is refused', async () => {
    const before = echo.requests;
    expect((await ask(session, 'GET', '/api/x')).status).toBe(401);
    expect((await ask(session, 'GET', '/public/%2e%2e/x')).status).toBe(400);
    expect((await ask(session, 'GET', '/public/a#b')).status).toBe(400);
    expect((await ask(session, 'GET', '/public', { ':authority': new URL(gatehouse.url).host, host: 'other' })).status).toBe(400);
    expect((await ask(session, 'GET', '/public', { x_y: '1' })).status).toBe(400);
    expect(echo.requests).toBe(before);
  });
});

test('a cancelled request leaves the others alone', async () => {
  const stream = session.request({ ':method': 'POST', ':path': '/upload?name=never.bin', ...bearer() });
  stream.on('error', () => {});
  stream.write(Buffer.alloc(100_000));
  await sleep(50);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  expect((await ask(session, 'GET', '/profile', bearer())).status).toBe(200);
});

test('HTTP/1.1 works on the same port', async () => {
  expect((await gatehouse.request('GET', '/profile', { token })).status).toBe(200);
});

test('curl agrees', () => {
  const said = execFileSync('curl', ['-sS', '--http2-prior-knowledge', '-H', `authorization: Bearer ${token}`, '-w', '%{http_version} %{http_code}',
    '-o', '/dev/null', `${gatehouse.url}/profile`], { encoding: 'utf8' });
  expect(said).toBe('2 200');
});

test('the end of the program is announced, and requests on their way finish', async () => {
  const other = new Gatehouse({ config: config(echo.url) });
  await other.start();
  try {
    const client = await connect(other.url);
    const announced = new Promise<number>((resolve) => client.on('goaway', (code) => resolve(code)));
    const stream = client.request({ ':method': 'POST', ':path': '/public/slow' });
    stream.write('first ');
    await sleep(100);
    const ended = other.end();
    expect(await announced).toBe(http2.constants.NGHTTP2_NO_ERROR);
    const body = new Promise<string>((resolve, reject) => {
      let text = '';
      stream.on('data', (part) => (text += part)).on('end', () => resolve(text)).on('error', reject);
    });
    stream.end('last');
    expect(JSON.parse(await body).body).toBe('first last');
    expect(await ended).toBe(0);
  } finally {
    await other.stop();
  }
});
