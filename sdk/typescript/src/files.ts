// SPDX-License-Identifier: Apache-2.0
// The files of whoever is logged in.
import { fill, readResult } from './answers.js';
import type { Call, Calls } from './calls.js';
import { DeadlineError } from './errors.js';
import { download, type DownloadOptions } from './downloads.js';
import type { Query } from './transport.js';
import type { CallOptions, FilePage, FileRecord, RequestOptions } from './types.js';
import { pause } from './waiting.js';

export interface Link {
  /** Whoever has it downloads the file. */
  url: string;
  expires_at: string;
}

export type ListQuery = NonNullable<RequestOptions<'/files', 'GET'>['query']>;

export class Files {
  constructor(private readonly calls: Calls) {}

  /** A page, the newest first; `cursor` is `next` of the page before. */
  async list(query: ListQuery = {}, options: CallOptions = {}): Promise<FilePage> {
    return (await this.call('GET', '/files', { query: query as Query, ...options })) as FilePage;
  }

  /** All of them, page by page. */
  async *all(query: ListQuery = {}, options: CallOptions = {}): AsyncGenerator<FileRecord, void, undefined> {
    for (let cursor: string | null | undefined = query.cursor; cursor !== null;) {
      const page: FilePage = await this.list(cursor === undefined ? query : { ...query, cursor }, options);
      yield* page.items;
      cursor = page.next;
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<FileRecord> {
    return (await this.call('GET', fill('/files/{id}', { id }), options)) as FileRecord;
  }

  /** The record once nothing more happens to the file: `processed` or `failed`. */
  async settled(id: string, { withinMs = 600_000, everyMs = 1_000, ...options }: CallOptions & { withinMs?: number; everyMs?: number } = {}): Promise<FileRecord> {
    for (const end = Date.now() + withinMs; ;) {
      const record = await this.get(id, options);
      if (record.state === 'processed' || record.state === 'failed') return record;
      if (Date.now() + everyMs > end) throw new DeadlineError(`file ${id} is still ${record.state} after ${withinMs} ms`);
      await pause(everyMs, options.signal);
    }
  }

  /** Puts the file into the trash; for good with `permanent`, also one that is there. */
  async remove(id: string, { permanent = false, ...options }: CallOptions & { permanent?: boolean } = {}): Promise<void> {
    await this.call('DELETE', fill('/files/{id}', { id }), { ...(permanent && { query: { permanent: true } }), ...options });
  }

  /** Out of the trash, which `list({ trash: true })` shows. */
  async restore(id: string, options: CallOptions = {}): Promise<FileRecord> {
    return (await this.call('POST', fill('/files/{id}/restore', { id }), { repeatable: true, ...options })) as FileRecord;
  }

  /** The content: `.body`, `.blob()`, `.arrayBuffer()`. It goes on by itself when the connection breaks. */
  async download(id: string, options: DownloadOptions = {}): Promise<Response> {
    return await download(this.calls, id, options);
  }

  async share(id: string, expiresInSeconds: number, options: CallOptions = {}): Promise<Link> {
    const form = { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ expires_in: expiresInSeconds }) };
    return (await this.call('POST', fill('/files/{id}/links', { id }), { ...form, repeatable: true, ...options })) as Link;
  }

  /** Takes back all links of the file that were made so far. */
  async endLinks(id: string, options: CallOptions = {}): Promise<void> {
    await this.call('DELETE', fill('/files/{id}/links', { id }), options);
  }

  private async call(method: string, path: string, rest: Partial<Call>): Promise<unknown> {
    const timeoutMs = rest.timeoutMs ?? this.calls.transport.options.timeoutMs;
    return await this.calls.exchange({ method, path, ...rest }, async (answer, deadline) => await readResult(answer, deadline, timeoutMs));
  }
}
