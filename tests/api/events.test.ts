// SPDX-License-Identifier: Apache-2.0
// GET /events through the gateway: what a client sees of its own files while they change, over HTTP/1.1 and HTTP/2, and
// when it ends.
import http2 from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse } from '../support/gatehouse.js';
import { connect } from '../support/http2.js';

const config = `
gateway: {http2_cleartext: true}
files: {event_streams_per_user: 3}
`;
const gatehouse = new Gatehouse({ config });
const tokens: Record<string, string> = {};

beforeAll(async () => {
  await gatehouse.start();
  for (const name of ['ada', 'eve', 'bob']) {
    gatehouse.addUser(name);
    tokens[name] = await gatehouse.token(name);
  }
}, 60_000);
afterAll(() => gatehouse.stop());

interface Event {
  event: string;
  id: string;
  data: any;
}

// A client of server-sent events: what it has seen, and how it ended.
class Client {
  events: Event[] = [];
  ended: 'no' | 'well' | 'broken' = 'no';
  status = 0;
  private text = '';

  private take(piece: string): void {
    this.text += piece;
    let end = this.text.indexOf('\n\n');
    for (; end >= 0; end = this.text.indexOf('\n\n')) {
      const fields = new Map(this.text.slice(0, end).split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]));
      this.text = this.text.slice(end + 2);
      if (fields.has('data')) this.events.push({ event: fields.get('event')!, id: fields.get('id')!, data: JSON.parse(fields.get('data')!) });
    }
  }

  static async http1(token: string): Promise<Client & { close: () => void; answer: Response }> {
    const client = new Client();
    const abort = new AbortController();
    const answer = await fetch(`${gatehouse.url}/events`, { headers: { authorization: `Bearer ${token}` }, signal: abort.signal });
    client.status = answer.status;
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const piece of answer.body!) client.take(decoder.decode(piece, { stream: true }));
      client.ended = 'well';
    };
    if (answer.status === 200) void read().catch(() => (client.ended = 'broken'));
    return Object.assign(client, { close: () => abort.abort(), answer });
  }

  static http2(session: http2.ClientHttp2Session, token: string): Client & { close: () => void } {
    const client = new Client();
    const stream = session.request({ ':path': '/events', authorization: `Bearer ${token}` });
    stream.setEncoding('utf8');
    stream.on('response', (head) => (client.status = Number(head[':status'])));
    stream.on('data', (piece) => client.take(piece));
    stream.on('end', () => (client.ended = client.ended === 'no' ? 'well' : client.ended));
    stream.on('error', () => (client.ended = 'broken'));
    return Object.assign(client, { close: () => stream.close() });
  }

  latest(id: string): any {
    return this.events.findLast((event) => event.data.id === id)?.data;
  }
}

const soon = { timeout: 15_000, interval: 20 };

test.each(['HTTP/1.1', 'HTTP/2'])('a file is seen from its upload to its end and its removal, over %s', async (protocol) => {
  const session = protocol === 'HTTP/2' ? await connect(gatehouse.url) : undefined;
  const client = session ? Client.http2(session, tokens.ada) : await Client.http1(tokens.ada);
  const other = await Client.http1(tokens.eve);
  const file = await gatehouse.upload(tokens.ada, 'notes.txt', `hello over ${protocol}`);
  await expect.poll(() => client.latest(file.id)?.state, soon).toBe('processed');
  expect(client.status).toBe(200);
  expect(client.latest(file.id)).toEqual(await gatehouse.json('GET', `/files/${file.id}`, tokens.ada));
  expect(client.events.every((event) => event.event === 'file' && /^\d+-\d+$/.test(event.id))).toBe(true);

  await gatehouse.json('DELETE', `/files/${file.id}`, tokens.ada);
  await expect.poll(() => client.events.at(-1), soon).toMatchObject({ event: 'removed', data: { id: file.id } });
  expect(other.events).toEqual([]);
  client.close();
  other.close();
  session?.destroy();
});

test('who comes back is told everything again', async () => {
  const file = await gatehouse.upload(tokens.bob, 'before.txt', 'before');
  const client = await Client.http1(tokens.bob);
  expect(client.answer.headers.get('content-type')).toBe('text/event-stream');
  await expect.poll(() => client.latest(file.id)?.name, soon).toBe('before.txt');
  client.close();
});

test('a user has so many streams, and one that is closed makes room', async () => {
  const open = [await Client.http1(tokens.bob), await Client.http1(tokens.bob), await Client.http1(tokens.bob)];
  await expect.poll(async () => {
    const refused = await Client.http1(tokens.bob);
    if (refused.status === 200) refused.close(); // one of the test before was still open
    return refused.status;
  }, soon).toBe(429);
  const refused = await Client.http1(tokens.bob);
  expect(await refused.answer.json()).toMatchObject({ code: 'too_many_streams', status: 429 });
  expect((await Client.http1(tokens.eve)).status).toBe(200);
  open[0].close();
  await expect.poll(async () => (await Client.http1(tokens.bob)).status, { timeout: 15_000, interval: 200 }).toBe(200);
});

test('without a token, and with one that may not read files', async () => {
  const nobody = await gatehouse.request('GET', '/events');
  expect(nobody.status).toBe(401);
  expect(await nobody.json()).toMatchObject({ code: 'unauthenticated' });
});

test('it ends with its session', async () => {
  gatehouse.addUser('mia');
  const token = await gatehouse.token('mia');
  const client = await Client.http1(token);
  const session = await connect(gatehouse.url);
  const second = Client.http2(session, token);
  await expect.poll(() => second.status, soon).toBe(200);
  expect((await gatehouse.request('POST', '/logout', { token })).status).toBe(204);
  await expect.poll(() => client.ended, soon).toBe('broken');
  await expect.poll(() => second.ended, soon).toBe('broken');
  session.destroy();
});

test('it does not hold up the end of the process', async () => {
  gatehouse.addUser('zoe');
  const client = await Client.http1(await gatehouse.token('zoe'));
  expect(client.status).toBe(200);
  const began = Date.now();
  await Promise.all(gatehouse.of('files').map((process) => process.end('SIGTERM')));
  expect(Date.now() - began).toBeLessThan(8_000);
  await expect.poll(() => client.ended, soon).not.toBe('no');
});
