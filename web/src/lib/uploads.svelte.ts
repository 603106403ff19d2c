// SPDX-License-Identifier: Apache-2.0
// The queue of uploads: a few at a time, in the order in which they were chosen.
import { strings } from '../strings';
import { announcements } from './announce.svelte';
import { files } from './files.svelte';
import { explain, NetworkError, SignedOutError, type Explanation } from './problem';
import { session } from './session.svelte';
import { discard, discardInterrupted, findInterrupted, isOf, sendFile, SpeedMeter, type Interrupted } from './upload';

const running_max = 2;

export class Upload {
  state = $state<'waiting' | 'running' | 'failed'>('waiting');
  sent = $state(0);
  speed = $state<number | null>(null);
  error = $state<Explanation | null>(null);
  readonly controller = new AbortController();

  constructor(
    readonly key: number,
    readonly file: File,
  ) {}

  get secondsLeft(): number | null {
    if (this.speed === null || this.speed <= 0) return null;
    return (this.file.size - this.sent) / this.speed;
  }
}

class Uploads {
  list = $state<Upload[]>([]);
  interrupted = $state.raw<Interrupted[]>([]); // begun in a page that is gone
  private lastKey = 0;

  get unfinished(): number {
    return this.list.filter((upload) => upload.state !== 'failed').length;
  }

  add(chosen: Iterable<File>): void {
    const owner = session.user?.id ?? '';
    for (const file of chosen) {
      this.list.push(new Upload(++this.lastKey, file));
      this.interrupted = this.interrupted.filter((begun) => !isOf(begun, owner, file));
    }
    this.startNext();
  }

  // Ends it, here and at the server.
  cancel(upload: Upload): void {
    upload.controller.abort();
    void discard(session.user?.id ?? '', upload.file);
    this.drop(upload);
    this.startNext();
  }

  // Finds what was begun in another page and has not come to its end.
  async lookForInterrupted(): Promise<void> {
    const owner = session.user?.id ?? '';
    await session.keepFresh();
    const found = await findInterrupted(owner);
    this.interrupted = found.filter((begun) => !this.list.some((upload) => isOf(begun, owner, upload.file)));
  }

  async discardInterrupted(begun: Interrupted): Promise<void> {
    this.interrupted = this.interrupted.filter((other) => other !== begun);
    await discardInterrupted(begun);
  }

  retry(upload: Upload): void {
    const index = this.list.indexOf(upload);
    if (index < 0) return;
    this.list[index] = new Upload(++this.lastKey, upload.file);
    this.startNext();
  }

  drop(upload: Upload): void {
    this.list = this.list.filter((other) => other !== upload);
  }

  // Another user logs in: nothing of the last one's goes on. What was begun can be gone on with later.
  clear(): void {
    for (const upload of this.list) upload.controller.abort();
    this.list = [];
    this.interrupted = [];
  }

  private startNext(): void {
    let running = this.list.filter((upload) => upload.state === 'running').length;
    for (const upload of this.list) {
      if (running >= running_max) return;
      if (upload.state !== 'waiting') continue;
      running += 1;
      void this.run(upload);
    }
  }

  private async run(upload: Upload): Promise<void> {
    upload.state = 'running';
    try {
      const id = await session.api.withSession(() => {
        const meter = new SpeedMeter(performance.now());
        let first: number | null = null; // where it goes on: what is there already came at no speed
        return sendFile(upload.file, {
          owner: session.user?.id ?? '',
          signal: upload.controller.signal,
          beforeRequest: () => session.keepFresh(),
          onProgress: (sent) => {
            first ??= sent;
            upload.sent = Math.min(sent, upload.file.size);
            upload.speed = meter.update(sent - first, performance.now());
          },
        });
      });
      files.add([await session.api.file(id)]);
      this.drop(upload);
      announcements.say(strings.upload.done(upload.file.name), true);
    } catch (error) {
      if (upload.controller.signal.aborted || error instanceof SignedOutError) {
        this.drop(upload);
      } else {
        upload.error =
          error instanceof NetworkError ? { text: strings.upload.broken, requestId: '' } : explain(error);
        upload.state = 'failed';
        announcements.say(strings.upload.failed(upload.file.name), true);
      }
    }
    this.startNext();
  }
}

export const uploads = new Uploads();
