// SPDX-License-Identifier: Apache-2.0
// How the list of files takes over what a later question brought.
import type { FileRecord } from './types';

export function isPending(file: FileRecord): boolean {
  return file.state === 'stored' || file.state === 'processing';
}

// The list with `news` taken over. Ids begin with their time, so the newest file has the greatest id and comes first.
export function mergeFiles(list: FileRecord[], news: FileRecord[]): FileRecord[] {
  const byId = new Map([...list, ...news].map((file) => [file.id, file]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}

// What the stream of events told while a question was on its way: the record, or null of a file that was deleted.
export type News = ReadonlyMap<string, FileRecord | null>;

// An answer that news overtook: they are later than it.
export function overtake(answer: FileRecord[], news: News): FileRecord[] {
  return answer.map((file) => (news.has(file.id) ? news.get(file.id)! : file)).filter((file) => file !== null);
}

// The list brought up to date with its first page, in which what is missing was deleted. Further pages stay as they are.
export function replaceFirstPage(list: FileRecord[], page: FileRecord[], complete: boolean): FileRecord[] {
  const oldest = page.at(-1)?.id;
  const further = complete || oldest === undefined ? [] : list.filter((file) => file.id < oldest);
  return mergeFiles(further, page);
}
