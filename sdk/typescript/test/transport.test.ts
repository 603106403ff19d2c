// SPDX-License-Identifier: Apache-2.0
// Deadlines, retries and errors, with a server that does what Gatehouse does seldom.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConnectionError, DeadlineError, Gatehouse, GatehouseError, MemoryTokenStorage, ProblemError, UploadError } from '../src/index.js';

type Answer = (request: http.IncomingMessage, answer: http.ServerResponse) => void;
let server: http.Server;
let url = '';
let answers: Answer[] = []; // one after the other, the last one again and again
let seen: string[] = [];

beforeAll(async () => {
  server = http.createServer((request, answer) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`);
    request.resume();
    (answers.length > 1 ? answers.shift()! : answers[0]!)(request, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => (seen = []));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const json = (value: unknown, status = 200): Answer => (_, answer) => answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const problem = (status: number, code: string, headers: http.OutgoingHttpHeaders = {}): Answer => (_, answer) =>
  answer.writeHead(status, { 'content-type': 'application/problem+json', 'x-request-id': 'r-1', ...headers })
    .end(JSON.stringify({ type: `urn:gatehouse:problem:${code}`, title: 'No', status, detail: 'not now', code }));
const cut: Answer = (request) => request.socket.resetAndDestroy();
const silence: Answer = () => {};

const client = (options = {}) => new Gatehouse({ url, retryDelayMs: 5, timeoutMs: 2_000, ...options });
const failureOf = async (work: Promise<unknown>): Promise<any> => await work.then(() => undefined, (error: unknown) => error);

test('what changes nothing is repeated when a connection breaks or a server is away, so many times', async () => {
  answers = [cut, problem(503, 'unavailable'), problem(502, 'bad_gateway'), json({ items: [], next: null })];
  expect(await client().files.list()).toEqual({ items: [], next: null });
  expect(seen.length).toBe(4);
  answers = [cut];
  seen = [];
  expect(await failureOf(client().files.list())).toBeInstanceOf(ConnectionError);
  expect(seen.length).toBe(4);
});

test('what may have been done is not repeated, but what was turned away before is', async () => {
  for (const answer of [cut, problem(503, 'unavailable'), problem(500, 'internal_error')]) {
    answers = [answer];
    seen = [];
    expect(await failureOf(client().send('POST', '/orders', { json: {} }))).toBeInstanceOf(GatehouseError);
    expect(await failureOf(client().files.remove('7'))).toBeInstanceOf(GatehouseError);
    expect(seen.length).toBe(2);
  }
  answers = [problem(503, 'overloaded'), problem(429, 'too_many_requests'), json({ id: 7 })];
  expect(await (await client().send('POST', '/orders', { json: {} })).json()).toEqual({ id: 7 });
  answers = [cut, json({ id: 8 })];
  expect(await (await client().send('POST', '/orders', { json: {}, repeatable: true })).json()).toEqual({ id: 8 });
});

test('Retry-After is kept to, unless it is too long', async () => {
  answers = [problem(503, 'unavailable', { 'retry-after': '1' }), json({ items: [], next: null })];
  const began = Date.now();
  await client().files.list();
  expect(Date.now() - began).toBeGreaterThanOrEqual(990);
  answers = [problem(503, 'maintenance', { 'retry-after': '3600' })];
  seen = [];
  expect(await failureOf(client().files.list())).toMatchObject({ code: 'maintenance', retryAfterMs: 3_600_000, requestId: 'r-1' });
  expect(seen.length).toBe(1);
});

test('no answer, half an answer and the caller\'s signal', async () => {
  answers = [silence];
  expect(await failureOf(client({ timeoutMs: 50, retries: 1 }).files.list())).toBeInstanceOf(DeadlineError);
  expect(seen.length).toBe(2);
  answers = [(_, answer) => answer.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{')];
  expect(await failureOf(client({ timeoutMs: 50, retries: 0 }).files.list())).toBeInstanceOf(DeadlineError);
  const stop = new AbortController();
  answers = [() => stop.abort(new Error('enough'))];
  seen = [];
  expect(await failureOf(client().files.list({}, { signal: stop.signal }))).toEqual(new Error('enough'));
  expect(await failureOf(client().files.list({}, { signal: stop.signal }))).toEqual(new Error('enough'));
  expect(seen.length).toBe(1);
});

test('a signal ends the body of what send() gave, and a wait between attempts', async () => {
  const stop = new AbortController();
  answers = [(_, answer) => answer.writeHead(200).write('begun')];
  const answer = await client({ timeoutMs: 500 }).send('GET', '/endless', { signal: stop.signal });
  const text = failureOf(answer.text());
  stop.abort(new Error('enough'));
  expect(await text).toBeInstanceOf(Error);
  const other = new AbortController();
  answers = [(request, reply) => {
    problem(503, 'unavailable', { 'retry-after': '20' })(request, reply);
    setImmediate(() => other.abort(new Error('no longer')));
  }];
  expect(await failureOf(client().files.list({}, { signal: other.signal }))).toEqual(new Error('no longer'));
});

test('a signal that lives long is let go of with each answer', async () => {
  const stop = new AbortController();
  let listeners = 0;
  for (const [name, step] of [['addEventListener', 1], ['removeEventListener', -1]] as const) {
    const original = stop.signal[name].bind(stop.signal);
    stop.signal[name] = (...args: unknown[]) => {
      listeners += step;
      return (original as (...all: unknown[]) => void)(...args);
    };
  }
  answers = [json({ items: [], next: null })];
  const gate = client();
  await gate.files.list({}, { signal: stop.signal });
  await (await gate.send('GET', '/orders', { signal: stop.signal })).json();
  await (await gate.send('GET', '/orders', { signal: stop.signal })).body!.cancel();
  await (await gate.files.download('7', { signal: stop.signal })).arrayBuffer();
  expect(listeners).toBe(0);
});

test('answers that are not Gatehouse\'s own', async () => {
  answers = [(_, answer) => answer.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>')];
  expect(await failureOf(client().files.get('7'))).toMatchObject({ name: 'ProblemError', status: 404, code: 'http_404', errors: [] });
  answers = [(_, answer) => answer.writeHead(400, { 'content-type': 'application/problem+json' }).end('"?')];
  expect(await failureOf(client().files.get('7'))).toBeInstanceOf(ProblemError);
  answers = [(_, answer) => answer.writeHead(200, { 'content-type': 'application/json' }).end('{"cut')];
  expect(await failureOf(client().files.get('7'))).toMatchObject({ name: 'GatehouseError' });
  answers = [(_, answer) => answer.writeHead(302, { location: `${url}/elsewhere` }).end()];
  seen = [];
  expect((await client().send('GET', '/orders')).status).toBe(302);
  expect(seen).toEqual(['GET /orders -']);
});

const stored = (life: number) => ({
  access_token: 'old', refresh_token: 'r', refresh_at: Date.now() - 1, expires_at: Date.now() + life,
  user: { id: '1', username: 'ada', email: null, roles: [], permissions: [] },
});

test('while tokens cannot be renewed, one that is still good is used', async () => {
  const storage = new MemoryTokenStorage();
  storage.save(stored(60_000));
  answers = [problem(503, 'unavailable', { 'retry-after': '9' }), json({ items: [], next: null })];
  await client({ storage }).files.list();
  expect(seen).toEqual(['POST /refresh -', 'GET /files Bearer old']);
  storage.save(stored(-1));
  answers = [problem(503, 'unavailable', { 'retry-after': '9' })];
  expect(await failureOf(client({ storage }).files.list())).toMatchObject({ code: 'unavailable' });
  expect(storage.load()).toBeDefined();
});

test('whoever stops waiting for a renewal stops nobody else', async () => {
  const storage = new MemoryTokenStorage();
  storage.save(stored(-1));
  const stop = new AbortController();
  const { user } = stored(0);
  const tokens = { access_token: 'new', token_type: 'Bearer', expires_in: 600, refresh_token: 'r2', user };
  answers = [
    (request, answer) => {
      stop.abort(new Error('enough'));
      setImmediate(() => json(tokens)(request, answer));
    },
    json({ items: [], next: null }),
  ];
  const gate = client({ storage });
  const [stopped, other] = await Promise.all([failureOf(gate.files.list({}, { signal: stop.signal })), gate.files.list()]);
  expect(stopped).toEqual(new Error('enough'));
  expect(other.items).toEqual([]);
  expect(seen).toEqual(['POST /refresh -', 'GET /files Bearer new']);
});

test('something on the way that takes small pieces only, and a server that takes nothing', async () => {
  let taken = 0;
  const sizes: number[] = [];
  answers = [(request, answer) => {
    if (request.method === 'POST') answer.writeHead(201, { location: '/uploads/7' }).end();
    else if (request.method === 'HEAD') answer.writeHead(200, { 'upload-offset': taken, 'upload-length': 600_000 }).end();
    else if (request.method === 'GET') json({ id: '7', size: taken })(request, answer);
    else {
      const bytes = Number(request.headers['content-length']);
      sizes.push(bytes);
      if (bytes > 200_000) answer.writeHead(413).end();
      else answer.writeHead(204, { 'upload-offset': (taken += bytes) }).end();
    }
  }];
  expect(await client().upload(new Uint8Array(600_000))).toEqual({ id: '7', size: 600_000 });
  expect(sizes.filter((bytes) => bytes > 200_000).length).toBeLessThanOrEqual(4);
  taken = 0;
  answers = [(request, answer) => {
    if (request.method === 'POST') answer.writeHead(201, { location: '/uploads/7' }).end();
    else answer.writeHead(204, { 'upload-offset': 0 }).end();
  }];
  expect(await failureOf(client().upload(new Uint8Array(10)))).toBeInstanceOf(UploadError);
});
