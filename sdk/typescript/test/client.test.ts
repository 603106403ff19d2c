// SPDX-License-Identifier: Apache-2.0
// The client against the real program: sessions, typed requests, files, problems.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEchoService, type Echo } from '../../../tests/support/echo_service.js';
import { Gatehouse as Server, password } from '../../../tests/support/gatehouse.js';
import { totp } from '../../../tests/support/totp.js';
import { Gatehouse, GatehouseError, MemoryTokenStorage, ProblemError, type ClientOptions } from '../src/index.js';

let server: Server;
let service: Echo;

// The program's own fetch, and what went through it.
function counting() {
  const seen: string[] = [];
  const fetchAndCount: typeof fetch = async (input, init) => {
    seen.push(`${init?.method} ${new URL(String(input)).pathname}`);
    return await fetch(input, init);
  };
  return { seen, fetch: fetchAndCount, count: (what: string) => seen.filter((one) => one === what).length };
}

const connect = (options: Partial<ClientOptions> = {}) => new Gatehouse({ url: server.url, retryDelayMs: 20, ...options });
async function loggedIn(name: string, options: Partial<ClientOptions> = {}): Promise<Gatehouse> {
  const client = connect(options);
  await client.login({ username: name, password });
  return client;
}
const problemOf = async (work: Promise<unknown>): Promise<ProblemError> => {
  const error = await work.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(ProblemError);
  return error as ProblemError;
};

beforeAll(async () => {
  service = await startEchoService();
  server = await new Server({ config: `gateway: {routes: [{path: /orders, upstreams: ["${service.url}"]}]}\n` }).start();
  for (const name of ['ada', 'bob', 'eve', 'mia', 'zoe']) server.addUser(name);
});
afterAll(async () => {
  await server?.stop();
  await service?.stop();
});

test('log in, see who it is, log out', async () => {
  const client = connect();
  expect(await client.user()).toBeUndefined();
  const user = await client.login({ username: 'ada', password });
  expect(user).toMatchObject({ username: 'ada', roles: ['user'] });
  expect(await client.user()).toEqual(user);
  expect((await client.request('GET', '/profile')).email).toBe('ada@example.com');
  await client.logout();
  expect(await client.user()).toBeUndefined();
  expect(await problemOf(client.request('GET', '/profile'))).toMatchObject({ status: 401, code: 'unauthenticated' });
  await client.logout();
});

test('a problem has its code, its fields and the id of the request', async () => {
  const client = connect();
  const wrong = await problemOf(client.login({ username: 'ada', password: 'not this one' }));
  expect(wrong).toMatchObject({ status: 401, code: 'wrong_credentials' });
  expect(wrong.requestId).toMatch(/^[\w-]{8,}$/);
  expect(wrong.message).toContain(wrong.requestId);
  await client.login({ username: 'ada', password });
  const invalid = await problemOf(client.request('GET', '/files', { query: { limit: 1000 } }));
  expect(invalid).toMatchObject({ status: 422, code: 'invalid_fields' });
  expect(invalid.errors[0]).toMatchObject({ pointer: 'limit' });
  const missing = await problemOf(client.files.get('0190163d-8694-739b-aea5-966c26f8ad91'));
  expect(missing).toMatchObject({ status: 404, code: 'file_not_found' });
});

test('a second factor', async () => {
  const client = await loggedIn('mia');
  const { secret } = await client.request('POST', '/profile/totp', { json: { current_password: password } });
  const { recovery_codes: codes } = await client.request('POST', '/profile/totp/confirm', { json: { otp: totp(secret) } });
  expect(await problemOf(connect().login({ username: 'mia', password }))).toMatchObject({ status: 401, code: 'otp_required' });
  expect(await problemOf(connect().login({ username: 'mia', password, otp: '000000' }))).toMatchObject({ status: 401, code: 'wrong_otp' });
  expect((await connect().login({ username: 'mia', password, otp: codes[0]! })).username).toBe('mia');
});

test('many requests wait for one renewal, before the token ends', async () => {
  const wire = counting();
  const storage = new MemoryTokenStorage();
  const client = await loggedIn('ada', { fetch: wire.fetch, storage });
  const first = storage.load()!;
  storage.save({ ...first, refresh_at: Date.now() - 1 });
  await Promise.all(Array.from({ length: 20 }, async () => await client.request('GET', '/profile')));
  expect(wire.count('POST /refresh')).toBe(1);
  expect(wire.count('GET /profile')).toBe(20);
  expect(storage.load()!.refresh_token).not.toBe(first.refresh_token);
  expect(storage.load()!.refresh_at).toBeGreaterThan(Date.now());
});

test('a token that is refused is renewed once for all, and the requests are repeated', async () => {
  const wire = counting();
  const storage = new MemoryTokenStorage();
  const client = await loggedIn('bob', { fetch: wire.fetch, storage });
  storage.save({ ...storage.load()!, access_token: 'no.such.token' });
  const found = await Promise.all(Array.from({ length: 10 }, async () => await client.files.list()));
  expect(found.every((page) => page.items.length === 0)).toBe(true);
  expect(wire.count('POST /refresh')).toBe(1);
  expect(wire.count('GET /files')).toBeLessThanOrEqual(20);
});

test('two clients of one storage use each other\'s tokens', async () => {
  const wire = counting();
  const storage = new MemoryTokenStorage();
  const one = await loggedIn('ada', { fetch: wire.fetch, storage });
  const other = connect({ fetch: wire.fetch, storage });
  storage.save({ ...storage.load()!, refresh_at: 0 });
  await one.request('GET', '/profile');
  await other.request('GET', '/profile');
  expect(wire.count('POST /refresh')).toBe(1);
});

test('a renewal whose answer is lost is repeated, and the session lives', async () => {
  const storage = new MemoryTokenStorage();
  let lost = 0;
  const client = await loggedIn('ada', {
    storage,
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (String(input).endsWith('/refresh') && lost++ === 0) throw new TypeError('cut');
      return answer;
    },
  });
  storage.save({ ...storage.load()!, refresh_at: 0, expires_at: 0 });
  expect((await client.request('GET', '/profile')).username).toBe('ada');
  expect(lost).toBe(2);
});

test('a session that was ended elsewhere is over: told once, tokens gone', async () => {
  const ended: string[] = [];
  const storage = new MemoryTokenStorage();
  const client = await loggedIn('eve', { storage, onSessionEnd: (problem) => ended.push(problem.code) });
  const elsewhere = await loggedIn('eve');
  const copy = new MemoryTokenStorage();
  copy.save(storage.load()!);
  await connect({ storage: copy }).logout();
  storage.save({ ...storage.load()!, access_token: 'no.such.token' }); // a good one lives for a moment more
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, async () => await client.files.list()));
  expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true);
  expect(ended).toEqual(['invalid_refresh_token']);
  expect(storage.load()).toBeUndefined();
  await elsewhere.files.list();
});

test('a renewal that a logout overtakes leaves nobody logged in', async () => {
  const storage = new MemoryTokenStorage();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let reached = () => {};
  const begun = new Promise<void>((resolve) => (reached = resolve));
  const client = await loggedIn('ada', {
    storage,
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (String(input).endsWith('/refresh')) {
        reached();
        await held;
      }
      return answer;
    },
  });
  storage.save({ ...storage.load()!, refresh_at: 0 });
  const asked = problemOf(client.request('GET', '/profile'));
  await begun;
  const out = client.logout();
  release();
  await out;
  expect(await asked).toMatchObject({ status: 401 });
  expect(storage.load()).toBeUndefined();
});

test('files: upload, list, get, download, share, remove', async () => {
  const client = await loggedIn('zoe');
  const content = Buffer.from('hello from the client\n');
  const file = await client.upload(content, { name: 'grüße.txt' });
  expect(file).toMatchObject({ name: 'grüße.txt', size: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  expect((await client.files.settled(file.id, { everyMs: 50 })).state).toBe('processed');
  expect((await client.files.list({ limit: 1 })).items.map((one) => one.id)).toEqual([file.id]);
  const empty = await client.upload(new Blob([]), { name: 'empty' });
  const found: string[] = [];
  for await (const one of client.files.all({ limit: 1 })) found.push(one.name);
  expect(found).toEqual(['empty', 'grüße.txt']);
  await client.files.remove(empty.id);

  expect(await (await client.files.download(file.id)).text()).toBe(content.toString());
  const part = await client.files.download(file.id, { from: 6, to: 9 });
  expect(part.status).toBe(206);
  expect(await part.text()).toBe('from');
  const blob = await client.request('GET', '/files/{id}/content', { path: { id: file.id } });
  expect(await (blob as Blob).text()).toBe(content.toString());

  const link = await client.files.share(file.id, 60);
  expect(await (await fetch(link.url.replace(/^https?:\/\/[^/]+/, server.url))).text()).toBe(content.toString());
  await client.files.remove(file.id);
  expect(await problemOf(client.files.download(file.id))).toMatchObject({ code: 'file_not_found' });
});

test('a form, by its path and types', async () => {
  const client = await loggedIn('zoe');
  const form = new FormData();
  form.append('file', new Blob(['a']), 'a.txt');
  const { items } = await client.request('POST', '/upload', { body: form });
  expect(items.map((file) => file.name)).toEqual(['a.txt']);
  const raw = await client.request('POST', '/upload', { query: { name: 'raw.bin' }, body: new Uint8Array([1, 2, 3]) });
  expect(raw.items[0]).toMatchObject({ name: 'raw.bin', size: 3 });
  for (const file of [...items, ...raw.items]) await client.files.remove(file.id);
});

test('a service behind the gateway gets the request as it is; its own refusals stay its own', async () => {
  const client = await loggedIn('ada');
  const answer = await client.send('POST', '/orders/7', { query: { of: 'a&b' }, json: { n: 1 } });
  const sight: any = await answer.json();
  expect(sight).toMatchObject({ method: 'POST', url: '/orders/7?of=a%26b', body: '{"n":1}' });
  expect(sight.fields).toContainEqual(['x-user-name', 'ada']);
});

test('the token goes nowhere else', async () => {
  const client = await loggedIn('ada');
  for (const path of ['//elsewhere.example/', 'https://elsewhere.example/', '@elsewhere.example/', ''])
    await expect(client.send('GET', path)).rejects.toBeInstanceOf(GatehouseError);
  await expect(client.upload(Buffer.from('x'), { url: 'https://elsewhere.example/uploads/1' })).rejects.toThrow('not an upload of');
  await expect(client.files.get('../profile')).rejects.toBeInstanceOf(ProblemError);
  await expect(client.files.get('..')).rejects.toThrow('must not be');
  expect(() => new Gatehouse({ url: 'file:///etc' })).toThrow(GatehouseError);
});
