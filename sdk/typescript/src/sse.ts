// SPDX-License-Identifier: Apache-2.0
// Server-sent events (HTML, 9.2) from pieces of text.
import { GatehouseError } from './errors.js';

export interface ServerSentEvent {
  event: string;
  id: string;
  data: string;
}

const eventCharactersMax = 4 * 1024 * 1024;

export class EventParser {
  private text = '';
  private event = '';
  private id = '';
  private data: string[] = [];
  private characters = 0;

  *push(piece: string): Generator<ServerSentEvent, void, undefined> {
    this.text += piece;
    let from = 0;
    for (;;) {
      const match = /\r\n|\n|\r/g;
      match.lastIndex = from;
      const end = match.exec(this.text);
      if (!end || (end[0] === '\r' && match.lastIndex === this.text.length)) break; // the rest of \r\n may follow
      const line = this.text.slice(from, end.index);
      from = match.lastIndex;
      if (line !== '') this.take(line);
      else if (this.data.length > 0) {
        yield { event: this.event || 'message', id: this.id, data: this.data.join('\n') };
        this.begin();
      } else this.begin();
    }
    this.text = this.text.slice(from);
    if (this.text.length + this.characters > eventCharactersMax) throw new GatehouseError('an event is too long');
  }

  private begin(): void {
    this.event = '';
    this.data = [];
    this.characters = 0;
  }

  private take(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    this.characters += line.length;
    if (field === 'event') this.event = value;
    else if (field === 'id') this.id = value;
    else if (field === 'data') this.data.push(value);
  }
}
