/** Makes observations in a Worker: takes their names, answers with what was `Seen`. */
import { observe } from "./observe.ts";
import type { Observation } from "./observe.ts";

// A page hears of a Worker's errors, but not of its rejections.
addEventListener("unhandledrejection", ({ reason }) => reportError(reason));
addEventListener("message", ({ data }: MessageEvent<Observation[]>) => {
  void observe(data).then((seen) => postMessage(seen));
});
