// SPDX-License-Identifier: Apache-2.0
// Processors for the worker that fail as a test wants them to.
import { writeFileSync } from 'node:fs';

// Crashes on every text, and with it each event is given up at once, until `mended` holds something; then it copies. Settings that
// begin a configuration.
export function crashingUntilMended(mended: string): string {
  writeFileSync(mended, '');
  return `
events: {attempts_max: 1, delay_first: 100ms, delay_max: 100ms}
worker:
  processors:
    - name: copy
      types: [text/plain]
      command: [sh, -c, '[ -s ${mended} ] || kill -SEGV $$; cp "$1" "$2"', sh, '{input}', '{output}', '${mended}']
      suffix: .txt
`;
}
