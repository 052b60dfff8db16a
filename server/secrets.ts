import { randomBytes } from 'node:crypto';
import { isRecord } from '../shared/text.ts';
import { MetadataFile } from './metadata-file.ts';

interface Secrets {
  /** Key of the signatures on download links, in base64url. */
  readonly linkKey: string;
}

export interface OpenedSecrets extends Secrets {
  /** Resolves when the secrets are durable; until then those that were just made are good for this process alone. */
  store(): Promise<void>;
}

/** The server's own secrets, made where there are none yet. */
export async function openSecrets(path: string): Promise<OpenedSecrets> {
  const file = await MetadataFile.open<Secrets>(path, { linkKey: '' }, parseSecrets);
  const { linkKey } = file.data;
  if (linkKey !== '') return { linkKey, store: () => Promise.resolve() };
  const made = randomBytes(32).toString('base64url');
  return { linkKey: made, store: () => file.change(() => ({ linkKey: made })) };
}

function parseSecrets(value: unknown): Secrets {
  if (!isRecord(value) || typeof value['linkKey'] !== 'string') throw new Error('it must hold a linkKey');
  return { linkKey: value['linkKey'] };
}
