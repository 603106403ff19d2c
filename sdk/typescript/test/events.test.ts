// SPDX-License-Identifier: Apache-2.0
// Events of files, over a connection that breaks and tokens that end; and what the parser makes of pieces.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse as Server, password } from '../../../tests/support/gatehouse.js';
import { TcpProxy } from '../../../tests/support/tcp_proxy.js';
import { ConnectionError, Gatehouse, MemoryTokenStorage, type ClientOptions, type FileEvent } from '../src/index.js';
import { EventParser } from '../src/sse.js';

let server: Server;
let proxy: TcpProxy;
const soon = { timeout: 15_000, interval: 20 };

const client = async (name: string, options: Partial<ClientOptions> = {}) => {
  const made = new Gatehouse({ url: proxy.through(new URL(server.url)), retryDelayMs: 50, ...options });
  await made.login({ username: name, password });
  return made;
};

// Follows in the background.
function follow(gate: Gatehouse, retries = 10) {
  const stop = new AbortController();
  const seen: FileEvent[] = [];
  const state = { connections: 0, seen, latest: (id: string) => seen.findLast((event) => event.id === id), end: async () => {} };
  const done = (async () => {
    for await (const event of gate.events({ signal: stop.signal, retries, onConnect: () => state.connections++ })) seen.push(event);
  })();
  done.catch(() => {});
  state.end = async () => {
    stop.abort();
    await done;
  };
  return { ...state, state, done };
}

beforeAll(async () => {
  server = await new Server().start();
  for (const name of ['ada', 'bob', 'eve']) server.addUser(name);
  proxy = await TcpProxy.to(new URL(server.url));
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});

test('a file from its upload to its end and its removal', async () => {
  const gate = await client('ada');
  const listener = follow(gate);
  await expect.poll(() => listener.state.connections, soon).toBe(1);
  const file = await gate.upload(Buffer.from('hello'), { name: 'hello.txt' });
  await expect.poll(() => listener.latest(file.id), soon).toMatchObject({ type: 'file', file: { name: 'hello.txt', state: 'processed' } });
  await gate.files.remove(file.id);
  await expect.poll(() => listener.latest(file.id), soon).toEqual({ type: 'removed', id: file.id });
  await listener.end();
});

test('after a break it goes on, and tells nothing twice', async () => {
  const gate = await client('bob');
  const listener = follow(gate);
  const file = await gate.upload(Buffer.from('one'), { name: 'one.txt' });
  await expect.poll(() => listener.latest(file.id), soon).toMatchObject({ file: { state: 'processed' } });
  const before = listener.seen.length;
  proxy.cut();
  await expect.poll(() => listener.state.connections, soon).toBe(2);
  const other = await gate.upload(Buffer.from('two'), { name: 'two.txt' });
  await expect.poll(() => listener.latest(other.id), soon).toMatchObject({ file: { state: 'processed' } });
  expect(listener.seen.slice(before).filter((event) => event.id === file.id)).toEqual([]);
  await listener.end();
});

test('with a token that is refused it gets a new one; with a session that is over it ends', async () => {
  const storage = new MemoryTokenStorage();
  const gate = await client('eve', { storage });
  const listener = follow(gate);
  await expect.poll(() => listener.state.connections, soon).toBe(1);
  storage.save({ ...storage.load()!, access_token: 'no.such.token' });
  proxy.cut();
  await expect.poll(() => listener.state.connections, soon).toBe(2);
  const copy = new MemoryTokenStorage();
  copy.save(storage.load()!);
  await new Gatehouse({ url: server.url, storage: copy }).logout();
  await expect(listener.done).rejects.toMatchObject({ status: 401 });
});

test('whoever leaves the loop frees the stream; a server that is away is an error in the end', async () => {
  const freed: string[] = [];
  const gate = await client('ada', {
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith('/events')) return answer;
      const reader = answer.body!.getReader();
      const body = new ReadableStream({
        pull: async (controller) => controller.enqueue((await reader.read()).value),
        cancel: async () => {
          freed.push('stream');
          await reader.cancel();
        },
      });
      return new Response(body, { headers: answer.headers });
    },
  });
  await gate.upload(Buffer.from('x'), { name: 'x' });
  for await (const event of gate.events()) if (event.type === 'file') break;
  expect(freed).toEqual(['stream']);
  const failing = async () => { for await (const event of gate.events()) throw new Error(event.type); };
  await expect(failing()).rejects.toThrow('file');
  expect(freed).toEqual(['stream', 'stream']);
  const away = new Gatehouse({ url: server.url, retryDelayMs: 1, retries: 0, fetch: async () => { throw new TypeError('away'); } });
  await expect(follow(away, 3).done).rejects.toBeInstanceOf(ConnectionError);
});

test('the parser takes pieces as they come, every end of line, comments and fields that it does not know', () => {
  const text = ': hello\r\n\r\nevent: file\r\nid: 7\r\ndata: {"a":\r\ndata: 1}\r\nretry: 5\r\n\r\ndata:x\n\nevent: nothing\n\ndata: y\r\r';
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let i = 0; i < text.length; i += size) events.push(...parser.push(text.slice(i, i + size)));
    events.push(...parser.push(':'));
    expect(events, `pieces of ${size}`).toEqual([
      { event: 'file', id: '7', data: '{"a":\n1}' },
      { event: 'message', id: '7', data: 'x' },
      { event: 'message', id: '7', data: 'y' },
    ]);
  }
  expect(() => [...new EventParser().push('x'.repeat(5 << 20))]).toThrow('too long');
});
