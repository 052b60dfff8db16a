import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { askTerminal } from '../../../../server/cli/read-password.ts';

class Terminal extends EventEmitter {
  isRaw = false;
  isPaused = true;
  shown = '';

  setRawMode(isRaw: boolean): this {
    this.isRaw = isRaw;
    return this;
  }
  setEncoding(): this {
    return this;
  }
  resume(): this {
    this.isPaused = false;
    return this;
  }
  pause(): this {
    this.isPaused = true;
    return this;
  }
  write(text: string): boolean {
    this.shown += text;
    return true;
  }
}

function ask(...keys: readonly string[]) {
  const terminal = new Terminal();
  const answer = askTerminal(terminal, terminal);
  const wasRaw = terminal.isRaw;
  for (const key of keys) terminal.emit('data', key);
  return { terminal, answer, wasRaw };
}

describe('a password that a terminal is asked for', () => {
  it('is not shown, and may be corrected', async () => {
    const { terminal, answer, wasRaw } = ask('sec', 'x', '\x7f', '😀', '\b', 'ret\rmore');
    expect(await answer).toBe('secret');
    expect(wasRaw).toBe(true);
    expect(terminal).toMatchObject({ shown: 'Password: \n', isRaw: false, isPaused: true });
    expect(terminal.listenerCount('data')).toBe(0);
  });

  it.each(['\x03', '\x04'])('is not given by %j', async (key) => {
    const { terminal, answer } = ask('sec', key);
    await expect(answer).rejects.toThrow('no password was given');
    expect(terminal.isRaw).toBe(false);
  });
});
