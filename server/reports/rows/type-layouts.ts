import { csvField } from '../../../shared/csv-row.ts';
import type { ReportOutput } from '../../../shared/report.ts';
import { areSame, hashOf, viewOf, WORD_SLACK_BYTES } from '../../words.ts';
import type { RowLayout } from '../row-layout.ts';

/** Where the values of a type's contexts go. */
export interface TypeLayout {
  /** The type as a field, and how long it is; words can be read from it. */
  readonly field: DataView;
  readonly fieldBytes: number;
  /** How many positions the catalog names a column for. */
  readonly named: number;
  /** By how many of those a context has. */
  readonly steps: readonly Int32Array[];
}

interface Known {
  readonly text: DataView;
  readonly bytes: number;
  readonly layout: TypeLayout;
}

const TYPE_COLUMN = 1;
/** Anybody may send any types. */
const MAX_KNOWN = 4_096;

/** The layouts of types, found by the bytes of their JSON texts, without their quotes. */
export class TypeLayouts {
  readonly #layout: RowLayout;
  readonly #output: ReportOutput;
  readonly #known = new Map<number, Known>();

  constructor(layout: RowLayout, output: ReportOutput) {
    this.#layout = layout;
    this.#output = output;
  }

  /** @param view - Has the text from `start` to `end`, and `WORD_SLACK_BYTES` more. */
  find(view: DataView, start: number, end: number): TypeLayout {
    const bytes = end - start;
    const hash = hashOf(view, start, bytes);
    const known = this.#known.get(hash);
    if (known !== undefined && known.bytes === bytes && areSame(view, start, known.text, 0, bytes)) {
      return known.layout;
    }
    const text = Buffer.alloc(bytes + WORD_SLACK_BYTES);
    for (let index = 0; index < bytes; index++) text[index] = view.getUint8(start + index);
    const layout = this.#make(text.toString('utf8', 0, bytes));
    if (this.#known.size === MAX_KNOWN) this.#known.clear();
    // Of two with one hash the later one counts; the other is made again.
    this.#known.set(hash, { text: viewOf(text), bytes, layout });
    return layout;
  }

  #make(type: string): TypeLayout {
    const field = Buffer.from(csvField(type, this.#output));
    const padded = Buffer.alloc(field.length + WORD_SLACK_BYTES);
    field.copy(padded);
    const places = this.#layout.placesOf(type);
    const steps = Array.from({ length: places.length + 1 }, (_, items) => stepsOf(places.slice(0, items)));
    return { field: viewOf(padded), fieldBytes: field.length, named: places.length, steps };
  }
}

/** For each position, in the order of their columns: the position, and how many columns on its own is. */
function stepsOf(places: readonly number[]): Int32Array {
  const order = [...places.entries()].toSorted(([, a], [, b]) => a - b);
  let last = TYPE_COLUMN;
  return Int32Array.from(
    order.flatMap(([position, place]) => {
      const step = [position, place - last];
      last = place;
      return step;
    }),
  );
}
