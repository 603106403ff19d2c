// SPDX-License-Identifier: Apache-2.0
// The traffic since this page was opened: it stays while other views are looked at, and goes with the session.
import { Traffic, type TrafficPoint } from './traffic';
import type { Status } from './types';

class TrafficHistory {
  points = $state.raw<TrafficPoint[]>([]);
  private traffic = new Traffic();

  add(status: Status): void {
    this.points = this.traffic.add(this.points, status);
  }

  clear(): void {
    this.points = [];
    this.traffic = new Traffic();
  }
}

export const history = new TrafficHistory();
