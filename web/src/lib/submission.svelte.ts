// SPDX-License-Identifier: Apache-2.0
// A form on its way to the server: whether it is, and what came of it. Fields show what is wrong with them; `error` is for
// what belongs to no field.
import { ApiError, explain, type Explanation } from './problem';

export class Submission {
  busy = $state(false);
  failure = $state<unknown>(null);

  readonly refused = $derived(this.failure instanceof ApiError ? this.failure : null);
  readonly error = $derived<Explanation | null>(
    this.failure === null || (this.refused && this.refused.errors.length > 0) ? null : explain(this.failure),
  );

  async run(task: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.failure = null;
    try {
      await task();
    } catch (problem) {
      this.failure = problem;
    } finally {
      this.busy = false;
    }
  }
}
