// SPDX-License-Identifier: Apache-2.0
// A whole installation of the real program, on free ports and with stores of its own: one process on embedded stores, or,
// with GATEHOUSE_TEST_STORES=distributed, each role its own process on MySQL, MongoDB and RabbitMQ. Tests see one thing.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { binary, freePort, Process, sleep } from './process.js';
import { Stores } from './servers.js';

export { binary, root } from './process.js';
export const password = 'correct horse battery staple';
export const distributed = process.env.GATEHOUSE_TEST_STORES === 'distributed';

export function scratchDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
}

export interface Options {
  data?: string; // kept by the caller when given
  config?: string; // YAML
  env?: Record<string, string>;
  distributed?: boolean; // instead of what the environment says
  port?: number; // of the one process, at every start; else any free one
  replicas?: Partial<Record<Role, number>>; // processes of a role when distributed
  stores?: (stores: Stores) => Record<string, string>; // other variables than those of `stores`, for a way through a proxy
}

export const roles = ['auth', 'files', 'worker', 'notifier', 'gateway'] as const;
export type Role = (typeof roles)[number];

export class Gatehouse {
  readonly data: string;
  readonly distributed: boolean;
  readonly stores: Stores | undefined;
  processes: Process[] = [];
  url = '';
  urls: string[] = []; // of every gateway, `url` is the first
  private roleUrls: Record<string, string> = {}; // where the roles reach each other
  private readonly ownsData: boolean;
  private readonly configFile: string | undefined;

  constructor(private readonly options: Options = {}) {
    this.distributed = options.distributed ?? distributed;
    this.ownsData = options.data === undefined;
    this.data = options.data ?? scratchDirectory();
    if (options.config !== undefined) {
      this.configFile = path.join(this.data, 'gatehouse.yaml');
      writeFileSync(this.configFile, options.config);
    }
    if (this.distributed) this.stores = new Stores();
  }

  // Where a role keeps what is its process's own: mails, the set-up link.
  dataOf(role: Role): string {
    return this.distributed ? path.join(this.data, role) : this.data;
  }

  // The processes of a role; the one process when they are all in it.
  of(role: Role): Process[] {
    return this.distributed ? this.processes.filter((process) => process.name.split('-')[0] === role) : this.processes;
  }

  // Where the processes of a role are asked themselves; the gateway, when all roles are in one process.
  urlsOf(role: 'auth' | 'files'): string[] {
    return this.urls[`GATEHOUSE_${role.toUpperCase()}__URLS`]?.split(',') ?? [this.url];
  }

  get output(): string {
    return this.processes.map((process) => process.output).join('');
  }
  get opsUrl(): string {
    return this.of('gateway')[0].opsUrl;
  }
  get pid(): number {
    return this.of('gateway')[0].pid;
  }

  // The management commands run while nothing else of the test does, so they go straight to the servers.
  private get env(): Record<string, string> {
    if (!this.stores) return { ...this.options.env };
    return {
      GATEHOUSE_AUTH__STORE: this.stores.mysql.href,
      GATEHOUSE_FILES__STORE: this.stores.mongodb.href,
      GATEHOUSE_EVENTS__STORE: this.stores.rabbitmq.href,
      GATEHOUSE_SERVICE_KEY: 'a service key of the tests, 32 or more',
      GATEHOUSE_AUTH__ENCRYPTION_KEY: 'an encryption key of the tests, 32 or more',
      ...this.roleUrls,
      ...this.options.env,
    };
  }

  private commonArguments(data: string): string[] {
    return ['--data', data, ...(this.configFile ? ['--config', this.configFile] : [])];
  }

  // Makes stores and processes at the first call; later ones start again what has ended.
  async start(): Promise<this> {
    if (this.processes.length === 0) await (this.distributed ? this.arrangeRoles() : this.arrangeOne());
    const ended = this.processes.filter((process) => !process.running);
    await Promise.all(ended.map((process) => process.start()));
    if (!this.distributed) {
      const open = /http:\/\/localhost:(\d+)\//.exec(this.output);
      this.url = `http://localhost:${open![1]}`;
      this.urls = [this.url];
    }
    await Promise.all(ended.map((process) => process.ready()));
    return this;
  }

  private arrangeOne(): void {
    const args = [...this.commonArguments(this.data), '--listen', `127.0.0.1:${this.options.port ?? 0}`, '--ops-listen', '127.0.0.1:0'];
    this.processes.push(new Process('gatehouse', args, this.env));
  }

  private async arrangeRoles(): Promise<void> {
    this.stores!.create();
    const count = (role: Role) => this.options.replicas?.[role] ?? 1;
    const ports: Partial<Record<Role, number[]>> = {};
    for (const role of ['auth', 'files', 'gateway'] as const) ports[role] = await Promise.all(Array.from({ length: count(role) }, freePort));
    this.urls = ports.gateway!.map((port) => `http://localhost:${port}`);
    this.url = this.urls[0];
    const urls = (list: number[]) => list.map((port) => `http://127.0.0.1:${port}`).join(',');
    this.roleUrls = {
      GATEHOUSE_AUTH__URLS: urls(ports.auth!),
      GATEHOUSE_FILES__URLS: urls(ports.files!),
      GATEHOUSE_GATEWAY__PUBLIC_URL: this.url,
    };
    for (const role of roles) {
      for (let i = 0; i < count(role); i++) {
        const name = i === 0 ? role : `${role}-${i + 1}`;
        const data = path.join(this.data, name);
        mkdirSync(data, { recursive: true, mode: 0o700 });
        const args = ['--role', role, ...this.commonArguments(data), '--ops-listen', '127.0.0.1:0'];
        const port = ports[role]?.[i];
        if (port !== undefined) args.push('--listen', `127.0.0.1:${port}`);
        this.processes.push(new Process(name, args, { ...this.env, ...this.options.stores?.(this.stores!) }));
      }
    }
  }

  // Ends every process with the signal; resolves to the exit code of the worst (null when a signal ended it). Throws when one
  // of them did not end well (see Process.end), after all have ended.
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const outcomes = await Promise.allSettled(this.processes.map((process) => process.end(signal)));
    const codes = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
    return codes.find((code) => code !== 0) ?? (codes.includes(null) ? null : 0);
  }

  async stop(): Promise<number | null> {
    try {
      return await this.end();
    } finally {
      await this.stores?.remove();
      if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
    }
  }

  // Runs a management command; throws with its output when it fails.
  command(args: string[], input = ''): string {
    this.stores?.create();
    return execFileSync(binary, [...args, ...this.commonArguments(this.dataOf('auth'))], {
      input,
      encoding: 'utf8',
      env: { ...process.env, ...this.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
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

  async request(
    method: string,
    target: string,
    options: { token?: string; headers?: Record<string, string>; body?: BodyInit; gateway?: number } = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    return await fetch(this.urls[options.gateway ?? 0] + target, { method, headers, body: options.body, redirect: 'manual' });
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
      await sleep(100);
    }
  }
}

export function basic(name: string, secret: string): string {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}
