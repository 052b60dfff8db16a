import { randomBytes } from 'node:crypto';
import { isRecord } from '../shared/text.ts';
import { MetadataFile } from './metadata-file.ts';

export interface Secrets {
  /** Key of the signatures on download links, in base64url. */
  readonly linkKey: string;
}

/** The server's own secrets, made at the first start. */
export async function openSecrets(path: string): Promise<Secrets> {
  const file = await MetadataFile.open<Secrets>(path, { linkKey: '' }, parseSecrets);
  if (file.data.linkKey === '') {
    await file.change(() => ({ linkKey: randomBytes(32).toString('base64url') }));
  }
  return file.data;
}

function parseSecrets(value: unknown): Secrets {
  if (!isRecord(value) || typeof value['linkKey'] !== 'string') throw new Error('it must hold a linkKey');
  return { linkKey: value['linkKey'] };
}
