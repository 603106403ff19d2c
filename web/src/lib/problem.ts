// SPDX-License-Identifier: Apache-2.0
// What can go wrong with a request, as values that a view can show.
import { strings } from '../strings';

export interface FieldError {
  pointer: string;
  detail: string;
}

// The server answered with a problem (RFC 9457), or with an error status of another kind.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
    readonly requestId = '',
  ) {
    super(detail || title);
  }

  // What is wrong with the form's field `name`, if the server said so.
  fieldError(name: string): string {
    return this.errors.find((error) => error.pointer.replace(/^\//, '') === name)?.detail ?? '';
  }
}

// The session is over: log in again.
export class SignedOutError extends Error {}

// No answer at all.
export class NetworkError extends Error {}

export function parseProblem(status: number, text: string, requestId: string): ApiError {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed !== null && typeof parsed === 'object') body = parsed as Record<string, unknown>;
  } catch {
    // Not ours: something between the browser and Gatehouse answered.
  }
  const textOf = (key: string) => (typeof body[key] === 'string' ? (body[key] as string) : '');
  return new ApiError(
    status,
    textOf('code'),
    textOf('title') || strings.errors.status(status),
    textOf('detail'),
    Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
    textOf('instance') || requestId,
  );
}

export interface Explanation {
  text: string;
  requestId: string;
}

// An error in words for the person in front of the page.
export function explain(error: unknown): Explanation {
  if (error instanceof ApiError) {
    const known = (strings.errors.codes as Record<string, string>)[error.code];
    return { text: known ?? (error.detail || error.title), requestId: error.requestId };
  }
  if (error instanceof NetworkError) return { text: strings.errors.network, requestId: '' };
  if (error instanceof SignedOutError) return { text: strings.errors.signedOut, requestId: '' };
  return { text: strings.errors.unexpected, requestId: '' };
}
