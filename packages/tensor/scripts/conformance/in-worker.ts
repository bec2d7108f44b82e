/** Runs the conformance suite in a Worker: takes a `Setup`, answers with a `Report`. */
import { conformanceReport } from "./report.ts";
import type { Setup } from "./setup.ts";

// A page hears of a Worker's errors, but not of its rejections.
addEventListener("unhandledrejection", ({ reason }) => reportError(reason));
addEventListener("message", ({ data }: MessageEvent<Setup>) => {
  void conformanceReport(data).then((report) => postMessage(report));
});
