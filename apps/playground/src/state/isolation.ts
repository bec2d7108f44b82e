import { signal } from "@preact/signals";

/** Whether this page's headers are set by its service worker, for hosts that send none; unknown at first. */
export const isIsolatedHere = signal<boolean | undefined>(undefined);

/** Whether a browser allows one: on https or localhost. */
export const canIsolate = "serviceWorker" in navigator;

const script = new URL("isolation.js", document.baseURI).href;

async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  const all = canIsolate ? await navigator.serviceWorker.getRegistrations() : [];
  return all.find(({ active, installing, waiting }) => [active, installing, waiting].some((worker) => worker?.scriptURL === script));
}

export async function lookForIsolation(): Promise<void> {
  isIsolatedHere.value = (await registration()) !== undefined;
}

/** Lets a service worker set the headers, or no longer, and loads the page again. */
export async function setIsolation(on: boolean): Promise<void> {
  if (on) {
    await navigator.serviceWorker.register(script);
    const { active } = await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller && active) {
      await new Promise((taken) => navigator.serviceWorker.addEventListener("controllerchange", taken, { once: true }));
    }
  } else await (await registration())?.unregister();
  location.reload();
}
