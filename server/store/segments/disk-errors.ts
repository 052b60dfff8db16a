export { isFull, RETRY_AFTER_SECONDS, toAppError, unavailable } from '../../disk-errors.ts';
