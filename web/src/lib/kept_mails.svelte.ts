// SPDX-License-Identifier: Apache-2.0
// Whether the server keeps mails to be read here, for want of a mail server. Known once an administrator has looked around.
import { permissions } from './admin';
import { session } from './session.svelte';
import { may } from './types';

class KeptMails {
  there = $state(false);

  async look(): Promise<void> {
    if (!may(session.user, permissions.mails)) return;
    try {
      this.there = (await session.api.status()).mails;
    } catch {
      // Then the way there is not shown.
    }
  }

  clear(): void {
    this.there = false;
  }
}

export const keptMails = new KeptMails();
