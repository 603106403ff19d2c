// SPDX-License-Identifier: Apache-2.0
// Keeps a stream of events open while it is wanted: connects again when it ends, later and later when it cannot, and says
// whether it is there, so that its user can ask by itself meanwhile.
import { readEvents, type StreamEvent } from './event_stream';
import { ApiError, SignedOutError } from './problem';

export interface LiveOptions {
  connect: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  onEvents: (events: StreamEvent[]) => void;
  onChange: (live: boolean) => void;
}

const silence_ms = 40_000; // the server shows every 15 seconds that it is there
const connect_ms = 15_000;
const steady_ms = 5_000; // a stream that lasted so long ended well, however it ended
const delay_ms = 500;
const delay_max_ms = 30_000;
const refused_ms = 60_000; // too many streams, or none at this server

// How long to wait after `failures` failures in a row; a little by chance, so that not all pages come at once.
export function delayAfter(failures: number, refused: boolean, chance = Math.random()): number {
  const delay = refused ? refused_ms : Math.min(delay_ms * 2 ** failures, delay_max_ms);
  return delay * (0.8 + 0.4 * chance);
}

export class Live {
  private controller: AbortController | null = null;
  private live = false;

  constructor(private readonly options: LiveOptions) {}

  open(): void {
    if (this.controller) return;
    this.controller = new AbortController();
    void this.run(this.controller.signal);
  }

  close(): void {
    this.controller?.abort();
    this.controller = null;
    this.change(false);
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const attempt = new AbortController();
      signal.addEventListener('abort', () => attempt.abort(), { signal: attempt.signal });
      let refused = false;
      let since = 0;
      try {
        const body = await this.connect(attempt);
        if (signal.aborted) return;
        since = Date.now();
        this.change(true);
        await readEvents(body, (events) => (signal.aborted ? undefined : this.options.onEvents(events)), silence_ms);
      } catch (error) {
        if (error instanceof SignedOutError) return;
        refused = error instanceof ApiError;
      } finally {
        attempt.abort();
      }
      if (signal.aborted) return;
      this.change(false);
      failures = since !== 0 && Date.now() - since > steady_ms ? 0 : failures + 1;
      await sleep(delayAfter(failures, refused), signal);
    }
  }

  // The deadline is for the answer's head alone.
  private async connect(attempt: AbortController): Promise<ReadableStream<Uint8Array>> {
    const timer = setTimeout(() => attempt.abort(), connect_ms);
    try {
      return await this.options.connect(attempt.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private change(live: boolean): void {
    if (live === this.live) return;
    this.live = live;
    this.options.onChange(live);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
