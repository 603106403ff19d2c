// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them.
import { strings } from '../strings';

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

// 1536000 is "1.5 MB": decimal units, as file managers and disks count them.
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit < 2 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export function formatSpeed(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

// 75 is "1 min 15 s"; what is under a second is "1 s".
export function formatDuration(seconds: number): string {
  const total = Math.max(1, Math.ceil(seconds));
  if (total < 60) return `${total} s`;
  if (total < 3600) return total % 60 === 0 ? `${total / 60} min` : `${Math.floor(total / 60)} min ${total % 60} s`;
  const minutes = Math.round(total / 60);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const steps: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'minute'],
  [24, 'hour'],
  [7, 'day'],
];

// "just now", "5 minutes ago", "yesterday"; a week and older is a date.
export function formatAge(time: string, now: number, locale?: string): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return '';
  let amount = (now - then) / 60_000;
  if (amount < 1) return strings.time.justNow;
  const relative = new Intl.RelativeTimeFormat(locale ?? 'en', { numeric: 'auto' });
  for (const [size, unit] of steps) {
    if (amount < size) return relative.format(-Math.floor(amount), unit);
    amount /= size;
  }
  return new Intl.DateTimeFormat(locale ?? 'en', { dateStyle: 'medium' }).format(then);
}

// 12.34 is "12.3/s".
export function formatRate(perSecond: number): string {
  const digits = perSecond === 0 || perSecond >= 100 ? 0 : perSecond >= 10 ? 1 : 2;
  return `${Number(perSecond.toFixed(digits))}/s`;
}

// 4.2 is "4.2 ms", 1500 is "1.5 s".
export function formatMilliseconds(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toFixed(1))} s`;
  return `${Number(value.toFixed(value >= 10 ? 0 : 1))} ms`;
}

export function formatTime(time: string, locale?: string): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return '';
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(then);
}

// The time of day: "7:53:56 PM", or without the seconds.
export function formatClock(time: number, seconds: boolean, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: seconds ? 'medium' : 'short' }).format(time);
}

export type Kind = 'audio' | 'video' | 'image' | 'text' | 'archive' | 'file';

export function kindOf(type: string): Kind {
  const major = type.split('/')[0] ?? '';
  if (major === 'audio' || major === 'video' || major === 'image') return major;
  if (major === 'text' || /^application\/(pdf|json|xml)$/.test(type)) return 'text';
  if (/^application\/(zip|gzip|x-tar|x-7z-compressed|x-xz|zstd|x-bzip2)$/.test(type)) return 'archive';
  return 'file';
}

// What a page can play or show by itself, if the browser knows the format.
export function canPreview(type: string): boolean {
  return ['audio', 'video', 'image'].includes(kindOf(type));
}

const browsers: [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/(Firefox|FxiOS)\//, 'Firefox'],
  [/(Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/Windows/, 'Windows'],
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux|X11/, 'Linux'],
];

// "Firefox on Windows" of what a browser says of itself; other programs as they say.
export function formatAgent(agent: string): string {
  if (agent === '') return strings.sessions.unknown;
  if (!agent.startsWith('Mozilla/')) return agent;
  const name = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1] ?? '';
  const browser = name(browsers);
  return browser === '' ? agent : strings.sessions.browserOn(browser, name(systems));
}
