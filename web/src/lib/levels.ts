// SPDX-License-Identifier: Apache-2.0
// What the installation held at each look: events that wait in queues, and bytes on the disk.
import type { Status } from './types';

export interface Level {
  at: number; // ms
  depths: Readonly<Record<string, number | null>>; // by queue; null while it is away
  used: number | null; // bytes; null when the stores are on servers
}

const points_max = 150;

// The points so far with what `status` adds; a status that was kept and told again adds nothing.
export function addLevel(points: Level[], status: Status): Level[] {
  const at = Date.parse(status.time);
  const last = points.at(-1);
  if (Number.isNaN(at) || (last && at <= last.at)) return points;
  const level: Level = {
    at,
    depths: Object.fromEntries((status.queues ?? []).map(({ name, depth }) => [name, depth])),
    used: status.disk ? status.disk.capacity_bytes - status.disk.available_bytes : null,
  };
  return [...points, level].slice(-points_max);
}
