// SPDX-License-Identifier: Apache-2.0
// What a chart shows: figures over the same times, and what can be said of them in words.

export interface Series {
  name: string;
  tone: 'accent' | 'danger' | 'quiet' | 'info';
  values: (number | null)[]; // one for each time; null where there is none
}

// The next of 1, 2, 5, 10, ... that is not less: where a scale ends.
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5]) if (value <= step * unit * 1.0001) return step * unit;
  return 10 * unit;
}

// Where the scale of all of them ends. What is counted needs a whole one at least.
export function topOf(series: Series[], whole: boolean): number {
  const most = series.reduce((top, one) => one.values.reduce<number>((max, value) => Math.max(max, value ?? 0), top), 0);
  return whole ? Math.max(1, niceCeiling(most)) : niceCeiling(most);
}

// The least and the greatest value; null where there is none.
export function extent(values: (number | null)[]): { least: number; most: number } | null {
  let found: { least: number; most: number } | null = null;
  for (const value of values) {
    if (value === null) continue;
    found = found === null ? { least: value, most: value } : { least: Math.min(found.least, value), most: Math.max(found.most, value) };
  }
  return found;
}
