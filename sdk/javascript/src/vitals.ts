/** Web vitals as events: LCP, INP, CLS, TTFB and FCP, measured by the web-vitals library. */
import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from "web-vitals";

import type { BrowserClient } from "./browser.js";

export interface VitalsOptions {
  /** What the page is called: a route, not an address with ids in it. */
  readonly page: string;
}

const MAX_DIM = 256;

/** Send each vital once, when it is final: events `web_lcp`, `web_inp`, `web_cls`, `web_ttfb`, `web_fcp`. */
export function collectVitals(client: BrowserClient, { page }: VitalsOptions): void {
  const report = (metric: Metric): void => {
    const dims = { page: page.slice(0, MAX_DIM), rating: metric.rating, navigation: metric.navigationType };
    client.track(`web_${metric.name.toLowerCase()}`, metric.value, dims);
  };
  for (const observe of [onLCP, onINP, onCLS, onTTFB, onFCP]) observe(report);
}
