import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openConsole } from '../../../../client/extras/say.ts';
import { trackElements } from '../../../../client/extras/track-elements.ts';
import { find, recordConsole, RecordingTracker, show } from '../../../support/extras-page.ts';

describe('elements with data-waybill-event', () => {
  let tracker: RecordingTracker;
  let stop: () => void;
  beforeEach(() => {
    tracker = new RecordingTracker();
    stop = trackElements(tracker);
  });
  afterEach(() => {
    stop();
    vi.restoreAllMocks();
    document.body.replaceChildren();
  });

  it('are tracked when something in them is clicked, also if they are added later', () => {
    show('<button data-waybill-event="OPENED"><b><i>Open</i></b></button>');
    find('i').click();
    find('button').click();
    expect(tracker.calls).toEqual([
      ['OPENED', undefined],
      ['OPENED', undefined],
    ]);
  });

  it('are tracked although the page stops the event, and leave it as it is', () => {
    show('<a href="#x" data-waybill-event="FOLLOWED">x</a>');
    const isPrevented: boolean[] = [];
    find('a').addEventListener('click', (event) => {
      isPrevented.push(event.defaultPrevented);
      event.stopPropagation();
    });
    find('a').click();
    expect(tracker.calls).toHaveLength(1);
    expect(isPrevented).toEqual([false]);
  });

  it('are tracked alone within others that are tracked on the same kind', () => {
    show(
      '<div data-waybill-event="OUTER"><form data-waybill-event="SENT"><b data-waybill-event="INNER">x</b></form></div>',
    );
    find('b').click();
    // A form is not tracked when it is clicked, and so hides nothing.
    find('form').click();
    expect(tracker.calls.map(([type]) => type)).toEqual(['INNER', 'OUTER']);
  });

  it('are tracked on submit if they are forms, and else as data-waybill-on says', () => {
    show(
      `<form data-waybill-event="SENT"><select data-waybill-event="CHOSEN" data-waybill-on="change"></select></form>
       <form id="clicked" data-waybill-event="TOUCHED" data-waybill-on="click"></form>`,
    );
    find('select').click();
    find('select').dispatchEvent(new Event('change', { bubbles: true }));
    find('form').dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    find('#clicked').dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    find('#clicked').click();
    expect(tracker.calls.map(([type]) => type)).toEqual(['CHOSEN', 'SENT', 'TOUCHED']);
  });

  it('are found in shadow trees, whose submit and change events stay inside', () => {
    const root = show('<section></section>').attachShadow({ mode: 'open' });
    root.innerHTML = `<form data-waybill-event="SENT"><button type="button" data-waybill-event="PRESSED">x</button></form>`;
    const [form, button] = [root.querySelector('form'), root.querySelector('button')];
    button?.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true }));
    form?.dispatchEvent(new Event('submit', { bubbles: true }));
    // One that leaves the tree comes by twice.
    form?.dispatchEvent(new Event('submit', { bubbles: true, composed: true }));
    expect(tracker.calls.map(([type]) => type)).toEqual(['PRESSED', 'SENT', 'SENT']);
  });

  it('are tracked once when a click on a label is followed by one on its control', async () => {
    show('<label data-waybill-event="TICKED"><span>x</span><input type="checkbox"></label>');
    const [span, input] = [find('span'), find('input')];
    const click = (target: HTMLElement): unknown =>
      target.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true }));
    span.addEventListener('click', (event) => event.preventDefault());
    click(span);
    click(input);
    expect(tracker.calls).toHaveLength(1);
    // In another task it is another click.
    await new Promise((resolve) => setTimeout(resolve, 1));
    click(input);
    expect(tracker.calls).toHaveLength(2);
  });

  it('are tracked no more after the end', () => {
    const root = show('<section></section>').attachShadow({ mode: 'open' });
    root.innerHTML = '<form data-waybill-event="SENT"></form>';
    show('<button data-waybill-event="OPENED">x</button>').dispatchEvent(new Event('focusin'));
    root.querySelector('form')?.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true }));
    stop();
    find('button').click();
    root.querySelector('form')?.dispatchEvent(new Event('submit', { bubbles: true }));
    expect(tracker.calls).toEqual([]);
  });

  describe('with a context', () => {
    it.each([
      ['data-waybill-context-user-id="42" data-waybill-context-plan=""', { userId: '42', plan: '' }],
      ['data-waybill-context-user_id="42" data-waybill-context-a-1-b="x"', { user_id: '42', 'a-1B': 'x' }],
      [`data-waybill-context='["a", null, 3, true]'`, ['a', null, '3', 'true']],
      [`data-waybill-context='{"ID": 4}' data-waybill-context-plan="x"`, { ID: '4', plan: 'x' }],
      ['data-waybill-context="[]"', []],
      ['', undefined],
    ])('take it from %s', (attributes, context) => {
      show(`<button data-waybill-event="T" ${attributes}>x</button>`);
      find('button').click();
      expect(tracker.calls).toEqual([['T', context]]);
    });

    it.each([
      'data-waybill-context="a,b"',
      'data-waybill-context="7"',
      `data-waybill-context='[{}]'`,
      'data-waybill-context="[9007199254740993]"',
    ])('that is no good (%s) have it refused, and say why when explained', (attribute) => {
      const lines = recordConsole();
      show(`<button data-waybill-event="T" ${attribute}>x</button>`);
      find('button').click();
      expect(lines).toEqual([]);
      const close = openConsole();
      find('button').click();
      close();
      const context = { 'data-waybill-context': find('button').getAttribute('data-waybill-context') };
      expect(tracker.calls).toEqual([
        ['T', context],
        ['T', context],
      ]);
      expect(lines).toEqual([
        'log waybill: click on <button> tracks T',
        'warn waybill: data-waybill-context must be JSON, an array or an object of texts, numbers, truth values or null <button>',
      ]);
    });

    it('by position and by key have it refused', () => {
      show(
        `<button data-waybill-event="T" data-waybill-context='["a"]' data-waybill-context-b="c">x</button>`,
      );
      find('button').click();
      expect(tracker.calls).toEqual([['T', { 'data-waybill-context': '["a"]' }]]);
    });
  });

  it('that are to be tracked on something unknown say so when explained', () => {
    const lines = recordConsole();
    const close = openConsole();
    show('<button data-waybill-event="T" data-waybill-on="hover">x</button>');
    find('button').click();
    close();
    expect(tracker.calls).toEqual([]);
    expect(lines).toEqual([
      'warn waybill: data-waybill-on="hover" is none of click, submit, change <button>',
    ]);
  });
});
