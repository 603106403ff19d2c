// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { addLevel, type Level } from './levels';
import type { Status } from './types';

function status(seconds: number, more: Partial<Status> = {}): Status {
  return {
    time: new Date(seconds * 1000).toISOString(), version: '', ready: true, roles: [], services: [], processes: [], mails: false,
    queues: [{ name: 'worker', depth: 3, dead: 0 }, { name: 'notifier', depth: null, dead: null }],
    disk: { capacity_bytes: 100, available_bytes: 40 },
    ...more,
  };
}

test('a look adds what waits and what is used', () => {
  expect(addLevel([], status(4))).toEqual([{ at: 4000, depths: { worker: 3, notifier: null }, used: 60 }]);
});

test('stores on servers have neither queues nor a disk to tell of', () => {
  expect(addLevel([], status(4, { queues: null, disk: null }))).toEqual([{ at: 4000, depths: {}, used: null }]);
});

test('an answer that was kept counts once, and the points stay within bounds', () => {
  let points: Level[] = [];
  for (let i = 0; i < 400; i++) points = addLevel(points, status(i * 4));
  expect(points).toHaveLength(150);
  expect(points.at(-1)?.at).toBe(399 * 4000);
  expect(addLevel(points, status(399 * 4))).toBe(points);
});
