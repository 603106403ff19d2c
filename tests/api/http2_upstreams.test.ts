// SPDX-License-Identifier: Apache-2.0
// Services that speak HTTP/2 behind the gateway: bodies both ways at once, trailers, few connections, and real gRPC.
import grpc from '@grpc/grpc-js';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CertificateAuthority } from '../support/certificates.js';
import { Gatehouse, scratchDirectory } from '../support/gatehouse.js';
import { ask, connect, json } from '../support/http2.js';
import { Http2Service } from '../support/http2_service.js';
import { freePort } from '../support/process.js';

const service = new Http2Service();
const narrow = new Http2Service({ settings: { maxConcurrentStreams: 10 } });
const grpcServer = new grpc.Server();
let gatehouse: Gatehouse;
let session: http2.ClientHttp2Session;
let secure: http2.ClientHttp2Session; // over TLS
let securePort = 0;
const files = scratchDirectory();
const authority = new CertificateAuthority(files);
const site = authority.issue('site', 'DNS:localhost');
let token = '';

type Messages = { unary: Buffer };
const bytes = (value: Buffer) => value;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const definition = {
  Unary: method('/demo.Echo/Unary', false, false),
  Collect: method('/demo.Echo/Collect', true, false),
  Count: method('/demo.Echo/Count', false, true),
  Chat: method('/demo.Echo/Chat', true, true),
  Slow: method('/demo.Echo/Slow', false, false),
  Fail: method('/demo.Echo/Fail', false, false),
};
let client: any;
let grpcPort = 0;
const cancelled: string[] = [];

beforeAll(async () => {
  await service.start();
  await narrow.start();
  grpcServer.addService(definition as any, {
    Unary: (call: any, done: any) => {
      call.sendMetadata(((m) => (m.set('x-seen-user', String(call.metadata.get('x-user-name')[0] ?? '')), m))(new grpc.Metadata()));
      const end = new grpc.Metadata();
      end.set('x-cost', '7');
      done(null, Buffer.concat([Buffer.from('hello '), call.request]), end);
    },
    Collect: (call: any, done: any) => {
      const parts: Buffer[] = [];
      call.on('data', (part: Buffer) => parts.push(part));
      call.on('end', () => done(null, Buffer.concat(parts)));
    },
    Count: (call: any) => {
      for (let i = 0; i < Number(call.request.toString()); i++) call.write(Buffer.from(String(i)));
      call.end();
    },
    Chat: (call: any) => {
      call.on('data', (part: Buffer) => call.write(part));
      call.on('end', () => call.end());
    },
    Slow: (call: any) => call.on('cancelled', () => cancelled.push('slow')),
    Fail: (_: any, done: any) => done({ code: grpc.status.FAILED_PRECONDITION, details: 'no such thing: 100 %' }),
  } as any);
  grpcPort = await new Promise<number>((resolve, reject) => grpcServer.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(),
    (error, port) => (error ? reject(error) : resolve(port))));
  gatehouse = new Gatehouse({ distributed: false, config: `
io: {threads: 1}
gateway:
  http2_cleartext: true
  tls: {listen: "127.0.0.1:0", certificates: [{certificate: ${site.certificate}, key: ${site.key}}]}
  upstreams:
    - {name: service, protocol: http2, endpoints: [{url: "${service.url}"}]}
    - {name: narrow, protocol: http2, endpoints: [{url: "${narrow.url}"}]}
    - {name: hurried, protocol: http2, endpoints: [{url: "${service.url}"}], timeouts: {first_byte: 300ms, idle: 300ms}}
    - {name: checked, protocol: http2, endpoints: [{url: "${service.url}"}], health: {path: /health, interval: 200ms, timeout: 200ms}}
    - {name: wrong, protocol: http2, endpoints: [{url: "http://127.0.0.1:${await plainServer()}"}]}
    - {name: grpc, protocol: http2, endpoints: [{url: "http://127.0.0.1:${grpcPort}"}]}
  routes:
    - {path: /service, upstream: service, strip_prefix: true, authentication: none, body_bytes_max: 100000000}
    - {path: /mine, upstream: service, strip_prefix: true, body_bytes_max: 1000}
    - {path: /narrow, upstream: narrow, strip_prefix: true, authentication: none}
    - {path: /hurried, upstream: hurried, strip_prefix: true, authentication: none}
    - {path: /checked, upstream: checked, strip_prefix: true, authentication: none}
    - {path: /wrong, upstream: wrong, authentication: none}
    - {path: /demo.Echo, upstream: grpc}
` });
  await gatehouse.start();
  gatehouse.addUser('ada');
  token = await gatehouse.token('ada');
  session = await connect(gatehouse.url, { maxSessionMemory: 1000 });
  securePort = Number(/https:\/\/localhost:(\d+)\//.exec(gatehouse.output)![1]);
  secure = await connect(`https://localhost:${securePort}`, { ca: authority.pem, maxSessionMemory: 1000 });
  client = new (grpc.makeGenericClientConstructor(definition as any, 'Echo'))(new URL(gatehouse.url).host, grpc.credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  session?.destroy();
  secure?.destroy();
  await gatehouse?.stop();
  grpcServer.forceShutdown();
  plain?.close();
  await Promise.all([service.stop(), narrow.stop()]);
  rmSync(files, { recursive: true, force: true });
});

let plain: http.Server;
async function plainServer(): Promise<number> {
  const port = await freePort();
  plain = http.createServer((_, answer) => answer.end('HTTP/1.1'));
  await new Promise<void>((resolve) => plain.listen(port, '127.0.0.1', resolve));
  return port;
}

// What a raw HTTP/1.1 client gets until the connection closes.
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(gatehouse.url).port), '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (piece) => (text += piece.toString('latin1')));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

test.each(['1.1', '2'])('a request over HTTP/%s reaches the service over HTTP/2', async (version) => {
  let status = 0;
  let seen: Record<string, string>;
  if (version === '2') {
    const answer = await ask(session, 'GET', '/service/a?b=c', { 'x-mine': '1', te: 'trailers' });
    [status, seen] = [answer.status, json(answer)];
    expect(seen.te).toBe('trailers');
    expect(answer.headers['x-from-service']).toBe('yes');
  } else {
    const answer = await fetch(`${gatehouse.url}/service/a?b=c`, { headers: { 'x-mine': '1' } });
    [status, seen] = [answer.status, (await answer.json()) as Record<string, string>];
    expect(answer.headers.get('x-from-service')).toBe('yes');
    expect(seen.te).toBeUndefined();
  }
  expect(status).toBe(200);
  expect(seen[':path']).toBe('/a?b=c');
  expect(seen[':authority']).toBe(new URL(service.url).host);
  expect(seen['x-mine']).toBe('1');
  expect(seen['x-forwarded-host']).toBe(new URL(gatehouse.url).host);
  expect(seen.connection).toBeUndefined();
});

test('HEAD and answers without a body', async () => {
  service.answers.set('/none', (stream) => { stream.respond({ ':status': 204 }, { endStream: true }); });
  service.answers.set('/head', (stream) => { stream.respond({ ':status': 200, 'content-length': 12345 }, { endStream: true }); });
  expect((await fetch(`${gatehouse.url}/service/none`)).status).toBe(204);
  const head = await fetch(`${gatehouse.url}/service/head`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '12345']);
  expect((await ask(session, 'HEAD', '/service/head')).headers['content-length']).toBe('12345');
});

describe('large bodies', () => {
  const content = randomBytes(20_000_000);
  const hash = createHash('sha256').update(content).digest('hex');

  test('up', async () => {
    expect((await ask(session, 'POST', '/service/hash', {}, content)).body.toString()).toBe(hash);
    expect((await ask(session, 'POST', '/service/hash', { 'content-length': content.length }, content)).body.toString()).toBe(hash);
    const answer = await fetch(`${gatehouse.url}/service/hash`, { method: 'POST', body: content });
    expect(await answer.text()).toBe(hash);
  });

  test.each([true, false])('down, with its length announced: %s', async (announced) => {
    service.answers.set('/down', (stream) => {
      stream.respond({ ':status': 200, ...(announced ? { 'content-length': content.length } : {}) });
      stream.end(content);
    });
    const two = await ask(session, 'GET', '/service/down');
    expect(createHash('sha256').update(two.body).digest('hex')).toBe(hash);
    const one = Buffer.from(await (await fetch(`${gatehouse.url}/service/down`)).arrayBuffer());
    expect(createHash('sha256').update(one).digest('hex')).toBe(hash);
  });

  test.each([false, true])('both ways at once, over TLS: %s', async (tls) => {
    const echoed = await ask(tls ? secure : session, 'POST', '/service/echo', {}, content);
    expect(createHash('sha256').update(echoed.body).digest('hex')).toBe(hash);
  });

  test('a client that does not read holds the service up, not other clients', async () => {
    let written = 0;
    service.answers.set('/endless', (stream) => {
      stream.respond({ ':status': 200 });
      const piece = Buffer.alloc(65536);
      const more = () => { do written += piece.length; while (!stream.destroyed && stream.write(piece)); };
      stream.on('drain', more);
      more();
    });
    const slow = await connect(gatehouse.url);
    const stream = slow.request({ ':path': '/service/endless' });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.on('response', resolve));
    let before = -1;
    await vi.waitFor(() => { const now = written; const same = now === before; before = now; expect(same && now > 0).toBe(true); }, { timeout: 15_000, interval: 400 });
    expect(written).toBeLessThan(8_000_000);
    expect((await ask(session, 'GET', '/service/')).status).toBe(200);
    const resets = service.resets.length;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await vi.waitFor(() => expect(service.resets.slice(resets)).toEqual([http2.constants.NGHTTP2_CANCEL]), { timeout: 15_000 });
    slow.destroy();
  });
});

test.each([false, true])('bodies flow both ways in turns, as long as both want it, over TLS: %s', async (tls) => {
  const stream = (tls ? secure : session).request({ ':method': 'POST', ':path': '/service/echo' });
  const heard: string[] = [];
  stream.on('data', (piece) => heard.push(piece.toString()));
  await new Promise((resolve) => { stream.on('response', resolve); });
  for (const word of ['one', 'two', 'three']) {
    stream.write(word);
    await vi.waitFor(() => expect(heard.join(' ')).toContain(word), { timeout: 15_000 });
  }
  stream.end('end');
  await new Promise((resolve) => stream.on('end', resolve));
  expect(heard.join('')).toBe('onetwothreeend');
});

describe('trailers', () => {
  test('of a request, but for those that a client may not say', async () => {
    service.trailers = [];
    const stream = session.request({ ':method': 'POST', ':path': '/service/hash' }, { waitForTrailers: true } as http2.ClientSessionRequestOptions);
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', 'x-user-id': '1', 'x-gatehouse-role': 'admin', authorization: 'Bearer x', 'x-forwarded-for': '1.2.3.4' }));
    stream.resume();
    stream.end('body');
    await new Promise((resolve, reject) => { stream.on('end', resolve); stream.on('error', reject); });
    expect(service.trailers.map((fields) => Object.fromEntries(Object.entries(fields)))).toEqual([{ 'x-checksum': 'abc' }]);
  });

  beforeAll(() => {
    service.answers.set('/trailers', (stream, headers) => {
      const length = headers[':path']!.includes('length') ? { 'content-length': 4 } : {};
      stream.respond({ ':status': 200, ...length }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', 'set-cookie': 'a=b', 'content-type': 'text/html' }));
      stream.end('body');
    });
  });

  test.each(['', '?length'])('of an answer over HTTP/2%s', async (query) => {
    const stream = session.request({ ':path': `/service/trailers${query}` });
    let fields: http2.IncomingHttpHeaders = {};
    let body = '';
    stream.on('trailers', (got) => (fields = got));
    stream.on('data', (piece) => (body += piece));
    await new Promise((resolve, reject) => { stream.on('end', resolve); stream.on('error', reject); });
    expect([body, Object.fromEntries(Object.entries(fields))]).toEqual(['body', { 'x-sum': '42' }]);
  });

  test('of an answer over HTTP/1.1, to a client that takes them', async () => {
    const head = 'GET /service/trailers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
    expect(await raw(`${head}TE: trailers\r\n\r\n`)).toMatch(/\r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n$/);
    expect(await raw(`${head}\r\n`)).toMatch(/\r\n4\r\nbody\r\n0\r\n\r\n$/);
  });
});

test('an early answer ends the upload', async () => {
  service.answers.set('/early', (stream) => { stream.respond({ ':status': 413 }); stream.end('too much'); });
  const answer = await ask(session, 'POST', '/service/early', {}, 'x');
  expect([answer.status, answer.body.toString()]).toEqual([413, 'too much']);
  const stream = session.request({ ':method': 'POST', ':path': '/service/early' });
  stream.on('error', () => {});
  stream.write('some');
  const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
  expect(status).toBe(413);
  stream.destroy();
});

test('a body over the limit is cut off on its way', async () => {
  const stream = session.request({ ':method': 'POST', ':path': '/mine/hash', authorization: `Bearer ${token}` });
  let status = 0;
  stream.on('response', (head) => (status = Number(head[':status'])));
  stream.on('error', () => {});
  stream.write(Buffer.alloc(900));
  stream.end(Buffer.alloc(900));
  stream.resume();
  await new Promise((resolve) => stream.on('close', resolve));
  expect(status).toBe(413);
});

test('200 requests at once share few connections', async () => {
  let open = 0;
  let most = 0;
  const held: (() => void)[] = [];
  narrow.answers.set('/hold', (stream) => {
    most = Math.max(most, ++open);
    const end = () => { open--; stream.respond({ ':status': 200 }); stream.end('done'); };
    held.push(end);
    if (held.length === 200) for (const one of held.splice(0)) one();
    else if (most >= 200) end();
  });
  const sessions = await Promise.all([0, 1].map(() => connect(gatehouse.url)));
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(sessions[i % 2], 'GET', '/narrow/hold')));
  expect(answers.every((answer) => answer.status === 200 && answer.body.toString() === 'done')).toBe(true);
  expect(most).toBe(200);
  expect(narrow.connections).toBeGreaterThanOrEqual(20);
  expect(narrow.connections).toBeLessThanOrEqual(40);
  for (const one of sessions) one.destroy();
});

describe('what goes wrong', () => {
  test('the service resets the stream within its answer', async () => {
    service.answers.set('/reset', (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setTimeout(() => stream.destroy(new Error('broken')), 100));
    });
    await expect(ask(session, 'GET', '/service/reset')).rejects.toThrow();
    await expect(fetch(`${gatehouse.url}/service/reset`).then((answer) => answer.text())).rejects.toThrow();
    expect((await ask(session, 'GET', '/service/')).status).toBe(200);
  });

  test('before it: 502', async () => {
    service.answers.set('/refuse', (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    const answer = await ask(session, 'POST', '/service/refuse', {}, 'x');
    expect([answer.status, json(answer).code]).toEqual([502, 'bad_gateway']);
  });

  test('it is late: 504, and the service hears of it', async () => {
    service.answers.set('/late', () => {});
    const resets = service.resets.length;
    const answer = await ask(session, 'POST', '/hurried/late', {}, 'x');
    expect(answer.status).toBe(504);
    await vi.waitFor(() => expect(service.resets.slice(resets)).toContain(http2.constants.NGHTTP2_CANCEL), { timeout: 15_000 });
  });

  test('it speaks HTTP/1.1 only: 503', async () => {
    const answer = await ask(session, 'GET', '/wrong');
    expect(answer.status).toBe(503);
    expect(gatehouse.output).toContain('does not speak HTTP/2');
  });

  test('it says goodbye: the next request takes another connection', async () => {
    expect((await ask(session, 'GET', '/service/')).status).toBe(200);
    for (const one of service.sessions) one.goaway();
    for (let i = 0; i < 20; i++) expect((await ask(session, 'POST', '/service/hash', {}, 'x')).status).toBe(200);
  });

  test('it restarts', async () => {
    expect((await ask(session, 'GET', '/service/')).status).toBe(200);
    await service.stop();
    expect((await ask(session, 'GET', '/service/')).status).toBeGreaterThanOrEqual(502);
    await service.start();
    await vi.waitFor(async () => expect((await ask(session, 'GET', '/service/')).status).toBe(200), { timeout: 15_000, interval: 100 });
  });
});

test('health checks speak HTTP/2, too', async () => {
  let asked = 0;
  service.answers.set('/health', (stream) => { asked++; stream.respond({ ':status': 200 }); stream.end(); });
  await vi.waitFor(() => expect(asked).toBeGreaterThan(2), { timeout: 15_000 });
  expect((await ask(session, 'GET', '/checked/')).status).toBe(200);
});

describe('gRPC', () => {
  const metadata = (more: Record<string, string> = {}) => {
    const fields = new grpc.Metadata();
    for (const [name, value] of Object.entries({ authorization: `Bearer ${token}`, ...more })) fields.set(name, value);
    return fields;
  };
  const unary = (name: string, message: Buffer, fields = metadata(), options = {}) => new Promise<Messages & { trailers?: grpc.Metadata; head?: grpc.Metadata }>((resolve, reject) => {
    const got: any = {};
    const call = client[name](message, fields, options, (error: grpc.ServiceError | null, value: Buffer) => {
      if (error) reject(error);
      else { got.unary = value; setImmediate(() => resolve(got)); }
    });
    call.on('metadata', (head: grpc.Metadata) => (got.head = head));
    call.on('status', (status: grpc.StatusObject) => (got.trailers = status.metadata));
  });

  test('one message each way, with the user that calls', async () => {
    const answer = await unary('Unary', Buffer.from('ada'));
    expect(answer.unary.toString()).toBe('hello ada');
    expect(answer.trailers!.get('x-cost')).toEqual(['7']);
    expect(answer.head!.get('x-seen-user')).toEqual(['ada']);
  });

  test('over TLS', async () => {
    const safe = new (grpc.makeGenericClientConstructor(definition as any, 'Echo'))(`localhost:${securePort}`, grpc.credentials.createSsl(Buffer.from(authority.pem))) as any;
    const answer = await new Promise<Buffer>((resolve, reject) => safe.Unary(Buffer.from('tls'), metadata(), (error: Error | null, value: Buffer) => (error ? reject(error) : resolve(value))));
    expect(answer.toString()).toBe('hello tls');
    safe.close();
  });

  test('a large message', async () => {
    const message = randomBytes(3_000_000);
    const answer = await unary('Unary', message);
    expect(answer.unary.subarray(6).equals(message)).toBe(true);
  });

  test('a stream of messages up', async () => {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const call = client.Collect(metadata(), (error: Error | null, value: Buffer) => (error ? reject(error) : resolve(value)));
      for (let i = 0; i < 1000; i++) call.write(Buffer.from(`${i},`));
      call.end();
    });
    expect(answer.toString().split(',').length).toBe(1001);
  });

  test('a stream of messages down', async () => {
    const heard: string[] = [];
    const call = client.Count(Buffer.from('1000'), metadata());
    call.on('data', (part: Buffer) => heard.push(part.toString()));
    await new Promise((resolve, reject) => { call.on('end', resolve); call.on('error', reject); });
    expect(heard.length).toBe(1000);
    expect(heard.at(-1)).toBe('999');
  });

  test('both ways, each message an answer to the one before', async () => {
    const call = client.Chat(metadata());
    let turns = 0;
    call.on('data', (part: Buffer) => {
      expect(part.toString()).toBe(`turn ${turns}`);
      if (++turns < 100) call.write(Buffer.from(`turn ${turns}`));
      else call.end();
    });
    call.write(Buffer.from('turn 0'));
    await new Promise((resolve, reject) => { call.on('end', resolve); call.on('error', reject); });
    expect(turns).toBe(100);
  });

  test('an error of the service with its message', async () => {
    await expect(unary('Fail', Buffer.from('x'))).rejects.toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'no such thing: 100 %' });
  });

  test('a deadline, and the service hears of it', async () => {
    cancelled.length = 0;
    await expect(unary('Slow', Buffer.from('x'), metadata(), { deadline: Date.now() + 500 })).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    await vi.waitFor(() => expect(cancelled).toEqual(['slow']), { timeout: 15_000 });
  });

  test('without a token: unauthenticated', async () => {
    await expect(unary('Unary', Buffer.from('x'), new grpc.Metadata())).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED });
  });

  test('what the service does not know', async () => {
    const unknown = new (grpc.makeGenericClientConstructor({ None: method('/demo.Echo/None', false, false) } as any, 'Echo'))(new URL(gatehouse.url).host, grpc.credentials.createInsecure()) as any;
    await expect(new Promise((resolve, reject) => unknown.None(Buffer.from('x'), metadata(), (error: Error | null, value: Buffer) => (error ? reject(error) : resolve(value)))))
      .rejects.toMatchObject({ code: grpc.status.UNIMPLEMENTED });
    unknown.close();
  });
});
