// SPDX-License-Identifier: Apache-2.0
// A list that the server gives a page at a time: what is there so far, and what came of the last request. A request that is
// overtaken by a newer one changes nothing.
import { explain, type Explanation } from './problem';
import type { Page } from './types';

export class Pages<T> {
  items = $state<T[]>([]);
  next = $state<string | null>(null);
  loading = $state(false);
  loaded = $state(false); // at least once
  error = $state<Explanation | null>(null);
  private turn = 0;

  constructor(private readonly ask: (cursor: string | null) => Promise<Page<T>>) {}

  // From the beginning; what is shown stays until the answer is there.
  load(): Promise<void> {
    return this.get(null);
  }

  async more(): Promise<void> {
    if (this.next !== null) await this.get(this.next);
  }

  fail(failure: unknown): void {
    this.error = explain(failure);
  }

  private async get(cursor: string | null): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    this.loading = true;
    this.error = null;
    try {
      const page = await this.ask(cursor);
      if (turn !== this.turn) return;
      this.items = cursor === null ? page.items : [...this.items, ...page.items];
      this.next = page.next;
      this.loaded = true;
    } catch (failure) {
      if (turn === this.turn) this.fail(failure);
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }
}
