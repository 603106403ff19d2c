// SPDX-License-Identifier: Apache-2.0
// One process of the real program: started with its arguments, watched until it is ready, ended by its pid.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const binary = path.resolve(root, process.env.GATEHOUSE_BIN ?? 'build/gatehouse');

// A bound on time that only a quick program keeps is multiplied by this: what the program says of itself tells whether it runs
// under sanitizers.
export const slowdown = /^compiler .*\baddress\b/m.test(execFileSync(binary, ['version'], { encoding: 'utf8' })) ? 3 : 1;

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// A port for a server that is started later, or again. Not of those that the kernel gives to outgoing connections: one of
// these would hold it by then.
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export class Process {
  output = '';
  opsUrl = '';
  private child: ChildProcess | undefined;
  private started = false; // its banner was seen, and nobody has ended it since

  constructor(
    readonly name: string,
    private readonly args: string[],
    private readonly env: Record<string, string> = {},
  ) {}

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  // Spawns it and waits for its banner; ready() waits for more.
  async start(): Promise<this> {
    this.output = '';
    this.opsUrl = '';
    const child = spawn(binary, ['serve', ...this.args], { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout!.on('data', (data) => (this.output += data));
    child.stderr!.on('data', (data) => (this.output += data));
    await this.waitUntil(() => {
      const ops = /ops\s+http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/i.exec(this.output);
      if (ops) this.opsUrl = `http://127.0.0.1:${ops[1]}`;
      return ops !== null;
    }, 'the banner');
    this.started = true;
    return this;
  }

  async ready(seconds = 30): Promise<this> {
    await this.waitUntil(async () => (await fetch(`${this.opsUrl}/readyz`)).ok, 'readiness', seconds);
    return this;
  }

  // Its output and what a sanitizer reported of it (sanitizers.ts), for a hook that fails: the hooks behind it do not run.
  private get lastWords(): string {
    const report = `${process.env.GATEHOUSE_TEST_REPORTS}.${this.pid}`;
    return this.output.slice(-4000) + (existsSync(report) ? readFileSync(report, 'utf8').slice(0, 10_000) : '');
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private async waitUntil(check: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      if (!this.running) throw new Error(`${this.name} ended with ${this.child!.exitCode ?? this.child!.signalCode}:\n${this.output}`);
      try {
        if (await check()) return;
      } catch {
        // not there yet
      }
      await sleep(20);
    }
    throw new Error(`${this.name}: no ${what} after ${seconds} s:\n${this.output}`);
  }

  // Ends it with the signal and waits for it and for all that it wrote; resolves to the exit code (null when a signal ended
  // it). Throws when it did not end well by SIGTERM, or has ended by itself after its start: it crashed, leaked, or gave up.
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.child;
    if (!child) return null;
    const { started } = this;
    this.started = false;
    if (!this.running) {
      if (started) throw new Error(`${this.name} ended by itself with ${child.exitCode ?? child.signalCode}:\n${this.lastWords}`);
      return child.exitCode;
    }
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill(signal);
    const code = await ended;
    // MongoDB's driver keeps its counters there, cannot take them away when it is killed, and complains at its start about those
    // that another process of the same number has left.
    rmSync(`/dev/shm/mongoc-${child.pid}`, { force: true });
    // A process of its own that outlives it for a moment may hold the pipe.
    await Promise.race([closed, sleep(2_000)]);
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`${this.name} ended with ${code ?? child.signalCode} by SIGTERM:\n${this.lastWords}`);
    return code;
  }
}
