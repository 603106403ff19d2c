// SPDX-License-Identifier: Apache-2.0
// An installation on embedded stores moves to MySQL, MongoDB and RabbitMQ while people read from it: 1,000 users, 1,000
// files, jobs under way and dead letters. The move is killed in the middle once, runs again, and is finished; then the
// roles start on the servers and have everything, to the byte.
import { execFile, spawn } from 'node:child_process';
import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basic, binary, Gatehouse, password, scratchDirectory } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';

const scratch = scratchDirectory();
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

// The old worker never ends with a text, but for the one that kills it; the new one copies them.
const config = (command: string) => `
events: {attempts_max: 3, delay_first: 100ms, delay_max: 100ms}
auth: {access_token_ttl: 1h}
worker:
  jobs: 2
  processors:
    - {name: copy, types: [text/plain], suffix: .txt, timeout: 10m, command: [sh, -c, '${command}', sh, '{input}', '{output}']}
`;
const old = new Gatehouse({ distributed: false, config: config('grep -q poison "$1" && kill -SEGV $$; sleep 3600') });

const users = Array.from({ length: 998 }, (_, i) => `user${i}`);
const contents = new Map<string, string>(); // SHA-256 by id
const texts: string[] = [];
let inTrash = { id: '', sha256: '' };
let poison = '';
let fresh: Gatehouse;
let token = '';
let refresh = '';

async function upload(files: [string, string, Buffer][]): Promise<string[]> {
  const form = new FormData();
  for (const [name, type, content] of files) form.append('file', new Blob([content as BlobPart], { type }), name);
  const answer = await old.request('POST', '/upload', { token, body: form });
  expect(answer.status).toBe(201);
  const { items } = (await answer.json()) as any;
  items.forEach((file: any, i: number) => contents.set(file.id, sha256(files[i][2])));
  return items.map((file: any) => file.id);
}

function migrateArguments(...more: string[]): string[] {
  return ['migrate', '--from', old.data, '--from-config', path.join(old.data, 'gatehouse.yaml'), '--config', path.join(fresh.data, 'gatehouse.yaml'),
    '--data', path.join(scratch, 'new'), '--json', ...more];
}
const migrateEnv = () => ({ ...process.env, ...(fresh as any).env });

function migrate(...more: string[]): Promise<{ status: number; report: any; stderr: string }> {
  return new Promise((resolve) => {
    execFile(binary, migrateArguments(...more), { env: migrateEnv(), maxBuffer: 10_000_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? (error.code as unknown as number) : 0, report: stdout ? JSON.parse(stdout) : undefined, stderr }));
  });
}

const documents = (): Promise<number> =>
  fresh.stores!.withMongo((client) => client.db(fresh.stores!.name).collection('fs.files').countDocuments());

// Downloads and profiles, one after the other, until it is stopped.
class Readers {
  reads = 0;
  failures: string[] = [];
  private going = true;
  private readonly loops: Promise<void>[];

  constructor() {
    this.loops = [this.loop('content'), this.loop('profile')];
  }
  async stop(): Promise<void> {
    this.going = false;
    await Promise.all(this.loops);
  }
  private async loop(what: 'content' | 'profile'): Promise<void> {
    const ids = [...contents.keys()];
    for (let i = 0; this.going; i++) {
      const id = ids[(i * 37) % ids.length];
      try {
        const answer = await old.request('GET', what === 'content' ? `/download?fid=${id}` : '/profile', { token });
        const body = Buffer.from(await answer.arrayBuffer());
        if (answer.status !== 200 || (what === 'content' && sha256(body) !== contents.get(id))) this.failures.push(`${what} ${id}: ${answer.status} ${body.subarray(0, 200)}`);
      } catch (error) {
        this.failures.push(`${what} ${id}: ${error}`);
      }
      this.reads++;
      await sleep(5); // the move has a share of the machine, too
    }
  }
}

beforeAll(async () => {
  await old.start();
  old.addUser('root', 'admin');
  old.addUser('ada');
  // As Django writes it, cheap: a thousand logins are not what is tested.
  const hash = `pbkdf2_sha256$1000$salt$${pbkdf2Sync(password, 'salt', 1000, 32, 'sha256').toString('base64')}`;
  const lines = users.map((username) => JSON.stringify({ username, email: `${username}@example.com`, password_hash: hash }));
  const list = path.join(scratch, 'users.jsonl');
  writeFileSync(list, lines.join('\n') + '\n');
  old.command(['user', 'import', list]);
  token = await old.token('ada');
  const login = await old.request('POST', '/login', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'root', password }) });
  refresh = ((await login.json()) as any).refresh_token;

  [poison] = await upload([['poison.txt', 'text/plain', Buffer.from('poison\n')]]);
  expect((await old.settled(token, poison)).state).toBe('failed');
  // What is under way from now on: two jobs in hand, and everything else that waits behind them.
  texts.push(...(await upload(Array.from({ length: 20 }, (_, n) => [`text${n}.txt`, 'text/plain', Buffer.from(`text ${n}\n`)]))));
  for (const end = Date.now() + 30_000; (await old.json('GET', `/files/${texts[0]}`, token)).state !== 'processing'; await sleep(20))
    if (Date.now() > end) throw new Error('no job has begun');
  for (let i = 0; i < 24; i++)
    await upload(Array.from({ length: 40 }, (_, n) => [`file${i}-${n}.bin`, 'application/octet-stream', randomBytes(200 + i * 40 + n)]));
  await upload([1, 2, 3].map((n) => [`large${n}.bin`, 'application/octet-stream', randomBytes(n * 1024 * 1024 + n)]));
  await upload(Array.from({ length: 16 }, (_, n) => [`leave${n}.bin`, 'application/octet-stream', randomBytes(10 + n)]));
  expect(contents.size).toBe(1000);
  fresh = new Gatehouse({
    distributed: true,
    config: config('cp "$1" "$2"'),
    env: {
      GATEHOUSE_SERVICE_KEY: readFileSync(path.join(old.data, 'service.key'), 'utf8'),
      GATEHOUSE_AUTH__ENCRYPTION_KEY: readFileSync(path.join(old.data, 'auth.key'), 'utf8'),
    },
  });
  fresh.stores!.create();
}, 120_000);

afterAll(async () => {
  await old.stop();
  await fresh?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test('what does not fit is refused before anything is written', { timeout: 30_000 }, async () => {
  const run = (env: Record<string, string>) =>
    new Promise<string>((resolve) => execFile(binary, migrateArguments(), { env: { ...migrateEnv(), ...env } }, (error, _, stderr) => resolve(`${error?.code} ${stderr}`)));
  expect(await run({ GATEHOUSE_AUTH__ENCRYPTION_KEY: 'another key, which has 32 characters or more' })).toMatch(/^1 .*auth\.encryption_key.*auth\.key/s);
  expect(await run({ GATEHOUSE_SERVICE_KEY: 'another key, which has 32 characters or more' })).toMatch(/^1 .*service_key is another one.*service\.key/s);
  expect(await run({ GATEHOUSE_FILES__STORE: 'local:files' })).toMatch(/^2 .*files\.store of the new configuration must be a server/s);
  expect(await documents()).toBe(0);
  expect(fresh.stores!.sql(`SELECT COUNT(*) FROM ${fresh.stores!.name}.users`).trim()).toBe('0');
});

test('a move that was killed goes on, while reads and writes go on', { timeout: 60_000 }, async () => {
  const readers = new Readers();
  const killed = spawn(binary, migrateArguments(), { env: migrateEnv(), stdio: 'ignore' });
  await expect.poll(documents, { timeout: 30_000, interval: 20 }).toBeGreaterThan(100);
  const ended = new Promise((resolve) => killed.once('exit', resolve));
  killed.kill('SIGKILL');
  await ended;
  expect(await documents()).toBeLessThan(1000);

  const { status, report, stderr } = await migrate();
  expect(stderr).not.toContain('gatehouse:');
  expect(status).toBe(0);
  expect(report).toMatchObject({ finished: false, different: 0, contents: 1000 });
  const kind = (name: string) => report.kinds.find((one: any) => one.name === name);
  expect(kind('users')).toMatchObject({ source: 1000, target: 1000, different: 0 });
  expect(kind('files')).toMatchObject({ source: 1000, target: 1000, different: 0 });
  expect(kind('files').changed).toBeLessThan(1000);
  // No role starts on what is not whole.
  expect(() => fresh.command(['user', 'list'])).toThrow(/is not finished/);

  // The old installation is the only one still, and what happens there is not lost.
  const [late] = await upload([['late.bin', 'application/octet-stream', randomBytes(1234)]]);
  const [gone, trashed] = [...contents.keys()].slice(500, 502);
  await readers.stop();
  await old.json('DELETE', `/files/${gone}?permanent=true`, token);
  await old.json('DELETE', `/files/${trashed}`, token);
  inTrash = { id: trashed, sha256: contents.get(trashed)! };
  contents.delete(gone);
  contents.delete(trashed);
  expect(contents.has(late)).toBe(true);
  expect(readers.failures).toEqual([]);
  expect(readers.reads).toBeGreaterThan(20);
});

test('when it is finished the old installation only reads', { timeout: 60_000 }, async () => {
  const readers = new Readers();
  const refused = async () => {
    expect((await old.request('POST', '/upload?name=x', { token, body: 'x' })).status).toBe(503);
    expect((await old.request('POST', '/login', { headers: { authorization: basic('ada', password) } })).status).toBe(503);
  };
  // Killed in the middle, it leaves the old stores closed: nothing can be lost until it is run again.
  const killed = spawn(binary, migrateArguments('--finish'), { env: migrateEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => killed.once('exit', resolve));
  await new Promise((resolve) => killed.stderr!.once('data', resolve));
  killed.kill('SIGKILL');
  await ended;
  await refused();
  const { status, report, stderr } = await migrate('--finish');
  expect(stderr).toContain('The old stores take no changes from now on. Reads go on.\n');
  expect(stderr).not.toContain('gatehouse:');
  expect(status).toBe(0);
  expect(report).toMatchObject({ finished: true, different: 0, contents: contents.size + 1 }); // and the one in the trash
  const queue = report.kinds.find((one: any) => one.name === 'queue worker');
  expect(queue).toMatchObject({ target: queue.source, different: 0 });
  expect(queue.source).toBeGreaterThanOrEqual(1000); // every upload, one of them as a dead letter

  expect(report.contents_read).toBeLessThan(10); // the others were read back by the run before
  await refused();
  await readers.stop();
  expect(readers.failures).toEqual([]);
  // There is nothing to do over again, and nothing that it may write over.
  const again = await migrate('--finish');
  expect(again.status).toBe(1);
  expect(again.stderr).toContain('holds something already: users (1000 rows)');
});

test('the roles on the servers have everything', { timeout: 120_000 }, async () => {
  await fresh.start();
  const ada = await fresh.token('ada');
  await fresh.token('user500');
  const admin = await fresh.token('root');
  let listed = 0;
  for (let next: string | null = ''; next !== null; ) {
    const page: any = await fresh.json('GET', `/files?limit=100${next ? `&cursor=${next}` : ''}`, ada);
    for (const file of page.items) expect(file.sha256).toBe(contents.get(file.id));
    listed += page.items.length;
    next = page.next;
  }
  expect(listed).toBe(contents.size);
  const ids = [...contents.keys()];
  for (let i = 0; i < ids.length; i += 20)
    await Promise.all(ids.slice(i, i + 20).map(async (id) => {
      const answer = await fresh.request('GET', `/files/${id}/content`, { token: ada });
      expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(contents.get(id));
    }));

  expect((await fresh.json('GET', '/files?trash=true', ada)).items).toMatchObject([inTrash]);
  const restored = await fresh.request('POST', `/files/${inTrash.id}/restore`, { token: ada });
  expect(restored.status).toBe(200);
  const content = await fresh.request('GET', `/files/${inTrash.id}/content`, { token: ada });
  expect(sha256(Buffer.from(await content.arrayBuffer()))).toBe(inTrash.sha256);

  // A session from before goes on, an administrator is one, the log of what happened is whole.
  const refreshed = await fresh.request('POST', '/refresh', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: refresh }) });
  expect(refreshed.status).toBe(200);
  expect((await fresh.json('GET', '/admin/users?limit=100', admin)).items.length).toBe(100);
  expect(fresh.command(['audit', 'verify'])).toMatch(/records are right/);

  // What was under way is done, once, and what was given up is for somebody to decide.
  for (const id of texts) {
    const record = await fresh.settled(ada, id);
    expect(record).toMatchObject({ state: 'processed', derived: [{ processor: 'copy', size: record.size }] });
  }
  const letters = (await fresh.json('GET', '/admin/dead', admin)).items;
  expect(letters).toHaveLength(1);
  expect(letters[0]).toMatchObject({ queue: 'worker', type: 'file.uploaded', subject: poison, attempts: 3 });
});

test('it is possible to go back', { timeout: 60_000 }, async () => {
  const before = await old.end();
  expect(before).toBe(0);
  await expect(new Gatehouse({ distributed: false, data: old.data }).start()).rejects.toThrow(/closed for changes/);
  const back = await migrate('--back');
  expect(back.report).toEqual({ opened: 3 });
  await old.start();
  token = await old.token('ada');
  await upload([['again.bin', 'application/octet-stream', randomBytes(10)]]);
});
