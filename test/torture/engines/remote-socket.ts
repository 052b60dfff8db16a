import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Fields, isFields } from './fields.ts';

/** No command here takes longer, and a browser that hangs must not hang the test. */
const ANSWER_MS = 15_000;

interface Command {
  readonly method: string;
  readonly resolve: (result: Fields) => void;
  readonly reject: (error: Error) => void;
}

/** Called with an event's name and parameters, and the session that it is from. */
export type EventListener = (method: string, params: Fields, sessionId: string | undefined) => void;

/** Commands, answers and events over a WebSocket: what the Chrome DevTools Protocol and WebDriver BiDi share. */
export class RemoteSocket {
  readonly #socket: WebSocket;
  readonly #commands = new Map<number, Command>();
  readonly #listeners = new Set<EventListener>();
  #lastId = 0;

  static async open(url: string): Promise<RemoteSocket> {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: ANSWER_MS });
    await once(socket, 'open');
    return new RemoteSocket(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#receive(data));
    // Without a listener an error would end the process; the close that follows tells whoever waits.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { method, reject } of this.#commands.values())
        reject(new Error(`${method}: the browser has gone`));
      this.#commands.clear();
    });
  }

  /** @param sessionId - The target that is meant, in the Chrome DevTools Protocol; the browser itself without. */
  async send(method: string, params: Fields = {}, sessionId?: string): Promise<Fields> {
    const id = ++this.#lastId;
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error(`${method}: the browser has gone`);
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<Fields>((resolve, reject) => {
      this.#commands.set(id, { method, resolve, reject });
      timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
    });
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.#commands.delete(id);
    }
  }

  /** Events come in the order in which the browser sent them. */
  listen(listener: EventListener): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer): void {
    const message: unknown = JSON.parse(data.toString());
    if (!isFields(message)) return;
    const { id, method, params, result, error, sessionId } = message;
    if (typeof id === 'number') {
      const command = this.#commands.get(id);
      if (error === undefined) command?.resolve(isFields(result) ? result : {});
      else command?.reject(new Error(`${command.method}: ${JSON.stringify(message['message'] ?? error)}`));
    } else if (typeof method === 'string') {
      const session = typeof sessionId === 'string' ? sessionId : undefined;
      for (const listener of this.#listeners) listener(method, isFields(params) ? params : {}, session);
    }
  }
}
