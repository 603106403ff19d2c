// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { formatAge, formatBytes, formatDuration, formatSpeed, kindOf, formatAgent, formatMilliseconds, formatRate } from './format';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 KB'],
  [23_600, '24 KB'],
  [999_499, '999 KB'],
  [999_500, '1.0 MB'],
  [84_340_000, '84.3 MB'],
  [99_960_000, '100 MB'],
  [1_240_000_000, '1.2 GB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('a speed is bytes in a second', () => {
  expect(formatSpeed(13_200_000)).toBe('13.2 MB/s');
});

test.each([
  [0, '1 s'],
  [0.2, '1 s'],
  [59, '59 s'],
  [60, '1 min'],
  [75, '1 min 15 s'],
  [3600, '1 h'],
  [7380, '2 h 3 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

describe('ages', () => {
  const now = Date.parse('2026-11-24T12:00:00.000Z');
  test.each([
    ['2026-11-24T11:59:30.000Z', 'just now'],
    ['2026-11-24T12:00:10.000Z', 'just now'], // a clock that goes ahead
    ['2026-11-24T11:55:00.000Z', '5 minutes ago'],
    ['2026-11-24T09:10:00.000Z', '2 hours ago'],
    ['2026-11-23T11:00:00.000Z', 'yesterday'],
    ['2026-11-20T11:00:00.000Z', '4 days ago'],
    ['2026-11-01T12:00:00.000Z', 'Nov 1, 2026'],
    ['nonsense', ''],
  ])('%s is %s', (time, text) => {
    expect(formatAge(time, now)).toBe(text);
  });
});

test.each([
  ['video/mp4', 'video'],
  ['audio/mpeg', 'audio'],
  ['image/png', 'image'],
  ['application/pdf', 'text'],
  ['application/zip', 'archive'],
  ['application/octet-stream', 'file'],
  ['', 'file'],
])('%s is shown as %s', (type, kind) => {
  expect(kindOf(type)).toBe(kind);
});

test('a browser is named as people know it, another program as it names itself', () => {
  const cases: [string, string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36', 'Chrome on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0', 'Edge on Windows'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 14.1; rv:120.0) Gecko/20100101 Firefox/120.0', 'Firefox on macOS'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1', 'Safari on iOS'],
    ['Mozilla/5.0 (Something) Else/1', 'Mozilla/5.0 (Something) Else/1'],
    ['curl/8.5.0', 'curl/8.5.0'],
    ['', 'Unknown program'],
  ];
  for (const [agent, name] of cases) expect(formatAgent(agent)).toBe(name);
});

test('rates and short times', () => {
  expect([0, 0.25, 1, 12.34, 250.4].map(formatRate)).toEqual(['0/s', '0.25/s', '1/s', '12.3/s', '250/s']);
  expect([0.42, 4.2, 42.4, 1500].map(formatMilliseconds)).toEqual(['0.4 ms', '4.2 ms', '42 ms', '1.5 s']);
});
