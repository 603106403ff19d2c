// SPDX-License-Identifier: Apache-2.0
// The list of the user's files. What changes in it is told by the server's stream of events; without one, the list asks by
// itself as long as something in it is about to change.
import { strings } from '../strings';
import { announcements } from './announce.svelte';
import type { StreamEvent } from './event_stream';
import { Live } from './live';
import { isPending, mergeFiles, overtake, replaceFirstPage } from './merge';
import { ApiError, explain, type Explanation } from './problem';
import { session } from './session.svelte';
import type { FileRecord, Page } from './types';

const poll_interval_ms = 1500;
const poll_interval_max_ms = 15_000; // while the server does not answer
const polled_max = 10; // files looked up one by one, beyond the first page

class Files {
  list = $state<FileRecord[]>([]);
  next = $state<string | null>(null);
  status = $state<'empty' | 'loading' | 'ready' | 'failed'>('empty');
  loadingMore = $state(false);
  error = $state<Explanation | null>(null);
  trashSeconds = $state(0); // how long the trash keeps what is deleted; 0: there is none, or not known yet

  private timer: ReturnType<typeof setTimeout> | undefined;
  private watched = false;
  private pollFailures = 0;
  private generation = 0; // answers to questions asked before the last clear() are dropped
  private live = false;
  private loading: Promise<void> | null = null;
  private asking = 0; // questions on their way
  private readonly news = new Map<string, FileRecord | null>(); // told since the first of them
  private readonly stream = new Live({
    connect: async (signal) => {
      await session.keepFresh(); // a refusal would stand in the browser's console
      return session.api.events(signal);
    },
    onEvents: (events) => this.hear(events),
    onChange: (live) => this.switchTo(live),
  });

  load(): Promise<void> {
    const loading = this.get().finally(() => {
      if (this.loading === loading) this.loading = null;
    });
    this.loading = loading;
    return loading;
  }

  private async get(): Promise<void> {
    const generation = this.generation;
    this.status = this.list.length > 0 ? 'ready' : 'loading';
    this.error = null;
    try {
      const page = await this.ask();
      if (generation !== this.generation) return;
      this.list = page.items;
      this.next = page.next;
      this.status = 'ready';
      void this.askForTrash();
    } catch (error) {
      if (generation !== this.generation) return;
      this.error = explain(error);
      this.status = 'failed';
    }
    this.plan();
  }

  private async askForTrash(): Promise<void> {
    try {
      this.trashSeconds = (await session.api.usage()).trash_seconds;
    } catch {
      // Then the question before deleting says that it is for good.
    }
  }

  async loadMore(): Promise<void> {
    if (this.next === null || this.loadingMore) return;
    const generation = this.generation;
    this.loadingMore = true;
    try {
      const page = await this.ask(this.next);
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

  // What was just uploaded. The stream may have told more of it already.
  add(records: FileRecord[]): void {
    this.list = this.live ? mergeFiles(records, this.list) : mergeFiles(this.list, records);
    this.plan();
  }

  async remove(file: FileRecord): Promise<void> {
    await session.api.deleteFile(file.id);
    this.list = this.list.filter((other) => other.id !== file.id);
    announcements.say(strings.files.removed(file.name));
  }

  // The stream is open, and polling goes on, only while a view shows the list and the page itself is seen.
  watch(): () => void {
    this.watched = true;
    const look = () => {
      if (document.visibilityState === 'visible') this.stream.open();
      else this.stream.close();
      this.plan(0);
    };
    document.addEventListener('visibilitychange', look);
    look();
    return () => {
      this.watched = false;
      this.stream.close();
      clearTimeout(this.timer);
      document.removeEventListener('visibilitychange', look);
    };
  }

  clear(): void {
    this.generation += 1;
    this.stream.close();
    clearTimeout(this.timer);
    this.news.clear();
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
    if (this.live || !this.watched || document.visibilityState !== 'visible' || !this.list.some(isPending)) return;
    this.timer = setTimeout(() => void this.poll(), delay);
  }

  private hear(events: StreamEvent[]): void {
    const told: FileRecord[] = [];
    const gone = new Set<string>();
    for (const event of events) {
      if (event.type === 'file') {
        const file = JSON.parse(event.data) as FileRecord;
        told.push(file);
        gone.delete(file.id);
      } else if (event.type === 'removed') {
        gone.add((JSON.parse(event.data) as { id: string }).id);
      }
    }
    if (this.asking > 0) {
      for (const file of told) this.news.set(file.id, file);
      for (const id of gone) this.news.set(id, null);
    }
    this.take(told);
    if (gone.size > 0) this.list = this.list.filter((file) => !gone.has(file.id));
  }

  // The stream begins with the latest files as they are, but does not say which are gone since it was last there.
  private switchTo(live: boolean): void {
    this.live = live;
    if (!live) this.plan();
    else void this.refresh(new Set(this.list.map((file) => file.id)));
  }

  private async refresh(known: ReadonlySet<string>): Promise<void> {
    await this.loading;
    const generation = this.generation;
    try {
      const page = await this.ask();
      if (generation !== this.generation) return;
      const follows = page.next === null || page.items.some((file) => known.has(file.id));
      // Too much is new to tell what lies between: then the list begins anew.
      if (!follows) [this.list, this.next] = [page.items, page.next];
      else this.list = replaceFirstPage(this.list, page.items, page.next === null);
      this.status = 'ready';
      this.error = null;
    } catch {
      // The list as it was; what changes is told.
    }
  }

  // A page of the list, with what the stream told of its files meanwhile.
  private async ask(cursor: string | null = null): Promise<Page<FileRecord>> {
    this.asking += 1;
    try {
      const page = await session.api.files(cursor);
      return { items: overtake(page.items, this.news), next: page.next };
    } finally {
      this.asking -= 1;
      if (this.asking === 0) this.news.clear();
    }
  }

  private async poll(): Promise<void> {
    const generation = this.generation;
    try {
      const page = await this.ask();
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
