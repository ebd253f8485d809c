/** A page behind OpenFeature, bundled for the browser tests: `settings` stands in the page. */
import { OpenFeature } from "@openfeature/web-sdk";

import { HeadwayWebProvider } from "../dist/openfeature-web.js";

const { url, key, flag } = window.settings;
window.shown = (async () => {
  await OpenFeature.setContext({ targetingKey: "visitor-7" });
  await OpenFeature.setProviderAndWait(new HeadwayWebProvider(url, key, { pollMs: 200 }));
  const flags = OpenFeature.getClient();
  const first = flags.getStringValue(flag, "none");
  flags.track("opened", { value: 2.5, page: "home" });
  await OpenFeature.setContext({ targetingKey: "visitor-8" });
  return [first, flags.getStringValue(flag, "none")];
})();
window.now = () => OpenFeature.getClient().getStringDetails(flag, "none").reason;
