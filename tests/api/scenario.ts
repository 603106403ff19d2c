// SPDX-License-Identifier: Apache-2.0
// A table of whole HTTP exchanges: each row is a test named after its reason.
import { expect, test } from 'vitest';
import type { Gatehouse } from '../support/gatehouse.js';

export interface Scenario {
  name: string;
  method: string;
  target: string | (() => string);
  as?: string; // a key of `tokens`; nobody when absent
  headers?: Record<string, string> | (() => Record<string, string>);
  body?: string | (() => string);
  status: number;
  code?: string; // of the problem
  contains?: string[];
  lacks?: string[];
  answerHeaders?: Record<string, string | RegExp | null>; // null: must be absent
}

const value = <T>(item: T | (() => T) | undefined): T | undefined => (typeof item === 'function' ? (item as () => T)() : item);

export function runScenarios(gatehouse: Gatehouse | (() => Gatehouse), tokens: Record<string, string>, scenarios: Scenario[]): void {
  test.each(scenarios)('$name', async (scenario) => {
    const answer = await value(gatehouse)!.request(scenario.method, value(scenario.target)!, {
      token: scenario.as === undefined ? undefined : tokens[scenario.as],
      headers: value(scenario.headers),
      body: value(scenario.body),
    });
    const text = await answer.text();
    expect(answer.status, text).toBe(scenario.status);
    expect(answer.headers.get('x-request-id')).toBeTruthy();
    if (scenario.status >= 400 && scenario.method !== 'HEAD') {
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const problem = JSON.parse(text);
      expect(problem.status).toBe(scenario.status);
      expect(problem.instance).toBe(answer.headers.get('x-request-id'));
      expect(problem.code).toBe(scenario.code);
    }
    for (const part of scenario.contains ?? []) expect(text).toContain(part);
    for (const part of scenario.lacks ?? []) expect(text).not.toContain(part);
    for (const [name, expected] of Object.entries(scenario.answerHeaders ?? {})) {
      const actual = answer.headers.get(name);
      if (expected === null) expect(actual).toBeNull();
      else if (expected instanceof RegExp) expect(actual).toMatch(expected);
      else expect(actual).toBe(expected);
    }
  });
}
