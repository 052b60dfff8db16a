import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { checkedFields, hasVersion, WRONG_VERSION } from '../checked-line.ts';
import { ID_FILE_HEADER, parseIdLine } from './id-line.ts';
import { readLines } from '../segment-lines.ts';

/** A whole line of an id file. */
export interface ScannedLine {
  readonly id: string;
  readonly text: string;
  readonly offset: number;
}

/**
 * Reads an id file through, without its index: its whole lines, a bounded number at a time.
 *
 * A line that is not one, or whose id does not come after those before it, goes to `onDamage` instead.
 */
export async function* scanIdFile(
  path: string,
  onDamage: (offset: number, reason: string) => void,
): AsyncGenerator<readonly ScannedLine[], void, undefined> {
  const { size } = await stat(path);
  if (size === 0) onDamage(0, 'the file is empty');
  let lastId = '';
  for await (const lines of readLines(path, size)) {
    const whole: ScannedLine[] = [];
    for (const { bytes, offset, isEnded } of lines) {
      if (offset === 0) {
        if (!isEnded || !isHeader(bytes)) onDamage(0, 'the first line is damaged');
        else if (!hasVersion(bytes)) onDamage(0, WRONG_VERSION);
        continue;
      }
      const text = bytes.toString();
      const line = isEnded && isUtf8(bytes) ? parseIdLine(text) : undefined;
      if (line === undefined) {
        onDamage(offset, 'the line is damaged');
      } else if (line.id <= lastId) {
        onDamage(offset, 'the line does not come after the one before it');
      } else {
        lastId = line.id;
        whole.push({ id: line.id, text, offset });
      }
    }
    yield whole;
  }
}

/** Whether the line is the first one of an id file, but perhaps for its version. */
function isHeader(line: Buffer): boolean {
  const own = checkedFields(ID_FILE_HEADER.subarray(0, -1));
  return own !== undefined && checkedFields(line)?.equals(own) === true;
}
