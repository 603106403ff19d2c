// SPDX-License-Identifier: Apache-2.0
// User names for ids, where an administrator may see users: logs and sessions name ids alone. The first pages of the list are
// read once a view opens; an id that is not among them stays an id.
import { session } from './session.svelte';
import { may, type User } from './types';

const pages_max = 5;

class People {
  all = $state<User[]>([]);
  private readonly byId = $derived(new Map(this.all.map((user) => [user.id, user.username])));

  async load(): Promise<void> {
    if (!may(session.user, 'admin:users')) return;
    const found: User[] = [];
    try {
      let cursor: string | null = null;
      for (let i = 0; i < pages_max; i++) {
        const page = await session.api.users(cursor, 200);
        found.push(...page.items);
        cursor = page.next;
        if (cursor === null) break;
      }
      this.all = found;
    } catch {
      // Then ids are shown.
    }
  }

  nameOf(id: string): string {
    return this.byId.get(id) ?? '';
  }

  // The id for what somebody typed: a name, or an id as it is.
  idOf(text: string): string {
    const wanted = text.trim().toLowerCase();
    return this.all.find((user) => user.username.toLowerCase() === wanted)?.id ?? text.trim();
  }

  clear(): void {
    this.all = [];
  }
}

export const people = new People();
