// SPDX-License-Identifier: Apache-2.0
// Sends one file as the body of POST /upload. By XMLHttpRequest, because fetch does not tell the progress of a request.
import { NetworkError, parseProblem } from './problem';
import type { FileRecord, Page } from './types';

export function sendFile(
  file: File,
  signal: AbortSignal,
  onProgress: (sentBytes: number) => void,
): Promise<FileRecord[]> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open('POST', `/upload?${new URLSearchParams({ name: file.name })}`);
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    request.setRequestHeader('accept', 'application/json');
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      if (request.status === 201) {
        try {
          resolve((JSON.parse(request.responseText) as Page<FileRecord>).items);
          return;
        } catch {
          // An answer that is none of ours; it becomes a problem below.
        }
      }
      reject(parseProblem(request.status, request.responseText, request.getResponseHeader('x-request-id') ?? ''));
    });
    request.addEventListener('error', () => reject(new NetworkError()));
    request.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
    request.addEventListener('loadend', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) {
      reject(new DOMException('', 'AbortError'));
      return;
    }
    signal.addEventListener('abort', abort);
    request.send(file);
  });
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
