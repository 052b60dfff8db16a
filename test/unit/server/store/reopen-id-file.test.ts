import { randomUUID } from 'node:crypto';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { IdFile } from '../../../../server/store/segments/ids/id-file.ts';
import { aBatch, anEvent, type ABatch } from '../../../support/events.ts';
import { IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Two halves of a batch, each sealed in an id file of its own, which both know the whole. */
async function halvesInTwoFiles(folder: string): Promise<readonly [first: ABatch, second: ABatch]> {
  const whole = randomUUID();
  const half = (offset: number) => aBatch([anEvent()], { identity: { parents: [whole], offset } });
  const halves = [half(0), half(1)] as const;
  const store = await openSmall(folder, IN_PROCESS);
  for (const { identity, contents } of halves) {
    await store.append(identity, () => contents);
    await store.roll();
    await store.compacted();
  }
  await store.close();
  return halves;
}

describe('an id file that is read again', () => {
  it('while a batch is looked up in the others makes nothing new of a batch that only it knows', async () => {
    const folder = await tempFolder();
    const [known] = await halvesInTwoFiles(folder);
    const file = path.join(folder, 'ids', '00000001.jsonl');
    await rename(file, `${file}.away`);
    const store = await openSmall(folder);
    onTestFinished(() => store.close());
    await rename(`${file}.away`, file);

    // The look-up of the whole in the other file, which nothing but this test can make slow.
    const find = vi.spyOn(IdFile.prototype, 'find');
    onTestFinished(() => find.mockRestore());
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const isLooking = new Promise<void>((resolve) => {
      find.mockImplementationOnce(async () => {
        resolve();
        await gate;
        return 'split';
      });
    });
    const early = store.append(known.identity, () => known.contents).then(String, (error: unknown) => error);
    await isLooking;

    const other = aBatch();
    await expect(store.append(other.identity, () => other.contents)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await expect.poll(() => store.health().isWritable).toBe(true);
    goOn();

    expect(await early).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.append(known.identity, () => known.contents)).toMatchObject({ isNew: false });
    expect(await store.append(other.identity, () => other.contents)).toMatchObject({ isNew: true });
  });
});
