import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ByteSink } from '../../../server/reports/output/byte-sink.ts';
import { GzipSink } from '../../../server/reports/output/gzip-sink.ts';

/** Hardly any smaller compressed: more than the stream passes on at once. */
const BYTES = 1_048_576;

/** Longer than it takes to compress what is passed on at once. */
const SLOW_MS = 100;

/** Takes so many times what is put, and then, after a while, is full. */
function sinkOf(taken: Buffer[], times: number): ByteSink {
  return {
    put: async (bytes) => {
      if (taken.length < times) taken.push(Buffer.from(bytes));
      else {
        await pause(SLOW_MS);
        throw new Error('full');
      }
    },
    end: () => Promise.resolve({ bytes: 0, sha256: '' }),
    close: () => Promise.resolve(),
  };
}

describe('a GzipSink', () => {
  it('passes on what is put, whoever waits for the bytes before', async () => {
    const taken: Buffer[] = [];
    const sink = new GzipSink(sinkOf(taken, Infinity));
    const parts = Array.from({ length: 5 }, () => randomBytes(BYTES));
    await Promise.all(parts.map((part) => sink.put(part)));
    await sink.end();

    expect(gunzipSync(Buffer.concat(taken)).equals(Buffer.concat(parts))).toBe(true);
  });

  it.each([0, 1, 7])('tells all who wait if a write fails, after %i of them', async (times) => {
    const sink = new GzipSink(sinkOf([], times));
    const puts = Array.from({ length: 5 }, () => sink.put(randomBytes(BYTES)));
    const results = await Promise.allSettled(puts);

    expect(results.at(-1)).toMatchObject({ status: 'rejected', reason: { message: 'full' } });
    await expect(sink.put(randomBytes(1))).rejects.toThrow();
    await expect(sink.end()).rejects.toThrow('full');
    await sink.close();
  });

  it('keeps nobody waiting once it is closed', async () => {
    const sink = new GzipSink(sinkOf([], 0));
    const put = sink.put(randomBytes(BYTES));
    await pause(SLOW_MS / 2);
    await sink.close();

    await expect(put).rejects.toThrow();
  });
});
