// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: programs on free ports, their installations in a scratch directory, and their end.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const password = 'correct horse battery staple';
const program = process.env.GATEHOUSE_BIN ?? path.join(root, 'build/gatehouse');

export const scratch = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-'));
const children = [];

export function argument(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// `core` undefined: where the system likes.
export function start(core, command, args) {
  const pinned = core === undefined ? [command, args] : ['taskset', ['-c', String(core), command, ...args]];
  const child = spawn(...pinned, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.output = '';
  child.stdout.on('data', (data) => { child.output += data; });
  child.stderr.on('data', (data) => { child.output += data; });
  children.push(child);
  return child;
}

// Until `url` answers with success; `child` is who should.
export async function waitFor(url, child, headers = {}) {
  let seen = 'nothing';
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`a process ended at start:\n${child.output}`);
    const answer = await fetch(url, { headers }).catch(() => null);
    if (answer?.ok) {
      await answer.text();
      return;
    }
    if (answer) seen = `${answer.status} ${await answer.text()}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer as it should, but ${seen}\n${child.output}`);
}

// An installation in the scratch directory; `yaml` is its configuration. `command` runs a management command and waits for
// it, `serve` starts every role as one process.
export function install(name, yaml) {
  const config = path.join(scratch, `${name}.yaml`);
  writeFileSync(config, yaml);
  const where = ['--config', config, '--data', path.join(scratch, name)];
  const command = (...words) =>
    execFileSync(program, [...words, ...where], { input: `${password}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
  const serve = async (core) => {
    const port = await freePort();
    const opsPort = await freePort();
    const child = start(core, program,
      ['serve', ...where, '--listen', `127.0.0.1:${port}`, '--ops-listen', `127.0.0.1:${opsPort}`]);
    await waitFor(`http://127.0.0.1:${opsPort}/readyz`, child);
    return { port, opsPort, child };
  };
  return { command, serve };
}

// A server with every role; `users` are made before it starts.
export async function startGatehouse({ core, yaml, users }) {
  const { command, serve } = install('gatehouse', yaml);
  for (const user of users) {
    command('user', 'add', user.name, '--password-stdin');
    if (user.disabled) command('user', 'disable', user.name);
  }
  return serve(core);
}

// Runs `main`, then ends what was started; the exit code says how it went.
export async function run(name, main) {
  let code = 0;
  try {
    code = (await main()) ?? 0;
  } catch (error) {
    console.error(`bench/${name}: ${error.stack}`);
    code = 1;
  }
  for (const child of children) child.kill('SIGTERM');
  await Promise.race([
    Promise.all(children.map((child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve)))),
    new Promise((resolve) => setTimeout(resolve, 5000)),
  ]);
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
  process.exit(code);
}

// The bare access token of a user that install() or startGatehouse() made.
export async function logIn(port, name) {
  const basic = Buffer.from(`${name}:${password}`).toString('base64');
  const answer = await fetch(`http://127.0.0.1:${port}/login`,
    { method: 'POST', headers: { authorization: `Basic ${basic}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`login: ${answer.status} ${text}`);
  return text.trim();
}

export function quantile(numbers, at) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))];
}
