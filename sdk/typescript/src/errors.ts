// SPDX-License-Identifier: Apache-2.0
// What can go wrong, as classes: everything that the client throws is a GatehouseError, but for the reason of an AbortSignal and
// what a caller's own token storage or upload source throws.
import type { components } from './openapi.js';

export type Problem = components['schemas']['Problem'];
export type ProblemCode = Problem['code'];

export class GatehouseError extends Error {
  override name = 'GatehouseError';
}

/**
 * An answer that says no. `code` is stable and one of docs/problems.md; `http_STATUS` if the answer is not Gatehouse's own but that
 * of a service or a proxy.
 */
export class ProblemError extends GatehouseError {
  override name = 'ProblemError';
  constructor(
    readonly status: number,
    readonly code: ProblemCode | `http_${number}`,
    readonly title: string,
    readonly detail: string,
    /** What an administrator finds the request by. */
    readonly requestId: string | undefined,
    /** Of code invalid_fields: which, and what about them. */
    readonly errors: readonly { pointer: string; detail: string }[],
    readonly retryAfterMs: number | undefined,
    readonly headers: Headers,
  ) {
    super(`${status} ${code}: ${detail || title}${requestId ? ` (request ${requestId})` : ''}`);
  }
}

/** No answer, or one that broke off. Whether the request was carried out is not known. */
export class ConnectionError extends GatehouseError {
  override name = 'ConnectionError';
}

/** No answer in time. Whether the request was carried out is not known. */
export class DeadlineError extends ConnectionError {
  override name = 'DeadlineError';
}

/** An upload that was begun and gave up; `cause` says why. With `url` it can go on. */
export class UploadError extends GatehouseError {
  override name = 'UploadError';
  constructor(
    message: string,
    readonly url: string,
    /** Bytes that the server is known to have. */
    readonly offset: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const problemBytesMax = 65_536;

// At most so many bytes of a body, as text.
async function readSome(answer: Response, bytesMax: number): Promise<string> {
  const reader = answer.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      await reader.cancel();
      return text;
    }
    text += decoder.decode(value, { stream: true });
  }
}

// Seconds or a date, as milliseconds from now.
export function retryAfterMs(value: string | null, now = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export async function problemOf(answer: Response): Promise<ProblemError> {
  const text = await readSome(answer, problemBytesMax);
  let problem: Partial<Problem> = {};
  if (answer.headers.get('content-type')?.startsWith('application/problem+json')) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) problem = value;
    } catch {
      // cut off, or not what it says: the status counts
    }
  }
  return new ProblemError(
    answer.status,
    typeof problem.code === 'string' ? problem.code : `http_${answer.status}`,
    typeof problem.title === 'string' ? problem.title : answer.statusText || `status ${answer.status}`,
    typeof problem.detail === 'string' ? problem.detail : '',
    answer.headers.get('x-request-id') ?? problem.instance,
    Array.isArray(problem.errors) ? problem.errors : [],
    retryAfterMs(answer.headers.get('retry-after')),
    answer.headers,
  );
}
