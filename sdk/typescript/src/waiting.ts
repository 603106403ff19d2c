// SPDX-License-Identifier: Apache-2.0
// Deadlines, pauses and cancellation.

// A signal that follows the caller's and a deadline that can be moved; dispose() it.
export class Deadline {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly follow = () => this.controller.abort(this.outer?.reason);
  expired = false;

  constructor(private readonly outer: AbortSignal | undefined, ms: number) {
    if (outer?.aborted) this.follow();
    else outer?.addEventListener('abort', this.follow, { once: true });
    this.move(ms);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  move(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.expired = true;
      this.controller.abort(new Error(`nothing came for ${ms} ms`));
    }, ms);
  }

  // No deadline any more; the caller's signal still counts.
  lift(): void {
    clearTimeout(this.timer);
  }

  dispose(): void {
    this.lift();
    this.outer?.removeEventListener('abort', this.follow);
  }
}

export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

// What others wait for too: the caller's signal ends the caller's wait only.
export async function shared<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  let stop: () => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

// Doubles with each attempt up to `max`; a random part keeps many clients from coming back together.
export function backoff(attempt: number, base: number, max: number): number {
  return Math.min(max, base * 2 ** Math.min(attempt, 30)) * (0.5 + Math.random() / 2);
}
