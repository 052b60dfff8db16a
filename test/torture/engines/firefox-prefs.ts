/** A port that nothing listens at. */
const NOWHERE = 'http://localhost:9/';

const PREFS: Readonly<Record<string, string | number | boolean>> = {
  'remote.active-protocols': 1,

  // Nothing but what the pages ask for goes over the network.
  'app.update.enabled': false,
  'app.normandy.enabled': false,
  'browser.region.network.url': '',
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'media.gmp-manager.url': NOWHERE,
  'messaging-system.rsexperimentloader.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': NOWHERE,
  'toolkit.telemetry.enabled': false,

  // Starts as it is told to, also after a crash.
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.sessionstore.resume_from_crash': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'toolkit.startup.max_resumed_crashes': -1,

  // What `setOffline` changes: Firefox remembers it over a restart.
  'network.proxy.type': 0,
  'network.proxy.allow_hijacking_localhost': true,
};

/**
 * The text of a profile's `user.js`.
 *
 * @param quotaBytes - For all origins of the profile together; rounded up to KiB.
 */
export function firefoxPrefs(quotaBytes: number | undefined): string {
  const quota =
    quotaBytes === undefined ? -1 : Math.ceil(quotaBytes / 1024); /* -1 is the default: by the disk's size */
  return Object.entries({ ...PREFS, 'dom.quotaManager.temporaryStorage.fixedLimit': quota })
    .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
    .join('');
}
