/** The browser build in Node: as much of a page as it looks at. */
globalThis.document = { visibilityState: "visible" };
globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};

export const { BrowserClient } = await import("../dist/browser.js");
