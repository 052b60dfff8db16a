import { type Fields, fieldsAt, textAt } from './fields.ts';
import type { RemoteSocket } from './remote-socket.ts';

const WITH_NETWORK = new Set(['page', 'iframe', 'worker', 'shared_worker', 'service_worker']);

/**
 * Cuts every page and worker of a Chromium off the network.
 *
 * Each has to be told by itself, workers too. What starts meanwhile is held until it is cut off, as its first
 * request would get through otherwise. Nothing stays attached when the network is back: Chromium never ends a worker
 * that DevTools look at.
 */
export class ChromiumOffline {
  readonly #socket: RemoteSocket;
  readonly #cutting = new Map<string, Promise<void>>();
  #isOffline = false;

  constructor(socket: RemoteSocket) {
    this.#socket = socket;
    socket.listen((method, params) => {
      if (method === 'Target.attachedToTarget' && this.#isOffline) this.#attached(params);
      else if (method === 'Target.detachedFromTarget') this.#cutting.delete(textAt(params, 'sessionId'));
    });
  }

  async set(isOffline: boolean): Promise<void> {
    if (isOffline === this.#isOffline) return;
    this.#isOffline = isOffline;
    if (isOffline) {
      await this.#socket.send('Target.setAutoAttach', ATTACH);
      await this.#settled();
    } else {
      // Those that are just starting would hold what they start, were they cut off after this.
      await this.#settled();
      await Promise.all([...this.#cutting.keys()].map((session) => this.#restore(session)));
      await this.#socket.send('Target.setAutoAttach', { ...ATTACH, autoAttach: false });
      await Promise.all([...this.#cutting.keys()].map((session) => this.#detach(session)));
      this.#cutting.clear();
    }
  }

  #attached(params: Fields): void {
    const session = textAt(params, 'sessionId');
    this.#cutting.set(session, this.#cutOff(session, textAt(fieldsAt(params, 'targetInfo'), 'type')));
  }

  async #cutOff(session: string, type: string): Promise<void> {
    if (WITH_NETWORK.has(type)) {
      await this.#try('Network.enable', {}, session);
      await this.#try('Network.emulateNetworkConditions', conditions(true), session);
      await this.#try('Target.setAutoAttach', ATTACH, session);
    }
    await this.#try('Runtime.runIfWaitingForDebugger', {}, session);
  }

  async #restore(session: string): Promise<void> {
    await this.#try('Target.setAutoAttach', { ...ATTACH, autoAttach: false }, session);
    await this.#try('Network.emulateNetworkConditions', conditions(false), session);
    await this.#try('Network.disable', {}, session);
  }

  #detach(session: string): Promise<void> {
    return this.#try('Target.detachFromTarget', { sessionId: session });
  }

  /** A target may have gone meanwhile, and not every one knows every command. */
  async #try(method: string, params: Fields, session?: string): Promise<void> {
    await this.#socket.send(method, params, session).catch(() => undefined);
  }

  /** Attaching to one may bring others. */
  async #settled(): Promise<void> {
    for (let seen = -1; seen !== this.#cutting.size;) {
      seen = this.#cutting.size;
      await Promise.all(this.#cutting.values());
    }
  }
}

const ATTACH = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true };

function conditions(offline: boolean): Fields {
  return { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
}
