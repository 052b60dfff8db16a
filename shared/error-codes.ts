/**
 * Every code that an answer can carry. Codes are stable; messages may change.
 *
 * The first group is known to clients that existed before this server; the second is ours.
 */
export type ErrorCode =
  | 'REQUEST_CONSTRUCTION_FAILURE'
  | 'REQUEST_PARAMETER_MISSING'
  | 'REQUEST_PARAMETER_MALFORMED'
  | 'REQUEST_INPUT_MALFORMED'
  | 'SCHEMA_VALIDATION_FAILURE'
  | 'REQUEST_IDENTITY_FAILURE'
  | 'REQUEST_AUTHORIZATION_FAILURE'
  | 'REQUEST_GENERAL_FAILURE'
  | 'EVENT_JOB_GET_FAILED'
  | 'EVENT_JOB_GET_FAILED_RUNNING'
  | 'EVENT_JOB_GET_FAILED_NO_JOB'
  // Ours.
  | EventProblemCode
  | 'REQUEST_TOO_LARGE'
  | 'REQUEST_TYPE_UNSUPPORTED'
  | 'REQUEST_METHOD_UNSUPPORTED'
  | 'REQUEST_NOT_ACCEPTABLE'
  | 'REQUEST_PRECONDITION_FAILED'
  | 'REQUEST_RANGE_UNSATISFIABLE'
  | 'RESOURCE_NOT_FOUND'
  | 'BATCH_CONFLICT'
  | 'BATCH_SPLIT'
  | 'STORE_BUSY'
  | 'STORE_FULL'
  | 'STORE_UNAVAILABLE'
  | 'REPORT_QUEUE_FULL'
  | 'LINK_INVALID'
  | 'AUTHENTICATION_BUSY';

/** What can be wrong with one event. The message is a function of code and path: see `problemMessage`. */
export type EventProblemCode =
  | 'REQUEST_PARAMETER_MISSING'
  | 'REQUEST_PARAMETER_MALFORMED'
  | 'EVENT_FIELD_TOO_LONG'
  | 'EVENT_TOO_LARGE'
  | 'EVENT_TIMESTAMP_OUT_OF_RANGE'
  | 'EVENT_CUSTOMER_UNKNOWN'
  | 'EVENT_PRODUCT_UNKNOWN'
  | 'EVENT_TYPE_UNKNOWN'
  | 'EVENT_CONTEXT_UNKNOWN';

/** One thing that is wrong, and where: `path` is relative to the event, empty for the event itself. */
export interface EventProblem {
  readonly code: EventProblemCode;
  readonly path: string;
}

const SHAPES: Readonly<Record<string, string>> = {
  '': 'must be an object',
  customer: 'must be a non-empty string without control characters',
  product: 'must be a non-empty string without control characters',
  type: 'must be a non-empty string without control characters',
  timestamp: 'must be an integer, in milliseconds since the Unix epoch',
  context: 'must be an array whose items are strings or null',
  version: 'must be a string, null or absent',
};

/** The sentence for a problem; for people, never to be parsed. */
export function problemMessage(code: EventProblemCode, path: string): string {
  const field = path.replace(/\[.*/, '');
  const subject = path === '' ? 'the event' : `"${path}"`;
  switch (code) {
    case 'REQUEST_PARAMETER_MISSING':
      return `${subject} is required`;
    case 'REQUEST_PARAMETER_MALFORMED':
      return `${subject} ${field === path ? (SHAPES[field] ?? 'is malformed') : 'must be a string or null'}`;
    case 'EVENT_FIELD_TOO_LONG':
      return `${subject} is longer than this server allows`;
    case 'EVENT_TOO_LARGE':
      return `${subject} has more bytes than this server allows`;
    case 'EVENT_TIMESTAMP_OUT_OF_RANGE':
      return `${subject} is negative or too far in the future`;
    case 'EVENT_CUSTOMER_UNKNOWN':
      return `${subject} is not a customer of the catalog`;
    case 'EVENT_PRODUCT_UNKNOWN':
      return `${subject} is not a product of the catalog`;
    case 'EVENT_TYPE_UNKNOWN':
      return `${subject} is not a type of this product in the catalog`;
    case 'EVENT_CONTEXT_UNKNOWN':
      return `${subject} has more items than the catalog lists for this type`;
  }
}
