// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { extent, niceCeiling, topOf, type Series } from './chart';

const series = (...values: (number | null)[]): Series => ({ name: '', tone: 'accent', values });

test('a scale ends at a round number', () => {
  expect([0, 0.3, 1, 1.2, 4.9, 7, 50, 51].map(niceCeiling)).toEqual([1, 0.5, 1, 2, 5, 10, 50, 100]);
});

test('all series have one scale, and what is counted a whole one', () => {
  expect(topOf([series(1, null, 3), series(7)], false)).toBe(10);
  expect(topOf([series(0.1, null)], false)).toBeCloseTo(0.1);
  expect(topOf([series(0, 0)], true)).toBe(1);
  expect(topOf([series(null)], false)).toBe(1);
  expect(topOf([], true)).toBe(1);
});

test('the extent leaves out what is not there', () => {
  expect(extent([null, 4, 1, null, 3])).toEqual({ least: 1, most: 4 });
  expect(extent([null])).toBeNull();
  expect(extent([])).toBeNull();
});
