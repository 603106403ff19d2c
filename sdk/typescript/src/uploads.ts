// SPDX-License-Identifier: Apache-2.0
// Uploads by tus 1.0.0: in pieces, each of which is kept; after a break the server is asked how far it got.
import { readResult } from './answers.js';
import type { Calls } from './calls.js';
import { ConnectionError, GatehouseError, ProblemError, UploadError } from './errors.js';
import type { Body } from './transport.js';
import type { FileRecord } from './types.js';
import { backoff, pause } from './waiting.js';

/** Where content is read from, any piece of it more than once. */
export interface UploadSource {
  size: number;
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

export interface UploadOptions {
  /** By default that of a File. */
  name?: string;
  /** Goes on with this upload, of the same content. */
  url?: string;
  /** Keep it to go on later. */
  onCreated?: (url: string) => void;
  /** Bytes that the server has. */
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal | undefined;
  /** Sends the SHA-256 of each piece: a damaged one is refused and sent again. Needs an https page, or Node 20. */
  checksum?: boolean;
  /** The largest piece; slow connections get smaller ones: 8 MiB. */
  pieceBytes?: number;
  /** Attempts one after the other that bring no byte: 8. */
  retries?: number;
}

const pieceBytesMin = 64 * 1024;
const firstPieceBytes = 1024 * 1024;
const bytesPerSecondMin = 8 * 1024; // a piece has its timeout and the time that it takes at this speed
const passing = new Set([408, 423, 429, 460, 500, 502, 503, 504]);

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

const sizeOf = (source: Blob | Uint8Array | UploadSource) => (source instanceof Uint8Array ? source.byteLength : source.size);
const nameOf = (source: object) => ('name' in source && typeof source.name === 'string' ? source.name : undefined);

// "/uploads/ID" of a URL on the same server: nowhere else does a token go.
export function uploadPath(calls: Calls, url: string): string {
  const address = new URL(url, calls.transport.base.origin);
  const id = /\/uploads\/([\w-]+)$/.exec(address.pathname)?.[1];
  if (address.origin !== calls.transport.base.origin || id === undefined) throw new GatehouseError(`not an upload of ${calls.transport.base.origin}: ${url}`);
  return `/uploads/${id}`;
}

class Upload {
  private readonly size: number;
  private path = '';
  private offset = 0;
  private failures = 0;
  private piece: number;
  private pieceMax: number;

  constructor(
    private readonly calls: Calls,
    private readonly source: Blob | Uint8Array | UploadSource,
    private readonly options: UploadOptions,
  ) {
    this.size = sizeOf(source);
    if (!Number.isSafeInteger(this.size) || this.size < 0) throw new GatehouseError(`size of what is uploaded: ${this.size}`);
    this.pieceMax = options.pieceBytes ?? 8 * 1024 * 1024;
    if (!Number.isSafeInteger(this.pieceMax) || this.pieceMax < 1) throw new GatehouseError(`pieceBytes must be 1 or more: ${this.pieceMax}`);
    this.piece = Math.min(firstPieceBytes, this.pieceMax);
    if (options.checksum && !globalThis.crypto?.subtle) throw new GatehouseError('checksum needs Web Crypto: an https page, or Node 20');
  }

  private get url(): string {
    return this.calls.transport.address(this.path).href;
  }

  async run(): Promise<FileRecord> {
    let lost = this.options.url !== undefined; // the offset is not known
    if (this.options.url !== undefined) this.path = uploadPath(this.calls, this.options.url);
    else await this.create();
    while (lost || this.offset < this.size) {
      const before = this.offset;
      try {
        if (lost) await this.find();
        else await this.append();
        lost = false;
        if (this.offset !== before) {
          this.failures = 0;
          this.options.onProgress?.(this.offset, this.size);
        }
      } catch (error) {
        await this.waitAfter(error);
        lost = true;
      }
    }
    try {
      const { timeoutMs } = this.calls.transport.options;
      const path = this.path.replace('/uploads/', '/files/');
      return (await this.calls.exchange({ method: 'GET', path, signal: this.options.signal }, async (answer, deadline) =>
        await readResult(answer, deadline, timeoutMs))) as FileRecord;
    } catch (error) {
      throw this.failed(error);
    }
  }

  private async create(): Promise<void> {
    const name = this.options.name ?? nameOf(this.source);
    const headers: Record<string, string> = { 'tus-resumable': '1.0.0', 'upload-length': String(this.size) };
    if (name !== undefined) headers['upload-metadata'] = `filename ${base64(new TextEncoder().encode(name))}`;
    // One too many is removed by the server as unfinished; an empty one is finished at once.
    const location = await this.calls.exchange(
      { method: 'POST', path: '/uploads/', headers, signal: this.options.signal, repeatable: this.size > 0 },
      async (answer) => answer.headers.get('location'),
    );
    if (location === null) throw new GatehouseError('the server did not say where the upload is; in a browser CORS must expose Location');
    this.path = uploadPath(this.calls, location);
    this.options.onCreated?.(this.url);
  }

  private async find(): Promise<void> {
    const { offset, length } = await this.calls.exchange(
      { method: 'HEAD', path: this.path, headers: { 'tus-resumable': '1.0.0' }, signal: this.options.signal, retries: 0 },
      async (answer) => ({ offset: numberIn(answer, 'upload-offset'), length: numberIn(answer, 'upload-length') }),
    );
    if (length !== this.size) throw new GatehouseError(`the upload has ${length ?? 'an unknown number of'} bytes, what is to be sent ${this.size}: it is another one's`);
    if (offset === undefined || offset > this.size) throw new GatehouseError('the server did not say how far the upload is');
    this.offset = offset;
  }

  private async append(): Promise<void> {
    const end = Math.min(this.size, this.offset + this.piece);
    const bytes = end - this.offset;
    const headers: Record<string, string> = {
      'tus-resumable': '1.0.0',
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(this.offset),
    };
    let body = await this.read(this.offset, end);
    if (this.options.checksum) {
      const content = body instanceof Blob ? new Uint8Array(await body.arrayBuffer()) : body;
      headers['upload-checksum'] = `sha256 ${base64(new Uint8Array(await crypto.subtle.digest('SHA-256', content as BufferSource)))}`;
      body = content;
    }
    const began = Date.now();
    const offset = await this.calls.exchange(
      {
        method: 'PATCH',
        path: this.path,
        headers,
        body: body as Body,
        signal: this.options.signal,
        retries: 0,
        timeoutMs: this.calls.transport.options.timeoutMs + (bytes / bytesPerSecondMin) * 1000,
      },
      async (answer) => numberIn(answer, 'upload-offset'),
    );
    if (offset !== end) throw new GatehouseError(`the server has ${offset ?? 'an unknown number of'} bytes, ${end} were sent`);
    this.offset = end;
    const ms = Date.now() - began;
    if (ms < 1_000) this.piece = Math.min(this.pieceMax, this.piece * 2);
    else if (ms > 10_000) this.piece = Math.min(this.pieceMax, Math.max(pieceBytesMin, this.piece / 2));
  }

  private async read(start: number, end: number): Promise<Blob | Uint8Array> {
    if (this.source instanceof Uint8Array) return this.source.subarray(start, end);
    if (this.source instanceof Blob) return this.source.slice(start, end);
    const content = await this.source.read(start, end);
    if (content.byteLength !== end - start) throw new GatehouseError(`read(${start}, ${end}) gave ${content.byteLength} bytes`);
    return content;
  }

  private async waitAfter(error: unknown): Promise<void> {
    const { signal, retries = 8 } = this.options;
    if (signal?.aborted) throw signal.reason;
    const problem = error instanceof ProblemError ? error : undefined;
    if (problem?.status === 413 && problem.code !== 'file_too_large' && this.piece > pieceBytesMin) {
      this.pieceMax = this.piece = Math.max(pieceBytesMin, Math.floor(this.piece / 2)); // something on the way takes smaller ones only
      return;
    }
    const elsewhere = problem?.code === 'wrong_offset' || problem?.code === 'upload_finished';
    const mayPass = error instanceof ConnectionError || elsewhere || (problem && passing.has(problem.status));
    const { retryDelayMs, retryDelayMaxMs } = this.calls.transport.options;
    const asked = problem?.retryAfterMs ?? 0;
    if (!mayPass || ++this.failures > retries || asked > retryDelayMaxMs) throw this.failed(error);
    if (error instanceof ConnectionError) this.piece = Math.min(this.piece, firstPieceBytes);
    await pause(Math.max(asked, backoff(this.failures - 1, retryDelayMs, retryDelayMaxMs)), signal);
  }

  private failed(error: unknown): unknown {
    if (this.options.signal?.aborted) return this.options.signal.reason;
    const reason = error instanceof Error ? error.message : String(error);
    return new UploadError(`upload broke off at byte ${this.offset} of ${this.size}: ${reason}`, this.url, this.offset, { cause: error });
  }
}

function numberIn(answer: Response, field: string): number | undefined {
  const text = answer.headers.get(field);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export async function upload(calls: Calls, source: Blob | Uint8Array | UploadSource, options: UploadOptions = {}): Promise<FileRecord> {
  return await new Upload(calls, source, options).run();
}

export async function cancelUpload(calls: Calls, url: string, signal?: AbortSignal): Promise<void> {
  await calls.exchange({ method: 'DELETE', path: uploadPath(calls, url), headers: { 'tus-resumable': '1.0.0' }, signal }, async () => undefined);
}
