// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { SpeedMeter } from './upload';

test('a steady upload has its speed from the first measure on', () => {
  const meter = new SpeedMeter(0);
  expect(meter.update(100, 100)).toBeNull();
  expect(meter.update(500, 500)).toBe(1000);
  expect(meter.update(1000, 1000)).toBe(1000);
});

test('a stall slows it down by and by', () => {
  const meter = new SpeedMeter(0);
  meter.update(1000, 1000);
  const after = [2000, 3000, 4000].map((time) => meter.update(1000, time) ?? NaN);
  expect(after[0]).toBeLessThan(1000);
  expect(after[0]).toBeGreaterThan(500);
  expect(after[2]).toBeLessThan(300);
});

test('pieces in quick succession do not shake it', () => {
  const meter = new SpeedMeter(0);
  meter.update(1000, 1000);
  expect(meter.update(50_000, 1001)).toBe(1000);
});
