// SPDX-License-Identifier: Apache-2.0
// `gatehouse backup` beside a server that works, and `gatehouse restore` into an empty place: what was acknowledged before is
// there, and nothing refers to what is not.
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binary, Gatehouse, scratchDirectory } from '../support/gatehouse.js';

const scratch = scratchDirectory();
let made = 0;
const fresh = () => path.join(scratch, String(++made));
const run = (...args: string[]) => spawnSync(binary, args, { encoding: 'utf8', timeout: 60_000 });
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

function backup(data: string): string {
  const directory = fresh();
  const outcome = run('backup', directory, '--data', data);
  expect(outcome.stderr).toBe('');
  expect(outcome.status).toBe(0);
  return directory;
}

describe('a backup', () => {
  let gatehouse: Gatehouse;
  let token: string;
  const contents = new Map<string, Buffer>();

  beforeAll(async () => {
    gatehouse = await new Gatehouse({ distributed: false, config: 'worker: {processors: []}\n' }).start();
    gatehouse.addUser('ada');
    token = await gatehouse.token('ada');
    for (let i = 0; i < 5; i++) {
      const content = randomBytes(100_000 + i);
      contents.set((await gatehouse.upload(token, `file${i}.bin`, content)).id, content);
    }
  });
  afterAll(async () => {
    await gatehouse.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('is private, has a list of what it holds, and leaves the server alone', async () => {
    const directory = backup(gatehouse.data);
    const manifest = JSON.parse(readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    const paths = manifest.files.map((file: any) => file.path);
    for (const name of ['auth.db', 'files.db', 'queue.db', 'service.key', 'auth.key']) expect(paths).toContain(name);
    expect(paths.filter((name: string) => name.startsWith('files/content/'))).toHaveLength(contents.size);
    for (const file of manifest.files) {
      expect(sha256(readFileSync(path.join(directory, file.path)))).toBe(file.sha256);
      expect(statSync(path.join(directory, file.path)).mode & 0o077).toBe(0);
    }
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(JSON.parse(run('backup', fresh(), '--data', gatehouse.data, '--json').stdout).files).toBe(paths.length);
    expect((await gatehouse.json('GET', '/files', token)).items).toHaveLength(contents.size);
  });

  it('can be brought back, with users, keys and content', async () => {
    const directory = backup(gatehouse.data);
    const data = fresh();
    const outcome = run('restore', directory, '--data', data);
    expect(outcome.stderr).toBe('');
    expect(outcome.status).toBe(0);
    const restored = await new Gatehouse({ distributed: false, data }).start();
    try {
      const again = await restored.token('ada');
      for (const [id, content] of contents) {
        const answer = await restored.request('GET', `/files/${id}/content`, { token: again });
        expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
      }
      // What was signed before is good still: the keys came along.
      const issuer = { headers: { authorization: `Bearer ${token}` } };
      expect((await fetch(`${restored.url}/.well-known/jwks.json`)).ok).toBe(true);
      expect(JSON.stringify(await (await fetch(`${restored.url}/.well-known/jwks.json`)).json())).toBe(
        JSON.stringify(await (await fetch(`${gatehouse.url}/.well-known/jwks.json`, issuer)).json()));
      expect(JSON.parse(run('doctor', '--data', data, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0', '--json').stdout).fail).toBe(0);
    } finally {
      await restored.stop();
    }
  });

  it('is whole while files come and go', async () => {
    let going = true;
    const known: string[] = [];
    const work = async () => {
      for (let i = 0; going; i++) {
        const record = await gatehouse.upload(token, `busy${i}.bin`, randomBytes(20_000));
        known.push(record.id);
        if (known.length > 5) await gatehouse.request('DELETE', `/files/${known.shift()}`, { token });
      }
    };
    const working = Promise.all([work(), work()]);
    const directories: string[] = [];
    try {
      for (let i = 0; i < 4; i++) {
        const directory = fresh();
        // Not blocking: the test's own requests go on meanwhile.
        
        await new Promise<void>((resolve, reject) =>
          execFile(binary, ['backup', directory, '--data', gatehouse.data], (error, _, stderr) => (error ? reject(new Error(stderr)) : resolve())));
        directories.push(directory);
      }
    } finally {
      going = false;
      await working;
    }
    for (const directory of directories) {
      const data = fresh();
      expect(run('restore', directory, '--data', data).status).toBe(0);
      const restored = await new Gatehouse({ distributed: false, data }).start();
      try {
        const again = await restored.token('ada');
        const { items } = await restored.json('GET', '/files?limit=100', again);
        expect(items.length).toBeGreaterThanOrEqual(contents.size);
        for (const item of items) {
          const answer = await restored.request('GET', `/files/${item.id}/content`, { token: again });
          expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(item.sha256);
        }
      } finally {
        await restored.stop();
      }
    }
  });

  it('is made of a stopped server, too', async () => {
    const data = fresh();
    const stopped = await new Gatehouse({ distributed: false, data }).start();
    stopped.addUser('eve');
    await stopped.end();
    const target = fresh();
    expect(run('restore', backup(data), '--data', target).status).toBe(0);
    expect(run('user', 'list', '--data', target).stdout).toContain('eve');
  });

  it('that was altered is refused, and no server starts on half of it', () => {
    const directory = backup(gatehouse.data);
    const shard = readdirSync(path.join(directory, 'files/content'))[0];
    const name = readdirSync(path.join(directory, 'files/content', shard))[0];
    const file = path.join(directory, 'files/content', shard, name);
    const content = readFileSync(file);
    appendFileSync(file, 'x');
    const data = fresh();
    const refused = run('restore', directory, '--data', data);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`${name} is damaged`);
    const start = run('serve', '--data', data, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0');
    expect(start.status).toBe(1);
    expect(start.stderr).toContain('was not finished: run it again');
    writeFileSync(file, content);
    expect(run('restore', directory, '--data', data).status).toBe(0);
    expect(run('user', 'list', '--data', data).stdout).toContain('ada');
  });

  it('replaces nothing', () => {
    const directory = backup(gatehouse.data);
    expect(run('backup', directory, '--data', gatehouse.data).stderr).toContain('is there already');
    expect(run('restore', directory, '--data', gatehouse.data).stderr).toMatch(/a server works in|is there already/);
    const unfinished = fresh();
    mkdirSync(unfinished);
    const outcome = run('restore', unfinished, '--data', fresh());
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toContain('it has no manifest.json');
    expect(run('backup', fresh(), '--data', fresh()).stderr).toContain('there is no data directory');
  });

  it('puts nothing beside its place', () => {
    const directory = backup(gatehouse.data);
    const manifest = JSON.parse(readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    manifest.files[0].path = 'files/content/../../../outside';
    writeFileSync(path.join(directory, 'manifest.json'), JSON.stringify(manifest));
    const data = fresh();
    expect(run('restore', directory, '--data', data).stderr).toContain('there is no place');
    expect(existsSync(path.join(scratch, 'outside'))).toBe(false);
  });

  it('names the stores that it does not hold', () => {
    const config = path.join(scratch, 'mixed.yaml');
    writeFileSync(config, 'auth: {store: "mysql://u:p@127.0.0.1/x", encryption_key: 0123456789012345678901234567890123}\n');
    const outcome = run('backup', fresh(), '--data', gatehouse.data, '--config', config);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('auth.store is on a server and not in the backup');
  });
});
