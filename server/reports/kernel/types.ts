import { areSame, hashOf } from './bytes';

/** At most half of them are taken. */
const SLOTS: u32 = 8192;
/** A hash, and the address of the type's layout, or 0. */
const SLOT_BYTES: usize = 8;
const TABLE = memory.data(8 * 8192, 16);
const TABLE_BYTES: usize = 8 * 8192;
/** Slots where a type may be: whoever sends types that have the same hash must not make all rows slow. */
const MAX_LOOKS: u32 = 32;

/**
 * Where the values of a type's contexts go: bytes of the type's JSON text without its quotes, bytes of its field, the
 * number of positions that the catalog names a column for, the addresses of the text and of the field, and for each
 * named position, in the order of their columns, itself and its column. A word each.
 */
@unmanaged
export class TypeLayout {
  textBytes: u32;
  fieldBytes: u32;
  named: u32;
  text: u32;
  field: u32;
}

export const STEPS_OFFSET: usize = 20;

/** Where the layout of a type is; 0 if it is not known. */
export function findType(at: usize, bytes: usize): usize {
  const hash = hashOf(at, bytes);
  let slot = slotOf(hash);
  for (let looked: u32 = 0; looked < MAX_LOOKS; looked++) {
    const found = layoutIn(slot);
    if (found == 0) return 0;
    const layout = changetype<TypeLayout>(found);
    if (load<u32>(slot) == hash && (layout.textBytes as usize) == bytes && areSame(at, layout.text, bytes))
      return found;
    slot = after(slot);
  }
  return 0;
}

/** Makes a type known whose layout is in memory; where too many have places near its own, another one is forgotten. */
export function addType(found: usize): void {
  const layout = changetype<TypeLayout>(found);
  const hash = hashOf(layout.text, layout.textBytes);
  let slot = slotOf(hash);
  for (let looked: u32 = 1; looked < MAX_LOOKS && layoutIn(slot) != 0; looked++) slot = after(slot);
  store<u32>(slot, hash);
  store<u32>(slot, found as u32, 4);
}

/** Forgets all types. */
export function clearTypes(): void {
  memory.fill(TABLE, 0, TABLE_BYTES);
}

function slotOf(hash: u32): usize {
  return TABLE + ((hash & (SLOTS - 1)) as usize) * SLOT_BYTES;
}

function after(slot: usize): usize {
  return slot + SLOT_BYTES == TABLE + TABLE_BYTES ? TABLE : slot + SLOT_BYTES;
}

function layoutIn(slot: usize): usize {
  return load<u32>(slot, 4) as usize;
}
