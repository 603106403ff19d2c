// SPDX-License-Identifier: Apache-2.0
// How much the user has stored. Asked again a moment after files came or went, however many they were.
import { session } from './session.svelte';
import { may, type Usage } from './types';

const delay_ms = 1000;

class UsageOfMine {
  now = $state<Usage | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private generation = 0;

  async load(): Promise<void> {
    if (!may(session.user, 'files:read')) return;
    const generation = this.generation;
    try {
      const usage = await session.api.usage();
      if (generation === this.generation) this.now = usage;
    } catch {
      // Then what was known is shown, or nothing.
    }
  }

  changed(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), delay_ms);
  }

  // Nobody looks any more.
  rest(): void {
    clearTimeout(this.timer);
  }

  clear(): void {
    this.generation += 1;
    this.rest();
    this.now = null;
  }
}

export const usage = new UsageOfMine();
