import { describe, expect, it } from 'vitest';
import { ProgressBar } from '../../../../server/cli/progress-bar.ts';

/** A terminal of one line. */
function screenOf({ isTTY = true, columns = 80 } = {}) {
  const cells: string[] = [];
  let written = '';
  let column = 0;
  return {
    isTTY,
    columns,
    write: (text: string): void => {
      written += text;
      for (const character of text) {
        if (character === '\r') column = 0;
        else cells[column++] = character;
      }
    },
    line: () => cells.join('').trimEnd(),
    written: () => written,
  };
}

const HALF = { share: 0.5, rows: 1_234_567, expectedEnd: 13_000 };

describe('the progress bar', () => {
  it('says how far it is, in one line that is overwritten, and leaves nothing', () => {
    const terminal = screenOf();
    let nowMs = 1_000;
    const bar = new ProgressBar(terminal, {}, () => nowMs);

    bar.show(HALF);
    const half = terminal.line();
    nowMs += 100;
    bar.show({ share: 1, rows: 2, expectedEnd: null });
    const whole = terminal.line();
    bar.clear();

    expect(half).toBe('[############............]  50 %  1,234,567 rows  12 s left');
    expect(whole).toBe('[########################] 100 %  2 rows');
    expect(terminal.line()).toBe('');
    expect(terminal.written().endsWith('\r')).toBe(true);
    expect(terminal.written()).not.toContain('\n');
    expect(terminal.written()).not.toContain('\x1b');
  });

  it('is not drawn more often than can be read, and no wider than the terminal', () => {
    const terminal = screenOf({ columns: 20 });
    let nowMs = 1_000;
    const bar = new ProgressBar(terminal, {}, () => nowMs);
    bar.show(HALF);
    const drawn = terminal.written();
    nowMs += 99;
    bar.show({ ...HALF, share: 0.9 });
    expect(terminal.written()).toBe(drawn);
    expect(terminal.line()).toHaveLength(19);
  });

  it.each([
    [{ share: null, rows: null, expectedEnd: null }, 'making the report'],
    [{ share: -1, rows: 0, expectedEnd: 1_000 }, '[........................]   0 %  0 rows'],
    [{ share: 2, rows: null, expectedEnd: 61_001 }, '[########################] 100 %  2 min left'],
    [{ share: 0, rows: null, expectedEnd: 3_601_000 }, '[........................]   0 %  1 h 0 min left'],
  ])('says of %j what is known', (advance, line) => {
    const terminal = screenOf();
    new ProgressBar(terminal, {}, () => 1_000).show(advance);
    expect(terminal.line()).toBe(line);
  });

  it.each([
    [{ isTTY: false }, {}],
    [{}, { TERM: 'dumb' }],
  ])('is not drawn where it would be in the way: %j, %j', (changes, environment) => {
    const terminal = screenOf(changes);
    const bar = new ProgressBar(terminal, environment);
    bar.show(HALF);
    bar.clear();
    expect(terminal.written()).toBe('');
  });
});
