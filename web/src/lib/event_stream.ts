// SPDX-License-Identifier: Apache-2.0
// Server-sent events out of a response that is read piece by piece. EventSource would write every refusal and every broken
// connection to the browser's console, and says nothing of a status; a request says what it met.

export interface StreamEvent {
  type: string; // "message" where the stream names none
  id: string;
  data: string;
}

const pending_max = 4 * 1024 * 1024; // of one event that does not come to its end

// Text in pieces to events, as https://html.spec.whatwg.org/multipage/server-sent-events.html has it; `retry` is left to
// whoever connects.
export class EventParser {
  private rest = '';
  private type = '';
  private id = '';
  private data: string[] = [];

  // The events that `text` completes.
  push(text: string): StreamEvent[] {
    this.rest += text;
    // A CR at the end may be the first half of a CRLF.
    const held = this.rest.endsWith('\r') ? '\r' : '';
    const lines = this.rest.slice(0, this.rest.length - held.length).split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? '') + held;
    const events = lines.map((line) => this.take(line)).filter((event) => event !== null);
    if (this.rest.length + this.data.reduce((sum, line) => sum + line.length, 0) > pending_max) throw new Error('an event is too long');
    return events;
  }

  private take(line: string): StreamEvent | null {
    if (line === '') return this.finish();
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'event') this.type = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.id = value;
    return null;
  }

  private finish(): StreamEvent | null {
    const event = this.data.length === 0 ? null : { type: this.type || 'message', id: this.id, data: this.data.join('\n') };
    this.type = '';
    this.data = [];
    return event;
  }
}

// Reads until the stream ends. Throws when it breaks off, or when not even a sign of life came for `silence_ms`.
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  take: (events: StreamEvent[]) => void,
  silence_ms: number,
): Promise<void> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    while (true) {
      const { done, value } = await within(reader.read(), silence_ms);
      if (done) return;
      const events = parser.push(decoder.decode(value, { stream: true }));
      if (events.length > 0) take(events);
    }
  } finally {
    // Ends the request too, where it has not ended.
    void reader.cancel().catch(() => undefined);
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the stream is silent')), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
