const TIMERS = `onmessage = ({ data: [id, delayMs] }) => setTimeout(() => postMessage(id), delayMs);`;

const waits = new Map<number, () => void>();
let timers: Worker | undefined;
let count = 0;

/** Waits, also in a hidden tab, where browsers let a page's own timers fire once a second or less. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A service worker has no workers, and is never hidden.
    if (typeof Worker === 'undefined') {
      setTimeout(resolve, delayMs);
      return;
    }
    const id = ++count;
    waits.set(id, resolve);
    timers ??= startTimers();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
    timers.postMessage([id, delayMs]);
  });
}

function startTimers(): Worker {
  const worker = new Worker(URL.createObjectURL(new Blob([TIMERS], { type: 'text/javascript' })));
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const id = Number(data);
    waits.get(id)?.();
    waits.delete(id);
  });
  return worker;
}
