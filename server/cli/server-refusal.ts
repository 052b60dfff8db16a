import { isRecord } from '../../shared/text.ts';

/** More of an answer is not shown to anybody. */
const MAX_PROBLEMS = 20;
const MAX_BODY_UNITS = 65_536;

/** That a server has refused something, in its own words. */
export class ServerRefusal extends Error {
  readonly status: number;
  /** Of the first thing that is wrong; empty if the server did not say. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ServerRefusal';
    this.status = status;
    this.code = code;
  }
}

/** What an answer that is no success says to the person at the terminal. */
export async function refusalOf(response: Response): Promise<ServerRefusal> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  if (status === 401)
    return new ServerRefusal(status, '', 'the server knows no such user, or the password is wrong');
  const problems = text.length > MAX_BODY_UNITS ? [] : problemsOf(text);
  const retry = response.headers.get('Retry-After');
  const later = retry !== null && /^\d+$/.test(retry) ? `; try again in ${retry} seconds` : '';
  if (problems.length === 0) return new ServerRefusal(status, '', `the server answered ${status}${later}`);
  const sentence = problems.map(({ message }) => message).join('; ');
  return new ServerRefusal(status, problems[0]?.code ?? '', `the server refused: ${sentence}${later}`);
}

interface Problem {
  readonly code: string;
  readonly message: string;
}

/** The leaves of an error tree: what is wrong, and where. */
function problemsOf(text: string): readonly Problem[] {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    // A proxy's page; the status says enough.
    return [];
  }
  return itemsOf(tree)
    .flatMap((node) => (isRecord(node) ? itemsOf(node['children']) : []))
    .flatMap((node) => {
      const value = isRecord(node) ? node['value'] : undefined;
      if (!isRecord(value) || typeof value['message'] !== 'string') return [];
      const { code, message, path } = value;
      const where = typeof path === 'string' && !message.includes(path) ? ` (${path})` : '';
      return [
        { code: typeof code === 'string' ? code : '', message: `${printable(message)}${printable(where)}` },
      ];
    })
    .slice(0, MAX_PROBLEMS);
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
