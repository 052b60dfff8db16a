import type { Collector } from '../page/api.ts';
import { describeStatus, type StatusTexts } from './describe-status.ts';

/** What the buttons track: types of the example catalog, with values in the order of their keys. */
const EVENTS: readonly { label: string; type: string; context: readonly string[] }[] = [
  { label: 'Open the application', type: 'PORTFOLIO-APPLICATION-LOADED', context: ['demo-user'] },
  { label: 'Create a portfolio', type: 'PORTFOLIO-CREATED', context: ['demo-user', 'demo-portfolio'] },
  { label: 'Delete a portfolio', type: 'PORTFOLIO-DELETED', context: ['demo-user', 'demo-portfolio'] },
];

const BURST_COUNT = 100;
const MAX_LISTED = 8;

/** Ages and waits change without any event. */
const REFRESH_MS = 1_000;

function start(waybill: Collector): void {
  const buttons = element('event-buttons');
  for (const { label, type, context } of EVENTS) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.addEventListener('click', () => void track(waybill, 1, type, context));
    buttons.append(button);
  }
  const [{ type, context } = { type: '', context: [] }] = EVENTS;
  element('burst').addEventListener('click', () => void track(waybill, BURST_COUNT, type, context));
  element('flush').addEventListener('click', () => void waybill.flush());
  waybill.on('status', (status) => show(describeStatus(status, Date.now())));
  waybill.on('delivered', ({ batch, count }) => list(`${count} ${count === 1 ? 'event' : 'events'}`, batch));
  waybill.on('rejected', ({ batch, count }) => list(`${count} refused`, batch ?? 'by this page'));
  waybill.on('dropped', ({ count }) => list(`${count} dropped`, 'no room'));
  const refresh = async (): Promise<void> => show(describeStatus(await waybill.status(), Date.now()));
  void refresh();
  setInterval(() => void refresh(), REFRESH_MS);
}

async function track(
  waybill: Collector,
  count: number,
  type: string,
  context: readonly string[],
): Promise<void> {
  const startMs = performance.now();
  const tracked = Array.from({ length: count }, () => waybill.track(type, context));
  const outcomes = await Promise.all(tracked.map((item) => item.stored));
  const stored = outcomes.filter((outcome) => outcome.status === 'stored').length;
  const tookMs = (performance.now() - startMs).toFixed(1);
  element('last-tracked').textContent = `${stored} of ${count} ${type} stored after ${tookMs} ms.`;
}

function show(texts: StatusTexts): void {
  for (const [id, text] of Object.entries(texts.fields)) setText(id, text);
  setText('summary', texts.summary);
  element('events').parentElement?.classList.toggle('waiting', texts.isWaiting);
}

/** Written only when it changes: a screen reader speaks a live region at each write. */
function setText(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

function list(what: string, batch: string): void {
  const item = document.createElement('li');
  const name = document.createElement('code');
  name.textContent = batch;
  item.append(`${what}, ${new Date().toLocaleTimeString()}`, name);
  const deliveries = element('deliveries');
  deliveries.prepend(item);
  while (deliveries.children.length > MAX_LISTED) deliveries.lastElementChild?.remove();
  element('no-deliveries').hidden = true;
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const { waybill } = window;
if (waybill && 'track' in waybill) start(waybill);
else element('summary').textContent = 'The collector’s script could not be loaded.';
