// SPDX-License-Identifier: Apache-2.0
// The client of one Gatehouse, for one user at a time.
import { fill, readResult } from './answers.js';
import { Calls } from './calls.js';
import type { ProblemError } from './errors.js';
import { followEvents, type EventOptions, type FileEvent } from './events.js';
import { Files } from './files.js';
import { MemoryTokenStorage, Session, type Credentials, type Identity, type TokenStorage } from './session.js';
import { Transport, type Body, type Query } from './transport.js';
import type { Arguments, CallOptions, FileRecord, Method, PathOf, RequestOptions, Result } from './types.js';
import { cancelUpload, upload, type UploadOptions, type UploadSource } from './uploads.js';

export interface ClientOptions {
  /** Of the gateway: https://gate.example. */
  url: string;
  /** Memory by default: whoever comes back logs in again. */
  storage?: TokenStorage;
  fetch?: typeof fetch;
  /** Of one attempt; where content streams, of a wait without a byte: 30000. */
  timeoutMs?: number;
  /** How often what may be repeated is tried again: 3. */
  retries?: number;
  /** Before the first repetition; doubles each time: 500. */
  retryDelayMs?: number;
  /** The longest pause; a longer Retry-After is an error: 30000. */
  retryDelayMaxMs?: number;
  /** Called when the session cannot be renewed: log in again. */
  onSessionEnd?: (problem: ProblemError) => void;
}

export interface SendOptions extends CallOptions {
  query?: Query;
  headers?: Record<string, string>;
  json?: unknown;
  body?: Body;
  /** Without a token. */
  anonymous?: boolean;
  /** Twice is as good as once: may be tried again when there was no answer. */
  repeatable?: boolean;
}

interface AnyRequestOptions extends CallOptions {
  path?: Record<string, unknown>;
  query?: Query;
  headers?: Record<string, unknown>;
  json?: unknown;
  body?: Body;
}

// These take no token, or bring what they need.
const anonymousPaths = new Set<string>(['/login', '/refresh', '/setup', '/register', '/verify-email', '/forgot-password', '/reset-password']);

export class Gatehouse {
  readonly files: Files;
  private readonly calls: Calls;
  private readonly session: Session;

  constructor(options: ClientOptions) {
    const transport = new Transport({
      url: options.url,
      fetch: options.fetch ?? ((...request) => fetch(...request)),
      timeoutMs: options.timeoutMs ?? 30_000,
      retries: options.retries ?? 3,
      retryDelayMs: options.retryDelayMs ?? 500,
      retryDelayMaxMs: options.retryDelayMaxMs ?? 30_000,
    });
    this.session = new Session(transport, options.storage ?? new MemoryTokenStorage(), (problem) => options.onSessionEnd?.(problem));
    this.calls = new Calls(transport, this.session);
    this.files = new Files(this.calls);
  }

  /** Who has a second factor and gave no `otp` gets the problem otp_required. */
  async login(credentials: Credentials, options: { signal?: AbortSignal } = {}): Promise<Identity> {
    return await this.session.logIn(credentials, options.signal);
  }

  /** Ends the session everywhere. The tokens here are gone even if it throws because the server could not be told. */
  async logout(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.session.logOut(options.signal);
  }

  /** Who is logged in, as the newest token says. */
  async user(): Promise<Identity | undefined> {
    return await this.session.user();
  }

  /** Any request of docs/openapi.json, with its types: request('GET', '/files/{id}', {path: {id}}). */
  async request<M extends Method, P extends PathOf<M>>(method: M, path: P, ...[options]: Arguments<RequestOptions<P, M>>): Promise<Result<P, M>> {
    const { path: values, query, headers, json, body, ...rest } = (options ?? {}) as AnyRequestOptions;
    const timeoutMs = rest.timeoutMs ?? this.calls.transport.options.timeoutMs;
    const texts: Record<string, string> = { accept: 'application/json, */*;q=0.5' };
    for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) texts[name.toLowerCase()] = String(value);
    const call = withBody({ method, path: fill(path, values), query, headers: texts, anonymous: anonymousPaths.has(path), ...rest }, json, body);
    return (await this.calls.exchange(call, async (answer, deadline) => await readResult(answer, deadline, timeoutMs))) as Result<P, M>;
  }

  /** Any request at all, for services behind the gateway: the answer as it is, its body not read yet. Throws from status 400 on. */
  async send(method: string, path: string, { json, body, ...options }: SendOptions = {}): Promise<Response> {
    const call = withBody({ method: method.toUpperCase(), path, ...options, headers: lowered(options.headers) }, json, body);
    return await this.calls.exchange(call, async (answer) => answer);
  }

  /** In pieces; goes on by itself after a break, and by `url` after the end of the program. */
  async upload(source: Blob | Uint8Array | UploadSource, options: UploadOptions = {}): Promise<FileRecord> {
    return await upload(this.calls, source, options);
  }

  /** Removes an unfinished upload and what the server has of it. */
  async cancelUpload(url: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await cancelUpload(this.calls, url, options.signal);
  }

  /** One's files as they change: for await (const event of client.events()). */
  events(options: EventOptions = {}): AsyncGenerator<FileEvent, void, undefined> {
    return followEvents(this.calls, options);
  }
}

const lowered = (headers: Record<string, string> = {}) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function withBody<T extends { headers: Record<string, string> }>(call: T, json: unknown, body: Body | undefined): T & { body?: Body } {
  if (json === undefined) {
    const typed = body === undefined || body instanceof FormData || body instanceof URLSearchParams || 'content-type' in call.headers;
    if (typed || typeof body === 'string' || (body instanceof Blob && body.type)) return { ...call, ...(body === undefined ? {} : { body }) };
    return { ...call, body: body!, headers: { ...call.headers, 'content-type': 'application/octet-stream' } };
  }
  return { ...call, body: JSON.stringify(json), headers: { ...call.headers, 'content-type': 'application/json' } };
}
