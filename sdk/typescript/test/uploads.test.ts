// SPDX-License-Identifier: Apache-2.0
// Uploads and downloads through breaks of the connection and of the program.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Gatehouse as Server, password } from '../../../tests/support/gatehouse.js';
import { TcpProxy } from '../../../tests/support/tcp_proxy.js';
import { Gatehouse, GatehouseError, MemoryTokenStorage, ProblemError, UploadError, type ClientOptions } from '../src/index.js';

let server: Server;
let proxy: TcpProxy;
const content = randomBytes(6 * 1024 * 1024 + 123);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const client = async (options: Partial<ClientOptions> = {}) => {
  const made = new Gatehouse({ url: proxy.through(new URL(server.url)), retryDelayMs: 50, ...options });
  await made.login({ username: 'ada', password });
  return made;
};
const failureOf = async (work: Promise<unknown>): Promise<any> => await work.then(() => undefined, (error: unknown) => error);

beforeAll(async () => {
  server = await new Server({ config: 'files: {upload_bytes_max: 8MiB}\n' }).start();
  server.addUser('ada');
  proxy = await TcpProxy.to(new URL(server.url));
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});

test.each([false, true])('in pieces, with progress (checksum: %s)', async (checksum) => {
  const gate = await client();
  const progress: number[] = [];
  const file = await gate.upload(new File([content], 'noise.bin'), { checksum, onProgress: (sent, total) => progress.push(sent / total) });
  expect(file).toMatchObject({ name: 'noise.bin', size: content.length, sha256: sha256(content) });
  expect(progress.length).toBeGreaterThan(1);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.at(-1)).toBe(1);
});

test('connections that are cut while pieces are on their way', async () => {
  let cuts = 0;
  const gate = await client({
    fetch: async (input, init) => {
      const answer = fetch(input, init);
      if (init?.method === 'PATCH' && cuts < 3) {
        cuts++;
        answer.catch(() => {});
        setImmediate(() => proxy.cut());
      }
      return await answer;
    },
  });
  const file = await gate.upload(content, { name: 'cut.bin', pieceBytes: 1024 * 1024 });
  expect(file.sha256).toBe(sha256(content));
  expect(cuts).toBe(3);
});

test('a lost answer to the last piece makes no second file', async () => {
  let lost = false;
  const gate = await client({
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (init?.method === 'PATCH' && answer.headers.get('upload-offset') === '5') {
        lost = true;
        throw new TypeError('cut');
      }
      return answer;
    },
  });
  const file = await gate.upload(Buffer.from('hello'), { name: 'once.txt' });
  expect(lost).toBe(true);
  const names: string[] = [];
  for await (const one of gate.files.all()) names.push(one.name);
  expect(names.filter((name) => name === 'once.txt').length).toBe(1);
  expect(file.size).toBe(5);
});

test('it is stopped, and goes on by its URL with a source that reads pieces', async () => {
  const gate = await client();
  const stop = new AbortController();
  let url = '';
  const stopped = await failureOf(gate.upload(content, {
    name: 'later.bin',
    pieceBytes: 1024 * 1024,
    signal: stop.signal,
    onCreated: (created) => (url = created),
    onProgress: (sent) => { if (sent >= 3 * 1024 * 1024) stop.abort(new Error('enough')); },
  }));
  expect(stopped).toEqual(new Error('enough'));
  expect(url).toMatch(/\/uploads\/[\w-]+$/);

  const other = await failureOf(gate.upload(content.subarray(1), { url }));
  expect(other).toBeInstanceOf(UploadError);
  expect(other.message).toContain('another one');

  const first: number[] = [];
  const read = (start: number, end: number) => {
    first.push(start);
    return content.subarray(start, end);
  };
  const file = await gate.upload({ size: content.length, read }, { url });
  expect(file).toMatchObject({ name: 'later.bin', sha256: sha256(content) });
  expect(Math.min(...first)).toBeGreaterThanOrEqual(3 * 1024 * 1024);
  expect((await gate.upload(content, { url })).id).toBe(file.id); // finished: the same file
});

test('a token that ends in the middle', async () => {
  const storage = new MemoryTokenStorage();
  const gate = await client({ storage });
  const file = await gate.upload(content, {
    name: 'renewed.bin',
    pieceBytes: 1024 * 1024,
    onProgress: () => storage.save({ ...storage.load()!, access_token: 'no.such.token' }),
  });
  expect(file.sha256).toBe(sha256(content));
});

test('what gives up says where to go on; what is refused is not tried again', async () => {
  let broken = true;
  let requests = 0;
  const gate = await client({
    retryDelayMs: 1,
    fetch: async (input, init) => {
      requests++;
      if (broken && init?.method === 'PATCH') throw new TypeError('cut');
      return await fetch(input, init);
    },
  });
  const error: UploadError = await failureOf(gate.upload(content, { retries: 3 }));
  expect(error).toBeInstanceOf(UploadError);
  expect(error).toMatchObject({ offset: 0, cause: { name: 'ConnectionError' } });
  broken = false;
  expect((await gate.upload(content, { url: error.url })).sha256).toBe(sha256(content));

  requests = 0;
  const refused = await failureOf(gate.upload({ size: 9 * 1024 * 1024, read: () => new Uint8Array() }));
  expect(refused).toBeInstanceOf(ProblemError);
  expect(refused.code).toBe('file_too_large');
  expect(requests).toBe(1);
});

test('cancelled, it is gone', async () => {
  const gate = await client();
  let url = '';
  await failureOf(gate.upload({ size: 10, read: () => { throw new GatehouseError('no source'); } }, { onCreated: (created) => (url = created) }));
  await gate.cancelUpload(url);
  const gone: UploadError = await failureOf(gate.upload(Buffer.alloc(10), { url }));
  expect(gone.cause).toMatchObject({ status: 404 });
});

test('a download goes on where the connection was cut', async () => {
  let asked = 0;
  const gate = await client({
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (!String(input).endsWith('/content') || asked++ > 2 || !answer.body) return answer;
      const reader = answer.body.getReader();
      let sent = 0;
      const body = new ReadableStream({
        async pull(controller) {
          const { value } = await reader.read();
          if (!value || (sent += value.byteLength) > 1024 * 1024) {
            await reader.cancel();
            controller.error(new TypeError('terminated'));
          } else controller.enqueue(value);
        },
      });
      return new Response(body, { status: answer.status, headers: answer.headers });
    },
  });
  const file = await gate.upload(content, { name: 'down.bin' });
  const whole = new Uint8Array(await (await gate.files.download(file.id)).arrayBuffer());
  expect(sha256(whole)).toBe(sha256(content));
  expect(asked).toBe(4);
  asked = 0;
  const part = new Uint8Array(await (await gate.files.download(file.id, { from: 1_000_000, to: 5_999_999 })).arrayBuffer());
  expect(sha256(part)).toBe(sha256(content.subarray(1_000_000, 6_000_000)));
  await gate.files.remove(file.id);
});

test('the program is killed and comes back while an upload runs', async () => {
  const gate = await client();
  let killed: Promise<unknown> | undefined;
  const again = async () => {
    await server.end('SIGKILL');
    await server.start();
    await proxy.close();
  };
  const error = await failureOf(gate.upload(content, {
    name: 'killed.bin',
    pieceBytes: 1024 * 1024,
    retries: 1,
    onProgress: (sent) => { if (sent >= 2 * 1024 * 1024) killed ??= again(); },
  }));
  await killed;
  proxy = await TcpProxy.to(new URL(server.url)); // another port
  expect(error).toBeInstanceOf(UploadError);
  const after = await client();
  const file = await after.upload(content, { url: new URL(new URL(error.url).pathname, proxy.through(new URL(server.url))).href });
  expect(file.sha256).toBe(sha256(content));
});
