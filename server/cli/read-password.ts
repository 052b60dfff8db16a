import { createInterface } from 'node:readline/promises';
import type { Writable } from 'node:stream';

/** What is needed of a terminal that is read from. */
export interface PasswordTerminal {
  setRawMode(isRaw: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  on(event: 'data', listener: (text: string) => void): unknown;
  off(event: 'data', listener: (text: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const ENTER = /[\r\n]/;
const END_OF_INPUT = '\x04';
const INTERRUPT = '\x03';
const ERASE_ONE = /[\x7f\b]/;

/**
 * The first line of standard input, so that a password stands in no process list and no history; a terminal is
 * asked, and does not show it.
 *
 * @throws Error in words for the person at the terminal.
 */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) return askTerminal(process.stdin, process.stderr);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
  } finally {
    lines.close();
  }
  throw new Error('the password is read from standard input, which is empty');
}

/** Asks for a line that is not shown. */
export function askTerminal(input: PasswordTerminal, output: Pick<Writable, 'write'>): Promise<string> {
  output.write('Password: ');
  // In raw mode nothing is shown, and nothing is done for us.
  input.setRawMode(true);
  input.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (settle: () => void): void => {
      input.off('data', read);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
      settle();
    };
    const read = (text: string): void => {
      for (const character of text) {
        if (ENTER.test(character)) return end(() => resolve(line));
        if (character === INTERRUPT || character === END_OF_INPUT)
          return end(() => reject(new Error('no password was given')));
        line = ERASE_ONE.test(character) ? line.replace(/.$/su, '') : line + character;
      }
      return undefined;
    };
    input.on('data', read);
    input.resume();
  });
}
