// SPDX-License-Identifier: Apache-2.0
// What just happened, said once: shown at the bottom of the page for a moment and read out by screen readers.
class Announcements {
  text = $state('');
  visible = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;

  // `quiet` is read out but not shown, for what can be seen elsewhere in the page.
  say(text: string, quiet = false): void {
    clearTimeout(this.timer);
    this.text = text;
    this.visible = !quiet;
    this.timer = setTimeout(() => {
      this.visible = false;
    }, 4000);
  }
}

export const announcements = new Announcements();
