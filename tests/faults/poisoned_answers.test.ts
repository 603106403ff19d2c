// SPDX-License-Identifier: Apache-2.0
// A service answers with more, less or something else than HTTP allows: its own client is told 502 or sees that the answer is
// not whole, and nobody else ever gets a byte of it. Behind every answer two other clients ask for something of their own.
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { converse, fieldOf, type Conversation } from '../support/raw_client.js';

interface Answer {
  bytes: string;
  later?: string; // sent a moment after the answer, when its connection may have been kept already
  closes?: boolean; // the service closes behind it
  request?: string; // instead of a GET; {at} is its path
  early?: boolean; // answers before the body is there
  status: number | 'cut' | 'broken'; // what the client sees; cut: less than was announced, and the end; broken: that or 502
  body?: string;
  reused?: boolean; // whether the service's connection may serve the next request
  interim?: number[];
  fields?: Record<string, string[]>;
}

const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
const ok = 'HTTP/1.1 200 OK\r\n';
const whole = `${ok}Content-Length: 2\r\n\r\nok`;
const post = 'POST {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';
const head = 'HEAD {at} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
const unfinishedPost = 'POST {at} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nConnection: close\r\n\r\nhello';

const plain: [string, Answer][] = [
  ['a length', { bytes: whole, status: 200, body: 'ok', reused: true }],
  ['chunks', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, status: 200, body: 'ok', reused: true }],
  ['chunks with extensions and trailers', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX-T: a\r\nSet-Cookie: a=b\r\n\r\n`, status: 200, body: 'ok', reused: true, fields: { 'x-t': [], 'set-cookie': [] } }],
  ['until the end', { bytes: `${ok}\r\nok`, closes: true, status: 200, body: 'ok' }],
  ['HTTP/1.0', { bytes: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok', reused: false }],
  ['HTTP/1.0 with keep-alive', { bytes: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok', reused: false }],
  ['Connection: close', { bytes: `${ok}Connection: close\r\nContent-Length: 2\r\n\r\nok`, status: 200, body: 'ok', reused: false, fields: { connection: ['close'] } }],
  ['no reason phrase', { bytes: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', status: 200, body: 'ok', reused: true }],
  ['204', { bytes: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, body: '', reused: true }],
  ['304 with a length', { bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', status: 304, body: '', reused: true }],
  ['HEAD with a length', { bytes: `${ok}Content-Length: 10\r\n\r\n`, request: head, status: 200, body: '', reused: true, fields: { 'content-length': ['10'] } }],
  ['HEAD with a coding', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n`, request: head, status: 200, body: '', reused: true }],
  ['100 first', { bytes: `HTTP/1.1 100 Continue\r\n\r\n${whole}`, request: post, status: 200, body: 'ok', reused: true }],
  ['103 first', { bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${whole}`, status: 200, body: 'ok', reused: true }],
  ['fields of the connection', { bytes: `${ok}Connection: keep-alive, x-inner\r\nX-Inner: a\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok`,
    status: 200, body: 'ok', reused: true, fields: { 'x-inner': [], 'keep-alive': [], upgrade: [], 'proxy-connection': [], trailer: [] } }],
  ['the status of a teapot', { bytes: 'HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nok', status: 418, body: 'ok', reused: true }],
];

const more: [string, Answer][] = [
  ['a second answer behind', { bytes: whole + poison, status: 200, body: 'ok', reused: false }],
  ['a second answer a moment later', { bytes: whole, later: poison, status: 200, body: 'ok', reused: false }],
  ['one byte behind', { bytes: `${whole}X`, status: 200, body: 'ok', reused: false }],
  ['one byte a moment later', { bytes: whole, later: 'X', status: 200, body: 'ok', reused: false }],
  ['an empty line behind', { bytes: `${whole}\r\n`, status: 200, body: 'ok', reused: false }],
  ['100 behind', { bytes: `${whole}HTTP/1.1 100 Continue\r\n\r\n`, status: 200, body: 'ok', reused: false }],
  ['408 a moment later', { bytes: whole, later: 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', status: 200, body: 'ok', reused: false }],
  ['a second answer behind the last chunk', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${poison}`, status: 200, body: 'ok', reused: false }],
  ['a second answer behind no body', { bytes: `${ok}Content-Length: 0\r\n\r\n${poison}`, status: 200, body: '', reused: false }],
  ['a body for HEAD', { bytes: `${ok}Content-Length: 6\r\n\r\npoison`, request: head, status: 200, body: '', reused: false }],
  ['a whole answer as the body for HEAD', { bytes: `${ok}Content-Length: ${poison.length}\r\n\r\n${poison}`, request: head, status: 200, body: '', reused: false }],
  ['chunks for HEAD', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n`, request: head, status: 200, body: '', reused: false }],
  ['a body for 204', { bytes: `HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison`, status: 204, body: '', reused: false }],
  ['chunks for 204', { bytes: `HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n`, status: 204, body: '', reused: false }],
  ['an answer for 204', { bytes: `HTTP/1.1 204 No Content\r\n\r\n${poison}`, status: 204, body: '', reused: false }],
  ['a body for 304', { bytes: `HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison`, status: 304, body: '', reused: false }],
  ['an answer for 304', { bytes: `HTTP/1.1 304 Not Modified\r\n\r\n${poison}`, status: 304, body: '', reused: false }],
];

const less: [string, Answer][] = [
  ['nothing', { bytes: '', closes: true, status: 502 }],
  ['half a head', { bytes: `${ok}Content-Le`, closes: true, status: 502 }],
  ['half a body', { bytes: `${ok}Content-Length: 10\r\n\r\nhalf`, closes: true, status: 502 }],
  ['half a large body', { bytes: `${ok}Content-Length: 1000000\r\n\r\n${'x'.repeat(500_000)}`, closes: true, status: 'cut' }],
  ['half a chunk', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, closes: true, status: 'cut' }],
  ['no last chunk', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`, closes: true, status: 'cut' }],
  ['no end behind the last chunk', { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n`, closes: true, status: 'cut' }],
  ['100 alone', { bytes: 'HTTP/1.1 100 Continue\r\n\r\n', closes: true, status: 502 }],
];

const wrong: [string, Answer][] = ([
  ['both framings', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['both framings, the other way round', `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${ok}Content-Length: 2\r\nContent-Length: 40\r\n\r\nok`],
  ['two equal lengths', `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`],
  ['a list of lengths', `${ok}Content-Length: 2, 2\r\n\r\nok`],
  ['a length with a sign', `${ok}Content-Length: +2\r\n\r\nok`],
  ['a negative length', `${ok}Content-Length: -2\r\n\r\nok`],
  ['a hexadecimal length', `${ok}Content-Length: 0x2\r\n\r\nok`],
  ['a length of 2^64 + 2', `${ok}Content-Length: 18446744073709551618\r\n\r\nok`],
  ['coding gzip', `${ok}Transfer-Encoding: gzip\r\n\r\nok`],
  ['codings gzip, chunked', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['coding chunked twice', `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['coding xchunked', `${ok}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['a folded coding', `${ok}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
  ['a folded field', `${ok}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok`],
  ['a space before the colon', `${ok}Content-Length : 2\r\n\r\nok`],
  ['a field without a colon', `${ok}X-A\r\nContent-Length: 2\r\n\r\nok`],
  ['a bare LF in a field', `${ok}X-A: b\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok`],
  ['a bare CR in a field', `${ok}X-A: b\rSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok`],
  ['NUL in a field', `${ok}X-A: b\0\r\nContent-Length: 2\r\n\r\nok`],
  ['lines of bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['status 099', 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['status 600', 'HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['status with a sign', 'HTTP/1.1 +20 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['HTTP/0.9', '<html>ok</html>\r\n'],
  ['an empty line first', `\r\n${whole}`],
  ['ICY', 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x0a\r\n'],
  ['a request', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['101 that nobody asked for', `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${poison}`],
  ['100 with a length', `HTTP/1.1 100 Continue\r\nContent-Length: 6\r\n\r\npoison${whole}`],
  ['103 with a coding', `HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${whole}`],
  ['1000 answers of 103', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)}${whole}`],
  ['200 fields', `${ok}${'X-A: b\r\n'.repeat(200)}Content-Length: 2\r\n\r\nok`],
  ['a field of 100 KB', `${ok}X-A: ${'b'.repeat(100_000)}\r\nContent-Length: 2\r\n\r\nok`],
  ['a head without an end', `${ok}${'X-A: bbbbbbbbbbbbbbbbb\r\n'.repeat(10_000)}`],
] as [string, string][]).map(([name, bytes]): [string, Answer] => [name, { bytes, status: 502, reused: false }]);

const brokenChunks: [string, Answer][] = [
  '5\r\nabcdeXX0\r\n\r\n', '5\r\nabcde0\r\n\r\n', '5\nabcde\r\n0\r\n\r\n', '0x5\r\nabcde\r\n0\r\n\r\n', '-5\r\nabcde\r\n0\r\n\r\n', '5 \r\nabcde\r\n0\r\n\r\n', 'ffffffffffffffffff\r\nabcde',
  '8000000000000000\r\nabcde', `5;${'e'.repeat(1000)}\r\nabcde\r\n0\r\n\r\n`, '5;a\nb\r\nabcde\r\n0\r\n\r\n', '5\r\nabcde\r\n0\r\nX-A: b\r\n c\r\n\r\n', '5\r\nabcde\r\n0\r\nX-A: b\n\r\n',
  '5\r\nabcde\r\n0\n\n', `5\r\nabcde\r\n0\r\n${'X-A: b\r\n'.repeat(10_000)}\r\n`, `5\r\nabcde\r\n0\r\n${poison}`,
].map((body): [string, Answer] => [JSON.stringify(body.slice(0, 40)), { bytes: `${ok}Transfer-Encoding: chunked\r\n\r\n${body}`, status: 'broken', reused: false }]);

const early: [string, Answer][] = [
  ['a refusal before the body', { bytes: 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno', request: unfinishedPost, early: true, status: 413, body: 'no', reused: false }],
  ['a success before the body', { bytes: whole, request: unfinishedPost, early: true, status: 200, body: 'ok', reused: false }],
  ['two answers before the body', { bytes: whole + poison, request: unfinishedPost, early: true, status: 200, body: 'ok', reused: false }],
  ['a refusal and the end before the body', { bytes: 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno', request: unfinishedPost, early: true, closes: true, status: 401, body: 'no' }],
  ['nonsense before the body', { bytes: 'nonsense\r\n', request: unfinishedPost, early: true, status: 502, reused: false }],
];

const groups: [string, [string, Answer][]][] = [
  ['what HTTP allows passes', plain],
  ['more than one answer', more],
  ['less than an answer', less],
  ['no answer of HTTP', wrong],
  ['broken chunks', brokenChunks],
  ['an answer before the request was whole', early],
];

const answers = groups.flatMap(([, list]) => list.map(([, answer]) => answer));
const requestsOf = new Map<net.Socket, string[]>(); // by connection: the targets in their order
let service: net.Server;
let gatehouse: Gatehouse;

// Answers /x/<number> with that answer, and everything below with its own target.
function serve(socket: net.Socket): void {
  const targets: string[] = [];
  requestsOf.set(socket, targets);
  let input = '';
  let bodyLeft = 0;
  socket.on('error', () => {});
  socket.on('data', (data) => {
    input += data.toString('latin1');
    for (;;) {
      const skipped = Math.min(bodyLeft, input.length);
      input = input.slice(skipped);
      bodyLeft -= skipped;
      const end = input.indexOf('\r\n\r\n');
      if (bodyLeft > 0 || end < 0) return;
      const request = input.slice(0, end);
      const length = Number(/^content-length: (\d+)$/im.exec(request)?.[1] ?? 0);
      const target = request.split(' ')[1];
      const answer = answers[Number(/^\/x\/(\d+)$/.exec(target)?.[1] ?? NaN)];
      if (!answer?.early && input.length < end + 4 + length) return;
      targets.push(target);
      input = input.slice(end + 4);
      bodyLeft = length;
      if (!answer) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
        continue;
      }
      if (answer.closes) socket.end(answer.bytes, 'latin1');
      else socket.write(answer.bytes, 'latin1');
      if (answer.later !== undefined) setTimeout(() => socket.write(answer.later!, 'latin1'), 30);
    }
  });
}

beforeAll(async () => {
  service = net.createServer(serve);
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  gatehouse = new Gatehouse({ distributed: false, config: `io: {threads: 1}\ngateway:\n  routes:\n    - {path: /x, upstreams: ["${url}"], authentication: none}\n` });
  await gatehouse.start();
});
afterAll(async () => {
  await gatehouse?.stop();
  for (const socket of requestsOf.keys()) socket.destroy();
  await new Promise((resolve) => service.close(resolve));
});

async function ask(target: string): Promise<string> {
  const talk = await converse(gatehouse.url, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
  expect(talk.answers.map(({ status }) => status), target).toEqual([200]);
  return talk.answers[0].body.toString();
}

async function tell(answer: Answer, at: string): Promise<Conversation | string> {
  const request = (answer.request ?? 'GET {at} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n').replace('{at}', at);
  try {
    return await converse(gatehouse.url, request, { methods: [request.split(' ')[0]], later: answer.early ? 'more of the body' : undefined });
  } catch (error) {
    return String(error); // what came was no HTTP
  }
}

describe.each(groups)('%s', (_group, list) => {
  test.each(list)('%s', async (_name, answer) => {
    const at = `/x/${answers.indexOf(answer)}`;
    const talk = await tell(answer, at);
    if (typeof talk === 'string') throw new Error(talk);
    expect(talk.closed).toBe(true);
    if (answer.status === 'broken' && talk.answers.length > 0) answer = { ...answer, status: 502 };
    if (typeof answer.status !== 'number') {
      expect(talk.answers).toEqual([]);
      expect(talk.rest).toMatch(/^(HTTP\/1\.1 200 |$)/);
      expect(talk.rest).not.toContain('poison');
    } else {
      expect(talk.answers.map(({ status }) => status)).toEqual([answer.status]);
      expect(talk.rest).toBe('');
      const [got] = talk.answers;
      if (answer.status === 502) expect(fieldOf(got, 'content-type')).toEqual(['application/problem+json']);
      if (answer.body !== undefined) expect(got.body.toString()).toBe(answer.body);
      for (const [name, values] of Object.entries(answer.fields ?? {})) expect(fieldOf(got, name), name).toEqual(values);
      expect(fieldOf(got, 'x-request-id')).toHaveLength(1);
    }
    if (answer.later !== undefined) await sleep(60);

    const others = [`${at}/one`, `${at}/two`];
    expect(await Promise.all(others.map(ask))).toEqual(others);
    const targets = [...requestsOf.values()].find((list) => list.includes(at))!;
    const followers = targets.slice(targets.indexOf(at) + 1);
    if (answer.reused === false || answer.closes) expect(followers, 'requests on the same connection').toEqual([]);
    if (answer.reused === true) expect(followers.length, 'requests on the same connection').toBeGreaterThan(0);
  });
});

test('nobody was given what was meant for nobody', () => {
  expect([...requestsOf.values()].flat().filter((target) => !target.startsWith('/x/'))).toEqual([]);
  console.log(`${answers.length} answers, ${requestsOf.size} connections to the service`);
});
