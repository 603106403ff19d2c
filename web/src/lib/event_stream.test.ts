// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test, vi } from 'vitest';

import { EventParser, readEvents, type StreamEvent } from './event_stream';

const stream = 'retry: 2000\n\n:\n\nevent: file\nid: 7-1\ndata: {"a":1}\n\nevent: removed\r\nid: 7-2\r\ndata: {\r\ndata: }\r\n\r\ndata:x\r\revent: file\n\n';
const events: StreamEvent[] = [
  { type: 'file', id: '7-1', data: '{"a":1}' },
  { type: 'removed', id: '7-2', data: '{\n}' },
  { type: 'message', id: '7-2', data: 'x' },
];

describe('a stream of events', () => {
  test.each([1, 2, 3, 7, 1000])('is the same in pieces of %i', (size) => {
    const parser = new EventParser();
    const found: StreamEvent[] = [];
    for (let at = 0; at < stream.length; at += size) found.push(...parser.push(stream.slice(at, at + size)));
    expect(found).toEqual(events);
  });

  test('keeps what has not come to its end, up to a bound', () => {
    const parser = new EventParser();
    expect(parser.push('data: half')).toEqual([]);
    expect(parser.push(' and half\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ type: 'message', id: '', data: 'half and half' }]);
    expect(() => parser.push('x'.repeat(5_000_000))).toThrow('too long');
  });
});

describe('a response that is read', () => {
  const bytes = new TextEncoder();

  test('gives events whatever the pieces, characters that are cut in two as well', async () => {
    const whole = bytes.encode('data: größer\n\n');
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of whole) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const take = vi.fn();
    await readEvents(body, take, 1000);
    expect(take.mock.calls).toEqual([[[{ type: 'message', id: '', data: 'größer' }]]]);
  });

  test('ends with an error when it falls silent, and lets the request go', async () => {
    const cancel = vi.fn();
    const body = new ReadableStream<Uint8Array>({ cancel });
    await expect(readEvents(body, vi.fn(), 5)).rejects.toThrow('silent');
    expect(cancel).toHaveBeenCalled();
  });
});
