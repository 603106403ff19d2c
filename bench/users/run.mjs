// SPDX-License-Identifier: Apache-2.0
// Does it matter how many users there are? Two installations of the program on the same kind of store, one with a thousand
// users, one with many: how long an import takes, and the latency of logins and profiles of users here and there in the
// table, asked in turn.
//
//   bench/users/run [--users 1000000] [--rounds 10]         on SQLite, and on MySQL where GATEHOUSE_TEST_MYSQL is set
//   GATEHOUSE_BIN=build/dev/gatehouse bench/users/run       another program than build/gatehouse
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const program = path.resolve(root, process.env.GATEHOUSE_BIN ?? 'build/gatehouse');
const argument = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const many = argument('users', 1_000_000);
const rounds = argument('rounds', 10);
const samples = 20; // users who log in
const password = 'correct horse battery staple';
const scratch = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-'));

// Every one has a hash that nobody verifies, but the samples, who are spread over the whole file.
async function writeUsers(file, count) {
  const out = createWriteStream(file);
  const hash = '$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0$q6nHDLzZ7xlQHYxZNIFjIkYpZGuNLLdpHqSdv2mYAQA';
  const every = Math.floor(count / samples);
  for (let i = 0; i < count; i++) {
    const secret = i % every === 0 && i / every < samples ? { password_plain: password } : { password_hash: hash };
    if (!out.write(`${JSON.stringify({ username: `user-${i}`, email: `user-${i}@example.com`, ...secret })}\n`))
      await new Promise((resolve) => out.once('drain', resolve));
  }
  await new Promise((resolve) => out.end(resolve));
  return Array.from({ length: samples }, (_, i) => `user-${i * every}`);
}

function mysql(statement) {
  const url = new URL(process.env.GATEHOUSE_TEST_MYSQL);
  const args = ['--no-defaults', '--protocol=tcp', '-h', url.hostname, '-P', url.port, '-u', url.username, '-e', statement];
  execFileSync('mariadb', args, { env: { ...process.env, MYSQL_PWD: url.password } });
}

class Installation {
  constructor(kind, count) {
    this.count = count;
    this.data = path.join(scratch, `${kind}-${count}`);
    this.env = { ...process.env, GATEHOUSE_GATEWAY__ACCESS_LOG: 'false', GATEHOUSE_LOG__LEVEL: 'error' };
    if (kind === 'MySQL') {
      this.database = `bench_${randomBytes(6).toString('hex')}`;
      const url = new URL(process.env.GATEHOUSE_TEST_MYSQL);
      url.pathname = `/${this.database}`;
      mysql(`CREATE DATABASE ${this.database} CHARACTER SET utf8mb4`);
      Object.assign(this.env, { GATEHOUSE_AUTH__STORE: url.href, GATEHOUSE_AUTH__ENCRYPTION_KEY: 'e'.repeat(32) });
    }
  }

  async fill() {
    const file = `${this.data}.jsonl`;
    this.names = await writeUsers(file, this.count);
    const began = performance.now();
    execFileSync(program, ['user', 'import', file, '--data', this.data], { env: this.env, stdio: ['ignore', 'ignore', 'inherit'] });
    this.seconds = (performance.now() - began) / 1000;
    rmSync(file);
  }

  async start() {
    const args = ['serve', '--data', this.data, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
    this.child = spawn(program, args, { env: this.env, stdio: ['ignore', 'pipe', 'inherit'] });
    let banner = '';
    await new Promise((resolve, reject) => {
      this.child.once('exit', (code) => reject(new Error(`the program ended with ${code}: ${banner}`)));
      this.child.stdout.on('data', (data) => {
        banner += data;
        const found = /http:\/\/localhost:(\d+)\//.exec(banner);
        if (found) {
          this.url = `http://127.0.0.1:${found[1]}`;
          resolve();
        }
      });
    });
    this.child.removeAllListeners('exit');
    for (const name of this.names) await this.logIn(name); // the first one makes the hash argon2id
  }

  async logIn(name) {
    const answer = await fetch(`${this.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: name, password }),
    });
    if (answer.status !== 200) throw new Error(`login: ${answer.status} ${await answer.text()}`);
    return (await answer.json()).access_token;
  }

  async profile(token) {
    const answer = await fetch(`${this.url}/profile`, { headers: { authorization: `Bearer ${token}` } });
    await answer.text();
    if (answer.status !== 200) throw new Error(`profile: ${answer.status}`);
  }

  async stop() {
    const ended = new Promise((resolve) => this.child?.once('exit', resolve) ?? resolve());
    this.child?.kill();
    await ended;
    if (this.database) mysql(`DROP DATABASE ${this.database}`);
  }
}

const timed = async (list, action) => {
  const began = performance.now();
  const result = await action();
  list.push(performance.now() - began);
  return result;
};
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function measure(kind) {
  const [few, all] = [new Installation(kind, 1000), new Installation(kind, many)];
  try {
    for (const installation of [few, all]) {
      await installation.fill();
      await installation.start();
      Object.assign(installation, { logins: [], profiles: [] });
    }
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < samples; i++) {
        for (const installation of [few, all]) {
          const token = await timed(installation.logins, () => installation.logIn(installation.names[i]));
          for (let n = 0; n < 5; n++) await timed(installation.profiles, () => installation.profile(token));
        }
      }
    }
    const ratio = (list) => (median(all[list]) / median(few[list])).toFixed(2);
    console.log(`${kind}: ${many} users imported in ${all.seconds.toFixed(0)} s`);
    for (const list of ['logins', 'profiles'])
      console.log(`${kind}: ${list} ${median(few[list]).toFixed(2)} ms with 1000 users, ${median(all[list]).toFixed(2)} ms with ${many}, ratio ${ratio(list)}`);
  } finally {
    for (const installation of [few, all]) await installation.stop();
  }
}

try {
  await measure('SQLite');
  if (process.env.GATEHOUSE_TEST_MYSQL) await measure('MySQL');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
