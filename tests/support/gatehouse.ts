// SPDX-License-Identifier: Apache-2.0
// Starts the real program on free ports with a data directory of its own, and ends it by its pid.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const binary = path.resolve(root, process.env.GATEHOUSE_BIN ?? 'build/gatehouse');
export const password = 'correct horse battery staple';

export function scratchDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
}

export interface Options {
  data?: string; // kept by the caller when given
  config?: string; // YAML
  env?: Record<string, string>;
}

export class Gatehouse {
  readonly data: string;
  url = '';
  opsUrl = '';
  output = '';
  private child: ChildProcess | undefined;
  private readonly ownsData: boolean;
  private readonly configFile: string | undefined;

  constructor(private readonly options: Options = {}) {
    this.ownsData = options.data === undefined;
    this.data = options.data ?? scratchDirectory();
    if (options.config !== undefined) {
      this.configFile = path.join(this.data, 'gatehouse.yaml');
      writeFileSync(this.configFile, options.config);
    }
  }

  private get commonArguments(): string[] {
    return ['--data', this.data, ...(this.configFile ? ['--config', this.configFile] : [])];
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  async start(): Promise<this> {
    this.output = '';
    const child = spawn(binary, ['serve', ...this.commonArguments, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'], {
      env: { ...process.env, ...this.options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stdout!.on('data', (data) => (this.output += data));
    child.stderr!.on('data', (data) => (this.output += data));
    await this.waitUntil(() => {
      const open = /http:\/\/localhost:(\d+)\//.exec(this.output);
      const ops = /ops\s+http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/i.exec(this.output);
      if (!open || !ops) return false;
      this.url = `http://localhost:${open[1]}`;
      this.opsUrl = `http://127.0.0.1:${ops[1]}`;
      return true;
    }, 'the banner');
    await this.waitUntil(async () => (await fetch(`${this.opsUrl}/readyz`)).ok, 'readiness');
    return this;
  }

  private async waitUntil(check: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      if (this.child!.exitCode !== null) throw new Error(`gatehouse ended with ${this.child!.exitCode}:\n${this.output}`);
      try {
        if (await check()) return;
      } catch {
        // not there yet
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no ${what} after ${seconds} s:\n${this.output}`);
  }

  // Ends the process with the signal and waits for it; resolves to the exit code (null when a signal ended it).
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return await ended;
  }

  async stop(): Promise<number | null> {
    const code = await this.end();
    if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
    return code;
  }

  // Runs a management command; throws with its output when it fails.
  command(args: string[], input = ''): string {
    return execFileSync(binary, [...args, ...this.commonArguments], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
  }

  addUser(name: string, role: string = 'user', email = `${name}@example.com`): void {
    this.command(['user', 'add', name, '--role', role, '--email', email, '--password-stdin'], `${password}\n`);
  }

  // Logs in as the course does: Basic in, the bare token out.
  async token(name: string): Promise<string> {
    const answer = await fetch(`${this.url}/login`, { method: 'POST', headers: { authorization: basic(name, password) } });
    if (answer.status !== 200) throw new Error(`login as ${name}: ${answer.status} ${await answer.text()}`);
    return await answer.text();
  }

  async request(method: string, target: string, options: { token?: string; headers?: Record<string, string>; body?: BodyInit } = {}): Promise<Response> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    return await fetch(this.url + target, { method, headers, body: options.body, redirect: 'manual' });
  }

  async json(method: string, target: string, token: string, body?: unknown): Promise<any> {
    const answer = await this.request(method, target, {
      token,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  // Uploads one file by multipart and gives its record.
  async upload(token: string, name: string, content: Uint8Array | string): Promise<any> {
    const form = new FormData();
    form.append('file', new Blob([content as BlobPart]), name);
    const answer = await this.request('POST', '/upload', { token, body: form });
    const body = await answer.json();
    if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${JSON.stringify(body)}`);
    return body.items[0];
  }

  // The record once its state is final.
  async settled(token: string, id: string, seconds = 60): Promise<any> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const record = await this.json('GET', `/files/${id}`, token);
      if (record.state === 'processed' || record.state === 'failed') return record;
      if (Date.now() > end) throw new Error(`file ${id} is still ${record.state} after ${seconds} s:\n${this.output.slice(-4000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export function basic(name: string, secret: string): string {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}
