// SPDX-License-Identifier: Apache-2.0
// Does it matter how many users there are? Two installations of the program on the same kind of store, one with a thousand
// users, one with many: how long an import takes, and the latency of logins and profiles of users here and there in the
// table, asked in turn.
//
//   bench/users/run [--users 1000000] [--rounds 10]         on SQLite, and on MySQL where GATEHOUSE_TEST_MYSQL is set
//   GATEHOUSE_BIN=build/dev/gatehouse bench/users/run       another program than build/gatehouse
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import path from 'node:path';
import { argument, install, password, quantile, run, scratch } from '../support/program.mjs';

const many = argument('users', 1_000_000);
const rounds = argument('rounds', 10);
const samples = 20; // users who log in

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
  logins = [];
  profiles = [];

  constructor(kind, count) {
    this.count = count;
    this.file = path.join(scratch, `${kind}-${count}.jsonl`);
    let auth = '{}';
    if (kind === 'MySQL') {
      this.database = `bench_${randomBytes(6).toString('hex')}`;
      const url = new URL(process.env.GATEHOUSE_TEST_MYSQL);
      url.pathname = `/${this.database}`;
      mysql(`CREATE DATABASE ${this.database} CHARACTER SET utf8mb4`);
      auth = `{store: "${url.href}", encryption_key: ${'e'.repeat(32)}}`;
    }
    this.program = install(`${kind}-${count}`, `auth: ${auth}\ngateway: {access_log: false}\nlog: {level: error}\n`);
  }

  async fill() {
    this.names = await writeUsers(this.file, this.count);
    const began = performance.now();
    this.program.command('user', 'import', this.file);
    this.seconds = (performance.now() - began) / 1000;
    rmSync(this.file);
  }

  async start() {
    const { port } = await this.program.serve();
    this.url = `http://127.0.0.1:${port}`;
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
}

const timed = async (list, action) => {
  const began = performance.now();
  const result = await action();
  list.push(performance.now() - began);
  return result;
};
const median = (list) => quantile(list, 0.5);

async function measure(kind) {
  const [few, all] = [new Installation(kind, 1000), new Installation(kind, many)];
  try {
    for (const installation of [few, all]) {
      await installation.fill();
      await installation.start();
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
    for (const { database } of [few, all]) if (database) mysql(`DROP DATABASE ${database}`);
  }
}

await run('users', async () => {
  await measure('SQLite');
  if (process.env.GATEHOUSE_TEST_MYSQL) await measure('MySQL');
});
