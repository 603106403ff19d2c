// SPDX-License-Identifier: Apache-2.0
// One request and its answer: deadline, bounded retries, problems as errors. Knows nothing of sessions.
import { ConnectionError, DeadlineError, GatehouseError, ProblemError, problemOf } from './errors.js';
import { backoff, Deadline, pause } from './waiting.js';

/** What fetch takes, by types that Node has too. */
export type Body = NonNullable<RequestInit['body']>;
export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Exchange {
  method: string;
  /** Encoded, begins with one slash. */
  path: string;
  query?: Query | undefined;
  headers?: Record<string, string>;
  body?: Body | undefined;
  signal?: AbortSignal | undefined;
  /** Of one attempt. */
  timeoutMs?: number | undefined;
  retries?: number | undefined;
  /** Twice is as good as once; by default that is a matter of the method. */
  repeatable?: boolean | undefined;
}

export interface TransportOptions {
  url: string;
  fetch: typeof fetch;
  timeoutMs: number;
  retries: number;
  retryDelayMs: number;
  retryDelayMaxMs: number;
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);
// Answered before anything was done.
const turnedAway = new Set<string>(['overloaded', 'maintenance', 'revocations_stale', 'too_many_requests']);
const passing = new Set([408, 502, 503, 504]);

export class Transport {
  readonly base: URL;

  constructor(readonly options: TransportOptions) {
    this.base = new URL(options.url);
    if (!/^https?:$/.test(this.base.protocol)) throw new GatehouseError(`url must begin with http:// or https://: ${options.url}`);
    if (this.base.username || this.base.password) throw new GatehouseError('url must not have a user name or password in it');
    this.base.pathname = this.base.pathname.replace(/\/+$/, '');
    this.base.search = this.base.hash = '';
  }

  // Where a request goes: always to the server of `url`, whatever the path is.
  address(path: string, query: Query = {}): URL {
    if (!path.startsWith('/') || path.startsWith('//')) throw new GatehouseError(`a path must begin with one slash: ${path}`);
    const address = new URL(this.base.href.replace(/\/$/, '') + path);
    if (address.origin !== this.base.origin) throw new GatehouseError(`not on ${this.base.origin}: ${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null) address.searchParams.append(name, String(value));
    return address;
  }

  /** `read` takes the answer within the deadline; what it returns is the result. */
  async exchange<T>(exchange: Exchange, read: (answer: Response, deadline: Deadline) => Promise<T>): Promise<T> {
    const retries = exchange.retries ?? this.options.retries;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.attempt(exchange, read);
      } catch (error) {
        if (exchange.signal?.aborted || attempt >= retries || !mayRepeat(exchange, error)) throw error;
        const asked = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
        if (asked > this.options.retryDelayMaxMs) throw error;
        await pause(Math.max(asked, backoff(attempt, this.options.retryDelayMs, this.options.retryDelayMaxMs)), exchange.signal);
      }
    }
  }

  private async attempt<T>(exchange: Exchange, read: (answer: Response, deadline: Deadline) => Promise<T>): Promise<T> {
    const { method, path, query, headers, body, signal, timeoutMs = this.options.timeoutMs } = exchange;
    const address = this.address(path, query);
    signal?.throwIfAborted();
    const deadline = new Deadline(signal, timeoutMs);
    let kept: Response | undefined; // its body is read later, and the caller's signal ends it
    try {
      // No cookies: who asks is who logged in here. No redirects: a token goes where it is meant to.
      const init: RequestInit & { duplex?: 'half' } = { method, headers: headers ?? {}, signal: deadline.signal, redirect: 'manual', credentials: 'omit', cache: 'no-store' };
      if (body !== undefined) init.body = body;
      if (isStream(body)) init.duplex = 'half';
      const answer = await this.options.fetch(address, init);
      if (answer.status >= 400) throw await problemOf(answer);
      const result = await read(answer, deadline);
      if (!(result instanceof Response) || !result.body) return result;
      deadline.lift();
      return (kept = untilRead(result, result.body, () => deadline.dispose())) as T & Response;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (deadline.expired) throw new DeadlineError(`${method} ${path}: no answer within ${timeoutMs} ms`, { cause: error });
      if (error instanceof GatehouseError) throw error;
      throw new ConnectionError(`${method} ${path}: ${reasonOf(error)}`, { cause: error });
    } finally {
      if (!kept) deadline.dispose();
    }
  }
}

// The same answer; `end` is called when its body has been read or given up.
function untilRead(answer: Response, body: ReadableStream<Uint8Array>, end: () => void): Response {
  const reader = body.getReader();
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          throw error;
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const copy = new Response(watched, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
  return Object.defineProperty(copy, 'url', { value: answer.url });
}

export const isStream = (body: unknown): boolean => typeof ReadableStream !== 'undefined' && body instanceof ReadableStream;

function mayRepeat({ method, body, repeatable }: Exchange, error: unknown): boolean {
  if (isStream(body)) return false;
  const harmless = repeatable ?? safe.has(method);
  if (error instanceof ProblemError) return turnedAway.has(error.code) || (harmless && passing.has(error.status));
  return harmless && error instanceof ConnectionError;
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message ? `${error.message}: ${error.cause.message}` : error.message;
}
