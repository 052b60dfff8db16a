import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineWindow } from '../../../../server/store/segments/line-window.ts';
import { watchReads } from '../../../support/file-reads.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Lines around the lengths of a page and of what is read at once, the last of which may have no end. */
const line = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 2, arbitrary: fc.integer({ min: 4_090, max: 4_100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_500, max: 140_000 }) },
);
const text = fc
  .tuple(fc.array(line, { maxLength: 60 }), fc.boolean())
  .map(
    ([lengths, isEnded]) => lengths.map((length) => 'x'.repeat(length)).join('\n') + (isEnded ? '\n' : ''),
  );

describe('LineWindow', () => {
  it('gives the lines of any place, whatever was looked at before', async () => {
    const file = path.join(await tempFolder(), 'lines');
    const places = fc.array(fc.record({ at: fc.nat(), span: fc.nat(9_000), isNext: fc.boolean() }), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(text, places, async (content, looks) => {
        await writeFile(file, content);
        const handle = await open(file);
        try {
          const lines = await LineWindow.of(handle);
          expect(lines.size).toBe(content.length);
          let next = 0;
          for (const { at, span, isNext } of looks) {
            const offset = isNext ? next : at % (content.length + 1);
            const newline = content.indexOf('\n', offset);
            const expected = newline < 0 ? undefined : content.slice(offset, newline);
            expect((await lines.lineAt(offset))?.toString()).toBe(expected);
            next = newline < 0 ? 0 : newline + 1;
            if (offset === 0) continue;
            const end = Math.min(offset + span, content.length);
            const start = content.indexOf('\n', offset - 1) + 1;
            expect(await lines.nextStart(offset, end)).toBe(start > 0 && start < end ? start : undefined);
          }
        } finally {
          await handle.close();
        }
      }),
    );
  });

  it('reads lines that follow one another once', async () => {
    const file = path.join(await tempFolder(), 'lines');
    const content = `${'x'.repeat(99)}\n`.repeat(10_000);
    await writeFile(file, content);
    const handle = await open(file);
    const reads = await watchReads();
    try {
      const lines = await LineWindow.of(handle);
      for (let offset = 0; offset < content.length; offset += 100) await lines.lineAt(offset);
    } finally {
      await handle.close();
    }
    expect(reads.bytes()).toBe(content.length);
    // 4, 8, 16 and 32 KiB, then 64 KiB each.
    expect(reads.lengths()).toHaveLength(4 + Math.ceil((content.length - 61_440) / 65_536));
  });
});
