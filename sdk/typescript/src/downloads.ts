// SPDX-License-Identifier: Apache-2.0
// Downloads that go on where the connection broke off.
import { fill } from './answers.js';
import type { Calls } from './calls.js';
import { ConnectionError, DeadlineError, GatehouseError, ProblemError } from './errors.js';
import { reasonOf } from './transport.js';
import { backoff, pause } from './waiting.js';

export interface DownloadOptions {
  /** The first byte. */
  from?: number;
  /** The last one. */
  to?: number;
  signal?: AbortSignal | undefined;
  /** Of a wait without a byte: 30000. */
  timeoutMs?: number;
  /** Attempts one after the other that bring no byte: 3. */
  retries?: number;
}

export interface Reading {
  /** Undefined at the end. */
  read: () => Promise<Uint8Array | undefined>;
  cancel: (reason?: unknown) => Promise<void>;
}

// Reads with a limit to each wait.
export function readingOf(body: ReadableStream<Uint8Array>, timeoutMs: number): Reading {
  const reader = body.getReader();
  const cancel = async (reason?: unknown) => await reader.cancel(reason).catch(() => {}); // one that failed is over anyway
  return {
    cancel,
    read: async () => {
      let timer: ReturnType<typeof setTimeout>;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new DeadlineError(`nothing came for ${timeoutMs} ms`));
          void cancel();
        }, timeoutMs);
      });
      try {
        return (await Promise.race([reader.read(), late])).value;
      } finally {
        clearTimeout(timer!);
      }
    },
  };
}

// What may be asked for again, and where: only of content that the server can tell from another.
function rangeOf(answer: Response): { first: number; last: number; etag: string } | undefined {
  const etag = answer.headers.get('etag');
  const length = answer.headers.get('content-length');
  if (!etag?.startsWith('"') || answer.headers.has('content-encoding')) return undefined;
  const range = /^bytes (\d+)-(\d+)\//.exec(answer.headers.get('content-range') ?? '');
  if (range) return { first: Number(range[1]), last: Number(range[2]), etag };
  return answer.status === 200 && length !== null ? { first: 0, last: Number(length) - 1, etag } : undefined;
}

export async function download(calls: Calls, id: string, options: DownloadOptions = {}): Promise<Response> {
  const { signal, timeoutMs = calls.transport.options.timeoutMs, retries = calls.transport.options.retries } = options;
  const path = fill('/files/{id}/content', { id });
  const ask = async (headers: Record<string, string>, attempts: number): Promise<Response> =>
    await calls.exchange({ method: 'GET', path, headers, signal, timeoutMs, retries: attempts }, async (answer) => answer);

  const partial = options.from !== undefined || options.to !== undefined;
  const answer = await ask(partial ? { range: `bytes=${options.from ?? 0}-${options.to ?? ''}` } : {}, retries);
  if (!answer.body) return answer;
  const range = rangeOf(answer);
  let reading = readingOf(answer.body, timeoutMs);
  let at = range?.first ?? 0;

  const goOn = async (cause: unknown, failures: number): Promise<void> => {
    if (signal?.aborted) throw signal.reason;
    const broken = new ConnectionError(`GET ${path}: broke off at byte ${at}: ${reasonOf(cause)}`, { cause });
    if (!range || failures > retries) throw broken;
    const { retryDelayMs, retryDelayMaxMs } = calls.transport.options;
    await pause(backoff(failures - 1, retryDelayMs, retryDelayMaxMs), signal);
    const rest = await ask({ range: `bytes=${at}-${range.last}`, 'if-range': range.etag }, 0);
    if (rest.status !== 206 || !rest.body || rangeOf(rest)?.first !== at) {
      await rest.body?.cancel();
      throw new GatehouseError(`GET ${path}: the content changed while it was read`, { cause });
    }
    reading = readingOf(rest.body, timeoutMs);
  };
  const mayPass = (error: unknown) => error instanceof ConnectionError || (error instanceof ProblemError && (error.status >= 500 || error.status === 429));

  const next = async (): Promise<Uint8Array | undefined> => {
    let failures = 0;
    let broken: unknown;
    for (;;) {
      try {
        if (broken !== undefined) await goOn(broken, failures);
        broken = undefined;
      } catch (error) {
        if (signal?.aborted || failures > retries || !mayPass(error)) throw error;
        failures++;
        continue;
      }
      try {
        const value = await reading.read();
        if (value) at += value.byteLength;
        else if (range && at <= range.last) throw new ConnectionError('the connection ended early');
        return value;
      } catch (error) {
        if (!range) throw error;
        failures++;
        broken = error;
      }
    }
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const value = await next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: async (reason) => await reading.cancel(reason),
    },
    { highWaterMark: 0 }, // waits, and so deadlines, begin with who reads
  );
  return new Response(body, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
}
