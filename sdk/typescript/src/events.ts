// SPDX-License-Identifier: Apache-2.0
// What happens to one's files, for as long as somebody listens: connects again when the stream ends, as it does with each token.
import type { Calls } from './calls.js';
import { readingOf } from './downloads.js';
import { ConnectionError, GatehouseError, ProblemError } from './errors.js';
import { reasonOf } from './transport.js';
import { EventParser, type ServerSentEvent } from './sse.js';
import type { FileRecord } from './types.js';
import { backoff, pause } from './waiting.js';

export type FileEvent =
  | { type: 'file'; id: string; file: FileRecord } // made, or another state or progress
  | { type: 'removed'; id: string };

export interface EventOptions {
  /** Ends the iteration without an error. */
  signal?: AbortSignal | undefined;
  /** Connections one after the other that fail or do not last: 10. */
  retries?: number;
  /** A connection on which nothing comes is given up; the server sends something every 15 seconds. */
  idleMs?: number;
  /**
   * At each connection. The latest 50 uploads follow it, of which those are told that changed; what was removed while there was
   * no connection is not: a list that must be exact is read anew here.
   */
  onConnect?: () => void;
}

const lastingMs = 10_000;
const knownMax = 256; // more than the server repeats

class FileEvents {
  private readonly known = new Map<string, string>(); // by id: its latest record, the oldest first

  // Undefined for what was told already, and for kinds of events that a later server may have.
  take({ event, data }: ServerSentEvent): FileEvent | undefined {
    if (event !== 'file' && event !== 'removed') return undefined;
    let record: FileRecord;
    try {
      record = JSON.parse(data) as FileRecord;
    } catch (cause) {
      throw new GatehouseError('an event is not JSON', { cause });
    }
    if (event === 'removed') {
      this.known.delete(record.id);
      return { type: 'removed', id: record.id };
    }
    if (this.known.get(record.id) === data) return undefined;
    this.known.delete(record.id);
    this.known.set(record.id, data);
    for (const id of this.known.keys()) {
      if (this.known.size <= knownMax) break;
      this.known.delete(id);
    }
    return { type: 'file', id: record.id, file: record };
  }
}

export async function* followEvents(calls: Calls, options: EventOptions = {}): AsyncGenerator<FileEvent, void, undefined> {
  const { signal, retries = 10, idleMs = 45_000, onConnect } = options;
  const { retryDelayMs, retryDelayMaxMs } = calls.transport.options;
  const files = new FileEvents();
  for (let failures = 0; !signal?.aborted;) {
    const began = Date.now();
    let wait = 0;
    try {
      yield* followOnce(calls, files, idleMs, signal, onConnect);
    } catch (error) {
      if (signal?.aborted) return;
      const passing = error instanceof ConnectionError || (error instanceof ProblemError && (error.status >= 500 || error.status === 429));
      if (!passing || failures >= retries) throw error;
      wait = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
      if (wait > retryDelayMaxMs) throw error;
    }
    failures = Date.now() - began >= lastingMs ? 0 : failures + 1;
    if (failures > retries) throw new ConnectionError('the stream of events ends again and again');
    await pause(Math.max(wait, backoff(Math.max(0, failures - 1), retryDelayMs, retryDelayMaxMs)), signal).catch(() => {});
  }
}

async function* followOnce(calls: Calls, files: FileEvents, idleMs: number, signal: AbortSignal | undefined,
  onConnect: (() => void) | undefined): AsyncGenerator<FileEvent, void, undefined> {
  const call = { method: 'GET', path: '/events', headers: { accept: 'text/event-stream' }, signal, retries: 0 };
  const answer = await calls.exchange(call, async (response) => response);
  if (!answer.body || !answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    await answer.body?.cancel();
    throw new GatehouseError('the answer to /events is no stream of events');
  }
  const reading = readingOf(answer.body, idleMs);
  const parser = new EventParser();
  const decoder = new TextDecoder();
  try {
    onConnect?.();
    for (;;) {
      const value = await reading.read().catch((error: unknown) => {
        throw error instanceof GatehouseError ? error : new ConnectionError(`GET /events: ${reasonOf(error)}`, { cause: error });
      });
      if (!value) return;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        const told = files.take(event);
        if (told) yield told;
        if (signal?.aborted) return;
      }
    }
  } finally {
    await reading.cancel();
  }
}
