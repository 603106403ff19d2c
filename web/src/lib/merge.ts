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
