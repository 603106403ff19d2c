// SPDX-License-Identifier: Apache-2.0
// What happened between two looks at the counts of a gateway: how many requests a second, how many failed, how long they took.
import type { Status } from './types';

export interface TrafficPoint {
  at: number; // ms
  perSecond: number;
  errorsPerSecond: number; // answered with 5xx
  median: number | null; // ms; null when nothing was answered
  slow: number | null; // ms: 95 of 100 were faster
}

interface Sample {
  at: number;
  process: string;
  answered: number;
  errors: number;
  counts: number[];
}

const points_max = 150;

// The value below which `part` of the observations lie, in seconds, by the counts between bounds; within a bucket they are
// taken to lie evenly. Null without observations. What lies above the last bound is that bound.
export function quantile(bounds: number[], counts: number[], part: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = part * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i] ?? 0;
    const bound = bounds[i] ?? 0;
    if (below + count >= rank && count > 0) {
      const from = i === 0 ? 0 : (bounds[i - 1] ?? 0);
      return from + ((bound - from) * (rank - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1) ?? null;
}

export class Traffic {
  private last: Sample | null = null;

  // The points so far with what `status` adds. Another process than before, or one that began anew, begins anew here too.
  add(points: TrafficPoint[], status: Status): TrafficPoint[] {
    const process = status.processes[0];
    const requests = process?.requests;
    if (!process || !requests) return points;
    const next: Sample = {
      at: Date.parse(status.time),
      process: process.started_at ?? '',
      answered: requests.answered,
      errors: requests.server_errors,
      counts: requests.seconds_counts,
    };
    const before = this.last;
    if (before && before.process === next.process && next.at <= before.at) return points;
    this.last = next;
    if (!before || before.process !== next.process || next.answered < before.answered) return [];
    const seconds = (next.at - before.at) / 1000;
    const counts = next.counts.map((count, i) => Math.max(0, count - (before.counts[i] ?? 0)));
    const milliseconds = (part: number) => {
      const value = quantile(requests.seconds_bounds, counts, part);
      return value === null ? null : value * 1000;
    };
    const point: TrafficPoint = {
      at: next.at,
      perSecond: (next.answered - before.answered) / seconds,
      errorsPerSecond: Math.max(0, next.errors - before.errors) / seconds,
      median: milliseconds(0.5),
      slow: milliseconds(0.95),
    };
    return [...points, point].slice(-points_max);
  }
}
