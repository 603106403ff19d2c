// SPDX-License-Identifier: Apache-2.0
// Paths from templates, and values from answers.
import { GatehouseError } from './errors.js';
import type { Deadline } from './waiting.js';

// "/files/{id}" with {id: "7"}. A value is one segment, whatever is in it.
export function fill(template: string, values: Record<string, unknown> = {}): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined || value === null) throw new GatehouseError(`${template}: ${name} is missing`);
    const text = String(value);
    if (text === '' || text === '.' || text === '..') throw new GatehouseError(`${template}: ${name} must not be ${JSON.stringify(text)}`);
    return encodeURIComponent(text);
  });
}

// A body of whatever size, as long as it goes on: the deadline moves with each part.
async function readParts(answer: Response, deadline: Deadline, timeoutMs: number): Promise<Blob> {
  const parts: BlobPart[] = [];
  const reader = answer.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) return new Blob(parts, { type: answer.headers.get('content-type') ?? '' });
    parts.push(part.value);
    deadline.move(timeoutMs);
  }
}

export async function readResult(answer: Response, deadline: Deadline, timeoutMs: number): Promise<unknown> {
  const type = answer.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (answer.status < 200 || answer.status >= 300 || answer.status === 204 || type === undefined) {
    await answer.body?.cancel();
    return undefined;
  }
  if (!/[/+]json$/.test(type)) return await readParts(answer, deadline, timeoutMs);
  const text = await answer.text();
  if (text === '') return undefined; // of HEAD
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GatehouseError('the answer is not the JSON that it says to be', { cause: error });
  }
}
