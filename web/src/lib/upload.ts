// SPDX-License-Identifier: Apache-2.0
// Sends one file to /uploads/ by tus, in several requests where one is not enough: after a broken connection, or in a page
// that was loaded again, it goes on where it was. What the browser keeps for that is the upload's address, not its content,
// and nothing that lets anybody in.
import { defaultOptions, DetailedError, Upload as TusUpload, type PreviousUpload, type UploadOptions } from 'tus-js-client';

import { NetworkError, parseProblem, type ApiError } from './problem';

// Each request begins with a session that lasts; the server's own limit of one request is far above.
const request_bytes_max = 64 * 1024 * 1024;
const retry_delays = [0, 1000, 3000, 5000, 10_000, 20_000];

export interface SendOptions {
  owner: string; // the user's id: what somebody else began in this browser is none of theirs
  signal: AbortSignal;
  beforeRequest: () => Promise<void>;
  onProgress: (sentBytes: number) => void;
}

// Resolves to the id of the file. Throws ApiError, NetworkError, or AbortError: then what has arrived stays at the server
// for a while, and the next call with the same file goes on there.
export async function sendFile(file: File, options: SendOptions): Promise<string> {
  const { signal } = options;
  let settle: { resolve: () => void; reject: (reason: unknown) => void };
  const settled = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const upload = new TusUpload(file, {
    ...commonOptions(options.owner, file),
    onBeforeRequest: options.beforeRequest,
    onProgress: options.onProgress,
    onSuccess: () => settle.resolve(),
    onError: (error) => settle.reject(toError(error)),
  });
  const abort = () => {
    void upload.abort();
    settle.reject(new DOMException('', 'AbortError'));
  };
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) throw new DOMException('', 'AbortError');
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
    if (signal.aborted) throw new DOMException('', 'AbortError');
    upload.start();
    await settled;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return idOf(upload.url ?? '');
}

// Forgets an upload of this file that was begun, here and at the server.
export async function discard(owner: string, file: File): Promise<void> {
  const upload = new TusUpload(file, commonOptions(owner, file));
  for (const previous of await upload.findPreviousUploads()) await remove(previous);
}

// An upload that was begun in this browser and is not complete.
export interface Interrupted {
  name: string;
  size: number;
  arrived: number; // bytes that the server has
  begun: PreviousUpload;
}

const interrupted_max = 20;

// Those of `owner` that the server still knows, the latest first; what it does not know any more is forgotten.
export async function findInterrupted(owner: string, ask: typeof fetch = fetch): Promise<Interrupted[]> {
  const begun = (await storage.findAllUploads())
    .filter((upload) => upload.urlStorageKey.startsWith(`tus::${owner}::`))
    .sort((one, other) => Date.parse(other.creationTime) - Date.parse(one.creationTime))
    .slice(0, interrupted_max);
  const found = await Promise.all(begun.map((upload) => askAbout(upload, ask)));
  return found.filter((upload) => upload !== null);
}

export async function discardInterrupted(upload: Interrupted): Promise<void> {
  await remove(upload.begun);
}

export function isOf(interrupted: Interrupted, owner: string, file: File): boolean {
  return interrupted.begun.urlStorageKey.startsWith(`tus::${fingerprint(owner, file)}::`);
}

const storage = defaultOptions.urlStorage;

function commonOptions(owner: string, file: File): UploadOptions {
  return {
    endpoint: '/uploads/',
    metadata: { filename: file.name },
    chunkSize: request_bytes_max,
    retryDelays: retry_delays,
    removeFingerprintOnSuccess: true,
    fingerprint: () => Promise.resolve(fingerprint(owner, file)),
    onShouldRetry: (error) => isPassing(error.originalResponse?.getStatus() ?? 0),
  };
}

// The same file, as far as a page can see without reading it.
function fingerprint(owner: string, file: File): string {
  return [owner, file.name, file.type, file.size, file.lastModified].join('::');
}

// Whether the same request may fare better in a while. 0: there was no answer.
function isPassing(status: number): boolean {
  return status === 0 || status >= 500 || [409, 423, 429].includes(status);
}

function toError(error: Error | DetailedError): ApiError | NetworkError | Error {
  if (!(error instanceof DetailedError)) return error;
  const response = error.originalResponse;
  if (!response || response.getStatus() === 0) return new NetworkError();
  return parseProblem(response.getStatus(), response.getBody(), response.getHeader('x-request-id') ?? '');
}

// "/uploads/ID"
function idOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

async function askAbout(begun: PreviousUpload, ask: typeof fetch): Promise<Interrupted | null> {
  try {
    const answer = await ask(begun.uploadUrl ?? '', { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' }, cache: 'no-store' });
    const arrived = Number(answer.headers.get('upload-offset') ?? Number.NaN);
    const size = begun.size ?? 0;
    const over = answer.status === 404 || answer.status === 410 || (answer.ok && arrived >= size);
    if (over) await storage.removeUpload(begun.urlStorageKey);
    if (!answer.ok || over || Number.isNaN(arrived)) return null;
    return { name: begun.metadata.filename ?? '', size, arrived, begun };
  } catch {
    return null; // no answer: it is asked again when the page is shown next
  }
}

async function remove(begun: PreviousUpload): Promise<void> {
  await storage.removeUpload(begun.urlStorageKey);
  if (!begun.uploadUrl) return;
  try {
    await TusUpload.terminate(begun.uploadUrl);
  } catch {
    // It expires by itself.
  }
}

// How fast bytes go, smoothed over the last few seconds.
export class SpeedMeter {
  private lastTime: number;
  private lastBytes = 0;
  private speed: number | null = null;

  constructor(now: number) {
    this.lastTime = now;
  }

  // Bytes per second, or null while it is too early to say.
  update(bytes: number, now: number): number | null {
    const elapsed = now - this.lastTime;
    if (elapsed < 250) return this.speed;
    const current = ((bytes - this.lastBytes) * 1000) / elapsed;
    // An old value counts less the more time has passed: half of it after about a second and a half.
    const weight = 1 - Math.exp(-elapsed / 2000);
    this.speed = this.speed === null ? current : this.speed + (current - this.speed) * weight;
    this.lastTime = now;
    this.lastBytes = bytes;
    return this.speed;
  }
}
