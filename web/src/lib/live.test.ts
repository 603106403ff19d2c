// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { delayAfter, Live } from './live';
import { ApiError, SignedOutError } from './problem';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

// A server whose streams the test writes and ends.
class Server {
  streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  signals: AbortSignal[] = [];
  refusal: Error | null = null;
  readonly changes: boolean[] = [];
  readonly told: string[] = [];
  readonly live = new Live({
    connect: async (signal) => {
      this.signals.push(signal);
      if (this.refusal) throw this.refusal;
      return new ReadableStream<Uint8Array>({ start: (controller) => void this.streams.push(controller) });
    },
    onEvents: (events) => this.told.push(...events.map((event) => event.data)),
    onChange: (live) => this.changes.push(live),
  });

  tell(data: string): Promise<unknown> {
    this.streams.at(-1)!.enqueue(new TextEncoder().encode(`data: ${data}\n\n`));
    return this.settle();
  }
  settle(): Promise<unknown> {
    return vi.advanceTimersByTimeAsync(0);
  }
}

test('a stream that ends is opened again, and what it tells is passed on', async () => {
  const server = new Server();
  server.live.open();
  await server.settle();
  await server.tell('one');
  server.streams[0]!.close();
  await server.settle();
  expect(server.changes).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(2000);
  await server.tell('two');
  expect(server.told).toEqual(['one', 'two']);
  expect(server.changes).toEqual([true, false, true]);
  server.live.close();
});

test('a stream that says nothing for too long counts as gone', async () => {
  const server = new Server();
  server.live.open();
  await vi.advanceTimersByTimeAsync(41_000);
  expect(server.streams).toHaveLength(2);
  server.live.close();
});

test('a server that refuses is asked again a minute later, not sooner', async () => {
  const server = new Server();
  server.refusal = new ApiError(429, 'too_many_streams', 'Too many', '');
  server.live.open();
  await vi.advanceTimersByTimeAsync(45_000);
  expect(server.signals).toHaveLength(1);
  expect(server.changes).toEqual([]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(server.signals).toHaveLength(2);
  server.live.close();
});

test('once the session is over nothing is asked any more', async () => {
  const server = new Server();
  server.refusal = new SignedOutError();
  server.live.open();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(server.signals).toHaveLength(1);
});

test('what is closed is ended at once and stays so until it is opened', async () => {
  const server = new Server();
  server.live.open();
  await server.settle();
  server.live.close();
  expect(server.signals[0]!.aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(server.signals).toHaveLength(1);
  server.live.open();
  await server.settle();
  expect(server.changes).toEqual([true, false, true]);
  server.live.close();
});

test('the delay grows up to a bound', () => {
  const delays = [1, 2, 3, 10].map((failures) => delayAfter(failures, false, 0.5));
  expect(delays).toEqual([1000, 2000, 4000, 30_000]);
});
