import type { ListedErasure } from '../admin/admin-protocol.ts';
import { readConfig } from '../config.ts';
import { withOwner } from './ask-owner.ts';
import { openEraser } from './open-eraser.ts';

/**
 * `waybill erasures`: every erasure, oldest first, and what those wait for that have not come to their end.
 *
 * @returns What is to be printed.
 * @throws Error in words for the person at the terminal.
 */
export async function runErasuresCommand(): Promise<string> {
  const config = readConfig(process.env);
  const { erasures } = await withOwner(
    config.dataFolder,
    (paths) => openEraser(config, paths),
    (ask) => ask({ command: 'erasure-list' }),
  );
  return erasures.map((erasure) => `${described(erasure)}\n`).join('');
}

function described({ number, customer, askedMs, doneMs, events, waitsFor }: ListedErasure): string {
  const asked = `${number}\t${customer}\tasked ${isoTime(askedMs)}\t${events} events erased`;
  if (doneMs !== null) return `${asked}\tdone ${isoTime(doneMs)}`;
  return `${asked}\t${waitsFor === undefined ? 'rewriting files' : `it waits: ${waitsFor}`}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
