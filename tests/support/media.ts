// SPDX-License-Identifier: Apache-2.0
// Real media, made by ffmpeg for the tests.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { scratchDirectory } from './gatehouse.js';

function ffmpeg(args: string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
}

function make(name: string, args: string[]): { file: string; content: Buffer } {
  const file = path.join(scratchDirectory(), name);
  ffmpeg([...args, file]);
  return { file, content: readFileSync(file) };
}

const picture = (size: string, seconds: number) => ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`];
const sound = (seconds: number) => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];

export const videoWithSound = (seconds = 10, size = '1280x720') =>
  make('clip.mp4', [...picture(size, seconds), ...sound(seconds), ...encoding]);
export const silentVideo = (seconds = 2, size = '320x240') => make('silent.mp4', [...picture(size, seconds), ...encoding]);
export const soundFile = (seconds = 2) => make('tone.wav', sound(seconds));
export const image = () => make('picture.png', ['-f', 'lavfi', '-i', 'testsrc2=size=640x480:duration=1', '-frames:v', '1']);

// Seconds, as ffprobe reads them.
export function duration(file: string): number {
  return Number(
    execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file], { encoding: 'utf8' }),
  );
}

export function codec(file: string): string {
  return execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', file], {
    encoding: 'utf8',
  }).trim();
}
