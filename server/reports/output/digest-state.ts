/** Where the numbers are that the thread and its owner have in common. */
export const DIGEST = {
  /**
   * The bytes of the file that have been written; once there will be no more, less than zero by one more than those. The
   * thread is woken by a change.
   */
  written: 0,
  /** 1 once the thread has begun. */
  begun: 1,
} as const;
