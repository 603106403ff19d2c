// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';

import { quantile, Traffic, type TrafficPoint } from './traffic';
import type { Status } from './types';

const bounds = [0.01, 0.1, 1];

function status(seconds: number, answered: number, errors: number, counts: number[], started = 'a'): Status {
  return {
    time: new Date(seconds * 1000).toISOString(), version: '', ready: true, roles: [], services: [], queues: null, disk: null, mails: false,
    processes: [{
      roles: ['gateway'], reachable: true, ready: true, started_at: started,
      requests: { answered, client_errors: 0, server_errors: errors, active: 0, seconds_bounds: bounds, seconds_counts: counts },
    }],
  };
}

test('a quantile lies within its bucket, as far as the counts say', () => {
  expect(quantile(bounds, [10, 0, 0, 0], 0.5)).toBeCloseTo(0.005);
  expect(quantile(bounds, [5, 5, 0, 0], 0.75)).toBeCloseTo(0.055);
  expect(quantile(bounds, [0, 0, 0, 4], 0.5)).toBe(1);
  expect(quantile(bounds, [0, 0, 0, 0], 0.5)).toBeNull();
});

describe('traffic', () => {
  test('is what came between two looks', () => {
    const traffic = new Traffic();
    let points: TrafficPoint[] = traffic.add([], status(0, 100, 1, [100, 0, 0, 0]));
    expect(points).toEqual([]);
    points = traffic.add(points, status(4, 140, 3, [120, 20, 0, 0]));
    expect(points).toHaveLength(1);
    expect(points[0]).toMatchObject({ at: 4000, perSecond: 10, errorsPerSecond: 0.5 });
    expect(points[0]?.median).toBeCloseTo(10);
    expect(points[0]?.slow).toBeCloseTo(91);
  });

  test('without requests has no times', () => {
    const traffic = new Traffic();
    traffic.add([], status(0, 5, 0, [5, 0, 0, 0]));
    expect(traffic.add([], status(4, 5, 0, [5, 0, 0, 0]))[0]).toMatchObject({ perSecond: 0, median: null, slow: null });
  });

  test('counts an answer that was kept once, and begins anew with another process', () => {
    const traffic = new Traffic();
    traffic.add([], status(0, 5, 0, [5, 0, 0, 0]));
    const points = traffic.add([], status(4, 9, 0, [9, 0, 0, 0]));
    expect(traffic.add(points, status(4, 9, 0, [9, 0, 0, 0]))).toBe(points);
    expect(traffic.add(points, status(8, 2, 0, [2, 0, 0, 0], 'b'))).toEqual([]);
  });

  test('is kept within bounds', () => {
    const traffic = new Traffic();
    let points: TrafficPoint[] = [];
    for (let i = 0; i < 400; i++) points = traffic.add(points, status(i * 4, i, 0, [i, 0, 0, 0]));
    expect(points).toHaveLength(150);
    expect(points.at(-1)?.at).toBe(399 * 4000);
  });
});
