// SPDX-License-Identifier: Apache-2.0
// The list of the user's files. It asks again on its own only while something in it is about to change.
import { strings } from '../strings';
import { announcements } from './announce.svelte';
import { isPending, mergeFiles } from './merge';
import { ApiError, explain, type Explanation } from './problem';
import { session } from './session.svelte';
import type { FileRecord } from './types';

const poll_interval_ms = 1500;
const poll_interval_max_ms = 15_000; // while the server does not answer
const polled_max = 10; // files looked up one by one, beyond the first page

class Files {
  list = $state<FileRecord[]>([]);
  next = $state<string | null>(null);
  status = $state<'empty' | 'loading' | 'ready' | 'failed'>('empty');
  loadingMore = $state(false);
  error = $state<Explanation | null>(null);

  private timer: ReturnType<typeof setTimeout> | undefined;
  private watched = false;
  private pollFailures = 0;
  private generation = 0; // answers to questions asked before the last clear() are dropped

  async load(): Promise<void> {
    const generation = this.generation;
    this.status = this.list.length > 0 ? 'ready' : 'loading';
    this.error = null;
    try {
      const page = await session.api.files();
      if (generation !== this.generation) return;
      this.list = page.items;
      this.next = page.next;
      this.status = 'ready';
    } catch (error) {
      if (generation !== this.generation) return;
      this.error = explain(error);
      this.status = 'failed';
    }
    this.plan();
  }

  async loadMore(): Promise<void> {
    if (this.next === null || this.loadingMore) return;
    const generation = this.generation;
    this.loadingMore = true;
    try {
      const page = await session.api.files(this.next);
      if (generation !== this.generation) return;
      this.list = mergeFiles(this.list, page.items);
      this.next = page.next;
    } catch (error) {
      this.error = explain(error);
    } finally {
      this.loadingMore = false;
    }
    this.plan();
  }

  add(records: FileRecord[]): void {
    this.take(records);
    this.plan();
  }

  async remove(file: FileRecord): Promise<void> {
    await session.api.deleteFile(file.id);
    this.list = this.list.filter((other) => other.id !== file.id);
    announcements.say(strings.files.removed(file.name));
  }

  // Polling goes on only while a view shows the list and the page itself is seen.
  watch(): () => void {
    this.watched = true;
    const onVisible = () => this.plan(0);
    document.addEventListener('visibilitychange', onVisible);
    this.plan();
    return () => {
      this.watched = false;
      clearTimeout(this.timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }

  clear(): void {
    this.generation += 1;
    clearTimeout(this.timer);
    this.list = [];
    this.next = null;
    this.status = 'empty';
    this.error = null;
  }

  private take(news: FileRecord[]): void {
    const before = new Map(this.list.map((file) => [file.id, file.state]));
    for (const file of news) {
      const old = before.get(file.id);
      if (old !== undefined && old !== file.state && !isPending(file))
        announcements.say(strings.files.became(file.name, strings.files.states[file.state]), true);
    }
    this.list = mergeFiles(this.list, news);
  }

  private plan(delay = Math.min(poll_interval_ms * 2 ** this.pollFailures, poll_interval_max_ms)): void {
    clearTimeout(this.timer);
    if (!this.watched || document.visibilityState !== 'visible' || !this.list.some(isPending)) return;
    this.timer = setTimeout(() => void this.poll(), delay);
  }

  private async poll(): Promise<void> {
    const generation = this.generation;
    try {
      const page = await session.api.files();
      const seen = new Set(page.items.map((file) => file.id));
      const further = this.list.filter((file) => isPending(file) && !seen.has(file.id)).slice(0, polled_max);
      const rest = await Promise.all(further.map((file) => this.find(file.id)));
      if (generation !== this.generation) return;
      const gone = new Set(further.filter((_, index) => rest[index] === null).map((file) => file.id));
      this.list = this.list.filter((file) => !gone.has(file.id));
      this.take([...page.items, ...rest.filter((file) => file !== null)]);
      this.pollFailures = 0;
    } catch {
      // Asked again later; a request that the user makes says what is wrong.
      this.pollFailures += 1;
    }
    if (generation === this.generation) this.plan();
  }

  // null when it was deleted, in another page perhaps.
  private async find(id: string): Promise<FileRecord | null> {
    try {
      return await session.api.file(id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }
}

export const files = new Files();
