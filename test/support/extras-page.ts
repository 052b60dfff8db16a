import { vi } from 'vitest';
import type { Context, TrackOptions } from '../../client/page/api.ts';
import type { Tracker } from '../../client/extras/tracker.ts';

/** A tracker that keeps what it is given, as it was given. */
export class RecordingTracker implements Tracker {
  readonly calls: [type: string, context?: Context, options?: TrackOptions][] = [];

  track(...args: [type: string, context?: Context, options?: TrackOptions]): void {
    this.calls.push(args);
  }
}

/** What is written to the console from now on, a line each: its level, and its words as text. */
export function recordConsole(): readonly string[] {
  const lines: string[] = [];
  for (const level of ['log', 'warn'] as const)
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => {
      const texts = words.map((word) => (typeof word === 'string' ? word : describe(word)));
      lines.push(`${level} ${texts.join(' ')}`);
    });
  return lines;
}

function describe(word: unknown): string {
  return word instanceof Element ? `<${word.localName}>` : (JSON.stringify(word) ?? 'undefined');
}

/** The element that `html` describes, in the page. */
export function show(html: string): HTMLElement {
  const holder = document.createElement('div');
  holder.innerHTML = html;
  document.body.append(holder);
  return holder;
}

/** The one element that `selector` finds. */
export function find(selector: string): HTMLElement {
  const found = document.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`no ${selector}`);
  return found;
}
