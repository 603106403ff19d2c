// SPDX-License-Identifier: Apache-2.0
// The commands of a server's users: log in, upload, list, download, remove; each against the real server, as a person or a
// script runs them.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binary, Gatehouse, password, scratchDirectory } from '../support/gatehouse.js';

// Another build of the program may be the client.
const client = process.env.GATEHOUSE_CLIENT_BIN ?? binary;

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

const scratch = scratchDirectory();
let made = 0;
function directory(): string {
  const name = path.join(scratch, String(++made));
  mkdirSync(name, { mode: 0o700 });
  return name;
}

// A person with a home of their own.
class Person {
  readonly home = directory();
  readonly place = directory();
  constructor(private readonly variables: Record<string, string> = {}) {}

  get sessionFile(): string {
    return path.join(this.home, 'gatehouse', 'session.json');
  }
  get session(): any {
    return JSON.parse(readFileSync(this.sessionFile, 'utf8'));
  }

  // Not blocking: a server of the test may have to answer.
  run(args: string[], input = '', variables: Record<string, string> = {}): Promise<Outcome> {
    const env: Record<string, string | undefined> = { ...process.env, XDG_CONFIG_HOME: this.home, XDG_STATE_HOME: this.home, ...this.variables, ...variables };
    return new Promise((resolve) => {
      const child = execFile(client, args, { cwd: this.place, env, encoding: 'utf8', timeout: 60_000 }, (_, stdout, stderr) =>
        resolve({ status: child.exitCode ?? -1, stdout, stderr }));
      child.stdin!.end(input);
    });
  }

  async logIn(server: string, name = 'ada'): Promise<void> {
    const outcome = await this.run(['login', '--server', server, name, '--password-stdin'], `${password}\n`);
    expect(outcome.stderr).toBe('');
    expect(outcome.status).toBe(0);
  }

  write(name: string, content: Buffer | string): string {
    writeFileSync(path.join(this.place, name), content);
    return name;
  }
  read(name: string): Buffer {
    return readFileSync(path.join(this.place, name));
  }
}

// Sends everything on to the server, but breaks the connection in the middle of requests that bring more than `cut` bytes
// to an upload, `times` times.
class BreakingProxy {
  readonly requests: string[] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server: net.Server;
  times: number;
  constructor(target: URL, private readonly cut: number, times: number) {
    this.times = times;
    this.server = net.createServer((from) => {
      const to = net.connect(Number(target.port), target.hostname);
      this.sockets.add(from).add(to);
      let bytes = 0;
      from.on('data', (data) => {
        const head = /^(POST|PATCH|HEAD) (\/upload[^ ]*)[^]*?\r\n\r\n/.exec(data.toString('latin1'));
        if (head) (bytes = 0), this.requests.push(`${head[1]} ${head[2].replace(/[0-9a-f-]{36}/, 'ID')}${/upload-offset: (\d+)/i.exec(head[0])?.[1] ?? ''}`);
        bytes += data.length;
        if (bytes > this.cut && this.times > 0) {
          this.times--;
          from.destroy();
          to.end(); // what was sent before still arrives
        } else to.write(data);
      });
      to.on('data', (data) => from.write(data));
      for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => other.destroy()).on('close', () => other.end());
    });
  }
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }
  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

// Sends everything on to the server, but the content of files only up to `cut` bytes, `times` times.
class CuttingProxy {
  readonly ranges: (string | undefined)[] = [];
  private readonly server: http.Server;
  constructor(target: URL, private readonly cut: number, private times: number, private readonly spoil = false) {
    this.server = http.createServer((request, response) => {
      const content = request.url!.endsWith('/content');
      if (content) this.ranges.push(request.headers.range);
      const onward = http.request({ host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        let left = content && this.times > 0 ? (this.times--, this.cut) : Infinity;
        answer.on('data', (data: Buffer) => {
          if (content && this.spoil) data[0] ^= 1;
          if (left === Infinity) return void response.write(data);
          response.write(data.subarray(0, left), () => left <= 0 && response.destroy());
          left -= data.length;
        });
        answer.on('end', () => response.end());
        answer.on('error', () => response.destroy());
      });
      request.pipe(onward);
    });
  }
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as any).port}`;
  }
  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describe('the commands of a user', () => {
  let gatehouse: Gatehouse;

  beforeAll(async () => {
    gatehouse = await new Gatehouse().start();
    gatehouse.addUser('ada');
  });
  afterAll(async () => {
    await gatehouse.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function uploaded(person: Person, content: Buffer, name = 'data.bin'): Promise<any> {
    const outcome = await person.run(['upload', person.write(name, content), '--json']);
    expect(outcome.status, outcome.stderr).toBe(0);
    return JSON.parse(outcome.stdout).items[0];
  }

  it('keep a session for its owner alone', async () => {
    const person = new Person();
    const outcome = await person.run(['login', '--server', gatehouse.url, 'ada', '--password-stdin'], `${password}\n`);
    expect(outcome).toEqual({ status: 0, stdout: `ada is logged in at ${gatehouse.url}.\n`, stderr: '' });
    expect(statSync(person.sessionFile).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(person.sessionFile)).mode & 0o777).toBe(0o700);
    expect(person.session.current).toBe(gatehouse.url);
  });

  it('upload, list, download and remove', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const content = randomBytes(3_000_000);
    const outcome = await person.run(['upload', person.write('large file & more.bin', content), person.write('empty', ''), person.write('note.txt', 'hello')]);
    expect(outcome.stderr).toBe('');
    const ids = [...outcome.stdout.matchAll(/^Uploaded (.*) as ([0-9a-f-]{36})$/gm)];
    expect(ids.map((match) => match[1])).toEqual(['large file & more.bin', 'empty', 'note.txt']);

    const list = await person.run(['files', 'list', '--limit', '2']);
    expect(list.stdout).toMatch(/NAME +TYPE +SIZE/);
    expect(list.stdout).toContain('note.txt');
    expect(list.stdout).not.toContain('large file & more.bin');
    const all = JSON.parse((await person.run(['files', 'list', '--json'])).stdout).items;
    expect(all.map((file: any) => file.name)).toEqual(['note.txt', 'empty', 'large file & more.bin']);

    const got = await person.run(['files', 'get', ids[0][2], '-o', 'copy.bin']);
    expect(got).toEqual({ status: 0, stdout: 'copy.bin: 2.9 MiB\n', stderr: '' });
    expect(person.read('copy.bin').equals(content)).toBe(true);
    expect((await person.run(['files', 'get', ids[1][2], '-o', 'nothing'])).status).toBe(0);
    expect(person.read('nothing')).toHaveLength(0);
    expect((await person.run(['files', 'get', ids[2][2], '-o', '-'])).stdout).toBe('hello');

    expect((await person.run(['files', 'rm', ids[0][2], ids[1][2]])).stdout).toBe(`Removed ${ids[0][2]}.\nRemoved ${ids[1][2]}.\n`);
    const gone = await person.run(['files', 'get', ids[0][2]]);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toContain('answered 404');
    expect(gone.stderr).toContain('-> gatehouse files list');
    expect((await person.run(['files', 'list', '--trash'])).stdout).toContain(ids[0][2]);
    expect((await person.run(['files', 'restore', ids[0][2]])).stdout).toBe(`Restored ${ids[0][2]}.\n`);
    expect((await person.run(['files', 'get', ids[0][2], '-o', 'restored.bin'])).status).toBe(0);
    expect((await person.run(['files', 'rm', '--permanent', ids[0][2], ids[1][2]])).status).toBe(0);
    expect((await person.run(['files', 'list', '--trash'])).stdout).toContain('nothing in the trash');
    expect((await person.run(['files', 'rm', ids[2][2]])).status).toBe(0);
  });

  it('replace nothing unless they are told to', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const content = Buffer.from('the server has this');
    const record = await uploaded(person, content, 'mine.txt');
    person.write('mine.txt', 'changed here');
    const refused = await person.run(['files', 'get', record.id]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('mine.txt is there already');
    expect(refused.stderr).toContain('--force');
    expect(person.read('mine.txt').toString()).toBe('changed here');
    expect((await person.run(['files', 'get', record.id, '--force'])).status).toBe(0);
    expect(person.read('mine.txt').toString()).toBe('the server has this');
    mkdirSync(path.join(person.place, 'below'));
    expect((await person.run(['files', 'get', record.id, '-o', 'below'])).status).toBe(0);
    expect(person.read('below/mine.txt').toString()).toBe('the server has this');
  });

  it('go on with a download that broke off', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const content = randomBytes(2_000_000);
    const record = await uploaded(person, content);
    const proxy = new CuttingProxy(new URL(gatehouse.url), 700_000, 2);
    const server = await proxy.open();
    try {
      const outcome = await person.run(['files', 'get', record.id, '-o', 'got.bin', '--server', server], '', { GATEHOUSE_TOKEN: person.session.sessions[gatehouse.url].access_token });
      expect(outcome.stderr).toBe('');
      expect(outcome.status).toBe(0);
      expect(person.read('got.bin').equals(content)).toBe(true);
      expect(proxy.ranges).toHaveLength(3);
      expect(proxy.ranges[0]).toBeUndefined();
      expect(proxy.ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
    } finally {
      proxy.close();
    }
    expect(readdirSync(person.place).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('go on with a download of a command that was ended', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const content = randomBytes(1_000_000);
    const record = await uploaded(person, content);
    const part = `got.bin.part-${record.sha256.slice(0, 16)}`;
    const proxy = new CuttingProxy(new URL(gatehouse.url), 0, 0);
    const server = await proxy.open();
    const token = { GATEHOUSE_TOKEN: person.session.sessions[gatehouse.url].access_token };
    try {
      person.write(part, content.subarray(0, 400_000));
      expect((await person.run(['files', 'get', record.id, '-o', 'got.bin', '--server', server], '', token)).status).toBe(0);
      expect(proxy.ranges).toEqual(['bytes=400000-']);
      expect(sha256(person.read('got.bin'))).toBe(record.sha256);
      expect(existsSync(path.join(person.place, part))).toBe(false);

      // What was there is not what the server has.
      person.write(part, Buffer.alloc(400_000));
      const spoiled = await person.run(['files', 'get', record.id, '-o', 'got.bin', '--force'], '', token);
      expect(spoiled.status).toBe(1);
      expect(spoiled.stderr).toContain('SHA-256 differs');
      expect(sha256(person.read('got.bin'))).toBe(record.sha256);
      expect(existsSync(path.join(person.place, part))).toBe(false);
    } finally {
      proxy.close();
    }
  });

  it('do not take what was altered on its way', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const record = await uploaded(person, randomBytes(1000));
    const proxy = new CuttingProxy(new URL(gatehouse.url), 0, 0, true);
    const server = await proxy.open();
    try {
      const token = { GATEHOUSE_TOKEN: person.session.sessions[gatehouse.url].access_token };
      const outcome = await person.run(['files', 'get', record.id, '-o', 'got.bin', '--server', server], '', token);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toContain('SHA-256 differs');
      expect(existsSync(path.join(person.place, 'got.bin'))).toBe(false);
    } finally {
      proxy.close();
    }
  });

  const resumable = async () => (await gatehouse.request('OPTIONS', '/uploads')).status === 204;
  const stateOf = (person: Person) => {
    const place = path.join(person.home, 'gatehouse', 'uploads');
    return existsSync(place) ? readdirSync(place) : [];
  };

  it('go on with an upload that broke off', async (context) => {
    if (!(await resumable())) context.skip();
    const person = new Person();
    await person.logIn(gatehouse.url);
    const content = randomBytes(6_000_000);
    const proxy = new BreakingProxy(new URL(gatehouse.url), 2_000_000, 2);
    const server = await proxy.open();
    try {
      const token = { GATEHOUSE_TOKEN: person.session.sessions[gatehouse.url].access_token };
      const outcome = await person.run(['upload', person.write('big.bin', content), '--server', server, '--json'], '', token);
      expect(outcome.stderr).toBe('');
      expect(JSON.parse(outcome.stdout).items[0]).toMatchObject({ name: 'big.bin', size: content.length, sha256: sha256(content) });
      const offsets = proxy.requests.filter((request) => request.startsWith('PATCH')).map((request) => Number(request.split('ID')[1]));
      expect(offsets).toHaveLength(3);
      expect(offsets[0]).toBe(0);
      expect(offsets[1]).toBeGreaterThan(0);
      expect(offsets[2]).toBeGreaterThan(offsets[1]);
      expect(stateOf(person)).toEqual([]);
    } finally {
      proxy.close();
    }
  });

  it('go on with an upload of a command that was ended', async (context) => {
    if (!(await resumable())) context.skip();
    const person = new Person();
    await person.logIn(gatehouse.url);
    const token = { GATEHOUSE_TOKEN: person.session.sessions[gatehouse.url].access_token };
    const content = randomBytes(6_000_000);
    person.write('big.bin', content);
    const proxy = new BreakingProxy(new URL(gatehouse.url), 2_000_000, 1_000_000);
    const server = await proxy.open();
    try {
      const child = execFile(client, ['upload', 'big.bin', '--server', server], { cwd: person.place, env: { ...process.env, XDG_CONFIG_HOME: person.home, XDG_STATE_HOME: person.home, ...token } });
      await expect.poll(() => proxy.requests.some((request) => request.startsWith('HEAD')), { timeout: 20_000 }).toBe(true);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      expect(stateOf(person).length).toBeGreaterThan(0);
      proxy.times = 0;
      proxy.requests.length = 0;
      const outcome = await person.run(['upload', 'big.bin', '--server', server, '--json'], '', token);
      expect(outcome.stderr).toBe('');
      expect(JSON.parse(outcome.stdout).items[0].sha256).toBe(sha256(content));
      expect(proxy.requests[0]).toBe('HEAD /uploads/ID');
      expect(Number(proxy.requests[1].split('ID')[1])).toBeGreaterThan(0);
      expect(stateOf(person)).toEqual([]);
    } finally {
      proxy.close();
    }
  });

  it('renew their session, several at once too', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const expire = (change: object) => {
      const all = person.session;
      Object.assign(all.sessions[gatehouse.url], change);
      writeFileSync(person.sessionFile, JSON.stringify(all), { mode: 0o600 });
    };
    const before = person.session.sessions[gatehouse.url];
    expire({ expires_at: 0 });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => person.run(['files', 'list'])));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const after = person.session.sessions[gatehouse.url];
    expect(after.refresh_token).not.toBe(before.refresh_token);

    // A token that the server refuses although its time is not over; the file is sent whole the second time.
    expire({ access_token: 'not.a.token' });
    const content = randomBytes(1_500_000);
    expect((await uploaded(person, content)).sha256).toBe(sha256(content));
  });

  it('log out on the server, too', async () => {
    const person = new Person();
    await person.logIn(gatehouse.url);
    const { access_token: access, refresh_token: refresh } = person.session.sessions[gatehouse.url];
    expect(await person.run(['logout'])).toEqual({ status: 0, stdout: `Logged out of ${gatehouse.url}.\n`, stderr: '' });
    await expect.poll(async () => (await gatehouse.request('GET', '/profile', { token: access })).status, { timeout: 5000 }).toBe(401);
    const renewal = await gatehouse.request('POST', '/refresh', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: refresh }) });
    expect(renewal.status).toBe(401);
    const again = await person.run(['files', 'list', '--server', gatehouse.url]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain(`-> gatehouse login --server ${gatehouse.url}`);
  });

  it('say what to do when something is wrong', async () => {
    const person = new Person();
    const wrong = await person.run(['login', '--server', gatehouse.url, 'ada', '--password-stdin'], 'not the password\n');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/^gatehouse: .*\n {2}-> look at the name, the password and the server\n$/);
    expect(existsSync(person.sessionFile)).toBe(false);

    const away = await person.run(['files', 'list', '--server', 'http://127.0.0.1:1'], '', { GATEHOUSE_TOKEN: 'x' });
    expect(away.status).toBe(1);
    expect(away.stderr).toContain('-> is it running at http://127.0.0.1:1?');

    const refused = await person.run(['files', 'list'], '', { GATEHOUSE_TOKEN: 'x', GATEHOUSE_SERVER: gatehouse.url });
    expect(refused.stderr).toContain('answered 401');
    expect(refused.stderr).toContain('the token may have expired');

    expect((await person.run(['files', 'list', '--server', 'nonsense'])).stderr).toContain('--server http://host:port');
    expect((await person.run(['login', 'ada', '--server', gatehouse.url])).stderr).toContain('--password-stdin');

    await person.logIn(gatehouse.url);
    const half = await person.run(['upload', 'missing.bin', person.write('there.txt', 'x'), '--json']);
    expect(half.status).toBe(1);
    expect(half.stderr).toContain('missing.bin: No such file or directory');
    expect(JSON.parse(half.stdout)).toMatchObject({ items: [{ name: 'there.txt' }], failed: [{ file: 'missing.bin' }] });

    writeFileSync(person.sessionFile, '{', { mode: 0o600 });
    expect((await person.run(['files', 'list'])).stderr).toContain('session.json is damaged');
    rmSync(person.sessionFile);
    writeFileSync(person.sessionFile, '{}', { mode: 0o644 });
    expect((await person.run(['files', 'list'])).stderr).toContain('chmod 600');
  });

  it('know the second factor', async () => {
    gatehouse.addUser('eve');
    const token = await gatehouse.token('eve');
    const begun = await gatehouse.json('POST', '/profile/totp', token, { current_password: password });
    const codes = (await import('../support/totp.js')).totp;
    const confirmed = await gatehouse.json('POST', '/profile/totp/confirm', token, { otp: codes(begun.secret) });
    const person = new Person();
    const args = ['login', '--server', gatehouse.url, 'eve', '--password-stdin'];
    const without = await person.run(args, `${password}\n`);
    expect(without.status).toBe(1);
    expect(without.stderr).toContain('-> --otp CODE');
    expect((await person.run([...args, '--otp', confirmed.recovery_codes[0]], `${password}\n`)).status).toBe(0);
  });
});
