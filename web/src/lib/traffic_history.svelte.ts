// SPDX-License-Identifier: Apache-2.0
// The traffic, and what was held, since this page was opened: it stays while other views are looked at, and goes with the session.
import { addLevel, type Level } from './levels';
import { Traffic, type TrafficPoint } from './traffic';
import type { Status } from './types';

class TrafficHistory {
  points = $state.raw<TrafficPoint[]>([]);
  levels = $state.raw<Level[]>([]);
  private traffic = new Traffic();

  add(status: Status): void {
    this.points = this.traffic.add(this.points, status);
    this.levels = addLevel(this.levels, status);
  }

  clear(): void {
    this.points = [];
    this.levels = [];
    this.traffic = new Traffic();
  }
}

export const history = new TrafficHistory();
