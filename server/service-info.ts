import type { Service } from '../shared/service.ts';
import manifest from '../package.json' with { type: 'json' };

/** What `GET /service/version` answers. */
export function serviceInfo(environment: string): Service {
  const { name, version, description } = manifest;
  return { service: { name, version, description, environment } };
}
