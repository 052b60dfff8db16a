import { isRecord } from '../../shared/text.ts';
import { FILTER } from './events.ts';
import { ADMIN } from './launch-server.ts';
import { parseCsv } from './parse-csv.ts';

/** The `Authorization` header of a user. */
export function basic(
  id: string = ADMIN.id,
  password: string = ADMIN.password,
): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` };
}

export async function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A field of a JSON object that must be a string. */
export function textField(value: unknown, key: string): string {
  const field = isRecord(value) ? value[key] : undefined;
  if (typeof field !== 'string') throw new Error(`no text "${key}" in ${JSON.stringify(value)}`);
  return field;
}

/** Asks for a report and waits until it has ended; returns its public name and last status. */
export async function makeReport(
  url: string,
  body: unknown,
): Promise<{ readonly source: string; readonly status: string }> {
  const response = await postJson(`${url}/reports`, body, basic());
  const answer: unknown = await response.json();
  if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  const source = textField(answer, 'source');
  for (;;) {
    const polled: unknown = await (
      await fetch(`${url}/reports/${source}/availability`, { headers: basic() })
    ).json();
    const status = textField(polled, 'status');
    if (status !== 'RUNNING') return { source, status };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function linkOf(url: string, source: string): Promise<string> {
  const response = await fetch(`${url}/reports/${source}`, { headers: basic() });
  return textField(await response.json(), 'link');
}

/** The text of a finished report, made and downloaded as a user would. */
export async function downloadReport(url: string, body: unknown): Promise<string> {
  const { source, status } = await makeReport(url, body);
  if (status !== 'COMPLETE') throw new Error(`the report is ${status}`);
  return (await fetch(await linkOf(url, source))).text();
}

/** The names (second context values) of all events of `FILTER`, as a report has them. */
export async function reportedNames(url: string): Promise<readonly string[]> {
  const output = { header: false, guard: false };
  const rows = parseCsv(await downloadReport(url, { filter: FILTER, output }));
  return rows.map((row) => row[3] ?? '');
}
